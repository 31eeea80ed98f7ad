"""How a ledger of luminosity is made from rows of lumisections."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.errors import MaskError, NoRowError, UnitError
from omskit.lumi.building import PRESETS
from omskit.lumi.integral import DELIVERED, FILL, RECORDED, is_simulated
from omskit.lumi.ledgers import CAUSES, Entry, Ledger, Part
from omskit.lumi.tables import RUN, SINGLE, as_arrow, integers
from omskit.schema.units import INTEGRATED, factor
from omskit.table import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omskit.lumi.edges import BoolArray, IntArray

    FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

CUMULATIVE = "delivered_lumi"
SUBSYSTEMS = ("pixel", "tracker", "ecal", "hcal", "muon")
_DETECTORS = PRESETS["all"]
COLUMNS = (
    RUN, SINGLE, FILL, CUMULATIVE, DELIVERED, RECORDED,
    "cms_active", "beams_stable", *_DETECTORS,
)  # fmt: skip
"""What is asked of a client."""

ROUNDING = 1e-6
"""Steps of the running sum that are smaller than this part of it are its rounding."""


@dataclass(slots=True)
class _Rows:
    """The columns of lumisections that a ledger is made from, in order of time."""

    runs: IntArray
    numbers: IntArray
    fills: IntArray
    running: FloatArray
    delivered: FloatArray
    recorded: FloatArray
    flags: dict[str, tuple[BoolArray, BoolArray]]

    def take(self, rows: Any) -> _Rows:
        """Some of the rows."""
        return _Rows(
            self.runs[rows],
            self.numbers[rows],
            self.fills[rows],
            self.running[rows],
            self.delivered[rows],
            self.recorded[rows],
            {n: (on[rows], off[rows]) for n, (on, off) in self.flags.items()},
        )

    def off(self, names: Iterable[str]) -> BoolArray:
        """Where any of these flags is false."""
        found: BoolArray = np.zeros(self.runs.size, bool)
        for name in names:
            found |= self.flags[name][1]
        return found

    def on(self, names: Iterable[str]) -> BoolArray:
        """Where all of these flags are true."""
        found: BoolArray = np.ones(self.runs.size, bool)
        for name in names:
            found &= self.flags[name][0]
        return found


def ledger(
    lumisections: Any,
    *,
    fill: int | None = None,
    run: int | None = None,
    whole: str | None = None,
    fill_delivered_pb: float | None = None,
) -> Ledger:
    """Where the delivered luminosity of one fill, or of one run, went.

    Args:
        lumisections: Rows of ``lumisections`` with the columns `COLUMNS`: all of the
            fill, or all of the run.
        fill, run: Which of the two.
        whole: Instead of them, all rows, as of a day, and what to call them. What a
            fill delivered before the first and after the last of its rows is not in it.
        fill_delivered_pb: ``fills.delivered_lumi``, in /pb: the part after the last run
            is known only with it.

    Raises:
        MaskError: A column is missing, or not one of fill, run and whole was given.
        NoRowError: There is no row of it.
        UnitError: The unit of a luminosity is not known.

    Cost: O(rows x flags).

    Example:
        >>> from omskit import Client
        >>> with Client("demo") as oms:
        ...     lumis = oms.lumisections(fill=5839, fields=COLUMNS)
        >>> found = ledger(lumis, fill=5839)
        >>> whole = sum(entry.lumi_pb for entry in found.entries)
        >>> round(whole - found.delivered_pb, 9), found.simulated
        (0.0, True)
    """
    if [fill, run, whole].count(None) != 2:  # one of three
        message = "A ledger is of one fill or of one run: give fill= or run=."
        raise MaskError(message)
    rows, name = _rows(as_arrow(lumisections)), whole
    if fill is not None:
        rows, name = rows.take(rows.fills == fill), f"fill {fill}"
    elif run is not None:
        rows, name = rows.take(rows.runs == run), f"run {run}"
    assert name is not None
    reached = 0.0
    if not rows.runs.size:
        message = f"There is no lumisection of {name} in the table."
        raise NoRowError(message)
    tally = _Tally()
    notes: list[str] = []
    for own in np.unique(rows.fills):
        part = rows.take(rows.fills == own)
        reached = _book(part, tally, from_start=fill is not None)
    if fill is not None and fill_delivered_pb is not None:
        after = fill_delivered_pb - reached
        if abs(after) > ROUNDING * abs(reached):
            tally.add("after", after, 0)
    elif fill is not None:
        notes.append("What came after the last run is not known without the fill.")
    return Ledger(
        of=name,
        delivered_pb=sum(tally.sums.values()),
        entries=tally.entries(),
        parts=tuple(_parts(rows)),
        notes=tuple(notes),
        simulated=is_simulated(lumisections),
    )


class _Tally:
    """Sums by cause."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.counts: defaultdict[str, int] = defaultdict(int)

    def add(self, cause: str, lumi_pb: float, lumisections: int) -> None:
        """Book some luminosity under a cause."""
        self.sums[cause] += float(lumi_pb)
        self.counts[cause] += int(lumisections)

    def entries(self) -> tuple[Entry, ...]:
        """One per cause that occurs."""
        return tuple(
            Entry(cause, self.sums[cause], self.counts[cause])
            for cause in CAUSES
            if self.sums[cause] or self.counts[cause]
        )


def _book(rows: _Rows, tally: _Tally, *, from_start: bool) -> float:
    """Book the lumisections of one fill.

    Returns:
        What the fill had delivered by the end of the last of them, in /pb.
    """
    valued = np.isfinite(rows.running) & np.isfinite(rows.delivered)
    tally.add("no_value", 0.0, int((~valued).sum()))
    if not valued.any():
        return 0.0
    _book_inside(rows.take(valued), tally)
    at = np.flatnonzero(valued)
    first, last = at[0], at[-1]
    begin = rows.running[first] - rows.delivered[first]
    if from_start:
        tally.add("no_value" if first else "before", begin, 0)
    for one, other in pairwise(at.tolist()):
        gap = rows.running[other] - rows.delivered[other] - rows.running[one]
        if abs(gap) > ROUNDING * abs(rows.running[other]):
            tally.add(_cause_of_gap(rows, one, other), gap, 0)
    return float(rows.running[last])


def _cause_of_gap(rows: _Rows, one: int, other: int) -> str:
    """Why luminosity lies between two lumisections with values."""
    if other > one + 1:
        return "no_value"
    if rows.runs[one] != rows.runs[other]:
        return "between"
    if rows.numbers[other] > rows.numbers[one] + 1:
        return "missing"
    return "unexplained"


def _book_inside(rows: _Rows, tally: _Tally) -> None:
    """Book what was delivered in lumisections that have a value."""
    told = np.isfinite(rows.recorded)
    tally.add("no_value", rows.delivered[~told].sum(), int((~told).sum()))
    rows = rows.take(told)
    stable, detectors = rows.on(["beams_stable"]), rows.on(_DETECTORS)
    off = rows.off(_DETECTORS)
    masks = {
        "not_stable": rows.off(["beams_stable"]),
        "detector_off": stable & off,
        "recorded": stable & detectors,
    }
    left = ~np.logical_or.reduce(list(masks.values()))
    for cause, which in (*masks.items(), ("flag_unknown", left)):
        tally.add(cause, rows.recorded[which].sum(), int(which.sum()))
    lost = rows.delivered - rows.recorded
    inactive = rows.off(["cms_active"])
    tally.add("inactive", lost[inactive].sum(), int(inactive.sum()))
    tally.add("deadtime", lost[~inactive].sum(), int((~inactive).sum()))


def _parts(rows: _Rows) -> Iterator[Part]:
    """What each subsystem's flags would cost of what was recorded in stable beams."""
    usable = rows.take(np.isfinite(rows.recorded) & rows.on(["beams_stable"]))
    off = {name: usable.off(PRESETS[name]) for name in SUBSYSTEMS}
    several = np.sum(list(off.values()), axis=0) > 1
    for name in SUBSYSTEMS:
        if not off[name].any():
            continue
        flags = (
            (flag, float(usable.recorded[usable.flags[flag][1]].sum()))
            for flag in PRESETS[name]
            if usable.flags[flag][1].any()
        )
        yield Part(
            name,
            float(usable.recorded[off[name]].sum()),
            float(usable.recorded[off[name] & ~several].sum()),
            tuple(flags),
        )


def _rows(arrow: pa.Table) -> _Rows:
    lacking = [name for name in COLUMNS if name not in arrow.column_names]
    if lacking:
        message = (
            f"The table lacks {', '.join(lacking)}. Fetch lumisections without "
            "fields=, or with fields=omskit.lumi.accounting.COLUMNS."
        )
        raise MaskError(message)
    # Runs and lumisections ascend with time.
    arrow = arrow.sort_by([(RUN, "ascending"), (SINGLE, "ascending")])
    return _Rows(
        integers(arrow, RUN),
        integers(arrow, SINGLE),
        integers(arrow, FILL),
        _lumi(arrow, CUMULATIVE),
        _lumi(arrow, DELIVERED),
        _lumi(arrow, RECORDED),
        {n: _flag(arrow, n) for n in ("cms_active", "beams_stable", *_DETECTORS)},
    )


def _lumi(arrow: pa.Table, name: str) -> FloatArray:
    """A luminosity in /pb; NaN where it is null."""
    column = arrow.column(name)
    values: FloatArray = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    unit = unit_of(arrow.schema.field(name))
    scale = factor(unit, INTEGRATED) if unit else None
    if scale is None and np.isfinite(values).any():
        message = (
            f"The unit of {name!r} is {unit or 'not known'}, so it cannot be added up "
            "in /pb. Fetch the rows with omskit, whose columns name their unit."
        )
        raise UnitError(message)
    return values * (scale or 1.0)


def _flag(arrow: pa.Table, name: str) -> tuple[BoolArray, BoolArray]:
    """Where a flag is true, and where it is false; null is neither."""
    column = arrow.column(name).cast(pa.bool_())
    known = np.asarray(column.is_valid()).astype(bool)
    true = np.asarray(column.fill_null(pa.scalar(value=False))).astype(bool)
    return true, known & ~true
