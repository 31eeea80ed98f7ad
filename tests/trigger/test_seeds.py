"""Seed expressions, read and printed back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit import UsageError
from omskit.trigger import And, Bit, Not, Or, bits_of, parse_seed
from omskit.trigger.seeds import both, either

A, B, C = Bit("L1_A"), Bit("L1_B"), Bit("L1_C")
bits = st.sampled_from(
    [Bit(f"L1_{n}") for n in ("SingleMu22", "ETM120", "Mu3_er1p5", "X_OR_Y")]
)
seeds = st.recursive(
    bits,
    lambda part: st.one_of(
        part.map(Not),
        st.lists(part, min_size=2, max_size=4).map(lambda p: both(*p)),
        st.lists(part, min_size=2, max_size=4).map(lambda p: either(*p)),
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("L1_A", A),
        ("L1_A OR L1_B", Or((A, B))),
        ("L1_A OR L1_B AND L1_C", Or((A, And((B, C))))),
        ("(L1_A OR L1_B) AND L1_C", And((Or((A, B)), C))),
        ("L1_A AND NOT L1_B", And((A, Not(B)))),
        ("NOT (L1_A OR L1_B)", Not(Or((A, B)))),
        ("NOT NOT L1_A", Not(Not(A))),
        ('"L1_A" OR "L1_B"', Or((A, B))),
        ('"L1_A OR L1_B"', Or((A, B))),
        ("'L1_A'", A),
        ("L1_A or L1_B", Or((A, B))),
        ("((L1_A)OR(L1_B))", Or((A, B))),
        (" L1_A\tOR\nL1_B ", Or((A, B))),
        (None, None),
        ("", None),
        ('""', None),
    ],
)
def test_expressions(text, seed):
    """A text is read with NOT before AND before OR; no text is no seed."""
    assert parse_seed(text) == seed


@given(seeds)
def test_printed_back(seed):
    """A seed that is printed and read again is the same."""
    assert parse_seed(str(seed)) == seed
    assert parse_seed(f'"{seed}"') == seed


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("L1_A OR", 8),
        ("AND L1_A", 1),
        ("L1_A L1_B", 5),
        ("(L1_A", 1),
        ("L1_A)", 5),
        ('L1_A OR "L1_B', 8),
        ("()", 2),
        ("NOT", 4),
        ("(" * 200 + "L1_A" + ")" * 200, 51),
        ("NOT " * 500 + "L1_A", 200),
    ],
)
def test_no_expression(text, place):
    """What is no expression is an error that says where."""
    with pytest.raises(UsageError, match=f"at character {place}\\."):
        parse_seed(text)


def test_bits_come_once():
    """The names in a seed come once, in order."""
    assert bits_of(parse_seed("L1_B OR L1_A AND NOT L1_B")) == ["L1_B", "L1_A"]
