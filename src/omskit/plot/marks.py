"""Where the prescale column changes: rates jump there, and nothing is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.plot.style import ink, write_upright

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from omskit.plot.rows import Rows
    from omskit.table import Table

COLUMNS = ("prescale_index", "initial_prescale_prescale_index")
"""Which column a row of lumisections, or of Level-1 algorithms, was taken with."""

PLACES = ("lumisection_number", "first_lumisection_number")

MOST = 12
"""More changes than this are a thicket; they are counted instead."""

Change = tuple[int, int, int]
"""Run, lumisection, and the column from there on."""


def mark_prescales(axes: Sequence[Axes], rows: Rows, table: Table) -> tuple[str, ...]:
    """Mark where the prescale column changes within a run.

    Returns:
        What to say where there are too many to mark.
    """
    found = [
        (place, column)
        for run, lumisection, column in changes(table)
        if (place := _place(rows, run, lumisection)) is not None
    ]
    if len(found) > MOST:
        return (f"the prescale column changes {len(found)} times, not marked",)
    for ax in axes:
        words = ink(ax)
        for place, column in found:
            ax.axvline(place, color=words, alpha=0.6, linewidth=1.0, linestyle=":")
            if ax is axes[-1]:
                low = 0.2 if len(rows.layout.runs) > 1 else 0.06
                text = f"prescale column {column}"
                write_upright(ax, text, (place, low), ink=words, size=9, shade=0.6)
    return ()


def changes(table: Table) -> list[Change]:
    """Where the prescale column of a run differs from the one before, in order.

    Lumisections that do not say which column they had are passed over.
    """
    column = next((c for c in COLUMNS if c in table.columns), None)
    place = next((c for c in PLACES if c in table.columns), None)
    if column is None or place is None or not len(table):
        return []
    names = ["run_number"] if "run_number" in table.columns else []
    plain = pa.table({n: table[n].arrow for n in (*names, place, column)})
    plain = plain.filter(pc.is_valid(plain[column])).filter(pc.field(place).is_valid())
    lumis, columns = (plain[n].to_numpy().astype(np.int64) for n in (place, column))
    runs = plain[names[0]].to_numpy() if names else np.zeros_like(lumis)
    order = np.lexsort((lumis, runs))
    runs, lumis, columns = runs[order], lumis[order], columns[order]
    fresh = (columns[1:] != columns[:-1]) & (runs[1:] == runs[:-1])
    return [
        (int(runs[i]), int(lumis[i]), int(columns[i]))
        for i in np.flatnonzero(fresh) + 1
    ]


def _place(rows: Rows, run: int, lumisection: int) -> float | None:
    """Where a lumisection begins on the axis; None where it is not on it."""
    runs = rows.layout.runs
    if runs and run not in runs:
        return None
    here = rows.run == (runs.index(run) if runs else 0)
    at = np.flatnonzero(here & (rows.first >= lumisection))
    return float(rows.left[at[0]]) if len(at) else None
