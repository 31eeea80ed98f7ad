"""Trigger rates per lumisection: Level-1 as a whole, L1 algorithms, HLT paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import UsageError
from omskit.plot.drawing import Drawing, draw_values, figure_of, finish
from omskit.plot.lumisections import per_lumisection
from omskit.plot.rows import known, numbers, one_row_each
from omskit.plot.style import canvas, palette
from omskit.plot.times import AlongX, along_x, placed
from omskit.plot.wording import y_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from omskit.plot.drawing import Kind
    from omskit.plot.rows import Rows
    from omskit.plot.style import Label
    from omskit.plot.times import Along
    from omskit.table import Table

L1_COLUMNS = ("l1a_total_rate", "l1a_physics_rate", "trigger_physics_lost_rate")

SPREAD = 100
"""Means further apart than this need a logarithmic axis to be seen together."""

L1_LABELS = {
    "l1a_total_rate": "L1 accepts, all (l1a_total_rate)",
    "l1a_physics_rate": "L1 accepts, physics (l1a_physics_rate)",
    "l1a_random_rate": "L1 accepts, random (l1a_random_rate)",
    "l1a_calibration_rate": "L1 accepts, calibration (l1a_calibration_rate)",
    "trigger_physics_lost_rate": "physics lost to deadtime (trigger_physics_lost_rate)",
}


PSEUDO = frozenset({"HLTriggerFirstPath", "HLTriggerFinalPath"})
"""Paths that every event begins and ends with: the largest rate, and no trigger."""


def l1_rates(
    table: Table,
    columns: str | Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
    kind: Kind = "steps",
    labels: Mapping[str, str] | None = None,
    label: Label = None,
    **along: Unpack[Along],
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
        along: ``axis`` and ``prescales``, as in `per_lumisection`.

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
        **along,
    )


def hlt_rates(
    table: Table,
    *,
    largest: int = 6,
    column: str = "rate",
    log: bool | None = None,
    ax: Axes | None = None,
    kind: Kind = "steps",
    label: Label = None,
    **along: Unpack[Along],
) -> Drawing:
    """Draw the rate of HLT paths per lumisection, one line each.

    Of more than *largest* paths those with the highest mean are drawn, and the figure
    says how many are not. Pseudo-paths (`PSEUDO`) are left out, where there are others.

    Args:
        table: Rows of ``hltpathrates``, as from ``client.hlt_rates(run)``.
        largest: How many paths to draw at most.
        column: The column to draw, e.g. ``"counter"``.
        log: Draw a logarithmic axis, on which zero is at the bottom; by default where
            the means of the paths drawn differ by more than a factor 100.
        ax: Where to draw; a new figure by default.
        kind: As in `per_lumisection`.
        label: As in `per_lumisection`.
        along: ``axis`` and ``prescales``, as in `per_lumisection`.

    Raises:
        UnknownFieldError: The table lacks the column or ``path_name``.
        UsageError: *largest* is below 1, or several rows of a path cover a lumisection.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    things = Things("path_name", "paths", largest, column, log=log, drops=True)
    look = Look(ax, kind, label, along_x(along))
    return largest_of(table, things, look)


def l1_algorithms(
    table: Table,
    *,
    largest: int = 6,
    column: str = "post_dt_rate",
    log: bool | None = None,
    ax: Axes | None = None,
    kind: Kind = "steps",
    label: Label = None,
    **along: Unpack[Along],
) -> Drawing:
    """Draw the rate of Level-1 algorithms per lumisection, one line each.

    Args:
        table: Rows of ``l1algorithmtriggers``, as from ``client.l1_algorithms(run)``.
        largest: How many algorithms to draw at most, by their mean.
        column: The rate to draw; by default after prescale and deadtime.
        log: As in `hlt_rates`.
        ax: Where to draw; a new figure by default.
        kind: As in `per_lumisection`.
        label: As in `per_lumisection`.
        along: ``axis`` and ``prescales``, as in `per_lumisection`.

    Raises:
        UnknownFieldError: The table lacks the column or ``name``.
        UsageError: *largest* is below 1, or several rows of one cover a lumisection.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    things = Things("name", "algorithms", largest, column, log=log)
    look = Look(ax, kind, label, along_x(along))
    return largest_of(table, things, look)


@dataclass(frozen=True, slots=True)
class Things:
    """What there are many of: the column that names them, their word, what to draw."""

    by: str
    word: str
    largest: int
    column: str
    log: bool | None
    drops: bool = False
    """Leave pseudo-paths out."""
    equal: bool = False
    """Lines may be equal: each later one is thinner, so that all are seen."""
    notes: tuple[str, ...] = ()
    """What else the small print says."""


@dataclass(frozen=True, slots=True)
class Look:
    """Where and how lines are drawn; see `per_lumisection`."""

    ax: Axes | None = None
    kind: Kind = "steps"
    label: Label = None
    along: AlongX = AlongX()  # noqa: RUF009  # it is frozen


def largest_of(table: Table, things: Things, look: Look) -> Drawing:
    """Draw one line for each of the things with the largest means."""
    rows = placed(table, look.along.axis)
    values = numbers(table, things.column, rows)
    groups = _groups(table, things.by, rows)
    pseudo = [name for name in groups if name in PSEUDO] if things.drops else []
    if len(pseudo) < len(groups):
        for name in pseudo:
            del groups[name]
    means = {name: _mean(values[chosen]) for name, chosen in groups.items()}
    drawn = _ranked(means, things)
    for name in drawn:
        one_row_each(rows.only(groups[name]), table)
    title = y_label(table, [things.column])
    with canvas(look.ax, size=(11.0, 5.0 + 0.2 * min(len(drawn), 10))) as axes:
        colours = palette(axes[0])
        lines = {
            name: draw_values(
                axes[0],
                rows.only(groups[name]),
                values[groups[name]],
                kind=look.kind,
                label=name,
                color=colours[index % len(colours)],
                width=_width(index, len(drawn)) if things.equal else 1.4,
            )
            for index, name in enumerate(drawn)
        }
        axes[0].set_ylabel(title)
        if _wants_log([means[name] for name in drawn], things.log):
            axes[0].set_yscale("log")
        notes = _notes(means, drawn, things)
        told = finish(
            axes,
            table,
            _union(rows),
            label=look.label,
            notes=notes,
            prescales=look.along.prescales,
        )
    return Drawing(figure_of(axes), axes, lines, (), told)


def _ranked(means: dict[str, float], things: Things) -> list[str]:
    """The names with the largest means, those without any value last."""
    if things.largest < 1:
        message = f"largest={things.largest} draws nothing. It must be 1 or more."
        raise UsageError(message)
    return sorted(means, key=lambda name: (-means[name], name))[: things.largest]


def _wants_log(means: list[float], log: bool | None) -> bool:
    positive = [mean for mean in means if mean > 0]
    if log is None:
        return bool(positive) and max(positive) > SPREAD * min(positive)
    # A logarithmic axis without anything above zero has no numbers to show.
    return log and bool(positive)


def _notes(means: dict[str, float], drawn: list[str], things: Things) -> list[str]:
    notes = [f"{name} has no value" for name in drawn if means[name] == -np.inf]
    left = len(means) - len(drawn)
    if left:
        most = f"the {len(drawn)} largest of {len(means)} {things.word} by mean"
        notes.insert(0, f"{most}; {left} not drawn")
    return [*notes, *things.notes]


def _width(index: int, size: int) -> float:
    """The width of a line that later ones may cover."""
    return 1.4 + 1.8 * (size - 1 - index)


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
    fresh[1:] = (rows.first[1:] > rows.last[:-1]) | (rows.run[1:] != rows.run[:-1])
    return rows.only(fresh)
