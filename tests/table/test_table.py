"""The answer: a table with units."""

from __future__ import annotations

import datetime as dt
import io
import pickle
import re
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from omskit.errors import MissingExtraError, UnknownFieldError, UsageError
from omskit.table import HTML_ROWS, Table, unit_of, with_unit

MOMENT = dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)
SCHEMA = pa.schema(
    [
        pa.field("run_number", pa.int64()),
        pa.field("l1_rate", pa.float64(), metadata={"unit": "Hz"}),
        pa.field("era", pa.string()),
        pa.field("stable_beam", pa.bool_()),
        pa.field("start_time", pa.timestamp("us", tz="UTC")),
        pa.field("components", pa.list_(pa.string())),
    ]
)


def table(**options):
    """Two runs, one of them mostly null."""
    rows = [
        [297050, None],
        [49130.85, None],
        ["2017B", None],
        [True, None],
        [MOMENT, None],
        [["DT", "CSC"], None],
    ]
    return Table(pa.table(rows, schema=SCHEMA), resource="runs", **options)


def test_a_table_is_a_view():
    """Rows, columns and units are those of the Arrow table."""
    found = table()
    assert len(found) == 2
    assert found.columns == SCHEMA.names
    assert found.arrow.schema.equals(SCHEMA, check_metadata=True)
    assert found.units == dict.fromkeys(SCHEMA.names) | {"l1_rate": "Hz"}
    assert found["era"].to_pylist() == ["2017B", None]
    assert found.to_records()[0] == {
        "run_number": 297050,
        "l1_rate": 49130.85,
        "era": "2017B",
        "stable_beam": True,
        "start_time": MOMENT,
        "components": ["DT", "CSC"],
    }


def test_misspelt_columns_are_named():
    """A column that is not there raises with the nearest and with all there are."""
    with pytest.raises(UnknownFieldError, match=r"Did you mean 'l1_rate'\?") as caught:
        table()["l1_rat"]
    assert "It has: run_number, l1_rate" in str(caught.value)


def test_units_come_and_go():
    """with_unit() sets, changes and removes a unit, and keeps other metadata."""
    plain = pa.field("x", pa.float64(), metadata={"title": "X"})
    metres = with_unit(plain, "m")
    assert unit_of(metres) == "m"
    assert metres.metadata[b"title"] == b"X"
    assert unit_of(with_unit(metres, None)) is None
    assert not with_unit(pa.field("x", pa.int8()), None).metadata
    assert unit_of(pa.field("x", pa.int8())) is None


def test_integers_stay_integers_in_pandas():
    """In pandas integers with nulls are integers, times UTC, and units are kept."""
    frame = table().to_pandas()
    assert str(frame.dtypes["run_number"]) == "Int64"
    assert frame["run_number"].to_list()[0] == 297050
    assert frame["run_number"].isna().to_list() == [False, True]
    assert frame["start_time"][0] == pd.Timestamp(MOMENT)
    assert frame["stable_beam"][0] is True or bool(frame["stable_beam"][0])
    assert frame.attrs["units"]["l1_rate"] == "Hz"


def test_polars_gets_every_type():
    """In polars the columns have their types and values."""
    frame = table().to_polars()
    assert frame.schema["run_number"] == pl.Int64
    assert frame.schema["start_time"] == pl.Datetime("us", "UTC")
    assert frame["components"].to_list() == [["DT", "CSC"], None]


def test_arrow_consumers_take_it_as_it_is():
    """polars, pandas, pyarrow and duckdb read a table through the C stream."""
    found = table()
    assert pl.DataFrame(found)["run_number"].to_list() == [297050, None]
    assert pa.table(found).equals(found.arrow)
    assert pa.RecordBatchReader.from_stream(found).read_all().num_rows == 2
    # pandas reads the stream itself from version 3 on.
    from_arrow = getattr(pd.DataFrame, "from_arrow", lambda t: pa.table(t).to_pandas())
    assert from_arrow(found)["era"].to_list()[0] == "2017B"
    assert pd.DataFrame(found).columns.to_list() == found.columns
    assert pd.DataFrame(found)["start_time"][0] == pd.Timestamp(MOMENT)
    with duckdb.connect() as duck:
        rows = duck.sql("SELECT count(run_number) FROM found").to_arrow_table()
        assert rows.column(0).to_pylist() == [1]


@pytest.mark.parametrize(
    ("package", "method"), [("pandas", "to_pandas"), ("polars", "to_polars")]
)
def test_missing_packages_are_named(monkeypatch, package, method):
    """Without the package the message says which extra to install."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"omskit\[{package}\]"):
        getattr(table(), method)()


def test_tables_travel():
    """A pickled table is equal, and everything that is known of it comes along."""
    found = table(complete=False, warnings=["w"], gaps=[(1, 2, 3)])
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert (again.complete, again.warnings, again.gaps) == (False, ("w",), ((1, 2, 3),))
    assert (again.resource, again.receipt) == ("runs", None)
    assert again.units == found.units


def test_equality_is_of_rows_types_and_units():
    """Tables are equal with the same rows, types and units; other things differ."""
    assert table() == table(warnings=["w"])
    other = table().arrow.cast(
        SCHEMA.set(1, pa.field("l1_rate", pa.float64(), metadata={"unit": "kHz"}))
    )
    assert table() != Table(other)
    assert table() != Table(table().arrow.slice(1))
    assert table() != "table"
    with pytest.raises(TypeError):
        hash(table())


def rates(count):
    """A table of so many lumisections with a rate."""
    rate = pa.field("l1_rate", pa.float64(), metadata={"unit": "Hz"})
    schema = pa.schema([pa.field("lumisection_number", pa.int64()), rate])
    rows = [list(range(1, count + 1)), [100.0 * n or None for n in range(count)]]
    return Table(pa.table(rows, schema=schema), resource="lumisections")


def test_the_repr_shows_rows():
    """The repr has names, units, rows, a dash for null, and how many there are."""
    lines = repr(rates(3)).splitlines()
    assert lines[1].split() == ["number", "l1_rate"]
    assert lines[2].split() == ["[Hz]"]
    assert lines[4].split() == ["1", "\N{EN DASH}"]
    assert lines[5].split() == ["2", "100"]
    assert lines[-1] == "3 rows."
    assert str(rates(3)) == repr(rates(3))


def test_the_repr_of_a_long_table_counts_what_it_hides(monkeypatch):
    """Of many rows and columns some are shown, and the rest is counted."""
    monkeypatch.setenv("COLUMNS", "60")
    shown = repr(rates(1000))
    assert "980 rows not shown" in shown
    assert "table[5:10]" in shown
    assert len(shown.splitlines()) < 30
    assert max(map(len, shown.splitlines())) <= 60
    wide = pa.table({f"column_number_{n}": [1, 2] for n in range(30)})
    assert "columns hidden" in repr(Table(wide))
    assert "table[['a', 'b']]" in repr(Table(wide)).replace("\n", " ")


def test_the_repr_says_what_is_to_be_known():
    """Missing rows and notes are in the repr; many notes are counted."""
    assert "3 rows, INCOMPLETE." in repr(
        Table(rates(3).arrow, complete=False, warnings=["a"])
    )
    shown = repr(table(warnings=[f"note {n}" for n in range(9)])).splitlines()
    assert shown[-6:-1] == [f"Note: note {n}" for n in range(5)]
    assert shown[-1] == "Note: and 4 more: see .warnings"


def test_the_repr_of_one_row_has_a_line_a_column(monkeypatch):
    """One row that is too wide is turned, and counted as well."""
    monkeypatch.setenv("COLUMNS", "30")
    lines = repr(table().head(1)).splitlines()
    assert lines[0].split() == ["run_number", "297050"]
    assert lines[1].split() == ["l1_rate", "49130.85", "Hz"]
    assert lines[-1] == "1 row."


def test_the_repr_of_an_empty_table_has_its_columns():
    """Without rows the names of the columns are shown."""
    assert repr(table().head(0)).splitlines() == [
        "No row of runs matches.",
        "It has the columns run_number, l1_rate, era, stable_beam, start_time,",
        "components.",
    ]
    assert repr(Table(pa.table({}))) == "No row of this table matches."


def test_the_repr_can_be_printed_anywhere(monkeypatch):
    """Where stdout has only ASCII, a dash is a plain dash."""
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    shown = repr(rates(1)), repr(rates(1)["l1_rate"])
    monkeypatch.undo()
    assert all(text.isascii() for text in shown)


def test_rows_are_dicts():
    """A position gives a row as a dict, from either end; iteration gives all rows."""
    found = table()
    assert found[0] == found.to_records()[0]
    assert found[-1]["run_number"] is None
    assert found[np.int64(0)]["era"] == "2017B"
    assert list(found) == found.to_records()
    assert len(list(rates(25_000))) == 25_000


def test_positions_that_are_not_there_raise():
    """Beyond either end is an IndexError that says how many rows there are."""
    with pytest.raises(IndexError, match=r"no row 2: the table has 2 rows\."):
        table()[2]
    with pytest.raises(UsageError, match=r"no row -2: the table has 1 row\."):
        table().head(1)[-2]
    with pytest.raises(IndexError, match="There are 2 rows"):
        table()[[0, 5]]


def test_some_rows_are_a_table():
    """Slices, positions, flags and comparisons give tables, with units and notes."""
    found = rates(20)
    assert found[5:10]["lumisection_number"].to_pylist() == [6, 7, 8, 9, 10]
    assert found[::-1][0]["lumisection_number"] == 20
    assert found[15:5].shape == (0, 2)
    assert found[[0, -1]]["lumisection_number"].to_pylist() == [1, 20]
    assert found[np.arange(20) > 17]["lumisection_number"].to_pylist() == [19, 20]
    assert len(found[found["l1_rate"] > 1500]) == 4
    assert len(found[~(found["l1_rate"] > 1500)]) == 15  # one is null
    assert found[:3].units["l1_rate"] == "Hz"
    assert found[:3].resource == "lumisections"
    assert len(found[[]]) == 0
    assert len(found.head()) == len(found.tail()) == 5
    assert found.tail(2)["lumisection_number"].to_pylist() == [19, 20]
    assert len(found.head(-1)) == len(found.tail(-1)) == 0
    assert len(found.tail(99)) == 20
    whole = table(warnings=["w"], gaps=[(1, 2, 3)])
    assert (whole[:1].warnings, whole[:1].gaps) == (("w",), ())


def test_some_columns_are_a_table():
    """A list of names gives a table of these columns in this order, with units."""
    found = table()[["l1_rate", "run_number"]]
    assert found.columns == ["l1_rate", "run_number"]
    assert found.units == {"l1_rate": "Hz", "run_number": None}
    with pytest.raises(UnknownFieldError, match=r"Did you mean 'l1_rate'\?"):
        table()[["l1_rat"]]


def test_rows_and_columns_at_once():
    """As in numpy, ``table[rows, columns]`` takes both, and an ellipsis all."""
    found = rates(20)
    assert found[5:7, "lumisection_number"].to_pylist() == [6, 7]
    assert found[5:7, ["l1_rate"]].shape == (2, 1)
    assert found[np.array([3]), ...].shape == (1, 2)
    assert found[..., "l1_rate"].unit == "Hz"
    assert found[2, :]["lumisection_number"] == 3


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ([True], "1 flags were given for 2 rows"),
        (2.5, "slice, positions or flags, not 2.5"),
        ([2.5], "positions or flags, not by double"),
        (None, "slice, positions or flags, not None"),
    ],
    ids=["flags", "number", "numbers", "none"],
)
def test_what_chooses_nothing_is_refused(which, said):
    """Anything else in the brackets is named with what would do."""
    with pytest.raises(UsageError, match=said):
        table()[which]


def test_in_asks_for_columns():
    """``in`` says whether a column is there, as in pandas and polars."""
    assert "l1_rate" in table()
    assert 297050 not in table()


def test_the_habits_of_others_are_met_or_named():
    """What other tables have is there, or the error says where it is."""
    found = table()
    assert found.shape == (2, 6)
    assert found.schema.equals(SCHEMA)
    assert found.to_arrow() is found.arrow
    assert found._ipython_key_completions_() == found.columns
    with pytest.raises(AttributeError, match=r"Its column is table\['l1_rate'\]"):
        _ = found.l1_rate
    with pytest.raises(AttributeError, match="Hand it on for more: to_pandas"):
        _ = found.explode
    with pytest.raises(AttributeError, match=r"to_polars\(\).group_by"):
        _ = found.groupby
    with pytest.raises(AttributeError, match=r"Did you mean 'columns'\?"):
        _ = found.column
    assert not hasattr(found, "_repr_latex_")


def test_numbers_go_to_numpy_as_rows_and_columns():
    """Numpy gets a matrix of numbers, nan for null, or objects where texts are."""
    found = rates(3)
    assert np.asarray(found).tolist()[1:] == [[2.0, 100.0], [3.0, 200.0]]
    assert np.isnan(np.asarray(found)[0, 1])
    assert found.to_numpy("lumisection_number").dtype == np.int64
    mixed = table().to_numpy()
    assert mixed.dtype == object
    assert mixed[0].tolist() == list(table()[0].values())
    assert Table(pa.table({})).to_numpy().shape == (0, 0)
    assert np.asarray(table()).tolist() == mixed.tolist()


TYPES = {
    "hybrid": "Int64 float64 str boolean datetime64[us, UTC] object",
    "numpy": "float64 float64 str object datetime64[us, UTC] object",
    "nullable": "Int64 Float64 string boolean datetime64[us, UTC] object",
    "arrow": "int64[pyarrow] double[pyarrow] string[pyarrow] bool[pyarrow] "
    "timestamp[us, tz=UTC][pyarrow] list<element: string>[pyarrow]",
}


@pytest.mark.parametrize("types", list(TYPES))
def test_the_types_in_pandas_are_those_asked_for(types):
    """Each choice of types gives the documented ones, with null where null was."""
    frame = table().to_pandas(types=types)
    found = [str(d) for d in frame.dtypes]
    if int(pd.__version__.split(".")[0]) < 3:
        found[2] = TYPES[types].split()[2]  # texts are objects
    assert " ".join(found) == TYPES[types].replace("element", found[-1][5:9]) or (
        found[:4] == TYPES[types].split()[:4]
    )
    assert frame["run_number"].isna().to_list() == [False, True]
    assert frame["stable_beam"].isna().to_list() == [False, True]
    assert frame.attrs["units"]["l1_rate"] == "Hz"


def test_whole_columns_have_plain_types():
    """Without a null, whole numbers are int64 and flags bool; no digit is lost."""
    big = 2**60 + 1
    arrow = pa.table({"n": [big, 2], "m": [big, None], "f": [True, False]})
    frame = Table(arrow).to_pandas()
    assert [str(d) for d in frame.dtypes] == ["int64", "Int64", "bool"]
    assert frame["m"][0] == big
    small = pa.table({"i": pa.array([1, None], pa.int8()), "s": ["a", None]})
    assert str(Table(small).to_pandas()["i"].dtype) == "Int8"


def test_unknown_types_are_named():
    """Types that there are none of are refused with those there are."""
    with pytest.raises(UsageError, match=r"hybrid, numpy, nullable, arrow"):
        table().to_pandas(types="numpi")


def test_the_html_shows_units_and_warnings():
    """The HTML has units in the header, warnings on top, and null as a dash."""
    text = table(warnings=["5 < 6 & more"])._repr_html_()
    assert "<th>l1_rate<br><small>[Hz]</small></th>" in text
    assert "<th>era</th>" in text
    assert (
        "<details><summary>&#9888; 1 note</summary><ul><li>5 &lt; 6 &amp; more" in text
    )
    assert "<strong>runs</strong>: 2 rows" in text
    assert "(incomplete)" not in text
    assert text.count("\N{EM DASH}") == 6
    assert "<td>49130.85</td>" in text
    assert "<td>DT, CSC</td>" in text
    assert "<td>2017-06-16 20:50:33+00:00</td>" in text
    assert "(incomplete)" in table(complete=False)._repr_html_()


def test_the_html_is_escaped():
    """Nothing of a table becomes markup: name, unit, cell, warning or resource."""
    evil = '<script>alert("x")</script>'
    field = pa.field(evil, pa.list_(pa.string()), metadata={"unit": evil})
    cells = pa.table([[[evil], None]], schema=pa.schema([field]))
    text = Table(cells, resource=evil, warnings=[evil])._repr_html_()
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 5


@pytest.mark.parametrize("rows", [0, 1, 2 * HTML_ROWS, 2 * HTML_ROWS + 1, 500])
def test_the_html_of_a_long_table_is_short(rows):
    """At most ten rows at either end are shown, and how many are not."""
    text = Table(pa.table({"n": list(range(rows))}))._repr_html_()
    numbers = [int(n) for n in re.findall(r"<td>(\d+)</td>", text)]
    if rows <= 2 * HTML_ROWS:
        assert numbers == list(range(rows))
        assert "not shown" not in text
    else:
        ends = [*range(HTML_ROWS), *range(rows - HTML_ROWS, rows)]
        assert numbers == ends
        assert f"{rows - 2 * HTML_ROWS} rows not shown" in text
    assert text.count("<tr>") + text.count("<tr ") == text.count("</tr>")
    assert "<strong>table</strong>" in text
