"""What users give to say which runs, fills and times."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.errors import SelectorError
from omskit.query import Condition, Selection
from omskit.query.pairs import PairSet
from omskit.query.selectors import fill_range, is_mask, moment, numbers, selection

RUN = "run_number"
MOMENT = dt.datetime(2017, 6, 16, tzinfo=dt.UTC)


def eq(value):
    """One run."""
    return (Condition(RUN, "EQ", value),)


def span(first, last):
    """First to last."""
    return (Condition(RUN, "GE", first), Condition(RUN, "LE", last))


@pytest.mark.parametrize(
    ("given", "conditions"),
    [
        (297050, eq(297050)),
        (np.int64(297050), eq(297050)),
        (np.array(297050), eq(297050)),
        ((315190, 315290), span(315190, 315290)),
        ((np.int32(5), np.int64(7)), span(5, 7)),
        ((5, 5), eq(5)),
        ((5, None), (Condition(RUN, "GE", 5),)),
        ((None, 5), (Condition(RUN, "LE", 5),)),
        ([7], eq(7)),
        ([7, 5, 7], (Condition(RUN, "IN", (5, 7)),)),
        ({5, 7}, (Condition(RUN, "IN", (5, 7)),)),
        (range(5, 8), (Condition(RUN, "IN", (5, 6, 7)),)),
        (np.array([7, 5]), (Condition(RUN, "IN", (5, 7)),)),
        ((n for n in (5, 7)), (Condition(RUN, "IN", (5, 7)),)),
        ("297050", eq(297050)),
        (" 297050 ", eq(297050)),
        ("315190-315290", span(315190, 315290)),
        ("315190 - 315290", span(315190, 315290)),
        ("5-", (Condition(RUN, "GE", 5),)),
        ("5-5", eq(5)),
        ("5,7", (Condition(RUN, "IN", (5, 7)),)),
        ("7 5", (Condition(RUN, "IN", (5, 7)),)),
        ("5, 8 - 10,", (Condition(RUN, "IN", (5, 8, 9, 10)),)),
        ("5,5", eq(5)),
        ("5-6,6-7", (Condition(RUN, "IN", (5, 6, 7)),)),
    ],
)
def test_selectors_of_numbers(given, conditions):
    """Every form of a selector gives the conditions it means."""
    assert numbers(given, RUN) == conditions


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((5, 3), "first is after the last"),
        ("5-3", "first is after the last"),
        ((None, None), "one end must be given"),
        ((1, 2, 3), r"a tuple is \(first, last\)"),
        ((), r"a tuple is \(first, last\)"),
        ([], "the list is empty"),
        ("", "the list is empty"),
        (",", "the list is empty"),
        (0, "no such number"),
        (-5, "no such number"),
        (10**10, "no such number"),
        ("0", "no such number"),
        ("5-99999999999", "no such number"),
        ("9" * 5000, "no number or range"),
        (5.0, "no whole number"),
        (True, "no whole number"),
        (None, "no whole number"),
        (["5"], "no whole number"),
        ([5, None], "no whole number"),
        (np.float64(5), "no whole number"),
        (b"297050", "no whole number"),
        (object(), "no whole number"),
        ("latest", "'latest' is no number or range"),
        ("5--7", "no number or range"),
        ("-5", "no number or range"),
        ("5-6-7", "no number or range"),
        ("5-,7", "an open range must stand alone"),
        ("1-2000002,5", "too wide"),
        ("\N{ARABIC-INDIC DIGIT FIVE}", "no number or range"),
    ],
)
def test_selectors_without_a_meaning_raise(given, said):
    """What selects nothing raises before any request, and says how to write it."""
    with pytest.raises(SelectorError, match=said) as caught:
        numbers(given, RUN)
    assert "Write 297050" in str(caught.value)
    assert RUN in str(caught.value)


@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.integers(0, 20)), min_size=1, max_size=6
    ),
    st.sampled_from([",", ", ", " ", " , "]),
)
@settings(max_examples=examples(150))
def test_text_selects_the_runs_it_names(pieces, comma):
    """Text of numbers and ranges selects just the numbers it names."""
    text = comma.join(f"{a}-{a + n}" if n else str(a) for a, n in pieces)
    named = {run for a, n in pieces for run in range(a, a + n + 1)}
    chosen = None
    for condition in numbers(text, RUN):
        value = condition.value
        allowed = {
            "EQ": lambda r, v=value: r == v,
            "GE": lambda r, v=value: r >= v,
            "LE": lambda r, v=value: r <= v,
            "IN": lambda r, v=value: r in v,
        }[condition.op]
        found = {r for r in range(1, 500) if allowed(r)}
        chosen = found if chosen is None else chosen & found
    assert chosen == named


@given(st.text(alphabet="0123456789-, x", max_size=15))
@settings(max_examples=examples(200))
def test_any_text_selects_or_raises(text):
    """Any text gives conditions or a SelectorError."""
    try:
        found = numbers(text, RUN)
    except SelectorError:
        return
    assert {c.field for c in found} == {RUN}


@pytest.mark.parametrize(
    ("given", "bounds"),
    [(5839, (5839, 5839)), ((5838, 5840), (5838, 5840)), ("5838-5840", (5838, 5840))],
)
def test_fills_are_ranges(given, bounds):
    """fill= is one fill or first and last."""
    assert fill_range(given) == bounds


@pytest.mark.parametrize("given", [[1, 3], (5, None), "5-", "x"])
def test_fills_are_no_lists(given):
    """fill= takes neither lists nor open ends."""
    with pytest.raises(SelectorError):
        fill_range(given)


@pytest.mark.parametrize(
    "value",
    [
        "2017-06-16T00:00:00Z",
        MOMENT,
        MOMENT.replace(tzinfo=None),
        np.datetime64("2017-06-16T00"),
    ],
)
def test_moments_are_utc(value):
    """A time in any form is one in UTC."""
    assert moment(value, "since") == MOMENT


@pytest.mark.parametrize("value", ["soon", "", 5, 5.0, True, None, [], object()])
def test_what_is_no_moment_raises(value):
    """What is no time raises with the option that it was given for."""
    with pytest.raises(SelectorError, match=r"until=.* is no time"):
        moment(value, "until")


def test_selections_hold_what_was_given():
    """A selection keeps each selector in its checked form."""
    mask = PairSet.of([1], [1])
    found = selection(
        fill="5838-5840",
        era="2017B",
        since="2017-06-16T00:00",
        until=MOMENT,
        last=10,
        mask=mask,
    )
    assert found == Selection((5838, 5840), "2017B", MOMENT, MOMENT, 10, mask)
    assert selection() == Selection()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"era": ""}, "is no era"),
        ({"era": " "}, "is no era"),
        ({"era": 5}, "era=5 is no era"),
        ({"last": 0}, "is no count"),
        ({"last": True}, "is no count"),
        ({"last": 1.5}, "is no count"),
        ({"last": "5"}, "is no count"),
        ({"since": "2018", "until": "2017-01-01"}, "is no time"),
        ({"since": "2018-01-01", "until": "2017-01-01"}, "is after until"),
        ({"fill": (5, 3)}, "first is after the last"),
    ],
)
def test_selections_without_a_meaning_raise(options, said):
    """A selector that makes no sense raises with its own words."""
    with pytest.raises(SelectorError, match=said):
        selection(**options)


def test_masks_are_told_from_runs():
    """Only a set of lumisections is a mask."""
    assert is_mask(PairSet.of([1], [1]))
    assert not is_mask([1])
    assert not is_mask(range(3))
