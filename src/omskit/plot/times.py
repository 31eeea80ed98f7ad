"""Rows where they lie in time, instead of lumisection after lumisection."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit._extras import load
from omskit.errors import UsageError, did_you_mean
from omskit.plot.axis import BANDS
from omskit.plot.rows import place_rows
from omskit.plot.style import PURPOSE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omskit.plot.rows import Rows
    from omskit.table import Table

Axis = Literal["lumisection", "time"] | None
"""What lies along x; None: time for more than six runs, where the table has it."""


class Along(TypedDict, total=False):
    """What figures of lumisections take besides; see `omskit.plot.per_lumisection`."""

    axis: Axis
    prescales: Table | None


@dataclass(frozen=True, slots=True)
class AlongX:
    """What lies along x, and what is marked there."""

    axis: Axis = None
    prescales: Table | None = None


def along_x(given: Along) -> AlongX:
    """The same as a value, checked.

    Raises:
        UsageError: There is no such argument.
    """
    known = [field.name for field in fields(AlongX)]
    for name in given:
        if name not in known:
            message = f"Figures have no argument {name!r}.{did_you_mean(name, known)}"
            raise UsageError(message)
    return AlongX(**given)


LUMISECTION_S = 23.31
"""How long a row is where nothing says when it ends: 2^18 orbits."""


def placed(table: Table, axis: Axis) -> Rows:
    """The rows at their places on the axis.

    Raises:
        UsageError: There is no such *axis*, or the table has no times.
    """
    rows = place_rows(table)
    if axis not in {None, "lumisection", "time"}:
        message = f"axis={axis!r} is none. Try axis='time' or axis='lumisection'."
        raise UsageError(message)
    has_times = _is_time(table, "start_time") and (
        table["start_time"].arrow.null_count < len(table) or not len(table)
    )
    if axis == "time" and not has_times:
        message = "This table has no start_time, so its rows have no place in time."
        raise UsageError(message)
    wanted = axis == "time" or (axis is None and len(rows.layout.runs) > BANDS)
    return in_time(rows, table) if wanted and has_times and len(rows) else rows


def in_time(rows: Rows, table: Table) -> Rows:
    """The same rows on an axis of time; those without a start are left out."""
    start = _moments(table, "start_time")[rows.order]
    chosen = np.isfinite(start)
    without = int((~chosen).sum())
    rows, start = rows.only(chosen), start[chosen]
    right = start + (rows.last - rows.first + 1) * (LUMISECTION_S / 86_400)
    if _is_time(table, "end_time"):
        end = _moments(table, "end_time")[rows.order]
        right = np.where(end > start, end, right)
    right = _joined(rows, start, right)
    runs = range(len(rows.layout.runs)) or range(1)
    times = tuple(
        (float(start[rows.run == run].min()), float(right[rows.run == run].max()))
        if (rows.run == run).any()
        else (np.nan, np.nan)
        for run in runs
    )
    return replace(
        rows,
        layout=replace(rows.layout, times=times),
        left=start,
        right=right,
        skipped=rows.skipped + without,
    )


def _joined(
    rows: Rows, start: NDArray[np.float64], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Ends of rows; where the next lumisection is there, they end where it begins.

    Times are whole seconds, so what touches would seem to gape or to overlap.
    """
    moments, at = np.unique(start, return_index=True)
    following = np.searchsorted(moments, start, side="right")
    inside = following < len(moments)
    after = at[np.where(inside, following, 0)]
    touches = inside & (rows.run[after] == rows.run)
    touches &= rows.first[after] == rows.last + 1
    return np.asarray(np.where(touches, start[after], right), dtype=np.float64)


def _is_time(table: Table, name: str) -> bool:
    return name in table.columns and pa.types.is_timestamp(table[name].type)


def _moments(table: Table, name: str) -> NDArray[np.float64]:
    """A column of times as matplotlib counts them, in days; NaN for null."""
    dates = load("matplotlib.dates", PURPOSE)
    plain = pc.cast(table[name].arrow, pa.timestamp("us", "UTC"))
    moments = pc.cast(plain, pa.timestamp("us")).to_numpy()
    return np.asarray(dates.date2num(moments), dtype=np.float64)
