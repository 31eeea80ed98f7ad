"""The careful way alone: JSON columns, error documents, exact sentences."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.errors import DecodeError
from omskit.jsonapi import decode, error_detail
from omskit.jsonapi.careful import read_carefully
from omskit.schema import Field, Resource, bundled

PAPERS = Resource(
    "papers",
    (
        Field("n", ("n",), "int"),
        Field("doc", ("doc",), "json"),
        Field("times", ("times",), "list", items="time"),
        Field("flags", ("flags",), "list", items="bool"),
    ),
)
"""A resource with a column of JSON text, which only the careful way reads."""


def page(*attributes):
    """A page of rows with these attributes."""
    rows = [{"id": str(n), "attributes": a} for n, a in enumerate(attributes)]
    return json.dumps({"data": rows}).encode()


PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
JSON = st.recursive(
    PLAIN | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(JSON, max_size=4))
@settings(max_examples=examples(80))
def test_json_columns_keep_the_document(values):
    """A column of JSON holds text that says just what the service said; null stays."""
    found = decode(page(*({"doc": v} for v in values)), PAPERS).table["doc"].to_pylist()
    assert [None if t is None else json.loads(t) for t in found] == values


def test_lists_of_times_and_flags():
    """Lists take the type of their elements, nulls inside and outside included."""
    table = read_carefully(
        page(
            {"times": ["2017-06-16T20:50:33Z", None], "flags": [True, None]},
            {"times": None},
        ),
        PAPERS,
    ).table
    assert table["times"].type == pa.list_(pa.timestamp("us", tz="UTC"))
    assert [len(t or ()) for t in table["times"].to_pylist()] == [2, 0]
    assert table["flags"].to_pylist() == [[True, None], None]


def test_a_wrong_element_of_a_list_is_named():
    """The path of a list's wrong element ends with its place."""
    with pytest.raises(DecodeError, match="Expected a time") as caught:
        read_carefully(page({}, {"times": ["2017-06-16", "soon"]}), PAPERS)
    assert caught.value.path == "$.data[1].attributes.times[1]"


@given(st.lists(st.none() | st.text(max_size=12) | st.dates().map(str), max_size=4))
@settings(max_examples=examples(80))
def test_new_text_is_kept_as_it_is_or_as_times(values):
    """New texts come back as they are, unless every one of them is a time."""
    column = read_carefully(page(*({"new": v} for v in values)), PAPERS).table
    if "new" not in column.column_names:
        assert values == []
    elif pa.types.is_string(column["new"].type):
        assert column["new"].to_pylist() == values
    else:
        nulls = [v is None for v in values]
        assert column["new"].is_null().to_pylist() == nulls


@pytest.mark.parametrize(
    "text", ["0000-01-01T00:00:00Z", "-0044-03-15", "0001-01-01T00:00:00+01:00"]
)
def test_times_before_python_has_years_stay_text(text):
    """A time of the year 0, which Python's datetime lacks, is kept as it was sent."""
    table = read_carefully(page({"new": text}), PAPERS).table
    assert table.to_pylist()[0]["new"] == text
    runs = bundled()["runs"]
    body = json.dumps({"data": [{"attributes": {"start_time": text}}]}).encode()
    for read in (decode, read_carefully):
        rows = read(body, runs)
        assert rows.table["start_time"].to_pylist() == [text]
        assert "start_time as str, not as time" in rows.notes[0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"errors":[{"status":"400","detail":"too big"}]}', "too big"),
        (b'{"errors":[{"title":"BAD_REQUEST"}]}', "BAD_REQUEST"),
        (b'{"errors":[{"detail":"","title":"t"}]}', "t"),
        (b'{"errors":[{"detail":5}]}', "5"),
        (b'{"errors":[{}]}', None),
        (b'{"errors":[{"detail":"\\u001b[2J\\u0007\\n gone\\u202e "}]}', "[2J gone"),
        (b'{"errors":[{"detail":"' + b"x" * 9999 + b'"}]}', "x" * 300 + "..."),
        (b'{"errors":[{"detail":"\\u001b"}]}', None),
        (b'{"errors":[]}', None),
        (b'{"errors":{}}', None),
        (b'{"errors":["x"]}', None),
        (b'{"data":[]}', None),
        (b"[]", None),
        (b"null", None),
        (b"<html>", None),
        (b"", None),
        (b'{"errors":[{"detail":"\xff"}]}', None),
        (b"[" * 5000 + b"]" * 5000, None),
    ],
)
def test_error_detail_never_raises(body, said):
    """What an error document says is found, and anything else is None."""
    assert error_detail(body) == said


def test_long_values_are_cut_in_messages():
    """A message shows no more than forty characters of the value that is wrong."""
    with pytest.raises(DecodeError) as caught:
        read_carefully(page({"n": "x" * 1000}, {"n": []}), PAPERS)
    assert len(str(caught.value)) < 150
