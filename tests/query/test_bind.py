"""Queries held against the catalogue."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.errors import (
    NotFilterableError,
    NotSortableError,
    OperatorError,
    UnknownFieldError,
    UsageError,
)
from omskit.query import OPERATORS, Condition, Query, bind, field
from omskit.query.bind import cast_value, parse_time
from omskit.schema import Field, Resource, bundled

RUNS = bundled()["runs"]
KINDS = Resource(
    "kinds",
    (
        Field("int", ("int",), "int"),
        Field("float", ("float",), "float"),
        Field("str", ("str",), "str"),
        Field("bool", ("bool",), "bool"),
        Field("time", ("time",), "time"),
        Field("list", ("list",), "list", items="str"),
        Field("numbers", ("numbers",), "list", items="int"),
        Field("json", ("json",), "json"),
        Field("dark", ("dark",), "int", filterable=False, sortable=False),
        Field("o_a", ("o", "a"), "int", filterable=False, sortable=False),
    ),
    granularities=("lumisection", "run"),
)
MOMENT = dt.datetime(2017, 6, 16, tzinfo=dt.UTC)
SAMPLE = {
    "int": 5,
    "float": 0.5,
    "str": "x",
    "bool": True,
    "time": MOMENT,
    "list": "DT",
    "json": "x",
}


def one(condition, **options):
    """The condition as it is once bound."""
    return bind(Query("kinds").where(condition), KINDS, **options).conditions[0]


@pytest.mark.parametrize("kind", list(SAMPLE))
@pytest.mark.parametrize("word", list(OPERATORS))
def test_operators_fit_their_kinds_only(kind, word):
    """An operator binds on the kinds of its table and raises on every other."""
    value = SAMPLE[kind]
    condition = Condition(kind, word, (value,) if word == "IN" else value)
    if kind in OPERATORS[word].kinds:
        assert one(condition) == condition
    else:
        fitting = [o.symbol for o in OPERATORS.values() if kind in o.kinds]
        with pytest.raises(OperatorError) as caught:
            one(condition)
        said = str(caught.value)
        assert f"{kind!r} is of type {kind}" in said
        assert " ".join(fitting) in said


@pytest.mark.parametrize("word", list(OPERATORS))
def test_null_fits_equality_only(word):
    """Null compares with = and != on every kind, and with nothing else."""
    for kind in SAMPLE:
        if kind not in OPERATORS[word].kinds:
            continue
        if word == "IN":
            with pytest.raises(OperatorError, match="one of several"):
                one(Condition(kind, word, (None,)))
        elif OPERATORS[word].nullable:
            assert one(Condition(kind, word, None)).value is None
        else:
            with pytest.raises(OperatorError, match="null can only be compared"):
                one(Condition(kind, word, None))


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("int", "5839", 5839),
        ("int", 5.0, 5),
        ("int", -(2**63), -(2**63)),
        ("float", "1e3", 1000.0),
        ("float", 3, 3.0),
        ("bool", "True", True),
        ("bool", "false", False),
        ("time", "2017-06-16", MOMENT.date()),
        ("time", "2017-06-16T02:00+02:00", MOMENT),
        ("time", " 2017-06-16T00:00Z ", MOMENT),
        ("str", "x", "x"),
        ("str", " ", " "),
    ],
)
def test_values_take_the_type_of_the_field(kind, given, value):
    """Text and numbers that mean a value of the field's type become one."""
    found = one(Condition(kind, "EQ", given)).value
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("int", "x", "whole number, and 'x' is none. Write 297050"),
        ("int", 5.5, "whole number"),
        ("int", True, "whole number"),
        ("int", 2**63, "whole number"),
        ("int", float("inf"), "whole number"),
        ("int", "9" * 5000, "whole number"),
        ("int", MOMENT, "and 2017-06-16T00:00:00Z is none"),
        ("float", "x", "a number"),
        ("float", "nan", "a number"),
        ("float", float("inf"), "a number"),
        ("float", 10**400, "a number"),
        ("float", False, "a number"),
        ("float", MOMENT, "a number"),
        ("str", 5, "text"),
        ("str", "", "neither empty"),
        ("str", "NULL", "== None asks for missing"),
        ("bool", 1, "true or false"),
        ("bool", "yes", "true or false"),
        ("time", 5, "a time"),
        ("time", "soon", "a time"),
        ("time", "0001-01-01T00:00:00+23:00", "a time"),
    ],
)
def test_values_of_another_type_raise(kind, value, said):
    """A value that cannot be of the field's type raises, and the message says why."""
    with pytest.raises(OperatorError) as caught:
        one(Condition(kind, "EQ", value))
    assert said in str(caught.value)


def test_lists_are_compared_by_their_elements():
    """CT on a list takes a value of the type of its elements."""
    assert one(field("numbers").contains("5")).value == 5
    with pytest.raises(OperatorError, match="whole number"):
        one(field("numbers").contains("DT"))


def test_every_value_of_a_list_is_cast():
    """The values of is_in() are cast one by one, and equal ones become one."""
    assert one(field("int").is_in(["5", 5.0, 6])).value == (5, 6)
    with pytest.raises(OperatorError, match="whole number"):
        one(field("int").is_in([5, "x"]))


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        (Query("runs").where(field.l1_rat > 5), UnknownFieldError, "'l1_rate'"),
        (Query("runs").select("l1_rat"), UnknownFieldError, "'l1_rate'"),
        (Query("runs").sort("-l1_rat"), UnknownFieldError, "'l1_rate'"),
        (Query("runs", order=("-",)), UnknownFieldError, "no field"),
    ],
)
def test_misspelt_names_raise_with_the_nearest(query, error, said):
    """A name that OMS does not have raises and names the one that was meant."""
    with pytest.raises(error, match=said):
        bind(query, RUNS)


def test_what_cannot_be_filtered_or_sorted_says_what_can():
    """Fields without filter or order raise with the list of those that have."""
    with pytest.raises(NotFilterableError, match="It can by: int, float") as caught:
        one(field.dark == 1)
    assert "Filter the table instead" in str(caught.value)
    with pytest.raises(NotFilterableError, match="has parts"):
        one(field.o == 1)
    for key in ("dark", "-dark", "o"):
        with pytest.raises(NotSortableError, match="It can by: int, float"):
            bind(Query("kinds").sort(key), KINDS)


def test_nested_attributes_can_be_selected():
    """A nested attribute stands for its parts, in fields."""
    assert bind(Query("kinds").select("o", "o_a"), KINDS).fields == ("o", "o_a")


def test_granularities_are_checked():
    """A granularity that the resource lacks raises and names those it has."""
    assert bind(Query("kinds").group("run"), KINDS)
    with pytest.raises(UsageError, match="'lumisection' or 'run', not 'fill'"):
        bind(Query("kinds").group("fill"), KINDS)
    with pytest.raises(UsageError, match="no granularity, not 'run'"):
        bind(Query("runs").group("run"), RUNS)


def test_unchecked_lets_new_names_pass_and_checks_the_others():
    """With unchecked=True unknown names go as they are; others are still checked."""
    query = (
        Query("kinds")
        .where(field.brand_new == "x", field.int == "5")
        .select("brand_new", "int")
        .sort("-brand_new", "int")
        .group("fill")
    )
    bound = bind(query, KINDS, unchecked=True)
    assert bound.conditions == (field.brand_new == "x", field.int == 5)
    assert (bound.fields, bound.order) == (query.fields, query.order)
    with pytest.raises(OperatorError):
        bind(Query("kinds").where(field.int == "x"), KINDS, unchecked=True)
    with pytest.raises(NotSortableError):
        bind(Query("kinds").sort("dark"), KINDS, unchecked=True)


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_field_of_the_catalogue_does_what_it_says(name):
    """A field of the catalogue binds in filter and sort just where it says so."""
    resource = bundled()[name]
    for column in resource.fields:
        kind = column.items if column.kind == "list" else column.kind
        word = "CT" if column.kind == "list" else "EQ"
        filters = Query(name).where(Condition(column.name, word, SAMPLE[kind]))
        sorts = Query(name).sort(column.name)
        for query, able in ((filters, column.filterable), (sorts, column.sortable)):
            if able and column.kind != "json":
                assert bind(query, resource, whole=False)
            else:
                with pytest.raises(UsageError):
                    bind(query, resource, whole=False)


ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.datetimes()
    | st.dates()
    | st.lists(st.integers() | st.none(), max_size=2)
)


@given(
    st.sampled_from([f.name for f in KINDS.fields]),
    st.sampled_from(list(OPERATORS)),
    ANY,
)
@settings(max_examples=examples(300))
def test_anything_binds_or_is_a_usage_error(name, word, value):
    """No value makes binding fail but with an error that says what would do."""
    try:
        query = Query("kinds").where(Condition(name, word, value))
        bound = bind(query, KINDS)
    except UsageError:
        return
    assert bind(bound, KINDS) == bound


@given(st.text(max_size=25))
@settings(max_examples=examples(200))
def test_times_are_read_or_none(text):
    """Any text is a time in UTC or None, never an exception."""
    found = parse_time(text)
    assert found is None or found.tzinfo is dt.UTC


@given(st.datetimes(timezones=st.just(dt.UTC)))
@settings(max_examples=examples(100))
def test_times_are_read_back(moment):
    """What isoformat writes is read back, to the microsecond."""
    assert cast_value(moment.isoformat(), KINDS.field("time")) == moment


@pytest.mark.parametrize("kind", ["int", "float"])
@pytest.mark.parametrize("text", ["297_050", "\N{ARABIC-INDIC DIGIT THREE}", "5" * 400])
def test_numbers_are_plain(kind, text):
    """What only Python takes for a number, or no 64 bits hold, is refused in short."""
    with pytest.raises(OperatorError, match="number, and") as caught:
        cast_value(text, KINDS.field(kind))
    assert len(str(caught.value)) < 200
