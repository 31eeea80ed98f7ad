"""Masks out of the flags of OMS."""

from __future__ import annotations

import itertools

import pyarrow as pa
import pytest

from omskit.errors import MaskError
from omskit.lumi import PRESETS, LumiMask, dcs_mask
from omskit.lumi.building import BEAM, flags_of
from omskit.schema import bundled


def table(**flags):
    count = len(next(iter(flags.values())))
    columns = {name: pa.array(values, pa.bool_()) for name, values in flags.items()}
    numbers = {"run_number": [7] * count, "lumisection_number": range(1, count + 1)}
    return pa.table({**{k: list(v) for k, v in numbers.items()}, **columns})


def test_every_preset_names_fields_of_oms() -> None:
    """All flags of all presets are columns of lumisections, and all is their union."""
    fields = set(bundled()["lumisections"].names)
    parts = [flag for name, flags in PRESETS.items() if name != "all" for flag in flags]
    assert set(parts) | set(BEAM) <= fields
    assert sorted(parts) == sorted(PRESETS["all"])


def test_two_flags_combine_as_in_three_valued_logic() -> None:
    """False wins over null and null over true, for all nine pairs of values."""
    pairs = list(itertools.product([True, False, None], repeat=2))
    first, second = zip(*pairs, strict=True)
    mask = dcs_mask(
        table(cms_active=first, hf_ready=second), ["cms_active", "hf_ready"]
    )
    for number, pair in enumerate(pairs, 1):
        good = (7, number) in mask
        bad = (7, number) in ~mask
        assert good == (pair == (True, True))
        assert bad == (False in pair)
        assert ((7, number) in mask.known) == (good or bad)


def test_a_preset_stands_for_its_flags() -> None:
    """A preset, its flags by name and a repeated flag mean the same."""
    rows = table(bpix_ready=[True, True], fpix_ready=[True, False])
    assert dcs_mask(rows, "pixel") == dcs_mask(rows, ["fpix_ready", "bpix_ready"])
    assert dcs_mask(rows, "pixel").good == LumiMask.from_ranges([(7, 1, 1)])
    assert flags_of(["pixel", "bpix_ready"]) == PRESETS["pixel"]


def test_a_column_of_nulls_makes_everything_unknown() -> None:
    """A flag that the server did not have yet is unknown, typed or not."""
    rows = table(cms_active=[True, True])
    for nulls in (pa.nulls(2), pa.nulls(2, pa.bool_())):
        mask = dcs_mask(
            rows.append_column("gem_ready", nulls), ["cms_active", "gem_ready"]
        )
        assert not mask
        assert not mask.known


def test_a_table_without_rows_makes_an_empty_mask() -> None:
    """No rows are no lumisections."""
    assert not dcs_mask(table(cms_active=[True]).slice(0, 0), "cms_active").known


@pytest.mark.parametrize(
    ("require", "words"),
    [
        ([], "names no flag"),
        ("pixl", "Did you mean 'pixel'"),
        ("lumisection_number", "no flag"),
        ("hf_ready", "Fetch the rows"),
    ],
)
def test_what_is_no_flag_is_named(require, words) -> None:
    """A preset, column or flag that is none raises and says what would do."""
    with pytest.raises(MaskError, match=words):
        dcs_mask(table(cms_active=[True]), require)
