"""Trigger rates per lumisection: Level-1 as a whole, L1 algorithms, HLT paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import UsageError
from omskit.plot.drawing import Drawing, draw_values, figure_of, finish
from omskit.plot.lumisections import per_lumisection
from omskit.plot.rows import known, numbers, one_row_each, place_rows
from omskit.plot.style import LINES, canvas
from omskit.plot.wording import y_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from omskit.plot.drawing import Kind
    from omskit.plot.rows import Rows
    from omskit.plot.style import Label
    from omskit.table import Table

L1_COLUMNS = ("l1a_total_rate", "l1a_physics_rate", "trigger_physics_lost_rate")

L1_LABELS = {
    "l1a_total_rate": "L1 accepts, all (l1a_total_rate)",
    "l1a_physics_rate": "L1 accepts, physics (l1a_physics_rate)",
    "l1a_random_rate": "L1 accepts, random (l1a_random_rate)",
    "l1a_calibration_rate": "L1 accepts, calibration (l1a_calibration_rate)",
    "trigger_physics_lost_rate": "physics lost to deadtime (trigger_physics_lost_rate)",
}


def l1_rates(
    table: Table,
    columns: str | Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
    kind: Kind = "steps",
    labels: Mapping[str, str] | None = None,
    label: Label = None,
) -> Drawing:
    """Draw Level-1 rates per lumisection.

    Args:
        table: Rows of ``l1triggerrates``, as from ``client.l1_rates(run)``.
        columns: Rate columns; by default those of all accepts, physics accepts and
            physics lost to deadtime that the table has.
        ax: Where to draw; a new figure by default.
        kind: As in `per_lumisection`.
        labels: Names for the legend, by column.
        label: As in `per_lumisection`.

    Raises:
        UnknownFieldError: The table has no such column; the message names the nearest.
        UnitError: The columns are in different units.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    if columns is None:
        columns = [c for c in L1_COLUMNS if c in table.columns] or L1_COLUMNS
    return per_lumisection(
        table,
        columns,
        ax=ax,
        kind=kind,
        labels={**L1_LABELS, **(labels or {})},
        label=label,
    )


def hlt_rates(
    table: Table,
    *,
    largest: int = 6,
    column: str = "rate",
    ax: Axes | None = None,
    kind: Kind = "steps",
    label: Label = None,
) -> Drawing:
    """Draw the rate of HLT paths per lumisection, one line each.

    Of more than *largest* paths those with the highest mean are drawn, and the figure
    says how many are not.

    Args:
        table: Rows of ``hltpathrates``, as from ``client.hlt_rates(run)``.
        largest: How many paths to draw at most.
        column: The column to draw, e.g. ``"counter"``.
        ax: Where to draw; a new figure by default.
        kind: As in `per_lumisection`.
        label: As in `per_lumisection`.

    Raises:
        UnknownFieldError: The table lacks the column or ``path_name``.
        UsageError: *largest* is below 1, or several rows of a path cover a lumisection.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    return _largest_of(
        table, "path_name", "paths", largest, column, ax=ax, kind=kind, label=label
    )


def l1_algorithms(
    table: Table,
    *,
    largest: int = 6,
    column: str = "post_dt_rate",
    ax: Axes | None = None,
    kind: Kind = "steps",
    label: Label = None,
) -> Drawing:
    """Draw the rate of Level-1 algorithms per lumisection, one line each.

    Args:
        table: Rows of ``l1algorithmtriggers``, as from ``client.l1_algorithms(run)``.
        largest: How many algorithms to draw at most, by their mean.
        column: The rate to draw; by default after prescale and deadtime.
        ax: Where to draw; a new figure by default.
        kind: As in `per_lumisection`.
        label: As in `per_lumisection`.

    Raises:
        UnknownFieldError: The table lacks the column or ``name``.
        UsageError: *largest* is below 1, or several rows of one cover a lumisection.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    return _largest_of(
        table, "name", "algorithms", largest, column, ax=ax, kind=kind, label=label
    )


def _largest_of(
    table: Table,
    by: str,
    things: str,
    largest: int,
    column: str,
    *,
    ax: Axes | None,
    kind: Kind,
    label: Label,
) -> Drawing:
    if largest < 1:
        message = f"largest={largest} draws nothing. It must be 1 or more."
        raise UsageError(message)
    rows = place_rows(table)
    values = numbers(table, column, rows)
    groups = _groups(table, by, rows)
    means = {name: _mean(values[chosen]) for name, chosen in groups.items()}
    names = sorted(groups, key=lambda name: (-means[name], name))
    drawn = names[:largest]
    for name in drawn:
        one_row_each(rows.only(groups[name]), table)
    title = y_label(table, [column])
    notes = [
        f"{n} has no value" for n in drawn if means[n] == -np.inf and len(groups[n])
    ]
    if len(names) > len(drawn):
        notes.insert(
            0,
            f"the {len(drawn)} largest of {len(names)} {things} by mean; "
            f"{len(names) - len(drawn)} are not drawn",
        )
    with canvas(ax, size=(11.0, 5.0 + 0.2 * min(len(drawn), 10))) as axes:
        lines = {
            name: draw_values(
                axes[0],
                rows.only(groups[name]),
                values[groups[name]],
                kind=kind,
                label=name,
                color=LINES[index % len(LINES)],
            )
            for index, name in enumerate(drawn)
        }
        axes[0].set_ylabel(title)
        told = finish(axes, table, _union(rows), label=label, notes=notes)
    return Drawing(figure_of(axes), axes, lines, (), told)


def _groups(table: Table, by: str, rows: Rows) -> dict[str, NDArray[np.bool_]]:
    """Which rows belong to each name; rows without one are called "(no name)"."""
    column: Any = pc.cast(known(table, by), pa.string())
    encoded: Any = pc.fill_null(column, "(no name)").combine_chunks()
    encoded = encoded.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)[rows.order]
    return {
        str(name): codes == code
        for code, name in enumerate(encoded.dictionary.to_pylist())
    }


def _mean(values: NDArray[np.float64]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else -np.inf


def _union(rows: Rows) -> Rows:
    """One row per lumisection that any path has, for the axis and its gaps."""
    fresh = np.ones(len(rows), dtype=np.bool_)
    fresh[1:] = (rows.left[1:] >= rows.right[:-1]) | (rows.run[1:] != rows.run[:-1])
    return rows.only(fresh)
