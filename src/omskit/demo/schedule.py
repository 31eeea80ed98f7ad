"""Which runs the demo takes, when, and how: ``data/plan.toml`` as values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo import facts

if TYPE_CHECKING:
    from omskit.demo.dice import Ints

LUMISECTION_S = 2**18 * 3564 / 40.08e6
"""Length of a lumisection in seconds: 2^18 orbits."""

SETUP_S = 54
"""From the start of a run to its first lumisection, as in run 297050."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The units of luminosities in the rows of a period.

    Attributes:
        instantaneous: Its unit, *per_instantaneous* times 10^30 cm^-2 s^-1.
        integrated: Its unit, of which *per_pb* make 1 /pb.
    """

    instantaneous: str
    per_instantaneous: float
    integrated: str = "pb^{-1}"
    per_pb: float = 1.0


RUN2 = Scale("10^{30}cm^{-2}s^{-1}", 1.0)
RUN3 = Scale("10^{34}cm^{-2}s^{-1}", 1e4)
IONS = Scale("10^{27}cm^{-2}s^{-1}", 1e-3, r"{\mu}b^{-1}", 1e6)


@dataclass(frozen=True, slots=True)
class Period:
    """What runs taken together share: menus, keys, prescale columns.

    Attributes:
        path_versions: Added to the versions of the HLT paths of 2017.
        l1_per_lumi: L1 rate in Hz for 10^30 cm^-2 s^-1.
        thresholds: Pairs (column, least luminosity) from the tightest column on.
        ions: Luminosities are served in 10^27 cm^-2 s^-1 and /ub, as for lead ions.
        cross_section_cm2: Makes pileup of luminosity. The default is 80 mb, from
            lumisection 297050_1; the others follow from the peaks of their fills.
        more_paths: HLT paths that only this period has.
    """

    name: str
    runs: tuple[int, int]
    sample: str
    l1_menu: str
    l1_key: str
    mode: str
    hlt_key: str
    cmssw_version: str
    path_versions: int
    l1_per_lumi: float
    columns: tuple[str, ...]
    thresholds: tuple[tuple[int, float], ...]
    components_out: tuple[str, ...]
    run3: bool = False
    ions: bool = False
    cross_section_cm2: float = 8.0e-26
    more_paths: tuple[str, ...] = ()

    @property
    def scale(self) -> Scale:
        """In which units OMS shows the luminosities."""
        if self.ions:
            return IONS
        return RUN3 if self.run3 else RUN2


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the plan; see ``data/plan.toml`` for what the attributes mean."""

    number: int
    first: str
    lumisections: int
    missing: tuple[int, ...] = ()
    columns: tuple[tuple[int, int], ...] = ()
    nodes: tuple[tuple[int, float], ...] = ()
    dips: tuple[tuple[int, int, float], ...] = ()
    loss: float = 1.0
    inactive_from: int | None = None
    unscaled: bool = False

    @property
    def numbers(self) -> Ints:
        """The lumisection numbers, in order, without those that are missing."""
        every = np.arange(1, self.lumisections + len(self.missing) + 1)
        return every[~np.isin(every, self.missing)]

    @property
    def last(self) -> int:
        """The number of the last lumisection."""
        return int(self.numbers[-1])

    @property
    def first_s(self) -> int:
        """Start of lumisection 1 in seconds since 1970."""
        return facts.seconds(self.first)

    @property
    def inactive(self) -> int:
        """The first lumisection in which CMS no longer takes data."""
        return self.last if self.inactive_from is None else self.inactive_from


@dataclass(frozen=True, slots=True)
class Budget:
    """The luminosity of some runs of one fill, in whole parts of 1 /pb.

    Attributes:
        before: Delivered and recorded in runs of the fill that are not simulated.
        sums: Delivered and recorded in the runs of the budget.
        parts: Parts of 1 /pb in which the luminosities are counted; sums are exact.
    """

    fill: int
    runs: tuple[int, int]
    sums: tuple[float, float]
    before: tuple[float, float] = (0.0, 0.0)
    decay_h: float = 30.0
    parts: int = 256000


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _values(kind: type, key: str) -> tuple[Any, ...]:
    rows = facts.document("plan")[key]
    return tuple(kind(**{k: _frozen(v) for k, v in row.items()}) for row in rows)


@cache
def runs() -> tuple[Run, ...]:
    """Every run, by number."""
    return tuple(sorted(_values(Run, "run"), key=lambda run: run.number))


@cache
def periods() -> tuple[Period, ...]:
    """Every period, in time order."""
    return _values(Period, "period")


@cache
def budgets() -> tuple[Budget, ...]:
    """The luminosities to share out, in time order within each fill."""
    return _values(Budget, "luminosity")


def period_of(run: int) -> Period:
    """The period of a run.

    Example:
        >>> period_of(297050).l1_menu
        'L1Menu_Collisions2017_dev_r5'
    """
    return next(p for p in periods() if p.runs[0] <= run <= p.runs[1])


def numbers_of(period: Period) -> list[int]:
    """The numbers of the runs of a period.

    Example:
        >>> numbers_of(period_of(386694))
        [386694]
    """
    first, last = period.runs
    return [run.number for run in runs() if first <= run.number <= last]


@cache
def fills() -> tuple[dict[str, Any], ...]:
    """Every fill of ``data/fills.toml``, recorded and simulated entries merged."""
    rows = facts.document("fills")["fill"]
    return tuple({**row, **row.get("simulated", {})} for row in rows)


def colliding(fill: dict[str, Any]) -> int:
    """Bunches that meet in CMS; those aimed at where none are recorded, or 0."""
    _, _, meeting, target = fill.get("bunches", [0, 0, 0, 0])
    return int(meeting or target)


def run_fill(number: int) -> dict[str, Any]:
    """The entry of a fill."""
    return next(fill for fill in fills() if fill["number"] == number)
