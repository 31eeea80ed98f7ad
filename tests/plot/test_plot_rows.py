"""Places, breaks and flag states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import UnknownFieldError, UsageError
from omskit.plot.rows import (
    alone,
    known,
    lumisection_column,
    numbers,
    one_row_each,
    place_rows,
    states,
    with_breaks,
    with_gaps,
)
from omskit.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable


def test_one_run_lies_at_its_lumisection_numbers(lumis: Table) -> None:
    """In one run a lumisection covers half a unit on either side of its number."""
    rows = place_rows(lumis)
    assert rows.left.tolist() == [0.5, 1.5, 2.5, 5.5, 6.5, 7.5, 8.5]
    assert rows.missing() == [(297050, 4, 5)]
    assert rows.layout.at(7.2) == (297050, 7)


def test_runs_follow_one_another(two_runs: Table) -> None:
    """The second run begins where the first ends, sorted whatever the table's order."""
    rows = place_rows(two_runs)
    assert rows.order.tolist() == [2, 1, 4, 3, 0]
    assert rows.left.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert rows.breaks().tolist() == [False, False, True, False]
    assert [rows.layout.at(p) for p in (0, 3, 4, 5)] == [
        (297050, 0),
        (297050, 3),
        (297056, 2),
        (297056, 3),
    ]


def test_table_without_run_is_one_run(make_table: Callable[..., Table]) -> None:
    """Without run numbers the rows lie on one axis that names no run."""
    rows = place_rows(make_table({"lumisection_number": [3, 1]}))
    assert rows.layout.runs == ()
    assert rows.layout.at(3.4) == (None, 3)
    assert rows.missing() == [(None, 2, 2)]


def test_empty_table_has_no_places(make_table: Callable[..., Table]) -> None:
    """No rows, no runs, and any place is just a number."""
    rows = place_rows(make_table({"lumisection_number": pa.array([], pa.int64())}))
    assert len(rows) == 0
    assert rows.layout.at(2.6) == (None, 3)
    assert rows.missing() == []


def test_row_without_lumisection_is_counted(make_table: Callable[..., Table]) -> None:
    """Rows that have no place are left out and counted."""
    table = make_table({"lumisection_number": [1, None, 2], "run_number": [1, 1, None]})
    rows = place_rows(table)
    assert rows.order.tolist() == [0]
    assert rows.skipped == 2


def test_rows_may_cover_ranges(make_table: Callable[..., Table]) -> None:
    """A row of lumisections 3 to 5 covers all; an end before the start is ignored."""
    table = make_table(
        {"first_lumisection_number": [1, 3], "last_lumisection_number": [0, 5]}
    )
    rows = place_rows(table)
    assert rows.left.tolist() == [0.5, 2.5]
    assert rows.right.tolist() == [1.5, 5.5]
    assert rows.spans(np.array([True, True])) == ["1", "3-5"]


def test_spans_name_the_run_where_there_are_several(two_runs: Table) -> None:
    """Ranges of lumisections carry the run number as soon as it is not obvious."""
    rows = place_rows(two_runs)
    assert rows.spans(np.ones(5, bool)) == ["297050:1-3", "297056:2-3"]
    assert rows.spans(np.zeros(5, bool)) == []


def test_missing_lumisection_column_is_explained(
    make_table: Callable[..., Table],
) -> None:
    """A table per run cannot be drawn per lumisection, and the error says so."""
    with pytest.raises(UnknownFieldError, match=r"neither.*It has: run_number"):
        lumisection_column(make_table({"run_number": [1]}))


def test_misspelt_column_names_the_nearest(lumis: Table) -> None:
    """A column that is not there is answered with the nearest that is."""
    with pytest.raises(UnknownFieldError, match="Did you mean 'pileup'"):
        known(lumis, "pileupp")


@pytest.mark.parametrize(
    ("extra", "hint"),
    [
        ({}, "one row per lumisection"),
        ({"path_name": ["a", "b"]}, "keep one path_name"),
        ({"bit": [1, 2]}, "keep one bit"),
    ],
)
def test_two_rows_for_one_lumisection_are_refused(
    make_table: Callable[..., Table], extra: dict[str, list[object]], hint: str
) -> None:
    """Two values for one place are an error that names run, place and way out."""
    table = make_table(
        {
            "run_number": [7, 7],
            "lumisection_number": [5, 5],
            "rate": [1.0, 2.0],
            **extra,
        }
    )
    with pytest.raises(UsageError, match=f"lumisection 5 of run 7.*{hint}"):
        one_row_each(place_rows(table), table)


def test_two_rows_without_run_are_refused_too(make_table: Callable[..., Table]) -> None:
    """Where the table has no run numbers the message has none either."""
    table = make_table({"lumisection_number": [5, 5]})
    with pytest.raises(UsageError, match="cover lumisection 5; one"):
        one_row_each(place_rows(table), table)


def test_numbers_follow_the_axis(two_runs: Table) -> None:
    """Values come in the order of the axis, flags as 0 and 1."""
    rows = place_rows(two_runs)
    assert numbers(two_runs, "pileup", rows).tolist() == [10, 20, 30, 40, 50]
    assert numbers(two_runs, "cms_active", rows).tolist() == [0, 1, 1, 0, 1]


def test_nulls_are_nan(make_table: Callable[..., Table]) -> None:
    """A null, and a column without a type, become NaN."""
    table = make_table(
        {"lumisection_number": [1, 2], "a": [None, 2], "b": [None, None]}
    )
    rows = place_rows(table)
    np.testing.assert_array_equal(numbers(table, "a", rows), [np.nan, 2])
    np.testing.assert_array_equal(numbers(table, "b", rows), [np.nan, np.nan])


def test_text_cannot_be_drawn(lumis: Table) -> None:
    """A column of text is refused, with the columns that hold numbers."""
    with pytest.raises(UsageError, match=r"'prescale_name' holds string.*pileup"):
        numbers(lumis, "prescale_name", place_rows(lumis))


@pytest.mark.parametrize(
    "flags",
    [
        [True, None, False],
        [1.0, np.nan, 0.0],
        np.array([1.0, np.nan, 0.0]),
        pa.array([True, None, False]),
        pa.chunked_array([[True], [None, False]]),
    ],
)
def test_flags_come_in_many_forms(flags: object) -> None:
    """True is on, False off, and None, NaN and null are unknown."""
    assert states(flags, "flag").tolist() == [1, -1, 0]


@pytest.mark.parametrize("flags", [["true"], [True, "x"], [[True]], pa.array(["true"])])
def test_what_is_no_flag_is_refused(flags: object) -> None:
    """Text is no flag, not even the text "true"."""
    with pytest.raises(UsageError, match=r"Column 'era' is .* not flags"):
        states(flags, "Column 'era'")


def test_breaks_stand_where_lumisections_are_missing(lumis: Table) -> None:
    """Steps get one NaN step over the gap, lines one NaN point within it."""
    rows = place_rows(lumis)
    values = np.arange(7.0)
    steps, edges = with_breaks(rows, values)
    np.testing.assert_array_equal(steps, [0, 1, 2, np.nan, 3, 4, 5, 6])
    assert edges.tolist() == [0.5, 1.5, 2.5, 3.5, 5.5, 6.5, 7.5, 8.5, 9.5]
    x, y = with_gaps(rows, values)
    assert x.tolist() == [1, 2, 3, 4.5, 6, 7, 8, 9]
    np.testing.assert_array_equal(y, steps)


def test_lonely_points_are_found() -> None:
    """A value with NaN or nothing on both sides is alone."""
    nan = np.nan
    assert alone(np.array([1, nan, 2, 3, nan, 4])) == [0, 5]
    assert alone(np.array([])) == []


@given(st.sets(st.integers(1, 200), min_size=1))
def test_steps_cover_exactly_the_lumisections_there_are(found: set[int]) -> None:
    """Each lumisection of the table lies in a step of its value, no other in any."""
    table = Table(pa.table({"lumisection_number": sorted(found, reverse=True)}))
    rows = place_rows(table)
    steps, edges = with_breaks(rows, numbers(table, "lumisection_number", rows))
    assert (np.diff(edges) > 0).all()
    for lumisection in range(min(found), max(found) + 1):
        value = steps[np.searchsorted(edges, lumisection) - 1]
        if lumisection in found:
            assert value == lumisection
        else:
            assert np.isnan(value)
