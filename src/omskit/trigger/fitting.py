"""One path: counts against pileup, by the Poisson likelihood, robust against trips.

The mean of the count of a lumisection is its exposure (bunches x length x live fraction
/ prescale) times the rate per colliding bunch. Lumisections without counts in them are
data. Weighted least squares with the variance of the last step, repeated, solves the
equations of the Poisson likelihood; scipy does each step that is not linear.

Which family is chosen by the least AICc, with the scatter of the most flexible family
as the unit of the likelihood (quasi-AICc), so that real fluctuations do not ask for
curves.
Scatter beyond counting is a relative spread, which widens the errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit._extras import load
from omskit.errors import UsageError
from omskit.table.shown import Told
from omskit.trigger.families import FAMILIES, Family, FamilyName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from omskit.trigger.counting import FloatArray

FEWEST = 11
"""Lumisections that a fit needs, as in RateMon."""
TUKEY = 4.685
"""Where Tukey's weights end, in standard deviations: 95 % efficient for good data."""
OUT = 6.0
"""Residuals beyond this are left out of the final fit."""
MOST_KEPT = 0.98
"""A polynomial that keeps more of the data than this describes it well enough."""
STEPS = 12
GROUPS = 200
BENDS = (0.06, 18.0)
"""The slopes of sinh that are tried, times the largest x: 0.001 to 0.3 at pileup 60."""


@dataclass(frozen=True, slots=True)
class PathFit(Told):
    """The rate per colliding bunch of a path, in Hz, as a function of pileup.

    Attributes:
        family: Which function, see `FAMILIES`.
        parameters: Its parameters, the value at 0 first.
        covariance: Of the parameters.
        low, high: The range of x in the data; beyond it the fit extrapolates.
        points: Lumisections that entered.
        trimmed: Those that were left out, as they are far off any family.
        unusable: Those without count, prescale, live time, bunches or x.
        chi2: Sum of squared Pearson residuals of those that entered.
        spread: Relative scatter beyond counting; 0 where counting explains all.
        scores: Quasi-AICc of every family tried.
        status: How well the prescales behind it are known.
    """

    family: FamilyName
    parameters: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    low: float
    high: float
    points: int
    trimmed: int
    unusable: int
    chi2: float
    spread: float
    scores: Mapping[str, float]
    status: str = "exact"

    @property
    def ndf(self) -> int:
        """Degrees of freedom."""
        return self.points - len(self.parameters)

    def rate(self, x: Any) -> tuple[FloatArray, FloatArray]:
        """The rate per colliding bunch at *x* and its error, Hz; never below 0."""
        at = np.asarray(x, dtype=np.float64)
        family, parameters = FAMILIES[self.family], np.array(self.parameters)
        by = family.gradient(at, parameters)
        variance = np.einsum("...i,ij,...j->...", by, np.array(self.covariance), by)
        value = np.maximum(family.value(at, parameters), 0.0)
        return value, np.sqrt(np.maximum(variance, 0.0))

    def __str__(self) -> str:
        """One line for humans."""
        errors = np.sqrt(np.diag(np.array(self.covariance)))
        numbers = ", ".join(
            f"{name} = {value:.4g} +- {error:.2g}"
            for name, value, error in zip("abc", self.parameters, errors, strict=False)
        )
        text = f"{self.family}: {numbers}; chi2/ndf {self.chi2:.0f}/{self.ndf}"
        text += f", spread {self.spread:.1%}" if self.spread else ""
        return text + (f", {self.trimmed} trimmed" if self.trimmed else "")


def fit_path(
    x: FloatArray,
    counts: FloatArray,
    exposure: FloatArray,
    families: Sequence[FamilyName] = tuple(FAMILIES),
) -> PathFit:
    """Fit the rate of one path.

    Args:
        x: Pileup of each lumisection.
        counts: What was counted.
        exposure: Bunches x seconds x live fraction / prescale.
        families: Which to choose from.

    Raises:
        UsageError: Fewer than 11 lumisections can be used, or none has a count.
        MissingExtraError: scipy is not installed.

    Cost: some milliseconds for a thousand lumisections.

    Example:
        >>> x = np.linspace(20, 40, 200)
        >>> found = fit_path(x, np.round(5e4 * x), np.full(200, 1e4))
        >>> found.family, round(found.parameters[1], 3)
        ('linear', 5.0)
    """
    usable = (
        np.isfinite(x) & np.isfinite(counts) & (exposure > 0) & np.isfinite(exposure)
    )
    x, n, e = x[usable], counts[usable], exposure[usable]
    if n.size < FEWEST:
        message = f"{n.size} lumisections can be used; a fit needs {FEWEST}."
        raise UsageError(message)
    if not n.any():
        message = f"No count in {n.size} lumisections: there is nothing to fit."
        raise UsageError(message)
    tried = [FAMILIES[name] for name in families if _possible(FAMILIES[name], x)]
    keep = _inliers(tried, x, n, e)
    x, n, e = x[keep], n[keep], e[keep]
    found, scores = _compared(tried, x, n, e)
    best = FAMILIES[min(found, key=lambda name: scores[name])]
    parameters = found[best.name]
    mean = _mean(best, x, e, parameters)
    chi2 = float(np.sum((n - mean) ** 2 / mean))
    spread = _spread(n, mean, best.size)
    by = best.gradient(x, parameters) * e[:, None]
    information = by.T @ (by / (mean + (spread * mean) ** 2)[:, None])
    covariance = np.linalg.pinv(information, rcond=1e-14, hermitian=True)
    return PathFit(
        family=best.name,
        parameters=tuple(map(float, parameters)),
        covariance=tuple(tuple(map(float, row)) for row in covariance),
        low=float(x.min()),
        high=float(x.max()),
        points=int(n.size),
        trimmed=int((~keep).sum()),
        unusable=int((~usable).sum()),
        chi2=chi2,
        spread=spread,
        scores=scores,
    )


def _possible(family: Family, x: FloatArray) -> bool:
    """Whether the data have enough different x for a family."""
    return family.size == 1 or bool(np.ptp(x) > 1e-3 * np.abs(x).max())


def _mean(
    family: Family, x: FloatArray, exposure: FloatArray, parameters: FloatArray
) -> FloatArray:
    """Expected counts; never 0, where no count would be possible."""
    mean = exposure * family.value(x, parameters)
    return np.maximum(mean, 1e-3 * max(float(np.mean(np.abs(mean))), 1e-9))


def _fitted(
    family: Family, x: FloatArray, n: FloatArray, e: FloatArray, weight: FloatArray
) -> FloatArray:
    """The parameters that solve the Poisson equations, with given weights."""
    x, n, e = _grouped(x, n * weight, e * weight)
    start = np.zeros(family.size)
    start[0] = n.sum() / e.sum()
    variance = e * start[0]
    if not family.is_linear:
        return _sinh(x, n, e)
    for _ in range(STEPS):
        last, root = start, 1 / np.sqrt(variance)
        by = family.gradient(x, start) * (e * root)[:, None]
        start = np.linalg.lstsq(by, n * root, rcond=None)[0]
        variance = _mean(family, x, e, start)
        if np.allclose(start, last, rtol=1e-7, atol=0):
            break
    return start


def _grouped(
    x: FloatArray, n: FloatArray, e: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Neighbours in x added up, at most 200 groups: for the likelihood it is the same.

    The sum of Poisson counts of one rate is a Poisson count of the summed exposure.
    """
    if x.size > GROUPS:
        width = max(float(np.ptp(x)), 1e-300) / GROUPS
        group = np.minimum((x - x.min()) / width, GROUPS - 1).astype(np.int64)
        total: FloatArray = np.bincount(group, e, GROUPS).astype(np.float64)
        x = np.bincount(group, e * x, GROUPS) / np.where(total > 0, total, 1.0)
        n, e = np.bincount(group, n, GROUPS).astype(np.float64), total
    some = e > 0
    return x[some], n[some], e[some]


def _sinh(x: FloatArray, n: FloatArray, e: FloatArray) -> FloatArray:
    """The fit of sinh: for each slope the rest is linear, so one number is searched."""
    optimize = load("scipy.optimize", "fit rates")
    variance = np.maximum(n, 1.0)
    start = np.zeros(3)
    low, high = np.log(np.array(BENDS) / float(np.abs(x).max()))
    for _ in range(4):
        root = 1 / np.sqrt(variance)

        def cost(log_slope: float, root: FloatArray = root) -> float:
            return _at_slope(x, n * root, e * root, float(np.exp(log_slope)))[0]

        best = optimize.minimize_scalar(
            cost, bounds=(low, high), method="bounded", options={"xatol": 1e-4}
        )
        start = _at_slope(x, n * root, e * root, float(np.exp(best.x)))[1]
        variance = _mean(FAMILIES["sinh"], x, e, start)
    return start


def _at_slope(
    x: FloatArray, n: FloatArray, e: FloatArray, slope: float
) -> tuple[float, FloatArray]:
    """The best sinh of one slope, in weighted counts: its cost and parameters."""
    # Scaled, as sinh alone spans ten powers of ten; two numbers need no matrix.
    top = float(np.sinh(slope * np.abs(x).max()))
    bent = e * (np.sinh(slope * x) / top)
    ee, eb, bb, en, bn = e @ e, e @ bent, bent @ bent, e @ n, bent @ n
    scale = ee * bb - eb * eb
    height = float((ee * bn - eb * en) / scale) if scale > 1e-12 * ee * bb else 0.0
    height = max(height, 0.0)  # A rate does not fall with pileup.
    offset = float((en - height * eb) / ee)
    left = n - offset * e - height * bent
    return float(left @ left), np.array([offset, height / top, slope])


def _inliers(
    families: Sequence[Family], x: FloatArray, n: FloatArray, e: FloatArray
) -> NDArray[np.bool_]:
    """Lumisections that are not far off, by the family that describes most of them.

    Deviations are those of F. J. Anscombe, Biometrika 35 (1948) 246, as (n - mean) /
    sqrt(mean) takes each count of a rare path for an outlier beside its zeros.
    """
    best, keep = np.inf, np.ones(n.size, dtype=bool)
    for family in families:
        if not family.is_linear and best < np.inf and keep.mean() > MOST_KEPT:
            continue
        weight = np.ones(n.size)
        for _ in range(3):
            mean = _mean(family, x, e, _fitted(family, x, n, e, weight))
            pull = 2 * (np.sqrt(n + 0.375) - np.sqrt(mean + 0.375))
            scale = max(1.0, 1.4826 * float(np.median(np.abs(pull))))
            part = np.clip(np.abs(pull) / (TUKEY * scale), 0, 1)
            weight = np.maximum((1 - part**2) ** 2, 1e-9)
        # Tukey's loss: a point far off costs no more than one at the edge.
        loss = float(scale**2 * np.sum(1 - (1 - part**2) ** 3))
        if loss < best:
            best, keep = loss, np.abs(pull) <= OUT * scale
    return keep if n[keep].any() else np.ones(n.size, dtype=bool)


def _compared(
    families: Sequence[Family], x: FloatArray, n: FloatArray, e: FloatArray
) -> tuple[dict[FamilyName, FloatArray], dict[str, float]]:
    """The fit and the score of each family; sinh only where a curve is asked for."""
    plain = [family for family in families if family.is_linear]
    found = {f.name: _fitted(f, x, n, e, np.ones(n.size)) for f in plain}
    scores = _scores(found, x, n, e) if found else {}
    straight = "linear" in scores and scores["linear"] <= scores.get("quadratic", -1)
    if len(plain) < len(families) and not straight:
        found["sinh"] = _fitted(FAMILIES["sinh"], x, n, e, np.ones(n.size))
        scores = _scores(found, x, n, e)
    return found, scores


def _scores(
    found: Mapping[FamilyName, FloatArray], x: FloatArray, n: FloatArray, e: FloatArray
) -> dict[str, float]:
    """Quasi-AICc by family; infinite where a function is negative in its range."""
    special = load("scipy.special", "fit rates")
    likelihood, scatter = {}, np.inf
    for name, parameters in found.items():
        family = FAMILIES[name]
        mean = _mean(family, x, e, parameters)
        likelihood[name] = float(np.sum(special.xlogy(n, mean) - mean))
        ndf = max(n.size - family.size, 1)
        scatter = min(scatter, float(np.sum((n - mean) ** 2 / mean)) / ndf)
    unit, scores = max(scatter, 1.0), {}
    for name, value in likelihood.items():
        k = FAMILIES[name].size
        small = 2 * k * (k + 1) / max(n.size - k - 1, 1)
        scores[name] = -2 * value / unit + 2 * k + small
    least = min(scores.values())
    return {name: score - least for name, score in scores.items()}


def _spread(n: FloatArray, mean: FloatArray, size: int) -> float:
    """The relative scatter that brings chi2 to its degrees of freedom, if it must."""
    ndf = max(n.size - size, 1)

    def excess(spread: float) -> float:
        return float(np.sum((n - mean) ** 2 / (mean + (spread * mean) ** 2))) - ndf

    if excess(0.0) < 3 * np.sqrt(2 * ndf):
        return 0.0
    optimize = load("scipy.optimize", "fit rates")
    return float(optimize.brentq(excess, 0.0, 10.0, xtol=1e-6))
