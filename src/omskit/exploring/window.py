"""What a window of lumisections looks like at the resolution of a screen: pure.

Where more lumisections than pixels are seen, a pixel holds the lowest and the highest
value of its lumisections, and the worst state of a flag: nothing that stands out is
lost, and a table of a year is no more to send than one of a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.errors import UsageError
from omskit.plot.rows import OFF, ON, UNKNOWN, place_rows
from omskit.reports.drawing import binned, marks_of
from omskit.reports.model import WATCHED
from omskit.reports.timeline import NOT_THERE, through
from omskit.reports.words import number, unit_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omskit.reports.timeline import Curve, States, Timeline
    from omskit.table import Table

PLACES = frozenset(
    {
        "run_number",
        "fill_number",
        "lumisection_number",
        "first_lumisection_number",
        "last_lumisection_number",
    }
)
"""Columns that say where a row is, and are no curves."""
USUAL = (
    "init_lumi",
    "pileup",
    "delivered_lumi_per_lumisection",
    "recorded_lumi_per_lumisection",
    "prescale_index",
    "l1a_physics_rate",
    "beamactive_total_deadtime_percent",
)
"""Columns that are shown first, where a table has them."""
MOST = 8
"""Curves that are shown where nobody chooses."""
WORST = (OFF, UNKNOWN, NOT_THERE, ON)
"""The states of a flag; of several in one pixel, the first is shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A window at some resolution.

    Attributes:
        head: What is shown: first and last slot, pixels, runs, and for each curve its
            name, unit, span and the marks of its axis; names of the flags, apart those
            that are on throughout the table, which have no states.
        values: For each curve the lowest value of each pixel, then the highest, as
            32-bit floats of the machine; NaN where there is none.
        states: For each flag the state of each pixel, as 8-bit integers.
    """

    head: dict[str, Any]
    values: bytes
    states: bytes


def line_of_table(
    table: Table, others: Sequence[Table], columns: Sequence[str] | None
) -> Timeline:
    """Curves and flags of a table, and curves of others along its lumisections.

    Args:
        table: One row per lumisection; of its flags the strips, those that
            certification watches where it has any of them.
        others: Further tables with rows by lumisection.
        columns: The curves, by column; None for the usual ones, or the first that are
            numbers.

    Raises:
        UsageError: A table has several rows of a lumisection, or no such column.
    """
    for one in (table, *others):
        _check_single(one)
    found = [(t, name) for t in (table, *others) for name in numeric(t)]
    if columns is None:
        usual = [(t, name) for t, name in found if name in USUAL]
        usual.sort(key=lambda pair: USUAL.index(pair[1]))
        chosen = (usual or found)[:MOST]
    else:
        known = {name: t for t, name in reversed(found)}
        missing = [name for name in columns if name not in known]
        if missing:
            message = (
                f"No column of numbers is called {missing[0]!r}; there are: "
                f"{', '.join(sorted(known)[:12])}."
            )
            raise UsageError(message)
        chosen = [(known[name], name) for name in columns]
    flags = [f.name for f in table.arrow.schema if pa.types.is_boolean(f.type)]
    # A run has parts that were never there: what certification watches is enough.
    flags = [name for name in WATCHED if name in flags] or flags
    return through(table, [(t, name, name) for t, name in chosen], flags)


def numeric(table: Table) -> list[str]:
    """The columns of a table that can be drawn as curves."""
    return [
        field.name
        for field in table.arrow.schema
        if field.name not in PLACES
        and (pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
    ]


def _check_single(table: Table) -> None:
    rows = place_rows(table)
    again = (np.diff(rows.run) == 0) & (np.diff(rows.first) == 0)
    if again.any():
        at = int(np.flatnonzero(again)[0])
        run = f"run {rows.layout.runs[rows.run[at]]}, " if rows.layout.runs else ""
        message = (
            f"The table has several rows of one lumisection ({run}lumisection "
            f"{int(rows.first[at])}); explore() takes one row each. Choose one path or "
            "stream, or make columns of them with client.frame()."
        )
        raise UsageError(message)


def shown(line: Timeline, first: int, last: int, width: int) -> Shown:
    """The slots from *first* to *last* on *width* pixels.

    Cost: O(slots x (curves + flags)); what is sent is O(pixels x (curves + flags)).

    Example:
        >>> from omskit.table import Table
        >>> rows = {"run_number": [7] * 4, "lumisection_number": [1, 2, 3, 4]}
        >>> table = Table(pa.table(rows | {"pileup": [1.0, 9.0, 2.0, 3.0]}))
        >>> found = shown(line_of_table(table, (), None), 0, 3, 2)
        >>> np.frombuffer(found.values, np.float32).tolist()
        [1.0, 2.0, 9.0, 3.0]
    """
    first = max(0, min(first, len(line) - 1))
    last = max(first, min(last, len(line) - 1))
    part = line.between(first, last)
    pixels = min(max(width, 1), max(len(part), 1))
    throughout = {flag.name for flag in line.flags if (flag.values == ON).all()}
    flags = [flag for flag in part.flags if flag.name not in throughout]
    pairs = [_extremes(curve, pixels) for curve in part.curves]
    head = {
        "first": first,
        "last": last,
        "total": len(line),
        "pixels": pixels,
        "starts": [
            [slot, run, int(line.numbers[slot])] for slot, run in line.boundaries()
        ],
        "curves": [_told(curve) for curve in part.curves],
        "flags": [flag.name for flag in flags],
        "on": [flag.name for flag in line.flags if flag.name in throughout],
    }
    empty = np.empty(0, np.float32)
    values = np.concatenate([empty, *(side for pair in pairs for side in pair)])
    strips = [worst(flag.values, pixels) for flag in flags]
    states = np.concatenate([np.empty(0, np.int8), *strips])
    return Shown(head, values.tobytes(), states.tobytes())


def _extremes(curve: Curve, pixels: int) -> tuple[Any, Any]:
    if not curve.values.size:
        none = np.full(pixels, np.nan, np.float32)
        return none, none
    low, high = binned(curve.values, pixels)
    return low.astype(np.float32), high.astype(np.float32)


def worst(states: States, pixels: int) -> States:
    """The worst state within each pixel.

    Example:
        >>> worst(np.array([1, 0, 1, 1], np.int8), 2).tolist()
        [0, 1]
    """
    if not states.size:
        return np.full(pixels, NOT_THERE, np.int8)
    edges = np.linspace(0, states.size, pixels + 1).astype(np.int64)[:-1]
    rank = np.empty(4, np.int8)
    for place, state in enumerate(WORST):
        rank[state + 2] = place
    found = np.minimum.reduceat(rank[states.astype(np.int64) + 2], edges)
    return np.array(WORST, np.int8)[found]


def _told(curve: Curve) -> dict[str, Any]:
    """Name, unit and axis of a curve within a window."""
    known = curve.values[np.isfinite(curve.values)]
    told = {"name": curve.name, "unit": unit_text(curve.unit), "span": "no value"}
    if not known.size:
        return told | {"marks": []}
    low, high = float(known.min()), float(known.max())
    marks = marks_of(min(0.0, low), high)
    span = f"{number(low)} to {number(high)}"
    return told | {"span": span, "marks": [[mark, number(mark)] for mark in marks]}
