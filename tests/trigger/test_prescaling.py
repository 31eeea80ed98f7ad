"""Prescales of seeds and paths, and how well they are known."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit import UsageError
from omskit.trigger import (
    Prescale,
    Status,
    column_at,
    exact,
    parse_seed,
    seed_prescale,
    split_version,
    total_prescale,
)

OR = parse_seed("L1_A OR L1_B")
AND = parse_seed("L1_A AND L1_B")


def of(text, rule="nested", **prescales):
    """Value and status of a seed with some prescales."""
    by_name = {f"L1_{name}": value for name, value in prescales.items()}
    found = seed_prescale(parse_seed(text), by_name, rule)
    return found.value, found.status.value


@pytest.mark.parametrize(
    ("text", "prescales", "expected"),
    [
        ("L1_A", {"A": 7}, (7, "exact")),
        ("L1_A", {"A": 1.5}, (1.5, "exact")),
        ("L1_A", {"A": 0}, (None, "off")),
        ("L1_A", {"A": None}, (None, "unknown")),
        ("L1_A", {}, (None, "unknown")),
        ("L1_A OR L1_B", {"A": 10, "B": 30}, (10, "assumed nested")),
        ("L1_A OR L1_B", {"A": 10, "B": 0}, (10, "assumed nested")),
        ("L1_A OR L1_B", {"A": 0, "B": 0}, (None, "off")),
        ("L1_A OR L1_B", {"A": 1, "B": 1}, (1, "exact")),
        ("L1_A OR L1_B", {"A": 10, "B": None}, (None, "unknown")),
        ("L1_A AND L1_B", {"A": 10, "B": 30}, (300, "upper bound")),
        ("L1_A AND L1_B", {"A": 10, "B": 1}, (10, "exact")),
        ("L1_A AND L1_A", {"A": 10}, (10, "exact")),
        ("L1_A AND L1_B", {"A": 10, "B": 0}, (None, "off")),
        ("L1_A AND L1_B", {"A": None, "B": 0}, (None, "off")),
        ("L1_A AND NOT L1_B", {"A": 1, "B": 1}, (None, "unknown")),
        ("L1_A AND NOT L1_B", {"A": 0, "B": 1}, (None, "off")),
        ("NOT L1_A", {"A": 0}, (None, "unknown")),
        ("(L1_A OR L1_B) AND L1_C", {"A": 1, "B": 1, "C": 1}, (1, "exact")),
        ("(L1_A OR L1_B) AND L1_C", {"A": 1, "B": 2, "C": 1}, (None, "unknown")),
        ("(L1_A OR L1_B) AND L1_C", {"A": 1, "B": 2, "C": 0}, (None, "off")),
    ],
)
def test_our_rule(text, prescales, expected):
    """Each seed has its prescale and status, and never a number where it is off."""
    assert of(text, **prescales) == expected


@pytest.mark.parametrize(
    ("rule", "text", "prescales", "expected"),
    [
        ("ratemon", "L1_A OR L1_B", {"A": 10, "B": 0}, 10),
        ("ratemon", "L1_A AND L1_B", {"A": 10, "B": 30}, 1),
        ("brilcalc", "L1_A OR L1_B", {"A": 0, "B": 30}, 30),
        ("brilcalc", "L1_A AND L1_B", {"A": 10, "B": 30}, 300),
        ("brilcalc", "(L1_A OR L1_B) AND L1_C", {"A": 5, "B": 2, "C": 7}, 14),
        ("brilcalc", "L1_A AND NOT L1_B", {"A": 10, "B": 30}, None),
        ("brilcalc-earlier", "L1_A OR L1_B", {"A": 10, "B": 0}, None),
        ("brilcalc-earlier", "L1_A AND L1_B", {"A": 10, "B": 30}, 30),
        ("lower", "L1_A OR L1_B", {"A": 2, "B": 2}, 4 / 3),
        ("upper", "L1_A OR L1_B", {"A": 2, "B": 4}, 4),
        ("lower", "L1_A AND L1_B", {"A": 2, "B": 4}, 4),
    ],
)
def test_rules_of_tools(rule, text, prescales, expected):
    """The rules of RateMon and brilcalc give the numbers of these tools."""
    value, _ = of(text, rule, **prescales)
    assert value == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("rule", ["ratemon", "brilcalc", "brilcalc-earlier", "lower"])
@pytest.mark.parametrize("text", ["L1_A", "L1_A OR L1_B"])
def test_no_rule_makes_a_number_of_nothing(rule, text):
    """Off is off and unknown is unknown by every rule."""
    assert of(text, rule, A=0, B=0) == (None, "off")
    assert of(text, rule, A=None, B=5) == (None, "unknown")


def test_rules_are_checked():
    """A rule that does not exist is an error with the nearest name."""
    with pytest.raises(UsageError, match="ratemon"):
        seed_prescale(OR, {}, "rate-mon")


@pytest.mark.parametrize("value", [-1, 0.5, np.inf])
def test_impossible_prescales(value):
    """A prescale between 0 and 1, below 0 or infinite is an error."""
    with pytest.raises(UsageError, match="0 \\(off\\), or 1 and more"):
        exact(value)


def test_no_seed_is_unknown():
    """A path without a seed has no L1 prescale; it is not 1."""
    found = seed_prescale(None, {"L1_A": 1})
    assert (found.value, found.status) == (None, Status.UNKNOWN)


def test_totals():
    """Factors multiply, the worst status holds, and off wins over unknown."""
    nested = seed_prescale(OR, {"L1_A": 10, "L1_B": 30})
    found = total_prescale(exact(3), nested)
    assert (found.value, found.high, found.status.value) == (30, 90, "assumed nested")
    assert found.low == pytest.approx(3 / (1 - 0.9 * 29 / 30))
    assert total_prescale(exact(0), exact(None)).status is Status.OFF
    assert total_prescale(exact(2), exact(None)).value is None
    upper = seed_prescale(AND, {"L1_A": 2, "L1_B": 3})
    lower = Prescale(2, Status.LOWER_BOUND, 2, 4)
    assert total_prescale(upper, lower).status is Status.UNKNOWN
    ratemon = seed_prescale(AND, {"L1_A": 2, "L1_B": 3}, "ratemon")
    assert total_prescale(ratemon, exact(5)).high is None


@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=4),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_bounds_hold(prescales, random_seed, is_or):
    """A simulation of independent prescalers lies within the bounds."""
    random = np.random.default_rng(random_seed)
    names = [f"L1_{i}" for i in range(len(prescales))]
    text = (" OR " if is_or else " AND ").join(names)
    found = seed_prescale(parse_seed(text), dict(zip(names, prescales, strict=True)))
    fired = random.random((200_000, len(names))) < random.uniform(0.05, 0.95)
    if not is_or:
        fired[:] = True
    fired = fired[fired.any(axis=1)]
    kept = fired & (random.random(fired.shape) < 1 / np.array(prescales))
    passed = int((kept.any(axis=1) if is_or else kept.all(axis=1)).sum())
    # Six standard deviations of the simulation.
    low, high = (len(fired) / b for b in (found.high, found.low))
    assert low - 6 * np.sqrt(low) <= passed <= high + 6 * np.sqrt(high)


def test_columns_before_the_first_change_are_unknown():
    """No column holds before the first change, and column 0 is no default."""
    found = column_at([(3, 6), (10, 0)], [1, 2, 3, 9, 10, 400])
    assert np.isnan(found[:2]).all()
    assert found[2:].tolist() == [6, 6, 0, 0]
    assert np.isnan(column_at([], [1, 2])).all()


def test_known_columns(zerobias_prescales, recorded):
    """ZeroBias of run 386694 changes from 526485 to 526740 at lumisection 1148."""
    found = column_at(zerobias_prescales[386694], [1, 1147, 1148])
    assert found.tolist() == [526485, 526485, 526740]
    assert total_prescale(exact(15), exact(35099)).value == 526485
    assert total_prescale(exact(60), exact(8779)).value == 526740
    first = column_at(zerobias_prescales[378981], [1, 3, 4])
    assert first.tolist() == [86820, 86820, 420]


def test_columns_change_where_prescales_do(zerobias_runs, zerobias_prescales):
    """The column of OMS changes at no other lumisection than brilcalc's prescale."""
    checked = 0
    for run, rows in zerobias_runs.items():
        index, numbers = rows["prescale_index"], rows["lumisection_number"]
        known = index >= 0
        steps = np.flatnonzero((np.diff(index) != 0) & known[1:] & known[:-1]) + 1
        starts = {ls for ls, _ in zerobias_prescales[run]}
        assert {int(ls) for ls in numbers[steps]} <= starts
        checked += len(steps)
    assert checked > 10


def test_versions():
    """Only digits after _v at the end are a version."""
    assert split_version("HLT_Mu50_v13") == ("HLT_Mu50", 13)
    assert split_version("HLT_X_v2_Y") == ("HLT_X_v2_Y", None)
    assert split_version("HLT_X_v2_Y_v10") == ("HLT_X_v2_Y", 10)
    assert split_version("Status_OnGPU") == ("Status_OnGPU", None)


def test_level_1_tables(recorded):
    """Every prescale in the two published L1 tables is one that omskit takes."""
    for path in sorted((recorded / "prescales").glob("*.csv")):
        with path.open(encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        assert "Index" in rows[0]
        for row in rows:
            values = [exact(float(v)) for k, v in row.items() if "E34" in k]
            assert {v.status.value for v in values} <= {"exact", "off"}
