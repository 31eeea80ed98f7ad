"""Plans: what OMS is asked, what is left to do here, and that the two are right."""

from __future__ import annotations

import datetime as dt
import fnmatch
import random
import re
from itertools import pairwise, product

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.errors import OperatorError, ServiceError
from omskit.flow.assemble import assemble
from omskit.jsonapi import ID
from omskit.query import OPERATORS, WIRE, Condition, Query, Selection, bind, field
from omskit.query.pairs import PairSet
from omskit.query.pieces import MOST_PIECES, joined
from omskit.query.plan import MOST_REQUESTS, plan
from omskit.query.url import encode, parse
from omskit.schema import UNIT_SUFFIX, Catalogue, Field, Resource, bundled

RUNS = bundled()["runs"]
LUMIS = bundled()["lumisections"]


def planned(*conditions, resource=RUNS, **options):
    """The plan of a query of these conditions."""
    query = Query(resource.name).where(*conditions)
    return plan(bind(query, resource), resource, **options)


def asked(made):
    """What each request is asked, as text."""
    return [", ".join(map(str, request.conditions)) for request in made.requests]


@pytest.mark.parametrize(
    ("conditions", "sent"),
    [
        ((field.l1_rate > 5, field.l1_rate > 7), "l1_rate > 7.0"),
        ((field.l1_rate > 5, field.l1_rate >= 5), "l1_rate > 5.0"),
        ((field.l1_rate >= 5, field.l1_rate > 5), "l1_rate > 5.0"),
        ((field.l1_rate >= 7, field.l1_rate > 5), "l1_rate >= 7.0"),
        ((field.l1_rate < 5, field.l1_rate < 7), "l1_rate < 5.0"),
        ((field.l1_rate <= 5, field.l1_rate < 5), "l1_rate < 5.0"),
        ((field.l1_rate < 5, field.l1_rate <= 5), "l1_rate < 5.0"),
        ((field.l1_rate <= 3, field.l1_rate < 5), "l1_rate <= 3.0"),
        (
            (field("run_number").between(1, 9), field("run_number").between(5, 20)),
            "run_number >= 5, run_number <= 9",
        ),
        (
            (field("run_number").between(5, 5), field.era == "2017B"),
            "run_number >= 5, run_number <= 5, era = 2017B",
        ),
        ((field.run_number == 5, field.run_number == 5), "run_number = 5"),
        (
            (field.run_number == 5, field.run_number > 1),
            "run_number = 5, run_number > 1",
        ),
    ],
)
def test_bounds_merge_to_the_tightest(conditions, sent):
    """Of several bounds on a field the tightest goes out, and nothing is left here."""
    made = planned(*conditions)
    assert asked(made) == [sent]
    assert made.local == ()
    assert made.empty is None
    assert made.checks == made.requests[0].conditions


LATER = dt.datetime(2018, 1, 1, tzinfo=dt.UTC)
EARLIER = dt.datetime(2017, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "conditions",
    [
        (field.run_number == 5, field.run_number == 6),
        (field.run_number == 5, field.run_number != 5),
        (field.run_number == 5, field.run_number > 5),
        (field.run_number == 5, field.run_number < 5),
        (field.run_number >= 6, field.run_number == 5),
        (field.run_number == 5, field.run_number <= 4),
        (field.run_number > 5, field.run_number < 5),
        (field.run_number > 5, field.run_number <= 5),
        (field.run_number >= 5, field.run_number < 5),
        (field.run_number >= 6, field.run_number <= 5),
        (field.start_time > LATER, field.start_time < EARLIER),
        (field.stable_beam == True, field.stable_beam == False),  # noqa: E712
        (field.era == "2017B", field.era == "2017C"),
        (field.era == "2017B", field.era == None),  # noqa: E711
        (field.era != None, field.era == None),  # noqa: E711
        (field.run_number == None, field.run_number > 5),  # noqa: E711
        (field.run_number == None, field.run_number != 5),  # noqa: E711
        (field.era == None, field("era").like("2017%")),  # noqa: E711
        (field("run_number").is_in([5, 6]), field.run_number == 7),
        (field("run_number").is_in([5, 6]), field.run_number > 6),
        (field("run_number").is_in([5, 6]), field("run_number").is_in([7, 8])),
        (field("era").is_in(["a", "b"]), field.era == "c"),
        (field("era").is_in(["a"]), field.era != "a"),
        (field("era").is_in(["a"]), field.era == None),  # noqa: E711
    ],
)
def test_contradictions_are_found_without_a_request(conditions):
    """Conditions that cannot all hold are an empty plan which says why."""
    made = planned(*conditions)
    assert made.requests == ()
    assert made.empty
    assert str(conditions[0].field) in made.empty


@pytest.mark.parametrize(
    "conditions",
    [
        (field.run_number >= 5, field.run_number <= 5),
        (field.era >= "b", field.era <= "a"),
        (field.era == "2017B", field("era").like("2018%")),
        (field.era == "b", field.era < "a"),
        (field.era == "2017B", field.era != None),  # noqa: E711
        (field.run_number == None, field.end_time == None),  # noqa: E711
        (field.l1_rate > 5, field.run_number < 5),
    ],
)
def test_what_may_hold_is_asked(conditions):
    """What is not proven to be empty is left to the service, text's order among it."""
    made = planned(*conditions)
    assert made.empty is None
    assert len(made.requests) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (field.run_number != 5, field.run_number != 6),
        (field("l1_menu").like("a%"), field("l1_menu").like("%b")),
        (field("components").contains("DT"), field("components").contains("CSC")),
    ],
)
def test_a_second_of_its_kind_is_applied_here(first, second):
    """Two equal keys would be a set to the service: the second stays here."""
    made = planned(first, second, first)
    assert made.requests[0].conditions == (first,)
    assert made.local == (second,)
    assert made.whole is None
    assert f"applied here: {second}" in made.notes


def test_a_list_of_numbers_is_ranges():
    """Neighbours in a list of whole numbers are one range each."""
    made = planned(field("run_number").is_in([9, 5, 6, 7, 20]))
    assert asked(made) == [
        "run_number >= 5, run_number <= 7",
        "run_number = 9",
        "run_number = 20",
    ]
    assert made.local == ()
    assert [c.op for c in made.checks] == ["IN"]


def test_a_long_list_is_joined_and_filtered_here():
    """More than 32 pieces are joined where the gaps are narrowest, then filtered."""
    numbers = [*range(0, 200, 2), 10_000]
    made = planned(field("run_number").is_in([n + 1 for n in numbers]))
    assert len(made.requests) == MOST_PIECES
    assert [c.op for c in made.local] == ["IN"]
    assert made.checks == ()
    assert asked(made)[-1] == "run_number = 10001"
    assert made.whole is None


@given(st.sets(st.integers(-50, 300), min_size=1, max_size=90), st.integers(1, 40))
@settings(max_examples=examples(200))
def test_joined_ranges_cover_with_the_least_waste(numbers, most):
    """Ranges cover every number, in order, few enough, and join the nearest only."""
    ranges = joined(numbers, most)
    assert len(ranges) <= most
    covered = [n for first, last in ranges for n in range(first, last + 1)]
    assert covered == sorted(set(covered))
    assert set(covered) >= numbers
    assert all(first in numbers and last in numbers for first, last in ranges)
    exact = joined(numbers, len(numbers))
    assert sum(b - a + 1 for a, b in exact) == len(numbers)
    if len(exact) <= most:
        assert ranges == exact
    else:
        gaps = sorted(b[0] - a[1] for a, b in pairwise(exact))
        left = sorted(b[0] - a[1] for a, b in pairwise(ranges))
        assert left == gaps[len(gaps) - len(left) :]


def test_a_list_of_texts_is_one_request_each():
    """OMS knows no OR: each text is asked for by itself, and the list is checked."""
    made = planned(field("era").is_in(["2017C", "2017B"]), field.run_number > 5)
    assert asked(made) == [
        "run_number > 5, era = 2017C",
        "run_number > 5, era = 2017B",
    ]
    assert made.order == ("run_number",)
    assert [str(c) for c in made.checks] == ["run_number > 5", "era in 2017C, 2017B"]


def test_lists_of_floats_and_times_are_one_request_each():
    """Values that have no neighbours are asked for one by one."""
    assert len(planned(field("l1_rate").is_in([1.5, 2.5])).requests) == 2
    assert len(planned(field("start_time").is_in([EARLIER, LATER])).requests) == 2


def test_lists_are_narrowed_by_other_conditions():
    """Bounds, values and other lists on the field of a list only shorten it."""
    numbers = field("run_number").is_in([1, 5, 6, 9])
    for other, sent in (
        (field.run_number > 5, ["run_number = 6", "run_number = 9"]),
        (field.run_number == 9, ["run_number = 9"]),
        (field.run_number != 5, ["run_number = 1", "run_number = 6", "run_number = 9"]),
        (field("run_number").is_in([5, 6, 7]), ["run_number >= 5, run_number <= 6"]),
        (field.run_number != None, asked(planned(numbers))),  # noqa: E711
    ):
        assert asked(planned(numbers, other)) == sent
    texts = field("era").is_in(["2017B", "2017C", "2018A"])
    assert asked(planned(texts, field.era != "2017C", field.era >= "2017")) == [
        "era >= 2017, era = 2017B",
        "era >= 2017, era = 2018A",
    ]
    assert asked(planned(texts, field.era == "2018A")) == ["era = 2018A"]


def test_lists_multiply():
    """Two lists are asked for in every combination."""
    made = planned(field("era").is_in(["a", "b"]), field("run_number").is_in([1, 3]))
    assert asked(made) == [
        "era = a, run_number = 1",
        "era = a, run_number = 3",
        "era = b, run_number = 1",
        "era = b, run_number = 3",
    ]


def test_too_many_requests_are_a_mistake():
    """More first pages than the cap raise, and say how many it would take."""
    texts = [str(n) for n in range(MOST_REQUESTS + 1)]
    with pytest.raises(OperatorError, match=f"takes {MOST_REQUESTS + 1} requests"):
        planned(field("era").is_in(texts))
    assert len(planned(field("era").is_in(texts[:-1])).requests) == MOST_REQUESTS
    fields = ("era", "l1_menu", "hlt_key")
    with pytest.raises(OperatorError, match="one for each combination"):
        planned(*(field(name).is_in(texts[:18]) for name in fields))


@pytest.mark.parametrize(
    ("pattern", "like"),
    [
        ("HLT_ZeroBias_v*", "HLT_ZeroBias_v%"),
        ("HLT_?[0-9]*", "HLT___%"),
        ("50%", "50%"),
        ("*", None),
        ("**", None),
    ],
)
def test_shell_patterns_go_out_wider_and_match_here(pattern, like):
    """A shell pattern goes out as LIKE, where that narrows, and matches here."""
    made = planned(field("l1_menu").matches(pattern))
    wire = () if like is None else (Condition("l1_menu", "LIKE", like),)
    assert made.requests[0].conditions == wire
    assert made.local == (Condition("l1_menu", "GLOB", pattern),)


def test_a_second_shell_pattern_is_wholly_local():
    """Only one LIKE goes out, whatever the patterns."""
    made = planned(field("l1_menu").matches("a*"), field("l1_menu").matches("*b"))
    assert [c.value for c in made.requests[0].conditions] == ["a%"]
    assert [(c.op, c.value) for c in made.local] == [
        ("GLOB", "a*"),
        ("GLOB", "*b"),
        ("LIKE", "%b"),
    ]


@pytest.mark.parametrize(
    "condition",
    [
        field.delivered_lumi > 100,
        field("delivered_lumi").is_in([1.0, 2.0]),
        field.delivered_lumi == 1,
        field.delivered_lumi != 1,
    ],
)
def test_luminosities_are_filtered_here(condition):
    """The service compares luminosities in each row's own unit, so we do it here."""
    made = planned(condition, field.run_number > 5)
    assert asked(made) == ["run_number > 5"]
    assert made.local == bind(Query("runs").where(condition), RUNS).conditions
    assert planned(condition, raw=True).local == ()


def test_missing_luminosities_are_asked_for():
    """Null is null in every unit, so the service can filter by it."""
    made = planned(field.delivered_lumi == None)  # noqa: E711
    assert asked(made) == ["delivered_lumi = null"]
    assert made.local == ()


def test_luminosities_are_sorted_here():
    """Sorting by a luminosity is done here too, the identity after it."""
    query = Query("runs").sort("-delivered_lumi", "era")
    made = plan(query, RUNS)
    assert made.requests[0].order == ("run_number",)
    assert made.order == ("-delivered_lumi", "era", "run_number")
    assert made.whole
    raw = plan(query, RUNS, raw=True)
    assert raw.requests[0].order == ("-delivered_lumi", "era", "run_number")
    assert raw.order == ()


def test_what_depends_on_the_filters_is_filtered_here():
    """end_lumi is computed after the service's filters, so it is none itself."""
    condition = field.end_lumi == None  # noqa: E711
    made = planned(condition, resource=LUMIS)
    assert made.requests[0].conditions == ()
    assert made.local == (condition,)
    sorted_here = plan(Query("lumisections").sort("end_lumi"), LUMIS)
    assert sorted_here.order[0] == "end_lumi"
    assert asked(planned(condition, resource=LUMIS, raw=True)) == ["end_lumi = null"]


@pytest.mark.parametrize(
    ("query", "order"),
    [
        (Query("runs"), ("run_number",)),
        (Query("runs").sort("-run_number"), ("-run_number",)),
        (Query("runs").sort("-era"), ("-era", "run_number")),
        (Query("runs").sort("era", "run_number"), ("era", "run_number")),
        (Query("runs").where(field.run_number == 5), ()),
        (Query("lumisections"), ("run_number", "lumisection_number")),
        (
            Query("lumisections").where(field.run_number == 5),
            ("run_number", "lumisection_number"),
        ),
        (
            Query("lumisections").where(
                field.run_number == 5, field.lumisection_number == 1
            ),
            (),
        ),
        (
            Query("lumisections").sort("-lumisection_number"),
            ("-lumisection_number", "run_number"),
        ),
    ],
)
def test_rows_come_in_one_order(query, order):
    """The identity ends every order, unless it is pinned: pages never overlap."""
    made = plan(query, bundled()[query.resource])
    assert made.requests[0].order == order
    assert made.order == ()


def test_resources_without_an_order_have_none():
    """A resource without identity, or whose identity cannot be sorted, is unsorted."""
    plain = Resource("plain", (Field("n", ("n",), "int"),))
    fixed = Resource(
        "fixed", (Field("n", ("n",), "int", sortable=False),), identity=("n",)
    )
    for resource in (plain, fixed):
        assert plan(Query(resource.name), resource).requests[0].order == ()


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (
            Query("runs").select("era", "l1_rate"),
            ("era", "l1_rate", "run_number"),
        ),
        (Query("runs").select("delivered_lumi"), None),
        (Query("runs").select("era").where(field.delivered_lumi > 1), None),
        (Query("runs").select("era").sort("delivered_lumi"), None),
        (
            Query("runs").select("era").where(field.l1_rate > 1),
            ("era", "l1_rate", "run_number"),
        ),
        (
            Query("l1triggerrates").select("start_time").group(granularity="run"),
            (
                "start_time",
                "run_number",
                "first_lumisection_number",
                "last_lumisection_number",
            ),
        ),
        (
            Query("runs").select("era").where(field("l1_menu").matches("a*")),
            ("era", "l1_menu", "run_number"),
        ),
        (
            Query("runs").select("era").where(field("hlt_key").is_in(["a", "b"])),
            ("era", "run_number", "hlt_key"),
        ),
        (
            Query("l1triggerrates").select("l1a_total_rate"),
            ("l1a_total", "run_number", "first_lumisection_number"),
        ),
        (
            Query("l1triggerrates").select("l1a_total", "start_time"),
            ("l1a_total", "start_time", "run_number", "first_lumisection_number"),
        ),
        (Query("lumisections").select("end_lumi"), None),
        (
            Query(
                "lumisections", selection=Selection(mask=PairSet.of([1], [1]))
            ).select("cms_active"),
            ("cms_active", "run_number", "lumisection_number"),
        ),
    ],
)
def test_projections_ask_for_what_is_needed(query, fields):
    """fields= names what is wanted and what is needed here; whole rows carry units."""
    resource = bundled()[query.resource]
    made = plan(query, resource)
    assert made.requests[0].fields == fields
    if fields is None:
        assert any(note.startswith("whole rows:") for note in made.notes)


def test_columns_are_those_asked_for():
    """The table has the columns asked for, parts of nested ones in their places."""
    query = Query("l1triggerrates").select("l1a_physics", "run_number", "mystery")
    made = plan(query, bundled()["l1triggerrates"])
    expected = ("l1a_physics_counter", "l1a_physics_rate", "run_number", "mystery")
    assert made.columns == expected
    assert "mystery" in made.requests[0].fields
    never = query.where(field.run_number == 1, field.run_number == 2)
    assert plan(never, bundled()["l1triggerrates"]).columns == expected
    assert plan(Query("runs"), RUNS).columns is None


def test_masks_are_applied_here():
    """A mask stays here, is applied page by page, and is told."""
    mask = PairSet.of([1], [1])
    made = plan(Query("lumisections", selection=Selection(mask=mask)), LUMIS)
    assert made.mask is mask
    assert made.whole is None
    assert made.requests[0].selection.mask is None
    assert made.notes == ("applied here: the lumisection mask",)


def test_limits_reach_the_service_where_they_can():
    """Only a plan of one request with nothing left to do here asks for fewer rows."""
    limited = Query("runs").limit(5)
    assert plan(limited, RUNS).wanted == 5
    assert plan(Query("runs"), RUNS).wanted is None
    for more in (
        limited.sort("delivered_lumi"),
        limited.where(field("era").is_in(["a", "b"])),
        limited.where(field("l1_menu").matches("a*")),
    ):
        made = plan(more, RUNS)
        assert made.wanted is None
        assert made.maximum == 5


def test_unknown_columns_of_a_list_are_asked_for_one_by_one():
    """A list on a column that the catalogue lacks takes a request for each value."""
    query = Query("runs").where(field("mystery").is_in([1, 2, 3])).select("era")
    made = plan(bind(query, RUNS, unchecked=True), RUNS)
    assert asked(made) == ["mystery = 1", "mystery = 2", "mystery = 3"]
    assert made.local == ()


def test_groups_and_extras_go_along():
    """What else a query says is said in every request."""
    query = (
        Query("runs")
        .include("meta")
        .custom("a", 1)
        .group(size=5)
        .where(field("era").is_in(["a", "b"]))
    )
    for request in plan(query, RUNS).requests:
        assert request.includes == query.includes
        assert request.extras == query.extras
        assert request.groups == query.groups


ROWS = Resource(
    "rows",
    (
        Field("run", ("run",), "int", nullable=False),
        Field("n", ("n",), "int"),
        Field("x", ("x",), "float"),
        Field("s", ("s",), "str"),
        Field("b", ("b",), "bool"),
        Field("t", ("t",), "time"),
        Field("l", ("l",), "list", items="str", sortable=False),
        Field("lumi", ("lumi",), "float", unit="/pb", scaled=True),
        Field("o_a", ("o", "a"), "int"),
        Field("o_b", ("o", "b"), "str", filterable=False),
    ),
    identity=("run",),
    id_is_real=True,
)
"""A resource with every kind, a scaled column and a nested attribute."""

FACTOR = {"pb^{-1}": 1.0, "nb^{-1}": 0.001}
DAYS = [dt.datetime(2017, 1, day, tzinfo=dt.UTC) for day in (1, 2, 3)]
TEXTS = ["a", "b", "ab", "a_b", "A", "%"]
SMALL = {
    "run": list(range(1, 25)),
    "n": [0, 1, 2, 3, 4],
    "x": [0.0, 0.5, 1.0, 2.0],
    "s": TEXTS,
    "b": [True, False],
    "t": DAYS,
    "l": [[], ["a"], ["b", None], ["a", "b"]],
    "lumi": [0.0, 1.0, 2.0, 1000.0],
    "o_a": [0, 1, 2, 3],
    "o_b": TEXTS,
}
PATTERNS = {
    "LIKE": ["a%", "_", "%b", "a_b", "%", "A"],
    "GLOB": ["a*", "?", "*b", "a?b", "*", "[ab]", "[!a]*", "%"],
}


def table_of(seed):
    """Rows of the resource, as the service holds them: lumis in their row's unit."""
    dice = random.Random(seed)
    rows = []
    for run in sorted(dice.sample(SMALL["run"], dice.randint(0, 24))):
        row = {
            name: None if dice.random() < 0.2 else dice.choice(values)
            for name, values in SMALL.items()
        }
        rows.append(row | {"run": run, "unit": dice.choice(list(FACTOR))})
    return rows


FILTERABLE = [f for f in ROWS.fields if f.filterable]


def condition_on(column, dice):
    """Any condition that fits a column, lists more often than the rest."""
    fitting = [o.word for o in OPERATORS.values() if column.kind in o.kinds]
    word = dice.choice([*fitting, "IN"] if "IN" in fitting else fitting)
    values = ["a", "b"] if column.kind == "list" else SMALL[column.name]
    values = PATTERNS.get(word, values)
    if word == "IN":
        many = min(len(values), dice.randint(1, 6))
        return Condition(column.name, word, tuple(dice.sample(values, many)))
    null = OPERATORS[word].nullable and dice.random() < 0.15
    return Condition(column.name, word, None if null else dice.choice(values))


def question_of(seed):
    """A bound query, mostly with several conditions on the same field."""
    dice = random.Random(seed)
    about = dice.choices(FILTERABLE, k=dice.randint(1, 3))
    names = ["run", "n", "s", "lumi", "o", "o_a", "l"]
    keys = dice.sample(["run", "n", "s", "lumi", "o_a"], dice.choice([0, 0, 1, 2]))
    query = Query(
        "rows",
        conditions=tuple(
            condition_on(dice.choice(about), dice) for _ in range(dice.randint(0, 4))
        ),
        fields=dice.choice([None, tuple(dice.sample(names, dice.randint(1, 4)))]),
        order=tuple(dice.choice(["", "-"]) + key for key in keys),
        maximum=dice.choice([None, None, 1, 3, 5]),
    )
    return bind(query, ROWS)


SEEDS = st.integers(0, 10**9)
TABLES = SEEDS.map(table_of)
"""Tables from numbers: hypothesis, left to draw each cell, draws mostly trifles."""
QUESTIONS = SEEDS.map(question_of)


@pytest.fixture
def few_pieces(monkeypatch):
    """Lists of numbers are joined early, so that small ones show it."""
    monkeypatch.setattr("omskit.query.pieces.MOST_PIECES", 2)


def three_valued(condition, value):
    """What SQL says of one value: True, False, or None where it does not know."""
    other = condition.value
    if other is None:
        return (value is None) == (condition.op == "EQ")
    if value is None:
        return None
    like = re.compile(
        re.escape(str(other)).replace("%", ".*").replace("_", "."), re.DOTALL
    )
    return {
        "EQ": lambda: value == other,
        "NEQ": lambda: value != other,
        "LT": lambda: value < other,
        "LE": lambda: value <= other,
        "GT": lambda: value > other,
        "GE": lambda: value >= other,
        "IN": lambda: value in other,
        "LIKE": lambda: like.fullmatch(value) is not None,
        "GLOB": lambda: fnmatch.fnmatchcase(value, other),
        "CT": lambda: other in value,
    }[condition.op]()


def selected(rows, query):
    """OMS in plain Python: conditions ANDed, nulls last both ways, ties by identity."""
    kept = [
        row
        for row in rows
        if all(three_valued(c, row[c.field]) is True for c in query.conditions)
    ]
    kept.sort(key=lambda row: row["run"])
    for key in reversed(query.order):
        name = key.removeprefix("-")
        present = [row for row in kept if row[name] is not None]
        # reverse=True keeps equal rows in their order, too.
        present.sort(key=lambda row: row[name], reverse=key[0] == "-")
        kept = present + [row for row in kept if row[name] is None]
    return kept[: query.maximum]


def canonical_rows(rows):
    """The rows with luminosities in their one unit."""
    return [
        row
        | {"lumi": None if row["lumi"] is None else row["lumi"] * FACTOR[row["unit"]]}
        for row in rows
    ]


def page_of(rows, request):
    """What the decoder would give for the rows: nothing that fields= leaves out."""
    columns = {}
    for column in ROWS.fields:
        asked_for = request.fields is None or column.attribute in request.fields
        values = [row[column.name] if asked_for else None for row in rows]
        columns[column.name] = pa.array(values, column.arrow_type)
    columns[ID] = pa.array([str(row["run"]) for row in rows], pa.string())
    units = [row["unit"] if request.fields is None else None for row in rows]
    columns["lumi" + UNIT_SUFFIX] = pa.array(units, pa.string())
    return pa.table(columns)


def columns_of(query):
    """The columns of the answer."""
    if query.fields is None:
        return list(ROWS.names)
    names = [f.name for n in query.fields for f in ROWS.columns_of(n)]
    return list(dict.fromkeys(names))


@given(rows=TABLES, query=QUESTIONS)
@settings(max_examples=examples(1200))
def test_a_plan_is_right(few_pieces, rows, query):
    """The requests of a plan, answered by plain Python and assembled, are right."""
    made = plan(query, ROWS)
    catalogue = Catalogue({"rows": ROWS})
    pages = []
    for request in made.requests:
        assert {c.op for c in request.conditions} <= WIRE
        assert all(c.field != "lumi" or c.value is None for c in request.conditions)
        told, _ = parse(encode(request), catalogue)
        assert told == request, "the service is asked just what is planned"
        pages.append(page_of(selected(rows, request)[: made.wanted], request))
    if made.empty:
        assert not made.requests
    table = assemble(pages, made, ROWS, raw=False).table
    wanted = columns_of(query)
    assert table.to_pylist() == [
        {name: row[name] for name in wanted}
        for row in selected(canonical_rows(rows), query)
    ]


@given(rows=TABLES, query=QUESTIONS)
@settings(max_examples=examples(100))
def test_a_plan_in_raw_units_is_right(few_pieces, rows, query):
    """With raw units all but lists and patterns is the service's, and is right."""
    made = plan(query, ROWS, raw=True)
    pages = [page_of(selected(rows, request), request) for request in made.requests]
    table = assemble(pages, made, ROWS, raw=True).table
    found = table.drop_columns([n for n in table.column_names if n == "lumi_unit"])
    wanted = columns_of(query)
    assert found.to_pylist() == [
        {name: row[name] for name in wanted} for row in selected(rows, query)
    ]


@given(rows=TABLES, query=QUESTIONS)
@settings(max_examples=examples(150))
def test_a_service_that_ignores_a_filter_is_found_out(rows, query):
    """Where a filter of the plan is not applied, rows raise, or the answer is right."""
    made = plan(query, ROWS)
    pages = []
    for request in made.requests:
        deaf = Query("rows", fields=request.fields, order=request.order)
        pages.append(page_of(selected(rows, deaf), request))
    came = {f.name for f in ROWS.fields}
    if made.requests and made.requests[0].fields is not None:
        came = {f.name for f in ROWS.fields if f.attribute in made.requests[0].fields}
    exact = {"EQ", "NEQ", "LT", "LE", "GT", "GE", "IN"}
    broken = any(
        three_valued(c, row[c.field]) is not True
        for c in made.checks
        if c.field in came and c.op in exact and ROWS.field(c.field).kind != "float"
        for row in rows
        if made.requests
    )
    if broken:
        with pytest.raises(ServiceError, match="did not apply a filter"):
            assemble(pages, made, ROWS, raw=False)


@given(QUESTIONS)
@settings(max_examples=examples(100))
@example(bind(Query("rows").where(field("n").is_in(range(0, 900, 3))), ROWS))
def test_requests_do_not_overlap(query):
    """No two requests of a plan can return the same row."""
    made = plan(query, ROWS)
    for one, other in product(made.requests, repeat=2):
        if one is other:
            continue
        both = Query("rows", conditions=(*one.conditions, *other.conditions))
        assert plan(both, ROWS).empty


@pytest.mark.parametrize(
    ("query", "first", "whole"),
    [
        (Query("lumisections"), "run_number = 5", False),
        (Query("lumisections").sort("-run_number"), "run_number = 9", False),
        (Query("lumisections").sort("fill_number"), "run_number = 5", True),
        (Query("lumisections").sort("start_time", "-run_number"), None, True),
    ],
)
def test_answers_that_follow_each_other_are_not_sorted_here(query, first, whole):
    """Parts in the order of the first sort key follow each other, others are sorted."""
    made = plan(query.where(field("run_number").is_in([9, 5])), LUMIS)
    assert bool(made.order) == whole
    assert (made.whole is not None) == whole
    assert first is None or asked(made)[0] == first


def test_several_lists_follow_each_other_where_all_but_the_last_pin():
    """Of several lists only the last may be ranges: the others pin their columns."""
    runs, lumis = field("run_number"), field("lumisection_number")
    made = plan(
        Query("lumisections").where(runs.is_in([9, 5]), lumis.is_in([7, 1, 2])), LUMIS
    )
    assert made.whole is None
    assert asked(made) == [
        "run_number = 5, lumisection_number >= 1, lumisection_number <= 2",
        "run_number = 5, lumisection_number = 7",
        "run_number = 9, lumisection_number >= 1, lumisection_number <= 2",
        "run_number = 9, lumisection_number = 7",
    ]
    ranges = plan(
        Query("lumisections").where(runs.is_in([5, 6, 9]), lumis.is_in([1, 7])), LUMIS
    )
    assert ranges.whole == "sorted here: run_number, lumisection_number"
    assert f"pages() reads all rows before the first: {ranges.whole}" in ranges.notes


def test_the_next_lumisection_is_a_neighbour_in_either_direction():
    """end_lumi needs all rows only in an order in which runs are not kept together."""
    pinned = Query("lumisections").where(field.run_number == 5)
    for query in (
        Query("lumisections").sort("-run_number", "lumisection_number"),
        pinned.sort("-lumisection_number"),
        Query("lumisections").sort("fill_number").select("cms_active"),
    ):
        assert plan(query, LUMIS).whole is None
    by_fill = Query("lumisections").sort("fill_number")
    assert plan(by_fill, LUMIS).whole == (
        "end_lumi is looked up in the next lumisection"
    )
    assert plan(by_fill, LUMIS, raw=True).whole is None
