"""Conditions as they are typed on the command line."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import NotFilterableError, OperatorError, UnknownFieldError
from omskit.query import OPERATORS, Condition
from omskit.query.text import parse_condition
from omskit.schema import bundled

RUNS = bundled()["runs"]

READ = [
    ("l1_rate > 1000", Condition("l1_rate", "GT", 1000.0)),
    ("l1_rate>1000", Condition("l1_rate", "GT", 1000.0)),
    ("  l1_rate  >=  1e3 ", Condition("l1_rate", "GE", 1000.0)),
    ("run_number = 297050", Condition("run_number", "EQ", 297050)),
    ("run_number == 297050", Condition("run_number", "EQ", 297050)),
    ("run_number != 297050", Condition("run_number", "NEQ", 297050)),
    ("run_number <> 297050", Condition("run_number", "NEQ", 297050)),
    ("run_number <= 297050", Condition("run_number", "LE", 297050)),
    ("run_number < 297050", Condition("run_number", "LT", 297050)),
    ("l1_menu ~ %2017%", Condition("l1_menu", "LIKE", "%2017%")),
    ("l1_menu like '%2017%'", Condition("l1_menu", "LIKE", "%2017%")),
    ("l1_menu matches L1Menu_*", Condition("l1_menu", "GLOB", "L1Menu_*")),
    ("components has TRACKER", Condition("components", "CT", "TRACKER")),
    ("l1_rate = null", Condition("l1_rate", "EQ", None)),
    ("l1_rate != NULL", Condition("l1_rate", "NEQ", None)),
    ("era = '2017B'", Condition("era", "EQ", "2017B")),
    ('era = "2017 B"', Condition("era", "EQ", "2017 B")),
    ("stable_beam = true", Condition("stable_beam", "EQ", True)),
    ("era in 2017A,2017B", Condition("era", "IN", ("2017A", "2017B"))),
    ("run_number in (5, 6)", Condition("run_number", "IN", (5, 6))),
    ("run_number in [5,6]", Condition("run_number", "IN", (5, 6))),
    ("era in 'a,b', c", Condition("era", "IN", ("a,b", "c"))),
    (
        "start_time >= 2017-06-16 20:50:33",
        Condition(
            "start_time", "GE", dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)
        ),
    ),
]

WRONG = [
    ("", "it is empty"),
    ("   ", "it is empty"),
    ("> 5", "'>' is no field"),
    ("l1_rate", "no operator after 'l1_rate'"),
    ("l1_rate => 5", "'=>' is no operator"),
    ("l1_rate above 5", "'above' is no operator"),
    ("l1_rate 5", "'5' is no operator"),
    ("l1_rate >", "no value after '>'"),
    ("l1_rate > > 5", "'> 5' is no value"),
    ("l1_rate > 5 and l1_rate < 9", "'and' joins two conditions"),
    ("era = 'a' 'b'", "\"'b'\" follows the value"),
    ("era = 'a", "the quote before 'a' is never closed"),
    ("era in 'a, b", "the quote before 'a' is never closed"),
    ("era in a,,b", "a value is missing"),
    ("era in ()", "the list is empty"),
    ("era in 'a'b, c", "'b' follows the value"),
    ("run_number = many", "'many'"),
    ("l1_rate > null", "null can only be compared"),
    ("stable_beam ~ tr%", "is of type bool"),
]


@pytest.mark.parametrize(("text", "condition"), READ)
def test_reads(text, condition):
    """Each documented form means the condition that Python would build."""
    assert parse_condition(text, RUNS) == condition


@pytest.mark.parametrize(("text", "piece"), WRONG)
def test_refuses(text, piece):
    """What is no condition is refused in one line that names the wrong piece."""
    with pytest.raises(OperatorError) as caught:
        parse_condition(text, RUNS)
    assert piece in str(caught.value)
    assert "\n" not in str(caught.value)


def test_misspelt_field():
    """A misspelt field is refused with the nearest name."""
    with pytest.raises(UnknownFieldError, match="'l1_rate'"):
        parse_condition("l1_rat > 5", RUNS)


def test_unchecked_field():
    """An unknown field passes as text where checks are off."""
    found = parse_condition("new_thing = 5", RUNS, unchecked=True)
    assert found == Condition("new_thing", "EQ", "5")


def test_not_filterable():
    """A part of a nested value is refused, for OMS cannot filter by it."""
    with pytest.raises(NotFilterableError):
        parse_condition("l1a_physics_rate > 5", bundled()["l1triggerrates"])


@given(
    word=st.sampled_from(["EQ", "NEQ", "LT", "GT", "LE", "GE"]),
    number=st.integers(min_value=-(2**63), max_value=2**63 - 1),
)
def test_round_trip_of_numbers(word, number):
    """Every comparison with a number reads back from its own text."""
    condition = Condition("run_number", word, number)
    assert parse_condition(str(condition), RUNS) == condition


@given(
    value=st.text(min_size=1).filter(
        lambda s: "'" not in s and s.lower() != "null" and s.isprintable()
    ),
)
def test_round_trip_of_quoted_text(value):
    """Any text without a quote reads back when it stands in quotes."""
    assert parse_condition(f"era = '{value}'", RUNS).value == value


def test_every_operator_has_a_symbol():
    """Every operator of the one table can be typed."""
    for operator in OPERATORS.values():
        field = "components" if operator.word == "CT" else "era"
        value = "x"
        found = parse_condition(f"{field} {operator.symbol} {value}", RUNS)
        assert found.op == operator.word


@given(text=st.text(max_size=40))
def test_never_crashes(text):
    """Any text at all is either a condition or refused as a usage error."""
    with contextlib.suppress(OperatorError, UnknownFieldError, NotFilterableError):
        parse_condition(text, RUNS)
