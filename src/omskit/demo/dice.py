"""Noise that is the same on every machine.

Only the raw words of PCG64 are used, whose stream numpy guarantees, and arithmetic that
IEEE 754 rounds exactly (no exp, log or sin, whose last digit depends on the machine).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


def uniform(size: int, *key: int) -> Floats:
    """Numbers in [0, 1), by their key.

    Example:
        >>> bool((uniform(3, 297050, 1) == uniform(3, 297050, 1)).all())
        True
    """
    raw = np.random.PCG64(np.random.SeedSequence(key)).random_raw(size)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(size: int, *key: int) -> Floats:
    """Numbers with mean 0 and deviation 1: sums of four uniform ones, within +-3.5."""
    four = uniform(4 * size, *key).reshape(4, size)
    return np.asarray((four[0] + four[1] + four[2] + four[3] - 2.0) * 3.0**0.5)


def by_run(draw: Callable[..., Floats], sizes: Mapping[int, int], *key: int) -> Floats:
    """Numbers for the lumisections of all runs, drawn run by run.

    What a run draws does not depend on which other runs there are.

    Example:
        >>> both = by_run(uniform, {1: 2, 2: 3}, 7)
        >>> bool((both[2:] == by_run(uniform, {2: 3}, 7)).all())
        True
    """
    return np.concatenate([draw(n, *key, run) for run, n in sizes.items()])


def counts(mean: Floats, *key: int) -> Ints:
    """Event counts around *mean*, with the deviation of a Poisson law; never below 0.

    Example:
        >>> counts(np.array([0.0, 1e6]), 1).tolist()[0]
        0
    """
    noise = normal(mean.size, *key).reshape(mean.shape)
    drawn = np.floor(mean + np.sqrt(mean) * noise + 0.5)
    return np.maximum(drawn, 0.0).astype(np.int64)


FEW = 16.0
"""Up to this mean, counts are drawn from the Poisson law itself."""


def poisson(mean: Floats, *key: int) -> Ints:
    """Event counts around *mean*: a Poisson law where it is small, else `counts`.

    Example:
        >>> poisson(np.array([0.0, 0.5, 1e6]), 1).tolist()[0]
        0
    """
    flat = mean.ravel()
    drawn = np.zeros(flat.size, dtype=np.int64)
    many = np.flatnonzero(flat > FEW)
    drawn[many] = counts(flat[many], *key, 1)
    here = np.flatnonzero((flat > 0) & (flat <= FEW))
    chance, count = _none(flat[here]), 0
    left = uniform(here.size, *key, 2) - chance
    while here.size and count < 100:
        count += 1
        more = left > 0
        here, left, chance = here[more], left[more], chance[more]
        drawn[here] = count
        chance = chance * flat[here] / count
        left = left - chance
    return drawn.reshape(mean.shape)


def _none(mean: Floats) -> Floats:
    """The chance of no event, exp(-mean), by its series: alike on every machine."""
    small, total = mean / 64.0, np.ones(mean.size)
    for order in range(12, 0, -1):
        total = 1.0 - small * total / order
    for _ in range(6):
        total = total * total
    return total


def thinned(total: Ints, share: Floats | float) -> Ints:
    """The part of *total* that a share of it makes, rounded; at most *total*."""
    part = np.floor(total * share + 0.5).astype(np.int64)
    return np.asarray(np.clip(part, 0, total))


def spread(shape: Floats, total: int) -> Ints:
    """Whole numbers in the proportions of *shape* which add up to exactly *total*.

    Example:
        >>> spread(np.array([1.0, 1.0, 1.0]), 10).tolist()
        [3, 4, 3]
    """
    so_far = np.cumsum(shape)
    if so_far.size == 0 or so_far[-1] <= 0:
        return np.zeros(shape.size, dtype=np.int64)
    upto = np.floor(so_far / so_far[-1] * total + 0.5).astype(np.int64)
    return np.asarray(np.diff(upto, prepend=0))
