"""Page bytes -> Arrow: the fast way and the careful way say the same."""

from __future__ import annotations

import datetime as dt
import json
import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.errors import DecodeError
from omskit.jsonapi import ID, MIXED, decode
from omskit.jsonapi.careful import read_carefully
from omskit.jsonapi.decoding import _fast
from omskit.jsonapi.shape import shape_of
from omskit.schema import TIME, UNIT_SUFFIX, Field, Resource, bundled

THINGS = Resource(
    "things",
    (
        Field("n", ("n",), "int"),
        Field("x", ("x",), "float", scaled=True, unit="/pb"),
        Field("s", ("s",), "str"),
        Field("b", ("b",), "bool"),
        Field("t", ("t",), "time"),
        Field("l", ("l",), "list", items="int"),
        Field("w", ("w",), "list", items="str"),
        Field("o_counter", ("o", "counter"), "int"),
        Field("o_rate", ("o", "rate"), "float", unit="Hz"),
    ),
    identity=("n",),
)
"""Every kind that the fast reader reads, one nested attribute, one scaled column."""


def page(*attributes, total=None, **more):
    """A page of rows with these attributes."""
    rows = [
        {"id": str(number), "type": "things", "attributes": values}
        for number, values in enumerate(attributes)
    ]
    count = len(rows) if total is None else total
    document = {"data": rows, "meta": {"totalResourceCount": count}} | more
    return json.dumps(document).encode()


def fast(body):
    """The fast reader alone; raises where it refuses."""
    return _fast(body, THINGS, shape_of(THINGS))


def outcome(read, body):
    """What a reader says: table, total and unknown columns, or the error."""
    try:
        rows = read(body, THINGS)
    except DecodeError as error:
        return str(error), error.path, error.broken
    return rows.table, rows.total, rows.unknown


INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=8) | st.sampled_from(
    ["é", "\N{GRINNING FACE}", "\0", "null", ""]
)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
TIMES = st.builds(
    lambda moment, form: moment.strftime(form),
    st.integers(0, 7 * 10**15).map(lambda us: EPOCH + dt.timedelta(0, 0, us)),
    st.sampled_from(
        [
            "%Y-%m-%dT%H:%M:%SZ",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%d",
            "%Y-%m-%dT%H:%M:%S.%fZ",
            "%Y-%m-%d %H:%M:%S.%f",
            "%Y-%m-%dT%H:%M",
        ]
    ),
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
GOOD = {
    "n": INT64,
    "x": FLOATS | st.integers(-(2**53), 2**53),
    "s": TEXT,
    "b": st.booleans(),
    "t": TIMES,
    "l": st.lists(st.none() | INT64, max_size=3),
    "w": st.lists(st.none() | TEXT, max_size=3),
    "o": st.fixed_dictionaries(
        {}, optional={"counter": st.none() | INT64, "rate": st.none() | FLOATS}
    ),
}
"""Values just as the catalogue promises them."""

ODD = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([12.0, -3.5, 2.0**60, 1e300, 2**53 + 1, 2**63])
    | FLOATS
    | TIMES
    | TEXT
    | st.lists(st.none() | st.integers(-9, 9) | FLOATS | TIMES | TEXT, max_size=3)
    | st.lists(st.lists(st.integers(0, 9), max_size=2), max_size=2)
)
"""Values that some column may have in some release of OMS."""


def maybe(values):
    """A dictionary with any of these keys, whose values may be null."""
    return st.fixed_dictionaries(
        {}, optional={key: st.none() | value for key, value in values.items()}
    )


NEW = st.fixed_dictionaries(
    {},
    optional={
        "new": ODD,
        "deep_a": ODD,
        "o_rate": ODD,
        "o": st.fixed_dictionaries({}, optional={"counter": INT64, "zzz": ODD}),
        "deep": st.fixed_dictionaries(
            {}, optional={"a": ODD, "b": st.fixed_dictionaries({}, optional={"c": ODD})}
        ),
    },
)
UNITS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "x": st.fixed_dictionaries({"units": st.sampled_from(["pb^{-1}", None])}),
        "n": st.fixed_dictionaries({"units": st.sampled_from(["Hz", "2017-06-16"])}),
        "other": ODD,
    },
)


PROMISED = st.fixed_dictionaries(
    {"x": st.fixed_dictionaries({"units": st.sampled_from(["pb^{-1}", "nb^{-1}"])})},
    optional={"n": st.just({"units": "Hz"}), "other": st.just({"units": "s"})},
)


def documents(attributes, *, ids=None, rows=6, units=UNITS):
    """Whole pages, as Python values."""
    row = st.fixed_dictionaries(
        {"attributes": attributes},
        optional={
            "id": st.text(max_size=5) if ids is None else ids,
            "type": st.just("things"),
            "links": st.fixed_dictionaries({"self": st.just("https://https://x")}),
            "meta": st.fixed_dictionaries({}, optional={"row": units}),
            "relationships": st.just({"fill": {"links": {"related": "u"}}}),
        },
    )
    meta = {"totalResourceCount": st.none() | st.integers(0, 10**6)}
    return st.fixed_dictionaries(
        {"data": st.lists(row, max_size=rows)},
        optional={
            "meta": st.none() | st.fixed_dictionaries({}, optional=meta),
            "links": st.just({"first": None, "next": "u"}),
        },
    )


STYLES = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.none() | st.just(1),
        "separators": st.sampled_from([None, (",", ":")]),
    }
)


def written(document, style):
    """The bytes of a document; half characters, which JSON cannot say, dropped."""
    text = json.dumps(document, **style)
    return text.encode("utf-8", "ignore")


@given(documents(maybe(GOOD), units=PROMISED), STYLES)
@settings(max_examples=examples(150))
def test_both_ways_agree_on_pages_as_promised(document, style):
    """A page that keeps the catalogue's promises is read by both ways, to the same."""
    body = written(document, style)
    quick, careful = fast(body), read_carefully(body, THINGS)
    assert quick.table.equals(careful.table)
    assert (quick.total, quick.unknown) == (careful.total, careful.unknown)
    assert careful.notes == ()


@given(
    documents(
        st.one_of(
            maybe(GOOD),
            NEW,
            st.builds(lambda a, b: a | b, maybe(GOOD), NEW),
            st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, ODD)),
        ),
        ids=st.text(max_size=5) | st.integers(0, 10**6) | st.none() | st.just(1.5),
    ),
    STYLES,
)
@settings(max_examples=examples(300))
def test_both_ways_agree_on_any_page(document, style):
    """Whatever a page holds, the careful way gives what decode gives, or its error."""
    body = written(document, style)
    said, expected = outcome(decode, body), outcome(read_carefully, body)
    if isinstance(said[0], pa.Table):
        assert isinstance(expected[0], pa.Table), expected
        assert said[0].schema.equals(expected[0].schema)
    assert said == expected


@given(documents(NEW, rows=3))
@settings(max_examples=examples(200))
def test_new_columns_never_hide_known_ones(document):
    """The catalogue's columns come first, in order and type, whatever is new."""
    try:
        rows = decode(written(document, {}), THINGS)
    except DecodeError:
        return
    names = rows.table.column_names
    assert tuple(names[: len(THINGS.fields)]) == THINGS.names
    assert len(set(names)) == len(names)
    assert not set(rows.unknown) & set(THINGS.names)
    assert set(rows.unknown) <= set(names)


def expected_of(value, kind):
    """What json.load gives, in the type of the column."""
    if value is None:
        return None
    if kind == "time":
        text = value.replace("Z", "")
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return float(value) if kind == "float" else value


@given(documents(maybe(GOOD)))
@settings(max_examples=examples(100))
def test_values_are_those_of_json_load(document):
    """Every cell is what json.load gives for it, null where it gives none."""
    table = decode(written(document, {}), THINGS).table
    for field in THINGS.fields:
        first, *rest = field.path
        values = [row["attributes"].get(first) for row in document["data"]]
        for part in rest:
            values = [None if v is None else v.get(part) for v in values]
        wanted = [expected_of(v, field.kind) for v in values]
        assert table[field.name].to_pylist() == wanted
        assert table[field.name].type == field.arrow_type
    assert table[ID].to_pylist() == [row.get("id") for row in document["data"]]


SMALL = (
    b'{"data":[{"id":"1","attributes":{"n":12,"s":"a\xc3\xa9","o":{"rate":1.5}},'
    b'"meta":{"row":{"x":{"units":"pb^{-1}"}}}},{"id":"2","attributes":{}}],'
    b'"meta":{"totalResourceCount":2}}'
)


@pytest.mark.parametrize("length", range(len(SMALL)))
def test_a_page_that_breaks_off_is_never_a_short_table(length):
    """Cut at any byte, a page raises an error that says that asking again may help."""
    with pytest.raises(DecodeError, match="breaks off") as caught:
        decode(SMALL[:length], THINGS)
    assert caught.value.broken


def test_a_pretty_page_that_breaks_off_is_never_a_short_table():
    """Cut at any byte, a page of many lines raises as well."""
    body = json.dumps(json.loads(SMALL), indent=1).encode()
    for length in range(len(body)):
        with pytest.raises(DecodeError, match="breaks off"):
            decode(body[:length], THINGS)


@given(st.integers(0, len(SMALL) - 1), st.binary(min_size=1, max_size=3))
@settings(max_examples=examples(400))
def test_garbled_pages_are_errors_or_mean_what_they_say(place, garbage):
    """Bytes pushed into a page make an error, or a page that both ways read alike."""
    body = SMALL[:place] + garbage + SMALL[place:]
    assert outcome(decode, body) == outcome(read_carefully, body)


@pytest.mark.parametrize(
    ("body", "said", "path"),
    [
        (b"", "breaks off", "$"),
        (b"null", "Expected an object, got null", "$"),
        (b" \nnull]", "breaks off or is no JSON", "$"),
        (b"null " + SMALL, "breaks off or is no JSON", "$"),
        (b"5", "Expected an object, got int 5", "$"),
        (b"[]", r"Expected an object, got list \[\]", "$"),
        (b"{}", "has no 'data' but nothing", "$"),
        (b'{"meta":{"totalResourceCount":3}}', r"has no 'data' but \['meta'\]", "$"),
        (b'{"data":null}', "Expected a list of rows, got null", "$.data"),
        (b'{"data":"x"}', "Expected a list of rows, got str 'x'", "$.data"),
        (b'{"data":[null]}', "Expected a row, got null", "$.data[0]"),
        (b'{"data":[{"attributes":{}},[]]}', "Expected a row", "$.data[1]"),
        (b'{"data":[{"id":"1"}]}', "Expected an object", "$.data[0].attributes"),
        (b'{"data":[{"attributes":5}]}', "Expected an object", "$.data[0].attributes"),
        (
            b'{"data":[{"attributes":{}},{"attributes":null}]}',
            "Expected an object, got null",
            "$.data[1].attributes",
        ),
        (
            b'{"data":[],"meta":{"totalResourceCount":-1}}',
            "Expected a count, got int -1",
            "$.meta.totalResourceCount",
        ),
        (
            b'{"data":[],"meta":{"totalResourceCount":"5"}}',
            "Expected a count, got str '5'",
            "$.meta.totalResourceCount",
        ),
        (
            b'{"data":[],"meta":{"totalResourceCount":true}}',
            "Expected a count",
            "$.meta.totalResourceCount",
        ),
        (
            b'{"data":[{"attributes":{},"meta":{"row":5}}]}',
            "Expected an object, got int 5",
            "$.data[0].meta.row",
        ),
        (
            b'{"errors":[{"status":"400","detail":"too big"}]}',
            r"error document with a good status \(too big\)",
            "$.errors",
        ),
        (
            b'{"data":[],"errors":[],"meta":{"totalResourceCount":0}}',
            "no reason given",
            "$.errors",
        ),
        (b"<html><body>Sign in</body></html>", "web page", "$"),
        (b"\n <!DOCTYPE html>", "web page", "$"),
        (SMALL + SMALL, "trailing characters", "$"),
        (SMALL + b"\n" + SMALL, "trailing characters", "$"),
        (SMALL + b"null", "trailing characters", "$"),
        (SMALL + b"\0", "trailing characters", "$"),
        (SMALL.replace(b"12", b"NaN"), "no JSON", "$"),
        (SMALL.replace(b"1.5", b"NaN"), "no JSON", "$"),
        (SMALL.replace(b"1.5", b"-Infinity"), "no JSON", "$"),
        (SMALL.replace(b"1.5", b"1e400"), "no JSON", "$"),
        (SMALL.replace(b"\xc3\xa9", b"\xc3"), "no JSON", "$"),
        (SMALL.replace(b"\xc3\xa9", b"\xff"), "no JSON", "$"),
        (SMALL.replace(b"\xc3\xa9", b"\\ud800"), "no JSON", "$"),
        (SMALL.replace(b'"n":12', b'"n":012'), "no JSON", "$"),
        (SMALL.replace(b'"n":12,', b'"n":12,,'), "no JSON", "$"),
        (page({"l": [1, "x"]}), "got str 'x'", "$.data[0].attributes.l[1]"),
        (page({"l": [1.0, 0.5]}), "got float 0.5", "$.data[0].attributes.l[1]"),
        (page({"l": 5}), "Expected a list, got int 5", "$.data[0].attributes.l"),
        (page({"n": 1}, {"n": "x"}), "got str 'x'", "$.data[1].attributes.n"),
        (page({"n": 2**63}), "Expected a whole number", "$.data[0].attributes.n"),
        (page({"x": 10**400}), "Expected a number", "$.data[0].attributes.x"),
        (page({"n": [1]}), "got list", "$.data[0].attributes.n"),
        (page({"s": "a"}, {"s": True}), "got bool", "$.data[1].attributes.s"),
        (page({"b": True}, {"b": 1}), "got int 1", "$.data[1].attributes.b"),
        (page({"t": "x"}, {"t": 5}), "Expected a time", "$.data[0].attributes.t"),
        (page({"o": 5}), "Expected an object", "$.data[0].attributes.o"),
        (
            page({"o": {"counter": {}}}),
            "Expected a whole number",
            "$.data[0].attributes.o.counter",
        ),
        (
            page({"n": 2**53 + 1}, {"n": 0.5}),
            "got float 0.5",
            "$.data[1].attributes.n",
        ),
        (b'{"data":[{"id":{},"attributes":{}}]}', "Expected an id", "$.data[0].id"),
        (b'{"data":[{"id":true,"attributes":{}}]}', "an id", "$.data[0].id"),
    ],
)
def test_what_is_no_page_is_named_with_its_path(body, said, path):
    """A body that is no page raises a DecodeError which ends with the path."""
    with pytest.raises(DecodeError, match=said) as caught:
        decode(body, THINGS)
    assert caught.value.path == path
    assert str(caught.value).endswith(f"at {path}")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deeply_nested_answers_are_errors(opening):
    """An answer nested a thousand deep is an error, not the end of the process."""
    closing = "]" if opening == "[" else "1}"
    inner = opening * 1000 + closing + closing[-1] * 999
    body = f'{{"data":[{{"attributes":{{"new":{inner}}}}}]}}'
    with pytest.raises(DecodeError, match="nested too deeply"):
        decode(body.encode(), THINGS)


def test_a_byte_order_mark_is_no_matter():
    """A page with a byte-order mark, which pyarrow reads as no rows, is read whole."""
    assert decode(b"\xef\xbb\xbf" + SMALL, THINGS).table.equals(
        decode(SMALL, THINGS).table
    )


def test_a_single_row_is_a_page():
    """The answer for one id, whose data is an object, is a table of one row."""
    rows = decode(b'{"data":{"id":"5","attributes":{"n":5}}}', THINGS)
    assert rows.table["n"].to_pylist() == [5]
    assert rows.total is None


def test_a_page_without_rows_has_every_column():
    """An empty page has all columns in their types, the unit column among them."""
    rows = decode(b'{"data":[],"meta":{"totalResourceCount":0}}', THINGS)
    assert rows.table.num_rows == 0
    assert rows.table.column_names == [*THINGS.names, ID, "x" + UNIT_SUFFIX]
    assert rows.total == 0


def test_whole_numbers_written_as_floats_stay_whole():
    """12.0 and 1e3 in a column of whole numbers are mended without a note."""
    body = page({"n": 12}, {"n": 0}).replace(b'"n": 0', b'"n": 1e3')
    rows = decode(body.replace(b"12", b"12.0"), THINGS)
    assert rows.table["n"].to_pylist() == [12, 1000]
    assert rows.table["n"].type == pa.int64()
    assert rows.notes == ()
    assert decode(page().replace(b": 0", b": 3.0"), THINGS).total == 3


@pytest.mark.parametrize(
    ("attributes", "name", "kind", "values"),
    [
        ([{"n": 1}, {"n": 2.5}], "n", "float", [1.0, 2.5]),
        ([{"n": "1"}, {"n": None}], "n", "str", ["1", None]),
        ([{"s": 5}, {}], "s", "int", [5, None]),
        ([{"s": 5.5}], "s", "float", [5.5]),
        ([{"b": 0}, {"b": 1}], "b", "int", [0, 1]),
        ([{"t": "soon"}], "t", "str", ["soon"]),
        ([{"t": 1497646233}], "t", "int", [1497646233]),
        ([{"x": "1.5"}], "x", "str", ["1.5"]),
        ([{"o": {"counter": 0.5}}], "o_counter", "float", [0.5]),
    ],
)
def test_a_column_of_another_type_takes_it_with_a_note(attributes, name, kind, values):
    """A column that is wholly of one other plain type has that type, and says so."""
    rows = decode(page(*attributes), THINGS)
    assert rows.table[name].to_pylist() == values
    assert len(rows.notes) == 1
    assert f"sends {name} as {kind}" in rows.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "2017-06-16T20:50:33Z",
        "2017-06-16 20:50:33",
        "2017-06-16T20:50:33.000000Z",
        "2017-06-16T22:50:33+02:00",
    ],
)
def test_times_are_utc_however_they_are_written(text):
    """Every spelling of a time gives the same instant, known column or new."""
    moment = dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)
    table = decode(page({"t": text, "new": text}), THINGS).table
    assert table["t"].to_pylist() == table["new"].to_pylist() == [moment]
    assert table["t"].type == table["new"].type == TIME


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (5, pa.int64()),
        (2**60 + 1, pa.int64()),
        (0.5, pa.float64()),
        (1e300, pa.float64()),
        (True, pa.bool_()),
        ("x", pa.string()),
        ("2017-06-16", TIME),
        ("2017-06-16 20:50:33.5", TIME),
        ([1, 2], pa.list_(pa.int64())),
        ([1, 0.5], pa.list_(pa.float64())),
        (["2017-06-16"], pa.list_(pa.string())),
        ([True, None], pa.list_(pa.bool_())),
        ([], pa.list_(pa.null())),
        ([[1]], MIXED),
        ([{"a": 1}], MIXED),
        ([1, "x"], MIXED),
        (2**64, MIXED),
        ([2**60 + 1, 0.5], MIXED),
    ],
)
def test_new_attributes_have_the_type_of_their_values(value, kind):
    """A new attribute has the type of its values, JSON text where that loses."""
    rows = decode(page({"new": value}, {}), THINGS)
    assert rows.unknown == ("new",)
    assert rows.table["new"].type == kind
    found = rows.table["new"].to_pylist()[0]
    if kind == MIXED:
        found = json.loads(found)
    if kind != TIME:
        assert found == value


@pytest.mark.parametrize(
    ("attributes", "columns"),
    [
        ({"new": {"a": 1, "b": {"c": 2}}}, {"new.a": 1, "new.b.c": 2}),
        ({"o": {"counter": 1, "more": 7}}, {"o_counter": 1, "o.more": 7}),
        (
            {"o": {"counter": 1}, "o_counter": 9},
            {"o_counter": 1, "attributes.o_counter": 9},
        ),
        ({"new": {"a": 1}, "new_a": 2}, {"new.a": 1, "new_a": 2}),
        ({"new_a": 2, "new": {"a": 1}}, {"new_a": 2, "new.a": 1}),
        ({"q": {"x": {"y": 1}, "x_y": 2}}, {"q.x.y": 1, "q.x_y": 2}),
        ({"new.a": 2, "new": {"a": 1}}, {"new\u2024a": 2, "new.a": 1}),
        ({"new": {}}, {}),
    ],
)
def test_new_nested_values_are_columns_of_their_own(attributes, columns):
    """Parts of new objects, and new parts of known ones, are columns, none lost."""
    table = decode(page(attributes), THINGS).table
    assert {name: table[name].to_pylist()[0] for name in columns} == columns


TWICE = [
    (b'{"data": [{"id": "1", "attributes": {"n": 1}}], "data": []}', "$.data"),
    (
        b'{"data": [{"id": "1", "attributes": {"n": 5, "n": 7}}]}',
        "$.data[0].attributes.n",
    ),
    (
        b'{"data": [{"id": "1", "attributes": {"n": null, "n": 7}}]}',
        "$.data[0].attributes.n",
    ),
    (
        b'{"data": [{"id": "1", "attributes": {"n": 7, "n": null}}]}',
        "$.data[0].attributes.n",
    ),
    (
        b'{"data": [{"id": "1", "attributes": {"o": {"rate": 1, "rate": 2}}}]}',
        "$.data[0].attributes.o.rate",
    ),
    (
        b'{"data": [{"id": "1", "attributes": {"new": 1, "new": 2}}]}',
        "$.data[0].attributes.new",
    ),
    (
        b'{"data": [{"id": "1", "attributes": {}, "attributes": {"n": 2}}]}',
        "$.data[0].attributes",
    ),
    (
        b'{"data": [], "meta": {"totalResourceCount": 9, "totalResourceCount": 0}}',
        "$.meta.totalResourceCount",
    ),
    (b'{"data": [], "meta": {"totalResourceCount": 0}, "meta": {}}', "$.meta"),
    (b'{"data": [{"id": "1", "id": "2", "attributes": {}}]}', "$.data[0].id"),
    (
        (
            b'{"data": [{"id": "1", "attributes": {"x": 1}, "meta": {"row": '
            b'{"x": {"units": "/pb"}, "x": {"units": "/nb"}}}}]}'
        ),
        "$.data[0].meta.row.x",
    ),
]


@pytest.mark.parametrize(("body", "path"), TWICE, ids=range(len(TWICE)))
def test_a_key_that_comes_twice_is_named(body, path):
    """Of two values under one key none is taken: the path says where they are."""
    with pytest.raises(DecodeError, match="twice") as caught:
        decode(body, THINGS)
    assert caught.value.path == path


@settings(max_examples=examples(300))
@given(documents(maybe(GOOD)), STYLES, st.data())
def test_no_key_twice_anywhere(document, style, data):
    """Wherever a key is repeated in a page, with whatever value, decoding it fails."""
    body = written(document, style).decode()
    keys = list(re.finditer(r'"(\w+)"\s*:\s*', body))
    chosen = data.draw(st.sampled_from(keys))
    value = data.draw(st.sampled_from(["null", "1", '"x"', "[]", "{}", "true"]))
    start = chosen.start()
    doubled = f'{body[:start]}"{chosen[1]}": {value}, {body[start:]}'
    with pytest.raises(DecodeError):
        decode(doubled.encode(), THINGS)


@pytest.mark.parametrize("read", [decode, read_carefully])
def test_columns_of_our_own_share_no_name_with_the_service(read):
    """Attributes called like the columns of omskit are columns of their own."""
    body = page(
        {"n": 1, "x": 2.0, "x@unit": "/fb", "@id": "mine", "attributes.n": 3},
        {"n": 2, "x": 4.0, "x@unit": "/fb", "@id": "mine", "attributes.n": 5},
    )
    rows = read(body, THINGS)
    table = rows.table
    assert table[ID].to_pylist() == ["0", "1"]
    assert "x@unit" not in table.column_names or table["x@unit"].null_count == 2
    assert table["x\uff20unit"].to_pylist() == ["/fb", "/fb"]
    assert table["\uff20id"].to_pylist() == ["mine", "mine"]
    assert table["attributes\u2024n"].to_pylist() == [3, 5]
    assert len(set(table.column_names)) == table.num_columns


@settings(max_examples=examples(200))
@given(
    st.lists(
        st.sampled_from(
            ["o_rate", "o.rate", "attributes.o_rate", "o@unit", "x@unit", "X", "",
             "@id", "attributes.n", "attributes.attributes.n", "p_q", "x_unit", "a.b"]
        ),
        unique=True,
        max_size=8,
    ),
    st.booleans(),
)  # fmt: skip
def test_no_name_hides_another(names, nested):
    """However attributes and their parts are called, every value has its column."""
    attributes = {name: 100 + n for n, name in enumerate(names)}
    attributes["p"] = {"q": 7, "r@unit": 8} if nested else 9
    attributes |= {"n": 1, "o": {"counter": 2, "rate": 3.0, "new": 4}}
    for read in (decode, read_carefully):
        table = read(page(attributes), THINGS).table
        found = sorted(
            v for v in table.to_pylist()[0].values() if isinstance(v, (int, float))
        )
        wanted = [1, 2, 3.0, 4, *range(100, 100 + len(names))]
        assert found == sorted(wanted + ([7, 8] if nested else [9]))
        assert len(set(table.column_names)) == table.num_columns


@pytest.mark.parametrize("read", [decode, read_carefully])
@given(
    st.lists(
        st.permutations(
            [("p_q", 1), ("p.q", 2), ("p", {"q": 3, "q.r": 4}), ("o.new", 5),
             ("attributes.n", 6), ("o_rate", 7)]
        ).flatmap(lambda them: st.integers(0, 6).map(lambda n: dict(them[:n]))),
        min_size=2, max_size=3,
    )
)  # fmt: skip
def test_a_column_is_the_same_thing_on_every_page(read, pages):
    """Whatever else a page holds, a name stands for one attribute or part."""
    values: dict[str, set[object]] = {}
    for attributes in pages:
        known = {"n": 100, "o": {"counter": 101, "rate": 102.0}}
        row = read(page(attributes | known), THINGS).table.to_pylist()[0]
        for name, value in row.items():
            if isinstance(value, int | float):
                values.setdefault(name, set()).add(value)
    assert all(len(found) == 1 for found in values.values()), values


def test_ids_that_are_numbers_are_text():
    """A row's id is text, also where the service sends a number."""
    body = page({"n": 1}).replace(b'"id": "0"', b'"id": 7')
    assert decode(body, THINGS).table[ID].to_pylist() == ["7"]


def test_row_units_become_columns():
    """X@unit holds the unit of each row, null where the row names none."""
    body = (
        b'{"data":[{"attributes":{"x":1},"meta":{"row":{"x":{"units":"pb^{-1}"},'
        b'"n":{"units":"Hz"},"zz":{"units":"q"}}}},{"attributes":{"x":2}}]}'
    )
    table = fast(body).table
    assert table["x@unit"].to_pylist() == ["pb^{-1}", None]
    assert table["n@unit"].to_pylist() == ["Hz", None]
    assert "zz@unit" not in table.column_names


@pytest.mark.parametrize(
    "units",
    [
        '{"x":"pb"}',
        '{"x":{"unit":"pb"}}',
        '{"x":{"units":5}}',
        '{"n":{"units":null}}',
        '{"n":{}}',
        '{"n":5}',
        "null",
    ],
)
def test_units_of_another_form_are_no_units(units):
    """Where meta.row is not of the known form the unit is missing, not an error."""
    body = f'{{"data":[{{"attributes":{{"x":1}},"meta":{{"row":{units}}}}}]}}'
    table = decode(body.encode(), THINGS).table
    assert table["x@unit"].to_pylist() == [None]
    assert "n@unit" not in table.column_names


def test_units_of_a_resource_without_scaled_columns_are_kept():
    """Row units are read for resources that scale nothing, on both ways."""
    plain = Resource("plain", (Field("n", ("n",), "int"),))
    body = b'{"data":[{"attributes":{"n":1},"meta":{"row":{"n":{"units":"Hz"}}}}]}'
    quick = _fast(body, plain, shape_of(plain)).table
    assert quick.equals(read_carefully(body, plain).table)
    assert quick["n@unit"].to_pylist() == ["Hz"]
    for other in (b"5", b'"x"', b'{"row":7}', b"{}"):
        start = body.index(b'"meta":') + len(b'"meta":')
        odd = body[:start] + other + b"}]}"
        if other == b'{"row":7}':
            with pytest.raises(DecodeError, match=r"meta\.row"):
                decode(odd, plain)
        else:
            assert decode(odd, plain).table["n"].to_pylist() == [1]


def test_an_answer_without_a_total_says_so():
    """The total is None where the page does not tell it."""
    for meta in ("", ',"meta":null', ',"meta":{}', ',"meta":5'):
        assert decode(f'{{"data":[]{meta}}}'.encode(), THINGS).total is None


def test_pages_of_every_resource_take_the_fast_way():
    """A page of any resource of the catalogue without JSON columns is read fast."""
    slow = set()
    for name in bundled():
        resource = bundled()[name]
        if not shape_of(resource).fast:
            slow.add(name)
            continue
        body = b'{"data":[{"id":"1","attributes":{}}],"meta":{"totalResourceCount":1}}'
        quick = _fast(body, resource, shape_of(resource))
        assert quick.table.equals(read_carefully(body, resource).table)
    assert slow == {
        "diplogger",
        "hltprescalesets",
        "l1algorithmtriggers/ratemon",
        "l1prescalesets",
    }


def flat(attributes):
    """Attributes as columns."""
    columns = {}
    for name, value in attributes.items():
        if isinstance(value, dict):
            columns |= {f"{name}_{part}": v for part, v in value.items()}
        else:
            columns[name] = value
    return columns


def same(found, wanted):
    """Equal, times compared as instants."""
    if isinstance(found, dt.datetime):
        return found == dt.datetime.fromisoformat(wanted)
    return bool(found == wanted)


def recorded_pages(folder):
    """Every recorded answer as resource, body and rows; bare attributes as a page."""
    for path in sorted((folder / "recorded").glob("*.json")):
        document = json.loads(path.read_bytes())
        if "data" in document:
            name = path.name.split("_", maxsplit=1)[0]
            yield name, path.read_bytes(), document
        elif "attributes" in document:
            name = path.name.split("_", maxsplit=1)[0]
            name += "" if name.endswith("s") else "s"
            body = page(document["attributes"]).replace(b"things", name.encode())
            yield name, body, json.loads(body)


def test_recorded_answers_hold_what_json_load_gives(recorded):
    """Every cell of every recorded answer is what json.load reads there."""
    seen = set()
    for name, body, document in recorded_pages(recorded):
        resource = bundled()[name]
        rows = decode(body, resource)
        assert rows.table.equals(read_carefully(body, resource).table)
        assert rows.unknown == rows.notes == ()
        assert rows.total == document["meta"]["totalResourceCount"]
        assert rows.table.num_rows == len(document["data"])
        for row, line in zip(document["data"], rows.table.to_pylist(), strict=True):
            values = flat(row["attributes"])
            assert [n for n, v in values.items() if not same(line[n], v)] == []
            missing = set(resource.names) - set(values)
            assert all(line[n] is None for n in missing)
            assert line[ID] == row["id"]
            for unit, entry in row.get("meta", {}).get("row", {}).items():
                assert line[unit + UNIT_SUFFIX] == entry["units"]
        seen.add(name)
    assert seen == {"runs", "lumisections", "l1triggerrates"}
