"""What the trigger of the demo truly does, for tests of what is found from its counts.

The rate of a path per colliding bunch, before prescale and deadtime, is a function of
the pileup. The counts of a lumisection are drawn from a Poisson law with the mean
``bunches x rate(pileup) x length x live fraction / prescale``; the total prescale is
that of `omskit.demo.hltmenu`. For an OR the least prescaled bit truly contains the
others, and the prescalers of an AND truly are independent.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from omskit.demo import facts, hltmenu
from omskit.demo.names import stem

if TYPE_CHECKING:
    from omskit.demo.dice import Floats

Family: TypeAlias = Literal["constant", "linear", "quadratic", "sinh"]

ORBITS_PER_S = 40.08e6 / 3564
NOMINAL_PILEUP = 41.0
"""That of 7 x 10^33 cm^-2 s^-1 in run 297050, in whose units menus were thought out."""
NOMINAL_BUNCHES = 1213


@dataclass(frozen=True, slots=True)
class Truth:
    """The true rate of a path.

    Attributes:
        path: Its name without version.
        family: Which function of the pileup.
        parameters: Its parameters, the value at pileup 0 first; Hz per colliding bunch.
    """

    path: str
    family: Family
    parameters: tuple[float, ...]

    def per_bunch(self, pileup: Floats) -> Floats:
        """The rate per colliding bunch in Hz, before prescale and deadtime.

        Example:
            >>> Truth("HLT_A", "quadratic", (1.0, 2.0, 3.0)).per_bunch(np.array([2.0]))
            array([17.])
        """
        value, *rest = self.parameters
        if self.family == "sinh":
            height, slope = rest
            return np.asarray(value + height * _sinh(slope * pileup))
        found = np.full(pileup.shape, value)
        for power, parameter in enumerate(rest, 1):
            found = found + parameter * pileup**power
        return found


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A path that is wrong on purpose in lumisections *first* to *last* of a run.

    Attributes:
        factor: What its rate is multiplied by; 0 is a dead path.
        stuck: The count of *first* is repeated.
    """

    run: int
    path: str
    first: int
    last: int
    factor: float = 1.0
    stuck: bool = False


def truths() -> dict[str, Truth]:
    """The paths of every run whose true rates are known, by name without version.

    Example:
        >>> truths()["HLT_Mu50"].family, truths()["HLT_ZeroBias"].family
        ('linear', 'constant')
    """
    names = [stem(name) for name in facts.document("menus")["hlt"]["paths"]]
    found = {name: truth_of(name) for name in names}
    return {name: truth for name, truth in found.items() if truth is not None}


@cache
def truth_of(path: str) -> Truth | None:
    """The true rate of a path; None for what neither ZeroBias nor collisions give."""
    name, seed = stem(path), hltmenu.seed(path)
    listed = _listed().get(name)
    if listed is not None:
        return Truth(name, listed["family"], tuple(listed["parameters"]))
    if seed == "L1_ZeroBias":
        return Truth(name, "constant", (ORBITS_PER_S,))
    if seed in {None, "L1_NotBptxOR"}:
        return None
    # The rate that a column in the middle lets through at the nominal luminosity.
    hz = drawn_hz(name) * hltmenu.usual(path)
    return Truth(name, "linear", (0.0, hz / NOMINAL_BUNCHES / NOMINAL_PILEUP))


def drawn_hz(name: str) -> float:
    """The rate of a path that nothing else is said of, at the nominal luminosity."""
    draw = zlib.crc32(stem(name).encode()) / 2**32
    return 0.15 + 16.0 * draw * draw * draw * draw


@cache
def disturbances() -> tuple[Disturbance, ...]:
    """What is wrong on purpose."""
    return tuple(Disturbance(**row) for row in _document()["disturbance"])


@cache
def frozen() -> dict[int, int]:
    """Runs whose last counters are all 0, and for how many lumisections."""
    return {int(run): size for run, size in _document()["frozen"].items()}


@cache
def dataset_of(name: str) -> str:
    """The primary dataset of a path of the physics stream.

    Example:
        >>> dataset_of("HLT_Mu50_v6"), dataset_of("HLT_Random_v2")
        ('SingleMuon', 'Commissioning')
    """
    rules = _document()["dataset"]
    found = (rule["name"] for rule in rules if rule["word"] in name)
    return next(found, "Commissioning")


def _document() -> dict[str, Any]:
    return facts.document("truths")


@cache
def _listed() -> dict[str, dict[str, Any]]:
    return {str(row["name"]): row for row in _document()["path"]}


def _sinh(x: Floats) -> Floats:
    """By its series, whose digits are the same on every machine; for x up to 10."""
    term, total = x, x
    for order in range(3, 41, 2):
        term = term * x * x / (order * (order - 1))
        total = total + term
    return total
