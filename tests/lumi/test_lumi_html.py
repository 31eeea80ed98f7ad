"""A mask as a notebook shows it."""

from __future__ import annotations

import re

import pytest

from omskit import LumiMask
from omskit.lumi.html import RANGES, RUNS


def test_a_notebook_shows_runs_and_ranges():
    """How much it holds, and the ranges of each run, are shown."""
    mask = LumiMask.from_ranges([(297050, 12, 137), (297050, 193, 193), (5, 1, 2)])
    text = mask._repr_html_()
    assert "<strong>LumiMask</strong>: 129 lumisections of 2 runs" in text
    row = "<td>297050</td><td>127</td><td>12\N{EN DASH}137, 193</td>"
    assert row in text
    assert "Known" not in text


def test_an_empty_mask_is_shown():
    """Nothing is shown as nothing."""
    assert "0 lumisections of 0 runs" in LumiMask()._repr_html_()


def test_ranges_without_an_end_are_shown_as_such():
    """An open range has no count, and says where it begins."""
    text = LumiMask.from_cmssw("7:3-7:max")._repr_html_()
    assert "ranges without an end of 1 run" in text
    assert "<td>7</td><td>to the end</td><td>from 3</td>" in text


def test_what_is_known_is_told():
    """A mask that was looked at in some lumisections only says in how many."""
    good = LumiMask.from_ranges([(7, 1, 2)])
    text = good.within(LumiMask.from_ranges([(7, 1, 9)]))._repr_html_()
    assert "<p>Known: 9 lumisections; of others" in text


@pytest.mark.parametrize("runs", [2 * RUNS, 2 * RUNS + 1, 300])
def test_the_html_of_a_large_mask_is_short(runs):
    """Ten runs at either end are shown, eight ranges of each, and how many are not."""
    many = [(run, 2 * n, 2 * n) for run in range(1, runs + 1) for n in range(1, 11)]
    text = LumiMask.from_ranges(many)._repr_html_()
    shown = [int(n) for n in re.findall(r"<tr><td>(\d+)</td>", text)]
    numbers = list(range(1, runs + 1))
    if runs > 2 * RUNS:
        numbers = numbers[:RUNS] + numbers[-RUNS:]
        assert f"{runs - 2 * RUNS} runs not shown" in text
    assert shown == numbers
    assert text.count(f"16, {10 - RANGES} more</td>") == len(shown)


def test_notes_are_text():
    """Nothing that a file brought along becomes markup."""
    mask = LumiMask._make(
        LumiMask.from_ranges([(7, 1, 2)])._good, None, ("<script>x</script>",)
    )
    assert "<script" not in mask._repr_html_()
