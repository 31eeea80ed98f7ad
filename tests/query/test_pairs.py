"""A plain set of lumisections."""

from __future__ import annotations

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.query import MaskLike
from omskit.query.pairs import PairSet

PAIRS = st.sets(st.tuples(st.integers(1, 10**9), st.integers(1, 2**31)), max_size=8)


@given(PAIRS, PAIRS)
@settings(max_examples=examples(100))
def test_it_holds_just_what_was_put_in(inside, asked):
    """A pair is contained where it was given, and nowhere else."""
    runs, lumis = [r for r, _ in inside], [n for _, n in inside]
    found = PairSet.of(runs + runs, lumis + lumis)
    asked = sorted(asked | inside)
    held = found.contains([r for r, _ in asked], [n for _, n in asked])
    assert held.tolist() == [pair in inside for pair in asked]
    assert found.runs == sorted({r for r, _ in inside})
    assert len(found.keys) == len(inside)


def test_it_is_a_mask_and_a_value():
    """It does for a mask, and equal sets are equal, also after pickling."""
    one, same = PairSet.of([2, 1], [1, 1]), PairSet.of([1, 2], [1, 1])
    assert isinstance(one, MaskLike)
    assert one == same == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(same)
