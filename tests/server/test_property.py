"""Laws of the service, on queries and requests that nobody thought of."""

import datetime as dt
import functools
import json
import operator
import re
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.effects import Request
from omskit.engine import Engine
from omskit.jsonapi.decoding import decode
from omskit.query import OPERATORS, Condition, Query
from omskit.query.operators import WIRE
from omskit.query.url import encode, parse
from omskit.schema import Catalogue, Field, Resource
from omskit.server import Service, respond

BASE = "http://oms.example/agg/api/v1"
KINDS = {
    "run": "int",
    "part": "int",
    "name": "str",
    "count": "int",
    "rate": "float",
    "good": "bool",
    "start": "time",
    "tags": "list",
}
THINGS = Resource(
    "things",
    tuple(
        Field(name, (name,), kind, items="str" if kind == "list" else None)
        for name, kind in KINDS.items()
    ),
    identity=("run", "part"),
    row_id="{run}_{part}",
)
CATALOGUE = Catalogue({"things": THINGS})

ints = st.sampled_from([-1, 0, 1, 2, 3, 2**53 + 1])
floats = st.sampled_from([-0.5, 0.0, 1.0, 1.5, 49130.85, 1e-300])
texts = st.sampled_from(
    [
        "a",
        "A",
        "ab",
        "a_b",
        "a%b",
        "'; DROP TABLE things; --",
        "null-ish",
        "\u03bc",
        "&=+#",
    ]
)
times = st.sampled_from(
    [
        dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC),
        dt.datetime(2017, 6, 16, 20, 50, 33, 1, tzinfo=dt.UTC),
        dt.datetime(2017, 6, 17, tzinfo=dt.UTC),
    ]
)
VALUES = {"int": ints, "float": floats, "str": texts, "bool": st.booleans()}
VALUES |= {"time": times, "list": texts}


@st.composite
def row_lists(draw):
    """Rows with nulls, told apart by their identity, in its order."""
    keys = st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from([1, 2, 3]))
    found = []
    for run, part in sorted(draw(st.sets(keys, max_size=8))):
        row = {"run": run, "part": part}
        for name in ("name", "count", "rate", "good", "start"):
            row[name] = draw(st.none() | VALUES[KINDS[name]])
        row["tags"] = draw(st.none() | st.lists(texts, max_size=2))
        found.append(row)
    return found


@st.composite
def conditions(draw):
    """A comparison that OMS can be asked for."""
    name = draw(st.sampled_from(sorted(KINDS)))
    able = [o for o in OPERATORS.values() if KINDS[name] in o.kinds and o.word in WIRE]
    op = draw(st.sampled_from(sorted(able, key=lambda o: o.word)))
    if op.word == "LIKE":
        value = draw(st.sampled_from(["%", "a%", "%b", "_", "a_b", "%a%", "A"]))
    elif op.nullable:
        value = draw(st.none() | VALUES[KINDS[name]])
    else:
        value = draw(VALUES[KINDS[name]])
    return Condition(name, op.word, value)


@st.composite
def queries(draw):
    """Queries that have one URL: no key twice, as equal keys are a set to OMS."""
    chosen = {(c.field, c.op): c for c in draw(st.lists(conditions(), max_size=3))}
    names = sorted(KINDS)
    order = draw(st.lists(st.sampled_from(names[:-1]), max_size=2, unique=True))
    order = [n for n in order if n != "tags"]
    fields = draw(st.none() | st.lists(st.sampled_from(names), min_size=1, unique=True))
    return Query(
        "things",
        tuple(chosen.values()),
        fields=None if fields is None else tuple(fields),
        order=tuple(draw(st.sampled_from(["", "-"])) + name for name in order),
    )


COMPARE = {
    "EQ": operator.eq,
    "NEQ": operator.ne,
    "LT": operator.lt,
    "GT": operator.gt,
    "LE": operator.le,
    "GE": operator.ge,
    "CT": operator.contains,
    "LIKE": lambda text, pattern: bool(
        re.fullmatch(
            "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in pattern),
            text,
            re.DOTALL,
        )
    ),
}


def holds(row, condition):
    """SQL's logic, plainly: a comparison with a missing value is not true."""
    value = row[condition.field]
    if condition.value is None:
        return (value is None) == (condition.op == "EQ")
    return value is not None and COMPARE[condition.op](value, condition.value)


def in_order(rows, order):
    """Nulls last both ways, first key first, ties as they were."""

    def compare(one, other, keys=order):
        for key in keys:
            name = key.lstrip("-")
            a, b = one[name], other[name]
            if a is None or b is None:
                if (a is None) != (b is None):
                    return 1 if a is None else -1
            elif a != b:
                return -1 if (a < b) == (key[0] != "-") else 1
        return 0

    return sorted(rows, key=functools.cmp_to_key(compare))


def reference(rows, query):
    """What the answer must be, said in plain Python."""
    kept = [r for r in rows if all(holds(r, c) for c in query.conditions)]
    names = query.fields or tuple(KINDS)
    return [{n: r[n] for n in names} for r in in_order(kept, query.order)]


def engine_of(rows):
    """An engine that holds *rows*."""
    schema = pa.schema([(f.name, f.arrow_type) for f in THINGS.fields])
    return Engine({"things": pa.Table.from_pylist(rows, schema=schema)}, CATALOGUE)


@given(row_lists(), queries())
def test_engine_and_plain_python_agree(rows, query):
    """A query that went through its URL gives the rows that Python's loops give."""
    again, _ = parse(encode(query), CATALOGUE)
    with engine_of(rows) as engine:
        result = engine.execute(again)
    expected = reference(rows, query)
    assert result.table.to_pylist() == expected
    assert result.total == len(expected)


@given(row_lists(), queries(), st.integers(1, 4))
def test_pages_make_the_whole(rows, query, limit):
    """Walking along next through decoded pages gives the whole answer, in order."""
    found = []
    with engine_of(rows) as engine:
        service = Service(engine, BASE)
        url = f"{BASE}/{encode(query, limit=limit)}"
        while url:
            response = respond(Request("GET", url), service)
            assert response.status == 200
            read = decode(response.body, THINGS)
            assert read.total == len(reference(rows, query))
            found += read.table.select(list(query.fields or KINDS)).to_pylist()
            url = json.loads(response.body)["links"]["next"]
    assert found == reference(rows, query)


@pytest.fixture(scope="module")
def few():
    """A service over two rows that nothing may change."""
    rows = [
        {"run": 1, "part": 1, "name": "a", "good": True},
        {"run": 1, "part": 2, "name": "b", "rate": 1.5},
    ]
    schema = pa.schema([(f.name, f.arrow_type) for f in THINGS.fields])
    table = pa.Table.from_pylist(rows, schema=schema)
    with Engine({"things": table}, CATALOGUE) as engine:
        yield Service(engine, BASE)


def status(service, url):
    """The status of an answer, which must be a document."""
    response = respond(Request("GET", url), service)
    document = json.loads(response.body)
    assert ("errors" in document) == (response.status >= 400)
    return response.status


SQL = st.sampled_from(
    [
        "1; DROP TABLE things",
        "' OR '1'='1",
        'name" = "name" OR "a" = "a',
        "1) OR (1=1",
        "things; --",
        "run/**/OR/**/1",
        "(SELECT 1)",
        "#row",
        "rowid",
        "name@unit",
        "\x00",
        "?",
        "$1",
        "{column}",
        "{run.__class__}",
        "%s",
    ]
)
hostile = SQL | st.text(max_size=20)
KEYS = ["filter[{}]", "filter[{}][EQ]", "filter[name][{}]", "fields[{}]", "sort[{}]"]
KEYS += ["group[{}]", "page[{}]", "{}"]


@given(
    st.sampled_from(KEYS),
    hostile,
    st.sampled_from(["filter[name]", "filter[name][LIKE]", "filter[run]", "sort"]),
    hostile,
)
def test_no_text_of_a_request_is_sql(few, pattern, name, key, value):
    """Hostile names and values are refused or match nothing; no row is ever lost."""
    pairs = [(pattern.replace("{}", name), "1"), (key, value)]
    for pair in pairs:
        parameters = "=".join(quote(part, safe="") for part in pair)
        assert status(few, f"{BASE}/things?{parameters}") in {200, 400}
    quoted = quote(name, safe="")
    assert status(few, f"{BASE}/{quoted}") in {200, 404}
    assert status(few, f"{BASE}/things/{quoted}") in {200, 404}
    everything = json.loads(respond(Request("GET", f"{BASE}/things"), few).body)
    assert everything["meta"]["totalResourceCount"] == 2


@given(SQL)
def test_injections_match_no_row(few, value):
    """A value that is SQL is compared with, as text."""
    url = f"{BASE}/things?filter[name][EQ]={quote(value, safe='')}"
    document = json.loads(respond(Request("GET", url), few).body)
    assert document["meta"]["totalResourceCount"] == 0


@given(st.text(alphabet="/?&=[]%#.,-+ \t\x00abcruns0129\u03bc", max_size=40))
def test_every_url_has_an_answer(few, text):
    """Whatever follows the base URL, the service answers with a document."""
    assert status(few, f"{BASE}/{text}") in {200, 400, 404}
