"""Curves and flags on one axis of lumisections, as dense arrays.

The axis is that of `omskit.plot`: runs stand one after another, each from its first
lumisection to its last; what OMS lacks in between is there and empty. A slot of the
axis is one lumisection.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from omskit.plot.rows import place_rows, states
from omskit.reports.model import WATCHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from omskit.plot.rows import Layout
    from omskit.reports.model import Content
    from omskit.table import Table

    Values = NDArray[np.float64]
    Integers = NDArray[np.int64]
    States = NDArray[np.int8]

NOT_THERE = -2
"""The state of a flag where OMS has no lumisection."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A column along the axis.

    Attributes:
        name: What it is, in words.
        unit: Of the values, or None.
        values: One per slot, NaN where OMS has none.
        names: What the value of each slot is called, as prescale columns are; None
            where values are no more than numbers.
    """

    name: str
    unit: str | None
    values: Values
    names: tuple[str, ...] | None = None

    def between(self, part: slice) -> Curve:
        """Some of the slots."""
        names = None if self.names is None else self.names[part]
        return replace(self, values=self.values[part], names=names)


@dataclass(frozen=True, slots=True, eq=False)
class Flag:
    """A flag along the axis: 1 on, 0 off, -1 unknown, -2 no lumisection."""

    name: str
    values: States


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """What is drawn of a run, a fill or a day.

    Attributes:
        runs, numbers: Run and lumisection of each slot.
        held: Where OMS has a lumisection.
        curves, flags: What is drawn along them.
    """

    runs: Integers
    numbers: Integers
    held: NDArray[np.bool_]
    curves: tuple[Curve, ...] = ()
    flags: tuple[Flag, ...] = ()

    def __len__(self) -> int:
        """How many slots there are."""
        return int(self.runs.size)

    def between(self, first: int, last: int) -> Timeline:
        """The slots from *first* to *last*, ends included."""
        part = slice(max(first, 0), last + 1)
        return Timeline(
            self.runs[part],
            self.numbers[part],
            self.held[part],
            tuple(c.between(part) for c in self.curves),
            tuple(replace(f, values=f.values[part]) for f in self.flags),
        )

    def only(self, chosen: NDArray[np.bool_]) -> Timeline:
        """The same axis, with curves only where *chosen*."""
        return replace(
            self,
            curves=tuple(
                replace(c, values=np.where(chosen, c.values, np.nan))
                for c in self.curves
            ),
        )

    def boundaries(self) -> list[tuple[int, int]]:
        """The slot at which each run begins, and the run."""
        new = np.flatnonzero(np.diff(self.runs, prepend=-1))
        return [(int(slot), int(self.runs[slot])) for slot in new]


CURVES = (
    ("init_lumi", "Luminosity"),
    ("pileup", "Pileup"),
    ("prescale_index", "Prescale column"),
)
NAMES = {"prescale_index": "prescale_name"}
"""The column that says what the values of another are called."""
HLT = "HLT physics rate"
"""The sum over the streams of physics."""
RATE = ("l1a_physics_rate", "L1 physics rate")
DEADTIME = ("beamactive_total_deadtime_percent", "Deadtime with beam")


def timeline(
    lumisections: Table,
    rates: Table | None = None,
    deadtimes: Table | None = None,
    streams: Table | None = None,
    *,
    flags: Iterable[str] = WATCHED,
) -> Timeline:
    """Curves and flags of some lumisections.

    Args:
        lumisections: They make the axis; any columns of curves and flags may lack.
        rates: ``l1triggerrates`` per lumisection.
        deadtimes: ``deadtimes`` per lumisection.
        streams: ``streams`` per lumisection; their rates are summed.
        flags: Columns of flags.

    Cost: O(slots x columns).
    """
    sources = [(lumisections, *curve) for curve in CURVES]
    sources += [(rates, *RATE)] if rates is not None else []
    if streams is not None and len(streams):
        sources.append((summed(streams), "rate", HLT))
    sources += [(deadtimes, *DEADTIME)] if deadtimes is not None else []
    return through(lumisections, sources, flags)


def through(
    lumisections: Table, sources: Iterable[tuple[Table, str, str]], flags: Iterable[str]
) -> Timeline:
    """Curves and flags along the lumisections of a table.

    Args:
        lumisections: They make the axis, and have the flags.
        sources: Table, column and words of each curve; columns that lack are left out.
        flags: Columns of flags.
    """
    axis = _axis(lumisections)
    curves = (
        Curve(words, t.units[name], axis.numbers(t, name), axis.names_of(t, name))
        for t, name, words in sources
        if name in t.columns
    )
    strips = (
        Flag(name, axis.states(lumisections, name))
        for name in flags
        if name in lumisections.columns
    )
    runs, numbers = axis.names()
    held = axis.held(lumisections)
    return Timeline(runs, numbers, held, tuple(curves), tuple(strips))


def line_of(report: Content) -> Timeline:
    """The curves and flags of a report."""
    return timeline(report.lumisections, report.rates, report.deadtimes, report.streams)


def summed(streams: Table) -> Table:
    """The rates of all streams together, one row per lumisection."""
    keys = [name for name in streams.columns if name not in {"stream_name", "rate"}]
    found = streams.arrow.group_by(keys).aggregate([("rate", "sum")])
    found = found.rename_columns([*keys, "rate"])
    fields = [streams.arrow.schema.field(name) for name in found.column_names]
    return streams.part(found.cast(pa.schema(fields)))


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """Places of runs and lumisections, as slots from 0."""

    layout: Layout
    size: int
    _known: dict[int, tuple[Integers, Integers, Integers]] = field(default_factory=dict)

    def slots(self, table: Table) -> tuple[Integers, Integers, Integers]:
        """Rows of a table that lie on the axis, with their first and last slot."""
        if id(table) not in self._known:
            self._known[id(table)] = self._slots(table)
        return self._known[id(table)]

    def _slots(self, table: Table) -> tuple[Integers, Integers, Integers]:
        rows = place_rows(table)
        shifts = dict(zip(self.layout.runs, self._starts(), strict=True))
        ends = dict(
            zip(self.layout.runs, self._lengths(), strict=True),
        )
        run = np.asarray(rows.layout.runs, dtype=np.int64)[rows.run]
        start = np.array([shifts.get(int(r), -(10**9)) for r in run], dtype=np.int64)
        length = np.array([ends.get(int(r), 0) for r in run], dtype=np.int64)
        lowest = dict(zip(self.layout.runs, self.layout.first, strict=True))
        low = np.array([lowest.get(int(r), 0) for r in run], dtype=np.int64)
        first, last = rows.first - low, rows.last - low
        kept = (last >= 0) & (first < length)
        first, last = np.maximum(first, 0), np.minimum(last, length - 1)
        return rows.order[kept], (first + start)[kept], (last + start)[kept]

    def _starts(self) -> list[int]:
        base = self.layout.first[0] if self.layout.first else 0
        return [
            f + s - base
            for f, s in zip(self.layout.first, self.layout.shift, strict=True)
        ]

    def _lengths(self) -> list[int]:
        return [
            b - a + 1 for a, b in zip(self.layout.first, self.layout.last, strict=True)
        ]

    def names(self) -> tuple[Integers, Integers]:
        """Run and lumisection of each slot."""
        lengths = self._lengths()
        runs = np.repeat(np.asarray(self.layout.runs, dtype=np.int64), lengths)
        numbers = [
            np.arange(a, b + 1, dtype=np.int64)
            for a, b in zip(self.layout.first, self.layout.last, strict=True)
        ]
        empty = np.empty(0, dtype=np.int64)
        return runs, np.concatenate([*numbers, empty])

    def numbers(self, table: Table, name: str) -> Values:
        """A column of numbers."""
        values = table.arrow[name].cast("float64").to_numpy()
        filled = np.full(self.size, np.nan)
        order, first, last = self.slots(table)
        # A row may cover several lumisections.
        lengths = last - first + 1
        starts = np.repeat(first, lengths)
        within = np.arange(lengths.sum()) - np.repeat(
            np.cumsum(lengths) - lengths, lengths
        )
        filled[starts + within] = np.repeat(values[order], lengths)
        return filled

    def names_of(self, table: Table, name: str) -> tuple[str, ...] | None:
        """What the values of a column are called, per slot; None where nothing is."""
        column = NAMES.get(name, "")
        if column not in table.columns:
            return None
        words = table.arrow[column].to_pylist()
        filled = [""] * self.size
        order, first, _ = self.slots(table)
        for row, slot in zip(order.tolist(), first.tolist(), strict=True):
            filled[slot] = words[row] or ""
        return tuple(filled)

    def states(self, table: Table, name: str) -> States:
        """A column of flags."""
        values = states(table.arrow[name], name)
        filled = np.full(self.size, NOT_THERE, dtype=np.int8)
        order, first, _ = self.slots(table)
        filled[first] = values[order]
        return filled

    def held(self, table: Table) -> NDArray[np.bool_]:
        """Where there are rows."""
        filled = np.zeros(self.size, dtype=np.bool_)
        filled[self.slots(table)[1]] = True
        return filled


def _axis(table: Table) -> _Axis:
    layout = place_rows(table).layout
    size = sum(b - a + 1 for a, b in zip(layout.first, layout.last, strict=True))
    return _Axis(layout, size)


def slots_of(values: Sequence[bool] | NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches that are true, ends included.

    Example:
        >>> slots_of([False, True, True, False, True])
        [(1, 2), (4, 4)]
    """
    padded = np.concatenate(([False], np.asarray(values, dtype=np.bool_), [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
