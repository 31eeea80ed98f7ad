"""Counters, rates and live time of one lumisection, and what follows from them.

Counters are exact; rates are derived from them with one stated length of a lumisection.
OMS divides by three different lengths, which differ by up to 4.4e-5: too little to
matter in a figure, too much to recover a counter with the wrong one.

Arrays are float64 with one element per lumisection; NaN stands for what OMS does not
know, and whatever is computed from NaN is NaN.

Dead time and live fraction are opposites: *dead time* is the share that was lost, *live
fraction* the share that was kept. A rate before dead time is the rate after it divided
by the live fraction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omskit._extras import load
from omskit.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

ORBITS = 2**18
"""Orbits in a lumisection, exactly."""
BUNCH_SLOTS = 3564
REVOLUTION_HZ = 40.08e6 / BUNCH_SLOTS
"""Orbits per second: 11 245.79, as the HLT counters have it."""
LUMISECTION_S = ORBITS / REVOLUTION_HZ
"""The length of a lumisection in every rate that omskit computes: 23.3104096 s."""
DIVISOR_S = {
    "hltpathrates": LUMISECTION_S,
    "l1triggerrates": ORBITS / 11246.0,
    "l1algorithmtriggers": ORBITS / 11245.5,
}
"""The length by which each resource of OMS divides its counters, in seconds.

Source: recorded answers of OMS (runs 297050 and 386694), published rates of run 373710.
"""
MINIMUM_BIAS_UB = 80_000.0
"""The minimum-bias cross-section in the pileup of OMS; analyses use 69 200 ub."""
UB_PER_PB = 1e6
"""Inverse microbarn in one inverse picobarn."""
ROUNDING = 1e-3
"""How far from a whole number a counter that was recovered from a rate may be."""


class Measured(NamedTuple):
    """A value and its statistical error; both NaN where nothing is known."""

    value: float
    error: float


def rates(counts: ArrayLike) -> FloatArray:
    """Counts of lumisections as rates in Hz.

    Example:
        >>> f"{rates([0, 233104])[1]:.1f}"
        '10000.0'
    """
    return _floats(counts) / LUMISECTION_S


def counts_of_rates(rates_hz: ArrayLike, resource: str = "hltpathrates") -> FloatArray:
    """The counters behind rates of OMS, for sources that give rates only.

    Args:
        rates_hz: Rates in Hz; NaN stays NaN.
        resource: Where they come from; it decides by which length OMS divided.

    Raises:
        UsageError: The resource is not known, or a rate is no whole number of counts.

    Example:
        >>> counts_of_rates([10.124232231529927]).tolist()
        [236.0]
    """
    if resource not in DIVISOR_S:
        message = f"{resource!r} is not one of {', '.join(DIVISOR_S)}."
        raise UsageError(message)
    raw = _floats(rates_hz) * DIVISOR_S[resource]
    whole = np.round(raw)
    wrong = np.abs(raw - whole) > ROUNDING
    if wrong.any():
        message = (
            f"A rate of {raw[wrong].flat[0] / DIVISOR_S[resource]!r} Hz is "
            f"{raw[wrong].flat[0]:.4f} counts by the length that {resource!r} uses, "
            "no whole number. Rates of another resource, or a mean over a run?"
        )
        raise UsageError(message)
    return whole


def count_interval(
    counts: ArrayLike, level: float = 0.6826894921370859
) -> tuple[FloatArray, FloatArray]:
    """The exact central interval of the expectation behind Poisson counts.

    For 0 counts the lower end is 0; the upper end is never 0.

    Raises:
        MissingExtraError: scipy is not installed.

    Source: F. Garwood, Biometrika 28 (1936) 437.

    Example:
        >>> low, high = count_interval([0, 100])
        >>> low.round(2).tolist(), high.round(2).tolist()
        ([0.0, 90.02], [1.84, 111.03])
    """
    special = load("scipy.special", "compute exact Poisson intervals")
    n = _floats(counts)
    tail = (1 - level) / 2
    safe = np.where(n > 0, n, 1.0)
    low = np.where(n > 0, special.gammaincinv(safe, tail), n)
    return low, special.gammaincinv(n + 1, 1 - tail)


def live_fraction(recorded: ArrayLike, delivered: ArrayLike) -> FloatArray:
    """The share of the delivered luminosity that was recorded.

    NaN where nothing was delivered: there is no share of nothing. Rounding in OMS
    leaves values just above 1 or below 0 (51 lumisections of 2024), which are cut.

    Example:
        >>> live_fraction([0.9, 0.0, 1.0001], [1.0, 0.0, 1.0]).tolist()
        [0.9, nan, 1.0]
    """
    kept, all_of_it = _floats(recorded), _floats(delivered)
    safe = np.where(all_of_it > 0, all_of_it, np.nan)
    return np.clip(kept / safe, 0.0, 1.0)


def live_fraction_of(deadtime_percent: ArrayLike) -> FloatArray:
    """The live fraction that a dead time in percent leaves.

    Raises:
        UsageError: A dead time lies outside 0 to 100 %.

    Example:
        >>> live_fraction_of(10.0).item()
        0.9
    """
    percent = _floats(deadtime_percent)
    wrong = (percent < 0) | (percent > 100)
    if wrong.any():
        message = f"A dead time of {percent[wrong].flat[0]} % is not within 0 to 100 %."
        raise UsageError(message)
    return 1 - percent / 100


def unprescaled_counts(
    counts: ArrayLike, prescales: ArrayLike, live: ArrayLike = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Counts as they were before prescale and dead time, and their errors.

    Args:
        counts: What passed: accepted by an HLT path, or ``post_dt`` of a L1 bit. Not
            ``pre_dt_before_prescale``, which is unprescaled and before dead time.
        prescales: The total prescale; NaN where unknown, 0 where the path was off.
        live: The live fraction; 1 leaves the dead time in.

    Returns:
        Counts and errors, ``sqrt(N) p / live``; NaN where an input is NaN, and where
        the path was off or nothing was live.

    Example:
        >>> unprescaled_counts([90], [10], [0.9])[0].tolist()
        [1000.0]
        >>> unprescaled_counts([0], [0])[0].tolist()
        [nan]
    """
    n, p, kept = np.broadcast_arrays(_floats(counts), _floats(prescales), _floats(live))
    known = (p > 0) & (kept > 0)
    factor = np.where(known, p, np.nan) / np.where(known, kept, np.nan)
    return n * factor, np.sqrt(n) * factor


def cross_section(
    counts: ArrayLike, prescales: ArrayLike, recorded_pb: ArrayLike
) -> Measured:
    """The visible cross-section of a trigger, in pb.

    Both sums first, then one division: the mean of the ratios of lumisections would be
    biased where counts are low. Only lumisections of which counts, prescale and
    luminosity are known enter, with a prescale of at least something.

    Returns:
        ``sum(N p) / sum(recorded)`` and ``sqrt(sum(N p^2)) / sum(recorded)``.

    Example:
        >>> cross_section([100, 0, 7], [10, 10, 0], [0.5, 0.5, 0.5])
        Measured(value=1000.0, error=100.0)
    """
    n, p, lumi = np.broadcast_arrays(
        _floats(counts), _floats(prescales), _floats(recorded_pb)
    )
    known = np.isfinite(n) & (p > 0) & np.isfinite(lumi)
    total = float(lumi[known].sum())
    if total <= 0:
        return Measured(np.nan, np.nan)
    weighted = float((n[known] * p[known]).sum())
    squares = float((n[known] * p[known] ** 2).sum())
    return Measured(weighted / total, float(np.sqrt(squares)) / total)


def bunches_of_pileup(delivered_pb: ArrayLike, pileup: ArrayLike) -> FloatArray:
    """Colliding bunches by the luminosity and the pileup of OMS.

    OMS makes the pileup from the luminosity, so that this is a whole number to 1e-5. It
    stands in where ``fills.bunches_colliding`` is null.

    Example:
        >>> f"{bunches_of_pileup(0.487371332781, 63.56057103).item():.2f}"
        '2340.03'
    """
    mu = _floats(pileup)
    safe = np.where(mu > 0, mu, np.nan)
    return _floats(delivered_pb) * UB_PER_PB * MINIMUM_BIAS_UB / (safe * ORBITS)


def _floats(values: ArrayLike) -> FloatArray:
    """Numbers as float64; None becomes NaN."""
    return np.asarray(values, dtype=np.float64)
