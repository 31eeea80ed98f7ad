"""CMSSW's range strings."""

from __future__ import annotations

import pytest

from omskit.errors import MaskError
from omskit.lumi import LumiMask

EXPECTED = [(297050, 12, 137), (297056, 12, 12)]


@pytest.mark.parametrize(
    "text",
    [
        "297050:12-297050:137,297056:12",
        " 297050:12-297050:137 , 297056:12-297056:12 ",
        ["297050:12-297050:137", "297056:12"],
        "cms.untracked.VLuminosityBlockRange('297050:12-297050:137', '297056:12')",
        'VLuminosityBlockRange( "297050:12-297050:137",\n "297056:12", )',
    ],
)
def test_ranges_are_read_in_every_form(text: str | list[str]) -> None:
    """Bare strings, lists and printed configuration lines mean the same."""
    assert list(LumiMask.from_cmssw(text).ranges()) == EXPECTED


def test_a_range_may_span_runs() -> None:
    """Runs between the first and the last are held whole."""
    mask = LumiMask.from_cmssw("5:10-7:3")
    assert list(mask.ranges()) == [(5, 10, None), (6, 1, None), (7, 1, 3)]


@pytest.mark.parametrize("text", ["5:min-5:MAX", "5:0-5:0"])
def test_min_and_max_are_understood(text: str) -> None:
    """The words min and max, and 0, stand for the whole run."""
    assert list(LumiMask.from_cmssw(text).ranges()) == [(5, 1, None)]


@pytest.mark.parametrize("text", ["", "VLuminosityBlockRange()", []])
def test_no_range_is_an_empty_mask(text: str | list[str]) -> None:
    """An empty text holds no lumisection."""
    assert not LumiMask.from_cmssw(text)


@pytest.mark.parametrize(
    "text", ["5", "5-6", "5:1-5", "5:a", "7:1-5:1", "1:1-999999:1", "5:9-5:1"]
)
def test_other_text_is_refused(text: str) -> None:
    """A piece that is no range raises and is shown."""
    with pytest.raises(MaskError, match=r"5|999999"):
        LumiMask.from_cmssw(text)


def test_writing_leaves_single_lumisections_single() -> None:
    """A range of one lumisection is written without a dash."""
    mask = LumiMask.from_ranges(EXPECTED)
    assert mask.to_cmssw() == "297050:12-297050:137,297056:12"
