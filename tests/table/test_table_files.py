"""Tables in files, and back."""

from __future__ import annotations

import datetime as dt
import io
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from omskit.errors import UsageError
from omskit.table import Table

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1
)
TIMES = st.datetimes(
    dt.datetime(2010, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    dt.datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)
KINDS = {
    "n": (pa.int64(), st.integers(-(2**53), 2**53), "s"),
    "x": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False), "/pb"),
    "flag": (pa.bool_(), st.booleans(), None),
    "text": (pa.string(), TEXTS, None),
    "time": (pa.timestamp("us", "UTC"), TIMES, None),
}
ROWS = st.lists(
    st.tuples(*(st.none() | values for _, values, _ in KINDS.values())), max_size=5
)


def table_of(rows):
    """A table with units of these rows."""
    fields = [
        pa.field(name, kind, metadata={"unit": unit} if unit else None)
        for name, (kind, _, unit) in KINDS.items()
    ]
    columns = list(zip(*rows, strict=True)) or [[] for _ in fields]
    return Table(pa.table([list(c) for c in columns], schema=pa.schema(fields)))


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_what_is_written_reads_back_equal(tmp_path_factory, rows):
    """Parquet, JSON and CSV hold every value and null; Parquet the units too."""
    table = table_of(rows)
    path = tmp_path_factory.mktemp("files") / "a.parquet"
    table.to_parquet(path)
    back = parquet.read_table(path)
    assert back.cast(table.schema).equals(table.arrow)
    assert back.schema.field("x").metadata[b"unit"] == b"/pb"
    records = json.loads(table.to_json())
    assert [list(r.values())[:4] for r in records] == [list(r[:4]) for r in rows]
    types = {name: kind for name, (kind, *_) in KINDS.items()}
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=True)
    text = table.to_csv().encode()
    assert csv.read_csv(io.BytesIO(text), convert_options=options).equals(
        table.arrow.replace_schema_metadata(None)
    )


def test_units_in_names():
    """With units=True the header says them."""
    table = table_of([(1, 2.5, True, "a", None)])
    assert table.to_csv().splitlines()[0] == "n,x,flag,text,time"
    assert table.to_csv(units=True).splitlines()[0] == "n [s],x [/pb],flag,text,time"
    assert json.loads(table.to_json(units=True))[0]["x [/pb]"] == 2.5


def test_files(tmp_path):
    """A path gives a file and None; what cannot be written is one line."""
    table = table_of([])
    assert table.to_csv(tmp_path / "a.csv") is None
    assert table.to_json(str(tmp_path / "a.json")) is None
    assert (tmp_path / "a.json").read_text() == table.to_json()
    with pytest.raises(UsageError, match="Cannot write"):
        table.to_parquet(tmp_path / "none" / "a.parquet")


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("filter", r'table\[table\["x"\] > 5\]'),
        ("sort_values", "to_pandas"),
        ("write_csv", r"to_csv\(path\)"),
        ("x", r"table\['x'\]"),
        ("complet", "Did you mean 'complete'"),
    ],
)
def test_habits_of_other_tables_are_answered(name, way):
    """What a table of another library has, is answered with the way here."""
    with pytest.raises(AttributeError, match=way):
        getattr(table_of([]), name)
