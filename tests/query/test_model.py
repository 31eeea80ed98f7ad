"""Queries and conditions as values."""

from __future__ import annotations

import datetime as dt
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from omskit.errors import OperatorError, SelectorError, UsageError
from omskit.query import OPERATORS, WIRE, Condition, Query, Selection, field
from omskit.query.model import MaskLike, plain_value
from omskit.query.words import query_text

MOMENT = dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("built", "op", "value"),
    [
        (field.x == 1, "EQ", 1),
        (field.x != 1, "NEQ", 1),
        (field.x < 1, "LT", 1),
        (field.x <= 1, "LE", 1),
        (field.x > 1, "GT", 1),
        (field.x >= 1, "GE", 1),
        (field("x").like("a%"), "LIKE", "a%"),
        (field("x").matches("a*"), "GLOB", "a*"),
        (field("x").contains("a"), "CT", "a"),
        (field("x").is_in([2, 1, 2]), "IN", (2, 1)),
        (field("x").is_null(), "EQ", None),
        (field("x").not_null(), "NEQ", None),
        (1 < field.x, "GT", 1),  # noqa: SIM300  # the reflected operator
    ],
)
def test_expressions_build_conditions(built, op, value):
    """Every Python expression builds the condition of its operator."""
    assert built == Condition("x", op, value)
    assert repr(built) == f"Condition('x', {op!r}, {value!r})"
    assert eval(repr(built)) == built
    assert pickle.loads(pickle.dumps(built)) == built
    assert hash(built) == hash(Condition("x", op, value))


def test_between_has_both_ends():
    """between() is closed at both ends."""
    assert field("x").between(1, 2) == (
        Condition("x", "GE", 1),
        Condition("x", "LE", 2),
    )


def test_conditions_are_joined_by_and():
    """& makes a tuple of all conditions, which where() takes."""
    one, two, three = field.a == 1, field.b == 2, field.c == 3
    assert one & two == (one, two)
    assert one & (two & three) == (one, two, three)
    assert Query("runs").where(one & two, (three,)).conditions == (one, two, three)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: bool(field.x > 1),
        lambda: 1 < field.x < 5,
        lambda: field.x > 1 and field.y > 2,
        lambda: not (field.x > 1),
    ],
)
def test_conditions_have_no_truth_value(wrong):
    """and, not and chained comparisons raise, since Python would drop one side."""
    with pytest.raises(OperatorError, match="no truth value"):
        wrong()


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (field.x == None, "x = null"),  # noqa: E711
        (field.x != True, "x != true"),  # noqa: E712
        (field.x >= MOMENT, "x >= 2017-06-16T20:50:33Z"),
        (field("x").is_in([1, 2]), "x in 1, 2"),
        (field("x").is_in(range(9)), "x in 0, 1, 2, 3, 4, ... (9 values)"),
        (field("x").like("a%"), "x ~ a%"),
        (field("x").contains("DT"), "x has DT"),
        (field("x").matches("a*"), "x matches a*"),
    ],
)
def test_conditions_read_as_on_the_command_line(condition, text):
    """str() of a condition is what one would type."""
    assert str(condition) == text


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (5, 5),
        (None, None),
        (True, True),
        ("x", "x"),
        (0.5, 0.5),
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array(5), 5),
        (MOMENT, MOMENT),
        (MOMENT.replace(tzinfo=None), MOMENT),
        (MOMENT.astimezone(dt.timezone(dt.timedelta(hours=-5))), MOMENT),
        (dt.date(2017, 6, 16), dt.date(2017, 6, 16)),
        (pd.Timestamp(MOMENT), MOMENT),
        (pd.Timestamp("2017-06-16T20:50:33"), MOMENT),
        (np.datetime64("2017-06-16T20:50:33"), MOMENT),
        (np.datetime64("2017-06-16T20:50:33.000000000"), MOMENT),
        (np.datetime64("2017-06-16"), dt.date(2017, 6, 16)),
        (np.float64(0.5), 0.5),
    ],
)
def test_values_are_plain(given, plain):
    """Values of numpy, pandas and datetime become plain ones, times in UTC."""
    found = plain_value(given)
    assert found == plain
    assert type(found) is type(plain)


@pytest.mark.parametrize(
    "value",
    [
        [1],
        {},
        object(),
        b"x",
        Decimal(1),
        np.array([1, 2]),
        np.array([5]),
        pd.NaT,
        np.datetime64("NaT"),
        1j,
        np.timedelta64(1, "s"),
        dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=1))),
    ],
)
def test_values_without_an_order_are_refused(value):
    """What OMS cannot compare with raises when the condition is built."""
    with pytest.raises(OperatorError, match="Cannot compare with"):
        field.x == value  # noqa: B015  # it raises


@pytest.mark.parametrize("values", ["abc", 5, None])
def test_is_in_takes_a_list(values):
    """is_in() of what is no list raises, text included."""
    with pytest.raises(OperatorError, match="takes a list"):
        field("x").is_in(values)


def test_is_in_of_nothing_is_an_error():
    """An empty list selects nothing, which is said without a request."""
    with pytest.raises(SelectorError, match="empty list"):
        field("x").is_in([])


def test_unknown_operators_are_named():
    """A word that is no operator raises with those that are."""
    with pytest.raises(OperatorError, match="no operator 'XX'; it knows EQ, NEQ"):
        Condition("x", "XX", 1)


def test_columns_are_not_values():
    """A column shows its name, cannot be hashed, and has no private attributes."""
    assert repr(field("x")) == "field('x')"
    assert repr(field.x) == "field('x')"
    assert repr(field) == "field"
    with pytest.raises(TypeError):
        hash(field.x)
    with pytest.raises(AttributeError):
        _ = field.__wrapped__


def test_queries_are_values():
    """A query is hashable, picklable and never changed."""
    query = Query("runs").where(field.era == "2017B").select("era").limit(5)
    again = pickle.loads(pickle.dumps(query))
    assert query == again
    assert hash(query) == hash(again)
    assert Query("runs") == Query("runs")
    assert query.where() == query
    assert query.sort("era") != query


def test_select_and_sort_take_names_in_any_form():
    """Names come singly, in lists, or separated by commas; the first counts."""
    assert Query("runs").select("a,b", ["c", "a"], ("d",)).fields == tuple("abcd")
    assert Query("runs").sort("-a, b", "b").order == ("-a", "b")
    assert Query("runs").sort("a").sort("b").order == ("b",)
    for wrong in ((), ("",), ([],)):
        with pytest.raises(UsageError, match="at least one field"):
            Query("runs").select(*wrong)


@pytest.mark.parametrize("rows", [0, -1, 1.0, "5", True, None])
def test_limits_are_counts(rows):
    """limit() takes whole numbers from 1."""
    with pytest.raises(UsageError, match="from 1"):
        Query("runs").limit(rows)


def test_includes_and_groups_and_custom():
    """include() adds known words once, group() replaces a key, custom() adds any."""
    query = Query("runs").include("meta").include("meta", "data_only")
    assert query.includes == ("meta", "data_only")
    with pytest.raises(UsageError, match="not 'meat'"):
        query.include("meat")
    grouped = Query("l1triggerrates").group("run", size=5).group("lumisection")
    assert grouped.groups == (("granularity", "lumisection"), ("size", "5"))
    twice = Query("runs").custom("a", 1).custom("a", 2)
    assert twice.extras == (("a", "1"), ("a", "2"))


@pytest.mark.parametrize("wrong", [None, "run_number > 5", [field.x == 1], True])
def test_where_takes_conditions_only(wrong):
    """where() refuses what is no condition."""
    with pytest.raises(OperatorError, match="takes conditions such as"):
        Query("runs").where(wrong)


def test_a_selection_is_true_when_it_selects():
    """Only a selection with something in it is true."""
    assert not Selection()
    assert Selection(last=1)
    assert Selection(mask=None, era="2017B")


def test_masks_are_known_by_what_they_can():
    """Whatever has runs and contains() does for a mask."""

    class Set:
        runs = ()

        def contains(self, runs, lumisections):
            return []

    assert isinstance(Set(), MaskLike)
    assert not isinstance([297050], MaskLike)


def test_every_operator_is_described():
    """Each operator has a word, a symbol of its own, a meaning and SQL."""
    assert len({o.symbol for o in OPERATORS.values()}) == len(OPERATORS)
    for word, operator in OPERATORS.items():
        assert operator.word == word
        assert operator.meaning
        assert "{column}" in operator.sql
        assert "{value}" in operator.sql
        assert operator.kinds
    assert {"EQ", "NEQ", "LT", "GT", "LE", "GE", "LIKE", "CT"} == WIRE


def test_a_query_says_all_that_it_asks():
    """In one line: conditions, selectors, columns, groups, order and limit."""
    query = (
        Query("l1triggerrates")
        .where(field.run_number == 5, field.l1a_total_rate > 1)
        .select("l1a_total")
        .sort("-run_number")
        .group("run")
        .limit(3)
        .include("meta")
    )
    assert query_text(query) == (
        "l1triggerrates where run_number = 5 and l1a_total_rate > 1, only l1a_total, "
        "by granularity=run, sorted by -run_number, at most 3 rows, with meta"
    )
    chosen = Selection((5, 6), "2017B", dt.date(2017, 6, 1), None, 3)
    assert query_text(Query("runs", selection=chosen)) == (
        "runs where fill = 5-6 and era = 2017B and since = 2017-06-01 and last = 3"
    )
    assert query_text(Query("runs")) == "runs"
