"""Set operations on many random masks, against Python's sets and against portion."""

from __future__ import annotations

from functools import reduce
from itertools import product

import portion
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.lumi import LumiMask

RANGES = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 297050]), st.integers(1, 30), st.integers(0, 8)
    ).map(lambda t: (t[0], t[1], t[1] + t[2])),
    max_size=6,
)
FIVE = st.lists(RANGES, min_size=5, max_size=5)
OPERATIONS = ("__and__", "__or__", "__sub__", "__xor__")


def as_set(ranges):
    return {(r, n) for r, a, b in ranges for n in range(a, b + 1)}


def as_intervals(ranges):
    """Half-open intervals of run * 1000 + lumisection, joined by portion."""
    pieces = (portion.closedopen(r * 1000 + a, r * 1000 + b + 1) for r, a, b in ranges)
    return reduce(lambda x, y: x | y, pieces, portion.empty())


def spans(mask):
    return [(r * 1000 + a, r * 1000 + b + 1) for r, a, b in mask.ranges()]


@settings(max_examples=examples(120))
@given(FIVE)
def test_twelve_thousand_operations_are_those_of_sets(five) -> None:
    """120 times 25 pairs of masks under 4 operations give what Python's sets give."""
    masks = [LumiMask.from_ranges(ranges) for ranges in five]
    sets = [as_set(ranges) for ranges in five]
    before = [mask.to_json() for mask in masks]
    for (a, x), (b, y) in product(zip(masks, sets, strict=True), repeat=2):
        for operation in OPERATIONS:
            found = getattr(a, operation)(b)
            assert (
                found.to_dict()
                == LumiMask.from_pairs(list(getattr(x, operation)(y))).to_dict()
            )
            assert len(found) == len(getattr(x, operation)(y))
        assert (a <= b) == (x <= y)
        assert (a == b) == (x == y)
    assert [mask.to_json() for mask in masks] == before


@settings(max_examples=examples(100))
@given(RANGES, RANGES)
def test_operations_are_those_of_portion(first, second) -> None:
    """The ranges of a result are the intervals that portion finds, merged alike."""
    a, b = LumiMask.from_ranges(first), LumiMask.from_ranges(second)
    x, y = as_intervals(first), as_intervals(second)
    for found, expected in (
        (a, x),
        (a & b, x & y),
        (a | b, x | y),
        (a - b, x - y),
        (a ^ b, (x - y) | (y - x)),
    ):
        intervals = [(i.lower, i.upper) for i in expected if not i.empty]
        assert spans(found) == intervals
