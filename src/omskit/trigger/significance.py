"""How unlikely a count is, given what was expected and how well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omskit._extras import load

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omskit.trigger.counting import FloatArray


def chance(
    counts: ArrayLike, mean: ArrayLike, relative_error: ArrayLike = 0.0
) -> FloatArray:
    """The chance of a count at least as far off, on either side.

    Counts follow a Poisson law; where the mean itself has a relative error r, its gamma
    mixture, the negative binomial law with the variance ``mean + (r mean)^2``.

    Returns:
        Twice the smaller tail, at most 1; NaN where an input is NaN.

    Raises:
        MissingExtraError: scipy is not installed.

    Example:
        >>> chance([0, 100], [20.0, 100.0]).round(9).tolist()
        [4e-09, 1.0]
    """
    stats = load("scipy.stats", "compute significances")
    n, mu, r = (np.asarray(v, dtype=np.float64) for v in (counts, mean, relative_error))
    n, mu, r = np.broadcast_arrays(n, mu, r)
    found = np.full(n.shape, np.nan)
    known = np.isfinite(n) & (mu >= 0) & np.isfinite(r) & np.isfinite(mu)
    exact = known & (r * r * mu < 1e-6)
    wide = known & ~exact
    for here, law in (
        (exact, stats.poisson(mu[exact])),
        (wide, _mixed(stats, mu, r, wide)),
    ):
        below, above = law.cdf(n[here]), law.sf(n[here] - 1)
        found[here] = np.minimum(2 * np.minimum(below, above), 1.0)
    return found


def _mixed(stats: Any, mu: FloatArray, r: FloatArray, here: NDArray[np.bool_]) -> Any:
    size = 1 / r[here] ** 2
    return stats.nbinom(size, size / (size + mu[here]))


def deviations(p: ArrayLike, sign: ArrayLike) -> FloatArray:
    """Two-sided chances as standard deviations of a normal law, with a sign.

    Example:
        >>> deviations([0.0027, 1.0], [1, -1]).round(2).tolist()
        [3.0, -0.0]
    """
    stats = load("scipy.stats", "compute significances")
    tiny = np.maximum(np.asarray(p, dtype=np.float64), 1e-300)
    return np.asarray(stats.norm.isf(tiny / 2) * np.sign(sign))


def discoveries(p: FloatArray, level: float) -> NDArray[np.bool_]:
    """Which of many chances are too small, by Benjamini and Hochberg.

    At most the share *level* of what is found is expected to be false; where all is
    quiet, anything is found with at most that chance.

    Source: Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57 (1995) 289.

    Example:
        >>> discoveries(np.array([1e-6, 0.5, 0.04]), 0.05).tolist()
        [True, False, False]
    """
    stats = load("scipy.stats", "compute significances")
    found = np.zeros(p.shape, dtype=bool)
    known = np.isfinite(p)
    if known.any():
        found[known] = stats.false_discovery_control(p[known]) <= level
    return found
