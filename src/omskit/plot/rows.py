"""From a table to places on the lumisection axis, values with breaks, and flag states.

Places: in one run, the lumisection number itself. Several runs stand one after another,
each from its first lumisection in the table to its last. A lumisection covers half a
unit to either side of its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import (
    Remedy,
    UnknownFieldError,
    UsageError,
    did_you_mean,
)
from omskit.plot.wording import listed, ranges, span_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omskit.table import Table

    Places = NDArray[np.float64]

FIRST = ("lumisection_number", "first_lumisection_number")
LAST = "last_lumisection_number"
ON, OFF, UNKNOWN = 1, 0, -1
MOST_NAMES = 12
"""A message names so many columns; lumisections have 53."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where runs lie on the axis.

    Attributes:
        runs: Run numbers, ascending; empty where the table does not say.
        first, last: The lumisections each of them spans in the table.
        shift: What to add to a lumisection number to get its place.
    """

    runs: tuple[int, ...]
    first: tuple[int, ...]
    last: tuple[int, ...]
    shift: tuple[int, ...]
    times: tuple[tuple[float, float], ...] = ()
    """Where runs begin and end, where the axis is one of time."""

    @property
    def is_time(self) -> bool:
        """Places are moments, as matplotlib counts days, not lumisections."""
        return bool(self.times)

    def spans(self) -> list[tuple[float, float]]:
        """The places at which each run begins and ends."""
        if self.times:
            return list(self.times)
        ends = zip(self.first, self.last, self.shift, strict=True)
        return [(a + shift - 0.5, b + shift + 0.5) for a, b, shift in ends]

    def run_in(self, place: float) -> int | None:
        """The run that was on at a moment, if any."""
        pairs = zip(self.runs, self.times, strict=False)
        return next((run for run, (a, b) in pairs if a <= place <= b), None)

    def at(self, place: float) -> tuple[int | None, int]:
        """Run and lumisection at a place; beyond the ends, those of the nearest run."""
        if not self.shift:
            return None, round(place)
        edges = [f + s - 0.5 for f, s in zip(self.first, self.shift, strict=True)]
        index = max(int(np.searchsorted(edges, place, side="right")) - 1, 0)
        run = self.runs[index] if self.runs else None
        return run, round(place) - self.shift[index]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a table in the order of the axis.

    Attributes:
        order: Row numbers in the table, sorted by run and lumisection.
        run: Index into the layout's runs, for each of them.
        first, last: The lumisections each of them covers.
        left, right: The places of its edges.
        skipped: How many rows name no run or lumisection, and so have no place.
    """

    layout: Layout
    order: NDArray[np.int64]
    run: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    left: Places
    right: Places
    skipped: int = 0

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.order)

    def only(self, chosen: NDArray[np.bool_]) -> Rows:
        """Some of the rows, on the same axis."""
        return Rows(
            self.layout,
            self.order[chosen],
            self.run[chosen],
            self.first[chosen],
            self.last[chosen],
            self.left[chosen],
            self.right[chosen],
            self.skipped,
        )

    def breaks(self) -> NDArray[np.bool_]:
        """Whether each row but the first lies apart from the one before it."""
        apart = self.first[1:] > self.last[:-1] + 1
        broken: NDArray[np.bool_] = apart | (self.run[1:] != self.run[:-1])
        return broken

    def missing(self) -> list[tuple[int | None, int, int]]:
        """Run, first and last of the lumisections between rows that no row covers."""
        same = (self.run[1:] == self.run[:-1]) & self.breaks()
        runs = self.layout.runs
        return [
            (
                runs[self.run[i]] if runs else None,
                int(self.last[i]) + 1,
                int(self.first[i + 1]) - 1,
            )
            for i in np.flatnonzero(same)
        ]

    def spans(self, chosen: NDArray[np.bool_]) -> list[str]:
        """The chosen rows as ranges of lumisections."""
        names = self.layout.runs if len(self.layout.runs) > 1 else ()
        found: list[str] = []
        for index in np.unique(self.run[chosen]):
            of_run = np.flatnonzero(chosen & (self.run == index))
            run = names[index] if names else None
            covered = (
                n for i in of_run for n in range(self.first[i], self.last[i] + 1)
            )
            found.extend(span_text(a, b, run) for a, b in ranges(map(int, covered)))
        return found


def place_rows(table: Table) -> Rows:
    """The places of a table's rows.

    Raises:
        UnknownFieldError: The table has no column with lumisection numbers.
    """
    first = _integers(table, lumisection_column(table))
    last = _integers(table, LAST) if LAST in table.columns else first
    last = np.where(last < first, first, last)
    if "run_number" in table.columns:
        run = _integers(table, "run_number")
    else:
        run = np.zeros_like(first)
    placed = np.flatnonzero((first >= 0) & (run >= 0))
    order = placed[np.lexsort((first[placed], run[placed]))]
    run, first, last = run[order], first[order], last[order]
    layout, index = _lay_out(run, first, last, named="run_number" in table.columns)
    shift = np.asarray(layout.shift, dtype=np.int64)[index]
    return Rows(
        layout,
        order,
        index,
        first,
        last,
        np.asarray(first + shift - 0.5, dtype=np.float64),
        np.asarray(last + shift + 0.5, dtype=np.float64),
        len(table) - len(placed),
    )


def _lay_out(
    run: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    *,
    named: bool,
) -> tuple[Layout, NDArray[np.int64]]:
    runs, begin, index = np.unique(run, return_index=True, return_inverse=True)
    firsts = [int(first[i]) for i in begin]
    lasts = [int(n) for n in np.maximum.reduceat(last, begin)] if firsts else []
    shifts: list[int] = []
    free = firsts[0] if firsts else 0
    for low, high in zip(firsts, lasts, strict=True):
        shifts.append(free - low)
        free += high - low + 1
    names = tuple(int(r) for r in runs) if named else ()
    return Layout(names, tuple(firsts), tuple(lasts), tuple(shifts)), index


def lumisection_column(table: Table) -> str:
    """The column that says which lumisection a row belongs to.

    Raises:
        UnknownFieldError: There is none.
    """
    for name in FIRST:
        if name in table.columns:
            return name
    message = (
        f"This table has neither of the columns {' and '.join(map(repr, FIRST))}, "
        "so its rows have no place on an axis of lumisections. "
        f"It has: {_some(table.columns)}."
    )
    what = "Try a table per lumisection, and name the column in"
    raise UnknownFieldError(
        message, remedy=Remedy(f"{what} fields=.", f"{what} --fields.")
    )


def _integers(table: Table, name: str) -> NDArray[np.int64]:
    """A column of numbers, -1 for null."""
    column: Any = pc.cast(table[name].arrow, pa.int64())
    return np.asarray(pc.fill_null(column, -1).to_numpy(), dtype=np.int64)


def one_row_each(rows: Rows, table: Table) -> None:
    """Check that no two rows cover the same lumisection.

    Raises:
        UsageError: Two do; the message names a column that tells them apart.
    """
    again = (rows.first[1:] <= rows.last[:-1]) & (rows.run[1:] == rows.run[:-1])
    if not again.any():
        return
    at = int(np.flatnonzero(again)[0])
    runs, lumisection = rows.layout.runs, rows.first[at + 1]
    run = runs[rows.run[at + 1]] if runs else None
    where = f"lumisection {lumisection}" + ("" if run is None else f" of run {run}")
    told = [n for n in ("path_name", "name", "bit") if n in table.columns]
    hint = (
        f"Try hlt_rates() or l1_algorithms(), or keep one {told[0]}."
        if told
        else "Try a table with one row per lumisection."
    )
    message = (
        f"Several rows of this table cover {where}; one line has one value. {hint}"
    )
    raise UsageError(message)


def numbers(table: Table, name: str, rows: Rows) -> NDArray[np.float64]:
    """A column in the order of the rows; NaN where OMS has no value.

    Raises:
        UnknownFieldError: There is no such column; the message names the nearest.
        UsageError: It holds no numbers.
    """
    column = known(table, name)
    kind = column.type
    if not (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    ):
        message = (
            f"Column {name!r} holds {kind}, and a figure needs numbers. "
            f"Numbers are in: {_some(_numeric(table)) or 'none of its columns'}."
        )
        raise UsageError(message)
    if pa.types.is_boolean(kind):
        column = pc.cast(column, pa.int8())
    values = pc.cast(column, pa.float64()).to_numpy()
    return np.asarray(values, dtype=np.float64)[rows.order]


def known(table: Table, name: str) -> Any:
    """A column, by a name that may be wrong.

    Raises:
        UnknownFieldError: There is no such column; the message names the nearest.
    """
    if name in table.columns:
        return table[name].arrow
    message = (
        f"This table has no column {name!r} to draw."
        f"{did_you_mean(name, table.columns)} It has: {_some(table.columns)}."
    )
    remedy = Remedy(
        "A column that OMS has and the table has not must be named in fields=.", ""
    )
    raise UnknownFieldError(message, remedy=remedy)


def _some(names: Sequence[str]) -> str:
    """Names, of very many the first."""
    return listed(names, most=MOST_NAMES)


def _numeric(table: Table) -> list[str]:
    return [
        field.name
        for field in table.arrow.schema
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    ]


def states(flags: Any, what: str) -> NDArray[np.int8]:
    """Flags as ON, OFF and UNKNOWN (null, None, NaN).

    Raises:
        UsageError: They are no flags.
    """
    try:
        found = _arrow(flags)
        # Arrow would read the text "true" as a flag; OMS has no such flags.
        target = pa.null() if pa.types.is_string(found.type) else pa.bool_()
        bits: Any = pc.cast(pc.cast(found, target), pa.int8())
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        kind = getattr(flags, "type", type(flags).__name__)
        message = (
            f"{what} is {kind}, not flags. "
            "A flag is true, false or null, as in cms_active or beams_stable."
        )
        raise UsageError(message) from error
    return np.asarray(pc.fill_null(bits, UNKNOWN).to_numpy(), dtype=np.int8)


def _arrow(flags: Any) -> Any:
    if isinstance(flags, (pa.Array, pa.ChunkedArray)):
        return flags
    return pa.array(flags, from_pandas=True)


def with_breaks(
    rows: Rows, values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and edges of steps, with a NaN step over each gap and between runs.

    Returns:
        Values of shape (n,) and edges of shape (n + 1,).
    """
    after = np.flatnonzero(rows.breaks()) + 1
    steps = np.insert(values, after, np.nan)
    left = np.insert(rows.left, after, rows.right[after - 1])
    return steps, np.append(left, rows.right[-1:])


def with_gaps(
    rows: Rows, values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places and values of a line, with a NaN point in each gap and between runs."""
    after = np.flatnonzero(rows.breaks()) + 1
    middle = (rows.left + rows.right) / 2
    between = (rows.right[after - 1] + rows.left[after]) / 2
    return np.insert(middle, after, between), np.insert(values, after, np.nan)


def alone(values: NDArray[np.float64]) -> Sequence[int]:
    """The points with no neighbour, which a line between points does not show."""
    there = np.concatenate(([False], ~np.isnan(values), [False]))
    return [int(i) for i in np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:])]
