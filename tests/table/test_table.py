"""The answer: a table with units."""

from __future__ import annotations

import datetime as dt
import pickle
import re
import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from omskit.errors import MissingExtraError, UnknownFieldError
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
    assert str(frame.dtypes["run_number"]) == "int64[pyarrow]"
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
    with duckdb.connect() as duck:
        duck.register("runs", found.arrow)
        rows = duck.sql("SELECT count(run_number) FROM runs").to_arrow_table()
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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "<Table runs 2 rows x 6 columns>"),
        ({"complete": False}, "<Table runs 2 rows x 6 columns, INCOMPLETE>"),
        ({"warnings": ["a", "b"]}, "<Table runs 2 rows x 6 columns, 2 warnings>"),
    ],
)
def test_the_repr_tells_what_matters(options, said):
    """The repr has the size, and says what is missing or to be known."""
    assert repr(table(**options)) == said


def test_the_html_shows_units_and_warnings():
    """The HTML has units in the header, warnings on top, and null as a dash."""
    text = table(warnings=["5 < 6 & more"])._repr_html_()
    assert "<th>l1_rate<br><small>[Hz]</small></th>" in text
    assert "<th>era</th>" in text
    assert "<li>&#9888; 5 &lt; 6 &amp; more</li>" in text
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
