"""Masks from conditions, and lumisections in several of many masks."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit import LumiMask
from omskit.errors import MaskError, UsageError
from omskit.lumi import overlaps, without_first

ROWS = pa.table(
    {
        "run_number": [7, 7, 7, 7, 8, 8],
        "lumisection_number": [4, 1, 2, 3, 1, 2],
        "prescale_index": [3, 2, 2, 3, 3, None],
    }
)


def test_the_first_of_each_run_are_left_out():
    """Rows count in the order of their numbers, run by run."""
    assert without_first(ROWS, 2) == LumiMask.from_ranges([(7, 3, 4)])
    assert without_first(ROWS, 0) == LumiMask.from_ranges([(7, 1, 4), (8, 1, 2)])
    assert without_first(ROWS, 9) == LumiMask.from_ranges([])


def test_the_first_of_each_stretch_are_left_out():
    """A stretch begins where the run or the value changes; null is in none."""
    found = without_first(ROWS, 1, of="prescale_index")
    assert found == LumiMask.from_ranges([(7, 2, 2), (7, 4, 4)])
    assert without_first(ROWS, 0, of="prescale_index") == LumiMask.from_ranges(
        [(7, 1, 4), (8, 1, 1)]
    )


@pytest.mark.parametrize("count", [-1, 1.5, True])
def test_counts_that_are_none_are_refused(count):
    """A count is a whole number from 0."""
    with pytest.raises(UsageError, match="a whole number of lumisections"):
        without_first(ROWS, count)


def test_columns_that_are_not_there_are_named():
    """The column of the stretches must be among the rows."""
    with pytest.raises(MaskError, match="no column 'moon'"):
        without_first(ROWS, 1, of="moon")


RANGES = st.lists(
    st.tuples(st.integers(1, 2), st.integers(1, 9), st.integers(0, 4)), max_size=4
)


@given(st.lists(RANGES, min_size=1, max_size=4), st.data())
def test_overlaps_are_those_of_counting(given_ranges, data):
    """Each lumisection is told with exactly the masks that hold it."""
    masks = {
        str(i): LumiMask.from_ranges([(r, a, a + n) for r, a, n in ranges])
        for i, ranges in enumerate(given_ranges)
    }
    least = data.draw(st.integers(1, len(masks)))
    found = {}
    for row in overlaps(masks, at_least=least):
        first, last = row["first_lumisection_number"], row["last_lumisection_number"]
        assert row["count"] == len(row["masks"])
        for number in range(first, last + 1):
            assert (row["run_number"], number) not in found
            found[row["run_number"], number] = row["masks"]
    for run in (1, 2):
        for number in range(1, 16):
            holding = [n for n, mask in masks.items() if mask.contains(run, number)]
            assert found.get((run, number), []) == (
                sorted(holding) if len(holding) >= least else []
            )


def test_open_ends_overlap_to_the_end():
    """Where masks have no end, neither has what they share."""
    a, b = (LumiMask.from_ranges([(7, n, None)]) for n in (3, 5))
    (row,) = overlaps({"a": a, "b": b})
    assert (row["first_lumisection_number"], row["last_lumisection_number"]) == (
        5,
        None,
    )


@pytest.mark.parametrize("least", [0, 3])
def test_more_masks_are_wanted_than_there_are(least):
    """at_least lies between one and the number of masks."""
    with pytest.raises(UsageError, match="of 2 masks"):
        overlaps(
            {"a": LumiMask.from_ranges([]), "b": LumiMask.from_ranges([])},
            at_least=least,
        )
