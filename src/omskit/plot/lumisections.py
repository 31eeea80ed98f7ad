"""Values per lumisection, with a flag behind them; pileup and luminosity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np

from omskit.errors import UsageError
from omskit.plot.drawing import Drawing, draw_values, figure_of, finish
from omskit.plot.rows import known, numbers, one_row_each, states
from omskit.plot.strips import draw_strip
from omskit.plot.style import canvas, palette
from omskit.plot.times import along_x, placed
from omskit.plot.wording import in_words, y_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from omskit.plot.drawing import Kind
    from omskit.plot.rows import Rows
    from omskit.plot.strips import FlagStrip
    from omskit.plot.style import Label
    from omskit.plot.times import Along
    from omskit.table import Table


UNDER = frozenset({"l1a_total_rate"})
"""Lines that a narrower one hides but for its edges: physics is nearly all of it."""
WIDE = 3.4


def per_lumisection(
    table: Table,
    columns: str | Sequence[str],
    *,
    ax: Axes | None = None,
    kind: Kind = "steps",
    flag: str | None = None,
    labels: Mapping[str, str] | None = None,
    label: Label = None,
    **along: Unpack[Along],
) -> Drawing:
    """Draw columns per lumisection, and a flag as the colour behind them.

    Lumisections that are missing, and nulls, are gaps; the missing ones are listed in
    small print. Several runs stand one after another, with a line between them.

    Args:
        table: One row per lumisection (or per range of them), in any order.
        columns: One or more columns of numbers or flags, all in the same unit.
        ax: Where to draw; a new figure by default.
        kind: ``"steps"``, flat over each lumisection, or ``"line"`` between them.
        flag: A boolean column, drawn in three states: on, off and unknown (null).
        labels: Words for the legend, by column.
        label: The text beside "CMS": "OMS" by default, and "Simulation OMS" for a table
            of the demo. False leaves it out.
        along: ``axis="lumisection"`` or ``"time"``; by default time for more than six
            runs, where the table has start_time; runs are bands then. ``prescales``
            are rows of ``lumisections``: where the prescale column changes is marked;
            by default those of *table*, where it has them.

    Raises:
        UnknownFieldError: The table has no such column; the message names the nearest.
        UnitError: The columns are in different units.
        UsageError: A column holds no numbers, or several rows cover one lumisection.
        MissingExtraError: matplotlib or mplhep is not installed.

    Example:
        >>> import pyarrow as pa
        >>> from matplotlib.figure import Figure
        >>> from omskit.table import Table
        >>> lumis = pa.table({"lumisection_number": [1, 2, 4], "pileup": [9.0, 8, 7]})
        >>> drawn = per_lumisection(Table(lumis), "pileup", ax=Figure().subplots())
        >>> drawn.notes
        ('no lumisection 3',)
    """
    names = _names(columns)
    x = along_x(along)
    rows = placed(table, x.axis)
    one_row_each(rows, table)
    if flag is not None:
        known(table, flag)
    for name in names:
        numbers(table, name, rows)
    title = y_label(table, names)
    with canvas(ax) as axes:
        strips = () if flag is None else (_strip(axes[0], table, rows, flag),)
        lines, notes = draw_columns(
            axes[0], table, rows, names, kind=kind, labels=labels
        )
        _y_axis(axes[0], table, names, title)
        told = finish(
            axes,
            table,
            rows,
            label=label,
            notes=notes,
            columns=2,
            prescales=x.prescales,
        )
    return Drawing(figure_of(axes), axes, lines, strips, told)


def pileup_and_luminosity(
    table: Table,
    *,
    luminosity: str | Sequence[str] = "init_lumi",
    ax: Sequence[Axes] | None = None,
    kind: Kind = "steps",
    flag: str | None = None,
    label: Label = None,
    **along: Unpack[Along],
) -> Drawing:
    """Draw pileup above and luminosity below, lumisection by lumisection.

    Args:
        table: Rows of ``lumisections``.
        luminosity: One or more luminosity columns in the same unit.
        ax: Two axes that share x; a new figure by default.
        kind: As in `per_lumisection`.
        flag: A boolean column to draw behind both.
        label: As in `per_lumisection`.
        along: As in `per_lumisection`.

    Raises:
        UnknownFieldError: The table has no such column; the message names the nearest.
        UnitError: The luminosity columns are in different units.
        UsageError: Not two axes, no numbers, or several rows cover one lumisection.
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    x = along_x(along)
    rows = placed(table, x.axis)
    one_row_each(rows, table)
    if flag is not None:
        known(table, flag)
    panels = (["pileup"], _names(luminosity))
    for name in (name for names in panels for name in names):
        numbers(table, name, rows)
    titles = [y_label(table, names).replace(" (", "\n(") for names in panels]
    lines: dict[str, Artist] = {}
    notes: list[str] = []
    strips: list[FlagStrip] = []
    with canvas(ax, rows=2, size=(11.0, 7.5)) as axes:
        for index, (panel, names, title) in enumerate(
            zip(axes, panels, titles, strict=True)
        ):
            if flag is not None:
                strips.append(_strip(panel, table, rows, flag))
            drawn, said = draw_columns(
                panel, table, rows, names, kind=kind, begin=0 if index else 3
            )
            _y_axis(panel, table, names, title)
            lines |= drawn
            notes += said
        told = finish(
            axes,
            table,
            rows,
            label=label,
            notes=notes,
            columns=2,
            prescales=x.prescales,
        )
    return Drawing(figure_of(axes), axes, lines, tuple(strips), told)


def draw_columns(
    ax: Axes,
    table: Table,
    rows: Rows,
    names: Sequence[str],
    *,
    kind: str,
    labels: Mapping[str, str] | None = None,
    begin: int = 0,
) -> tuple[dict[str, Artist], list[str]]:
    """One line per column, and notes on those that hold nothing.

    Args:
        begin: The first of the colours.
    """
    colours = palette(ax)
    lines: dict[str, Artist] = {}
    notes: list[str] = []
    for index, name in enumerate(names):
        values = numbers(table, name, rows)
        if len(values) and np.isnan(values).all():
            notes.append(f"{name} has no value")
        lines[name] = draw_values(
            ax,
            rows,
            values,
            kind=kind,
            label=(labels or {}).get(name, in_words(name)),
            color=colours[(index + begin) % len(colours)],
            width=WIDE if name in UNDER else 1.4,
        )
    return lines, notes


def _names(columns: str | Sequence[str]) -> list[str]:
    names = [columns] if isinstance(columns, str) else list(dict.fromkeys(columns))
    if not names:
        message = "No column was named. Try per_lumisection(table, 'pileup')."
        raise UsageError(message)
    return names


def _strip(ax: Axes, table: Table, rows: Rows, flag: str) -> FlagStrip:
    found = states(known(table, flag), f"Column {flag!r}")[rows.order]
    return draw_strip(ax, (rows.left, rows.right), found, in_words(flag))


def _y_axis(ax: Axes, table: Table, names: Sequence[str], title: str) -> None:
    """Title, and words instead of numbers where only flags are drawn."""
    ax.set_ylabel(title)
    if all(str(table[name].type) == "bool" for name in names):
        ax.set_yticks([0, 1], ["off", "on"])
        ax.set_yticks([], minor=True)
        ax.set_ylim(-0.1, 1.1)
