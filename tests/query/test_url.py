"""The URL codec: what goes out comes back."""

from __future__ import annotations

import datetime as dt
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.errors import (
    NotFilterableError,
    NotSortableError,
    OMSError,
    OperatorError,
    UnknownFieldError,
    UnknownResourceError,
    UsageError,
)
from omskit.query import OPERATORS, WIRE, Condition, Query, bind, field
from omskit.query.model import INCLUDES, time_text
from omskit.query.url import Page, encode, parse, wire_text
from omskit.schema import bundled

CATALOGUE = bundled()
NASTY = st.sampled_from(
    ["a&b=c%", "50%", "x+y", "#1", "[EQ]", "a=b", "é ü", "\N{GRINNING FACE}", " a "]
)
TEXT = (st.text(min_size=1, max_size=12) | NASTY).filter(lambda t: t.lower() != "null")
VALUES = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "str": TEXT,
    "list": TEXT,
    "bool": st.booleans(),
    "time": st.datetimes(timezones=st.just(dt.UTC)),
}


@st.composite
def bound_queries(draw):
    """Any query that OMS can say, on any resource of the catalogue."""
    resource = CATALOGUE[draw(st.sampled_from(sorted(CATALOGUE)))]
    able = [f for f in resource.fields if f.filterable and f.kind in VALUES]
    conditions = []
    for column in draw(st.lists(st.sampled_from(able), max_size=4)) if able else ():
        words = [w for w in sorted(WIRE) if column.kind in OPERATORS[w].kinds]
        word = draw(st.sampled_from(words))
        kind = column.items if column.kind == "list" else column.kind
        null = OPERATORS[word].nullable and draw(st.booleans())
        value = None if null else draw(VALUES[kind])
        conditions.append(Condition(column.name, word, value))
    conditions += [
        Condition(column.name, "EQ", draw(VALUES[column.kind]))
        for column in resource.filters
        if resource.within == column.name or draw(st.booleans())
    ]
    unique = {(c.field, c.op): c for c in conditions}
    sortable = [f.name for f in resource.fields if f.sortable]
    keys = draw(st.lists(st.sampled_from(sortable), max_size=3)) if sortable else []
    names = st.sampled_from([f.attribute for f in resource.fields])
    fields = draw(st.none() | st.lists(names, min_size=1, max_size=5, unique=True))
    groups = {}
    if resource.granularities:
        groups["granularity"] = draw(st.sampled_from(resource.granularities))
    if draw(st.booleans()):
        groups["size"] = str(draw(st.integers(1, 99)))
    return Query(
        resource.name,
        conditions=tuple(unique.values()),
        fields=None if fields is None else tuple(fields),
        order=tuple(
            ("-" if draw(st.booleans()) else "") + key for key in dict.fromkeys(keys)
        ),
        includes=tuple(draw(st.lists(st.sampled_from(INCLUDES), unique=True))),
        groups=tuple(groups.items()),
    )


@given(
    bound_queries(),
    st.none() | st.integers(0, 10**9),
    st.none() | st.integers(1, 10**6),
)
@settings(max_examples=examples(300))
def test_parse_undoes_encode(query, offset, limit):
    """parse(encode(query)) is the query, nasty text of every kind included."""
    url = encode(query, offset, limit)
    assert url.isascii()
    assert not set(url) & set(' "#<>\\^`{|}')
    assert parse(url, CATALOGUE) == (query, Page(offset, limit))


@given(bound_queries())
@settings(max_examples=examples(100))
def test_parse_understands_what_is_encoded_twice_over(query):
    """Brackets and commas that come percent-encoded, as urlencode does, are read."""
    path, _, tail = encode(query).partition("?")
    encoded = quote(tail, safe="=&%+:")
    assert parse(f"{path}/?{encoded}", CATALOGUE)[0] == query


@given(bound_queries())
@settings(max_examples=examples(60))
def test_a_bound_query_binds_to_itself(query):
    """Checking a checked query changes nothing."""
    assert bind(query, CATALOGUE[query.resource]) == query


def test_known_url():
    """The URL is the one in the documentation of the service."""
    query = (
        Query("runs")
        .where(field("run_number").between(297050, 297056), field("era") == "2017B")
        .select("l1_rate", "l1_menu")
        .sort("-fill_number", "run_number")
        .include("meta")
        .group(size=10)
        .custom("x", "a b")
    )
    assert encode(query, 1000, 1000) == (
        "runs?fields=l1_rate,l1_menu&filter[run_number][GE]=297050"
        "&filter[run_number][LE]=297056&filter[era][EQ]=2017B"
        "&sort=-fill_number,run_number&include=meta&group[size]=10&x=a%20b"
        "&page[offset]=1000&page[limit]=1000"
    )
    assert encode(Query("datasetrates/datasets")) == "datasetrates/datasets"


def test_sort_keys_keep_their_order():
    """Sort keys go out in the order in which they were given."""
    query = Query("runs").sort("-era", "fill_number", "-run_number")
    assert encode(query) == "runs?sort=-era,fill_number,-run_number"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (5, "5"),
        (1e-9, "1e-09"),
        ("x", "x"),
        (dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC), "2017-06-16T20:50:33Z"),
        (
            dt.datetime(2017, 6, 16, 20, 50, 33, 5, tzinfo=dt.UTC),
            "2017-06-16T20:50:33.000005Z",
        ),
    ],
)
def test_values_on_the_wire(value, text):
    """Each value is written as OMS reads it."""
    assert wire_text(value) == text


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        (Query("runs").where(field("run_number").is_in([1])), OperatorError, "one req"),
        (Query("runs").where(field("l1_menu").matches("a*")), OperatorError, "one req"),
        (Query("runs").where(field("era") == "null"), OperatorError, "missing value"),
        (Query("runs").where(field("era") == "NuLL"), OperatorError, "missing value"),
        (Query("runs").where(field("era") == "\ud800"), OperatorError, "half a char"),
        (Query("runs").where(field("a&b") == 1), UnknownFieldError, "cannot be a name"),
        (Query("runs").select("a b"), UnknownFieldError, "cannot be a name"),
        (Query("runs").sort("--era"), UnknownFieldError, "cannot be a name"),
        (Query("runs").sort("-"), UnknownFieldError, "cannot be a name"),
        (Query("runs", includes=("a=b",)), UnknownFieldError, "cannot be a name"),
        (Query("runs", groups=(("x]", "1"),)), UnknownFieldError, "cannot be a name"),
    ],
)
def test_what_oms_cannot_say_has_no_url(query, error, said):
    """A query without a URL raises, and nothing of it is dropped."""
    with pytest.raises(error, match=said):
        encode(query)


def test_a_list_has_no_text():
    """A tuple of values is never written into a URL."""
    with pytest.raises(OperatorError, match="planned into requests"):
        wire_text((1, 2))


@pytest.mark.parametrize(
    "tail",
    [
        "filter[run_number][EQ]=5",
        "filter[run_number]=5",
        "filter[run_number][eq]=5",
        "filter[runs][run_number][EQ]=5",
        "filter[runs][run_number]=5",
        "filter%5Brun_number%5D%5BEQ%5D=5",
        "filter[run_number]=%35",
        "filter[run_number]=5&filter[run_number][EQ]=5",
        "&filter[run_number]=5&",
        "filter[run_number]=+5",
    ],
)
def test_spellings_of_a_filter(tail):
    """A filter is read in every form that clients and the service itself write."""
    query, page = parse(f"runs?{tail}", CATALOGUE)
    assert query.conditions == (Condition("run_number", "EQ", 5),)
    assert page == Page()


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("fields=era,run_number", Query("runs", fields=("era", "run_number"))),
        ("fields[runs]=era%2Crun_number", Query("runs", fields=("era", "run_number"))),
        ("fields=era&fields=era,%20run_number", Query("runs").select("era,run_number")),
        ("fields=", Query("runs")),
        ("sort=-era,run_number", Query("runs", order=("-era", "run_number"))),
        ("sort[runs]=era", Query("runs", order=("era",))),
        ("include=dataonly,meta", Query("runs", includes=("data_only", "meta"))),
        ("group[size]=5", Query("runs", groups=(("size", "5"),))),
        (
            "filter[era]=2017B&filter[era]=2018A",
            Query("runs").where(field("era").is_in(["2017B", "2018A"])),
        ),
        ("filter[end_time][NEQ]=NULL", Query("runs").where(field("end_time") != None)),  # noqa: E711
        (
            "filter[start_time][GE]=2023-09-19T19:00",
            Query("runs").where(
                field("start_time") >= dt.datetime(2023, 9, 19, 19, tzinfo=dt.UTC)
            ),
        ),
        (
            "filter[start_time][GE]=2023-09-19+19:00:00.5",
            Query("runs").where(
                field("start_time")
                >= dt.datetime(2023, 9, 19, 19, 0, 0, 500_000, tzinfo=dt.UTC)
            ),
        ),
        ("filter[stable_beam]=True", Query("runs").where(field("stable_beam") == True)),  # noqa: E712
        (
            "filter[components][CT]=DT",
            Query("runs").where(field("components").contains("DT")),
        ),
    ],
)
def test_spellings_of_parameters(tail, expected):
    """Each parameter is read as the service reads it."""
    assert parse(f"runs?{tail}", CATALOGUE)[0] == expected


def test_urlencoded_pairs_are_read():
    """A URL made with urlencode, as old scripts make it, is read whole."""
    tail = urlencode({"filter[era][EQ]": "a b&c+d", "page[limit]": 3})
    query, page = parse(f"runs/?{tail}", CATALOGUE)
    assert query.conditions == (Condition("era", "EQ", "a b&c+d"),)
    assert page == Page(None, 3)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("runz?sort=era", UnknownResourceError, "Did you mean 'runs'"),
        ("runs?fields=eraa", UnknownFieldError, "Did you mean 'era'"),
        ("runs?filter[eraa]=x", UnknownFieldError, "Did you mean 'era'"),
        ("runs?filter[lumisections][era]=x", UsageError, "filter"),
        ("runs?sort=eraa", UnknownFieldError, "Did you mean"),
        ("l1triggerrates?sort=l1a_total", NotSortableError, "cannot sort"),
        ("l1triggerrates?filter[l1a_total]=1", NotFilterableError, "has parts"),
        ("l1triggerrates?filter[l1a_total_rate]=1", NotFilterableError, "cannot"),
        ("runs?filter[era][IN]=x", UsageError, "the operators are"),
        ("runs?filter[era][GLOB]=x", UsageError, "the operators are"),
        ("runs?filter[era]=", OperatorError, "text"),
        ("runs?filter[run_number]=x", OperatorError, "whole number"),
        ("runs?filter[era][LIKE]=a&filter[era][LIKE]=b", UsageError, "twice"),
        ("runs?filter=5", UsageError, "invalid parameter 'filter'"),
        ("runs?filter[a][b][c]=5", UsageError, "invalid parameter"),
        ("runs?fields[x]=era", UsageError, "invalid parameter"),
        ("runs?sort[x]=era", UsageError, "invalid parameter"),
        ("runs?group=x", UsageError, "invalid parameter"),
        ("runs?group[granularity]=run", UsageError, "granularity"),
        ("runs?include=meat", UsageError, "include='meat'"),
        ("runs?page[size]=5", UsageError, "invalid parameter"),
        ("runs?page[limit]=0", UsageError, "from 1"),
        ("runs?page[limit]=x", UsageError, "from 1"),
        ("runs?page[limit]=", UsageError, "from 1"),
        ("runs?page[offset]=-1", UsageError, "from 0"),
        ("runs?page[offset]=9999999999999999999", UsageError, "from 0"),
        ("runs?nonsense=1", UsageError, "invalid parameter 'nonsense'"),
        ("runs?=1", UsageError, "invalid parameter"),
        ("runs?a]b[=1", UsageError, "invalid parameter"),
    ],
)
def test_what_cannot_be_read_is_named(text, error, said):
    """A parameter without a meaning raises; none is passed over."""
    with pytest.raises(error, match=said):
        parse(text, CATALOGUE)


@given(st.text(alphabet="runs?fields=[]&,%+-5aéEQ/", max_size=40))
@settings(max_examples=examples(300))
def test_any_text_is_a_query_or_a_usage_error(text):
    """Whatever stands in a URL, parsing it gives a query or an error of ours."""
    for url in (text, f"runs?{text}", f"runs?filter[era]={text}"):
        try:
            query, _ = parse(url, CATALOGUE)
        except OMSError:
            continue
        assert isinstance(query, Query)


def test_no_field_has_the_name_of_its_resource():
    """filter[runs][era] is never in doubt: no resource has a field of its own name."""
    for name in CATALOGUE:
        assert name not in CATALOGUE[name]


def test_time_text_is_utc():
    """Times go out in UTC whatever their zone."""
    moment = dt.datetime(2017, 6, 16, 22, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert time_text(moment) == "2017-06-16T20:00:00Z"


@pytest.mark.parametrize(
    "query",
    [
        Query("ru\ud800"),
        Query("runs").group(size="\ud800"),
        Query("runs").custom("\ud800", "x"),
        Query("runs").custom("x", "\ud800"),
    ],
)
def test_half_a_character_is_named(query):
    """Text that no encoding has raises a usage error, wherever it stands."""
    with pytest.raises(OperatorError, match="half a character"):
        encode(query)
