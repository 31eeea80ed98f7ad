"""Large pages are written a column at a time: byte for byte what dictionaries give."""

import datetime as dt

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.jsonapi import encode
from omskit.jsonapi.decoding import decode
from omskit.jsonapi.texts import texts
from omskit.jsonapi.written import Style, rows_text
from omskit.schema import TIME, Field, Relationship, Resource, bundled

BASE = 'https://oms.example/agg/api/v1?"'
FIELDS = (
    Field("run_number", ("run_number",), "int"),
    Field("name", ("name",), "str"),
    Field("l1a_counter", ("l1a", "counter"), "int"),
    Field("is_ok", ("is_ok",), "bool"),
    Field("l1a_rate", ("l1a", "rate"), "float"),
    Field("start_time", ("start_time",), "time"),
    Field("init_lumi", ("init_lumi",), "float", scaled=True),
    Field("end_lumi", ("end_lumi",), "float", scaled=True),
    Field("value", ("value",), "json"),
    Field("parts", ("parts",), "list", items="str"),
)
RESOURCE = Resource(
    "rates",
    FIELDS,
    row_id="{run_number}_{name}",
    relationships=(
        Relationship("fill", "fills", (("fill_number", "fill_number"),)),
        Relationship('a "b"', "runs", (("run_number", "run_number"),)),
    ),
)
NAIVE = st.datetimes(dt.datetime(1, 1, 1))  # noqa: DTZ001  # given UTC below
COLUMNS = {
    "run_number": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "name": (pa.string(), st.text(st.characters(exclude_categories=["Cs"]))),
    "l1a_counter": (pa.int32(), st.integers(0, 9)),
    "is_ok": (pa.bool_(), st.booleans()),
    "l1a_rate": (pa.float64(), st.floats()),
    "start_time": (TIME, NAIVE.map(lambda t: t.replace(tzinfo=dt.UTC))),
    "init_lumi": (pa.float64(), st.floats(0, 9)),
    "init_lumi@unit": (pa.string(), st.sampled_from(["pb^{-1}", "fb^{-1}"])),
    "end_lumi": (pa.float64(), st.floats(0, 9)),
    "end_lumi@unit": (pa.string(), st.sampled_from(["pb^{-1}", "10^{30}"])),
    "value": (pa.string(), st.sampled_from(["[1]", '{"a": "b"}', "2.50"])),
    "parts": (pa.list_(pa.string()), st.lists(st.text("ab", max_size=2), max_size=2)),
    "@id": (pa.string(), st.text("ab /", min_size=1, max_size=3)),
}
STYLES = st.builds(
    Style,
    st.just(BASE),
    st.sampled_from(["{run_number}_{name}", "{missing}", "{start_time}-{is_ok}"]),
    st.none() | st.just(FIELDS[:1]) | st.just(FIELDS[2:6]) | st.just(()),
    st.booleans(),
    st.booleans(),
)


@st.composite
def tables(draw):
    """Some of the columns, in any order, with nulls and slices."""
    names = draw(st.lists(st.sampled_from(list(COLUMNS)), unique=True, min_size=1))
    count = draw(st.integers(0, 4))
    made = {}
    for name in names:
        kind, values = COLUMNS[name]
        size = st.lists(values | st.none(), min_size=count, max_size=count)
        made[name] = pa.chunked_array([draw(size), draw(size)], kind)
    return pa.table(made).slice(draw(st.integers(0, 2)))


@given(tables(), STYLES)
def test_text_is_what_dictionaries_give(table, style):
    """Any rows in any style are the same bytes on both ways."""
    by_row = msgspec.json.encode(encode.rows(table, RESOURCE, style))
    assert rows_text(table, RESOURCE, style) == by_row


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1e22, 5.0, -0.0, 1e-7]), ["1e22", "5.0", "-0.0", "1e-7"]),
        (pa.array([], pa.float64()), []),
        (pa.array([], pa.string()), []),
        (pa.array(["a", 'b"', "\n"]), ['"a"', '"b\\""', '"\\n"']),
        (pa.array(["a"], pa.large_string()), ['"a"']),
        (pa.nulls(2), ["null", "null"]),
    ],
    ids=["floats", "no-floats", "no-texts", "escapes", "large", "nulls"],
)
def test_texts(array, expected):
    """Values are written as the encoder of whole documents writes them."""
    assert texts(array).to_pylist() == expected
    assert texts(array.slice(1)).to_pylist() == expected[1:]


def test_a_large_page_reads_back():
    """A page of many rows decodes to the rows that it was made of."""
    count = encode.MANY
    counts = {"run_number": pa.array([5] * count), "counter": pa.array(range(count))}
    resource = bundled()["hltpathrates"]
    style = Style("", "{run_number}_{counter}")
    table = pa.table(counts)
    body = encode.encode_page(table, resource, style, total=count, links={})
    found = decode(body, resource)
    assert found.table.select(list(counts)).to_pylist() == table.to_pylist()
    assert found.table["@id"][-1].as_py() == f"5_{count - 1}"
