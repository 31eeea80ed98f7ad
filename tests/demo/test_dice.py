"""Noise is reproducible and sums come out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.demo.dice import counts, normal, spread, thinned, uniform


def test_uniform_numbers_are_known() -> None:
    """The first numbers of a key are these, on every machine and numpy."""
    assert uniform(3, 297050, 1).tolist() == UNIFORM


def test_keys_give_different_numbers() -> None:
    """Another key is another stream."""
    assert (uniform(50, 1) != uniform(50, 2)).all()


def test_normal_numbers_have_mean_and_width() -> None:
    """Sums of uniform numbers have mean 0 and deviation 1, and bounded tails."""
    drawn = normal(40000, 5)
    assert drawn.mean() == pytest.approx(0.0, abs=0.02)
    assert drawn.std() == pytest.approx(1.0, abs=0.02)
    assert np.abs(drawn).max() <= 2 * 3**0.5


def test_counts_scatter_like_counts() -> None:
    """Counts scatter by the root of their mean and are never negative."""
    drawn = counts(np.full(20000, 100.0), 6)
    assert drawn.mean() == pytest.approx(100.0, abs=0.5)
    assert drawn.std() == pytest.approx(10.0, abs=0.3)
    assert counts(np.full(1000, 0.2), 6).min() == 0


@given(st.lists(st.floats(0.0, 1e3), max_size=50), st.integers(0, 10**9))
def test_spread_is_exact(shape: list[float], total: int) -> None:
    """What is shared out adds up exactly, unless there is nothing to share over."""
    made = spread(np.array(shape, dtype=float), total)
    assert (made >= 0).all()
    assert made.size == len(shape)
    assert made.sum() == (total if sum(shape) > 0 else 0)


@given(st.integers(0, 10**12), st.floats(0.0, 1.0))
def test_thinned_takes_a_part(total: int, share: float) -> None:
    """A part is never more than the whole and never negative."""
    part = thinned(np.array([total]), share)
    assert 0 <= part[0] <= total


UNIFORM = [0.7568473221073435, 0.861696877050233, 0.24542796933993927]
