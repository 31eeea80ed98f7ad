"""Tables for humans."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.table import Table, with_unit
from omskit.table.view import DASH, LONGEST_TEXT, view


def table(rows, resource="runs", **details):
    """A table of rows that are dicts."""
    return Table(pa.Table.from_pylist(rows), resource=resource, **details)


def texts(*arguments, **options):
    """The lines of a view."""
    return [line.text for line in view(*arguments, **options)]


def test_null_is_a_dash():
    """A missing value is a dash, so that it is neither zero nor empty."""
    shown = texts(table([{"a": 1, "b": None}, {"a": None, "b": "x"}]), 80)
    assert shown[2].split() == ["1", DASH]
    assert shown[3].split() == [DASH, "x"]


def test_units_stand_under_the_names():
    """The header has the unit of each column that has one; times are in UTC."""
    rate = with_unit(pa.field("rate", pa.float64()), "Hz")
    time = pa.field("start_time", pa.timestamp("us", tz="UTC"))
    moment = dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)
    arrow = pa.table([[1.5], [moment]], schema=pa.schema([rate, time]))
    head, units, _, row = texts(Table(arrow), 80, notes=False)
    assert head.split() == ["rate", "start_time"]
    assert units.split() == ["[Hz]", "[UTC]"]
    assert row.split() == ["1.5", "2017-06-16", "20:50:33"]


def test_numbers_align_right():
    """Numbers end, and text begins, in the same column."""
    shown = texts(table([{"n": 5, "s": "a"}, {"n": 1234, "s": "bcd"}]), 80)
    assert shown[2] == "   5  a"
    assert shown[3] == "1234  bcd"


def test_flags_and_lists():
    """Flags read as in conditions, lists with commas; an empty list is not missing."""
    shown = texts(table([{"f": True, "l": ["DT", "CSC"]}, {"f": False, "l": []}]), 80)
    assert shown[2] == "true   DT, CSC"
    assert shown[3].split() == ["false", "[]"]


def test_hidden_columns_are_counted():
    """What does not fit is counted, with the ways to see it."""
    rows = [{f"column_{i}": i for i in range(20)} for _ in range(2)]
    shown = texts(table(rows), 40)
    note = " ".join(shown[-3:])
    assert "columns hidden" in note
    assert "--fields" in note
    assert all(len(line) <= 40 for line in shown)


def test_identity_comes_first():
    """Where not all fit, people see run and lumisection before anything else."""
    rows = [
        {"some_other_column": 1, "run_number": 2, "lumisection_number": n}
        for n in range(2)
    ]
    shown = texts(table(rows, "lumisections"), 26)
    assert "run_number" in shown[1]
    assert "other" not in "".join(shown[:4])


def test_named_columns_keep_their_order():
    """Columns that were asked for by name get room in that order."""
    rows = [{"b": "x" * 20, "run_number": 1} for _ in range(2)]
    shown = texts(table(rows), 22, named=["b", "run_number"])
    assert shown[0] == "b"


def test_empty_columns_come_last():
    """A column without any value gives way to one with values."""
    rows = [{"run_number": 1, "nothing": None, "something": 5}] * 2
    shown = texts(table(rows), 22)
    assert shown[0].split() == ["run_number", "something"]


def test_long_text_is_cut_visibly():
    """Text that is too long for its column ends with an ellipsis."""
    rows = [{"key": "x" * 100, "n": n} for n in range(2)]
    shown = texts(table(rows), 60)
    assert shown[2].split()[0].endswith("…")
    assert len(shown[2]) <= 60


def test_long_text_takes_what_is_left():
    """Room that nobody needs goes to the text that was cut."""
    text = "x" * (LONGEST_TEXT + 10)
    shown = texts(table([{"key": text}, {"key": "y"}]), 80)
    assert shown[2] == text


def test_rows_in_the_middle_are_left_out_and_counted():
    """A long table shows its ends and says how many rows lie between."""
    shown = texts(table([{"n": n} for n in range(100)]), 80, most_rows=10)
    assert "… 90 rows not shown …" in shown
    assert "--all-rows" in shown[-1]
    assert [int(line) for line in shown if line.strip().isdigit()] == [
        *range(5),
        *range(95, 100),
    ]


def test_single_row_is_turned():
    """A single row that does not fit has a line for each column, long ones folded."""
    rate = with_unit(pa.field("l1_rate", pa.float64()), "Hz")
    names = pa.field("components", pa.list_(pa.string()))
    arrow = pa.table(
        [[49130.85], [[f"SUBSYSTEM{n}" for n in range(9)]]],
        schema=pa.schema([rate, names]),
    )
    shown = texts(Table(arrow), 40)
    assert shown[0] == "l1_rate     49130.85 Hz"
    assert shown[2].startswith(" " * 12)


def test_single_row_that_fits_stays():
    """A single row that fits is a table like any other."""
    assert texts(table([{"a": 1}]), 80)[-1] == "1 row."


def test_empty_table():
    """No row is said in words."""
    assert texts(Table(pa.table({"a": []}), resource="runs"), 80) == [
        "No row of runs matches."
    ]


def test_incomplete_is_said():
    """A table that lacks rows says so in its last line."""
    assert "INCOMPLETE" in texts(table([{"a": 1}], complete=False), 80)[-1]


def test_unknown_resource():
    """Rows of a resource outside the catalogue are shown in their own order."""
    shown = texts(table([{"b": 1, "a": 2}] * 2, "my/own"), 80)
    assert shown[0].split() == ["b", "a"]


@pytest.mark.parametrize("width", [20, 80, 160])
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "run_number": st.integers(0, 10**9),
                "text": st.none() | st.text(max_size=50),
                "value_of_something_with_a_long_name": st.none() | st.floats(),
            }
        ),
        min_size=2,
        max_size=6,
    )
)
def test_fits(width, rows):
    """No line is wider than the terminal, whatever the rows hold."""
    for line in texts(table(rows), width):
        assert len(line) <= width
