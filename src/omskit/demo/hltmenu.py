"""Seeds and prescales of the HLT paths of the demo, column by column."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from omskit.demo import facts, l1bits
from omskit.demo.beam import ORBITS_HZ
from omskit.demo.fills import SLOTS
from omskit.demo.l1 import PIXELS_COLUMN
from omskit.demo.names import stem
from omskit.demo.schedule import colliding, fills, period_of

if TYPE_CHECKING:
    from omskit.demo.dice import Floats
    from omskit.demo.schedule import Period

SEEDS = {
    "AlCa_LumiPixels_ZeroBias": "L1_ZeroBias",
    "HLT_ZeroBias": "L1_ZeroBias",
    "HLT_L1NotBptxOR": "L1_NotBptxOR",
    "HLT_IsoMu2": "L1_SingleMu22",
    "HLT_IsoMu24": "L1_SingleMu18 OR L1_SingleMu22",
    "HLT_IsoTkMu": "L1_SingleMu22 OR L1_SingleMu25",
    "HLT_Mu50": "L1_SingleMu22 OR L1_SingleMu25",
    "HLT_TkMu": "L1_SingleMu22 OR L1_SingleMu25",
    "HLT_Mu17": "L1_DoubleMu_15_7 OR L1_DoubleMu9_SQ",
    "HLT_DoubleMu": "L1_DoubleMu_15_7",
    "HLT_DoubleMu4_3_Bs": "L1_DoubleMu_15_7 AND L1_SingleMu18",
    "HLT_TripleMu": "L1_TripleMu_5_3_3 AND L1_DoubleMu_15_7",
    "HLT_Mu": "L1_SingleMu7 OR L1_SingleMu18 OR L1_SingleMu22",
    "HLT_Dimuon": "L1_DoubleMu4p5_SQ_OS_dR_Max1p2 OR L1_DoubleMu9_SQ",
    "HLT_Ele": "L1_SingleEG36er2p5 OR L1_SingleEG40er2p5 OR L1_SingleIsoEG32er2p5",
    "HLT_Photon": "L1_SingleEG26er2p5 OR L1_SingleEG40er2p5",
    "HLT_Diphoton": "L1_DoubleEG_25_12_er2p5",
    "HLT_DoubleEle": "L1_DoubleEG_25_12_er2p5 OR L1_DoubleEG_LooseIso25_12_er2p5",
    "HLT_DoubleMediumCharged": "L1_DoubleIsoTau34er2p1 OR L1_DoubleIsoTau36er2p1",
    "HLT_PFJet40": "L1_SingleJet60",
    "HLT_PFJet60": "L1_SingleJet60",
    "HLT_PFJet80": "L1_SingleJet60 OR L1_SingleJet90",
    "HLT_PFJet500": "L1_SingleJet180",
    "HLT_PFJet": "L1_SingleJet120 OR L1_SingleJet180",
    "HLT_AK8PFJet": "L1_SingleJet180 OR L1_SingleJet200",
    "HLT_PFHT1050": "L1_HTT360er",
    "HLT_PFHT": "L1_HTT280er OR L1_HTT360er",
    "HLT_PFMET": "L1_ETMHF100 OR L1_ETMHF110 OR (L1_ETMHF90 AND L1_HTT280er)",
    "HLT_L1SingleMu": "L1_SingleMu18",
}
"""L1 seeds of paths by the start of their name, longer ones first where both fit.

Simulated; real expressions are like these: names of algorithms with OR, AND, NOT and
brackets. Paths without an entry have no seed.
"""


BUNCHES = {"2017B": 1213, "2017F": 1866, "2018A": 974, "Run2024I": 2340}
"""Colliding bunches that the prescales of a period were chosen for, where the fill with
most is not the one; see `bunches_of`."""

BOOSTED = 1.9
"""HLT_ZeroBias_v5 in column 6 against later ones; read off the notebook's plot."""


@cache
def bunches_of(period: Period) -> int:
    """Colliding bunches that the prescales of a period were chosen for.

    Example:
        >>> bunches_of(period_of(374810))
        1010
    """
    if period.name in BUNCHES:
        return BUNCHES[period.name]
    first, last = period.runs
    meeting = [
        colliding(fill)
        for fill in fills()
        if "runs" in fill and fill["runs"][0] <= last and fill["runs"][1] >= first
    ]
    return max([1, *meeting])


@cache
def seed(path: str) -> str | None:
    """The L1 seed of a path, None where it has none.

    Example:
        >>> seed("HLT_Mu50_v6")
        'L1_SingleMu22 OR L1_SingleMu25'
    """
    fitting = [start for start in SEEDS if path.startswith(start)]
    return SEEDS[max(fitting, key=len)] if fitting else None


def stream(path: str) -> str:
    """The stream that a path feeds.

    Example:
        >>> stream("HLT_Mu50_v6")
        'Physics'
    """
    if "Calibration" in path:
        return "Calibration"
    if path.startswith("AlCa_LumiPixels"):
        return "ALCALUMIPIXELS"
    return "DQM" if path.startswith("DQM_") else "Physics"


def flat_hz(path: str) -> float | None:
    """The rate of a path that luminosity does not change; None for the others."""
    listed = facts.document("menus")["hlt"]["flat"]
    return next((entry["hz"] for entry in listed if entry["word"] in path), None)


@cache
def hlt(period: Period, path: str) -> tuple[float, ...]:
    """The HLT prescale of a path in each column of a period; 0 is off."""
    return (0.0, *_hlt(period, path)[1:])


def _hlt(period: Period, path: str) -> list[float]:
    width = len(period.columns)
    target = flat_hz(path)
    if target == 0:
        return [0.0] * width
    if target is not None and seed(path) in {"L1_ZeroBias", "L1_NotBptxOR"}:
        return _thinning(period, path, target)
    listed = {row["name"]: row for row in facts.document("truths")["path"]}
    own = listed.get(stem(path), {}).get("hlt", [1])
    tightest = period.thresholds[0][0]
    place = np.clip(np.arange(width) - tightest, 0, len(own) - 1)
    return [float(own[i]) for i in place]


def _thinning(period: Period, path: str, target: float) -> list[float]:
    """What brings a bit of the filling scheme down to a rate in Hz."""
    given = facts.document("menus")["hlt"]["prescales"].get(path)
    if given is not None:
        first, values = given["first_column"], given["values"]
        return [float(values[max(i - first, 0)]) for i in range(len(period.columns))]
    bunches = bunches_of(period)
    crossings = bunches if seed(path) == "L1_ZeroBias" else SLOTS - bunches - 24
    found = []
    for column, l1 in enumerate(level_1(period, path)):
        boost = column == PIXELS_COLUMN and period.name == "2017B"
        hz = target * BOOSTED if boost and "ZeroBias" in path else target
        ratio = crossings * ORBITS_HZ / l1 / hz if l1 else 1.0
        found.append(max(1.0, math.floor(ratio + 0.5)))
    return found


@cache
def _bits(period: Period) -> dict[str, Floats]:
    """The prescales of each bit; those that are masked are off."""
    names = [row[1] for row in l1bits.menu(run3=period.run3)]
    masked = l1bits.masked(period)
    rows = zip(names, l1bits.prescales(period), strict=True)
    return {n: values * 0.0 if n in masked else values for n, values in rows}


def level_1(period: Period, path: str) -> Floats:
    """The L1 prescale of a path in each column; 0 is off, NaN where it has no seed."""
    text = seed(path)
    if text is None:
        return np.full(len(period.columns), np.nan)
    bits = _bits(period)
    ways = []
    for way in text.split(" OR "):
        factors = [bits[name] for name in way.strip("()").split(" AND ")]
        ways.append(np.prod(factors, axis=0))
    found = np.array(ways)
    best = np.min(np.where(found > 0, found, np.inf), axis=0)
    return np.asarray(np.where(np.isinf(best), 0.0, best))


@cache
def total(period: Period, path: str) -> Floats:
    """The total prescale of a path in each column; 0 is off, NaN is not known."""
    return np.asarray(level_1(period, path) * np.array(hlt(period, path)))


def usual(path: str) -> float:
    """The total prescale in a column in the middle of 2017B; 1 where it is off."""
    period = period_of(facts.RUN)
    return float(total(period, path)[period.thresholds[1][0]]) or 1.0
