"""What the figures share: lines, axes, legend, notes, and the value that holds them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from omskit._extras import load
from omskit.errors import UsageError
from omskit.plot.axis import limits, mark_runs, ticks, title
from omskit.plot.marks import mark_prescales
from omskit.plot.rows import alone, with_breaks, with_gaps
from omskit.plot.style import PURPOSE, cms_label, is_dark
from omskit.plot.wording import listed, ranges, span_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from omskit.plot.rows import Rows
    from omskit.plot.strips import FlagStrip
    from omskit.plot.style import Label
    from omskit.table import Table

Kind = Literal["steps", "line"]


Place = Literal["upper right", "upper left", "upper center"]

PLACES: dict[Place, tuple[float, float]] = {
    "upper right": (0.5, 1.0),
    "upper left": (0.0, 0.5),
    "upper center": (0.25, 0.75),
}
"""Where a legend may stand, best first, and what part of the axis it may cover."""

SHARE = 0.95
"""How much of the width the small print may take."""

INKS = {"loud": "#8a1c0a", "quiet": "#404040"}
INKS_ON_DARK = {"loud": "#ff8a75", "quiet": "#b8b8b8"}
"""Colours of the small print."""

LETTER = 5.0
"""The mean width in points of a letter of the small print."""


@dataclass(frozen=True, slots=True, repr=False)
class Drawing:
    """What was drawn, so that it can be changed further.

    Attributes:
        figure: The figure that holds it.
        axes: The axes, from top to bottom.
        lines: The lines or steps, by column or path.
        strips: The flags.
        notes: What the figure says in small print: what is missing or not drawn.
    """

    figure: Figure
    axes: tuple[Axes, ...]
    lines: Mapping[str, Artist]
    strips: tuple[FlagStrip, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """One line; a notebook shows it beside the figure."""
        names = list(self.lines)
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        return f"<Drawing of {shown or 'nothing'}>"


def draw_values(
    ax: Axes,
    rows: Rows,
    values: NDArray[np.float64],
    *,
    kind: str,
    label: str,
    color: str,
    width: float = 1.4,
) -> Artist:
    """Draw one value per row, broken at gaps, nulls and the ends of runs.

    Raises:
        UsageError: There is no such *kind*.
    """
    if kind == "steps" and len(rows):
        steps, edges = with_breaks(rows, values)
        return ax.stairs(
            steps, edges, baseline=None, label=label, color=color, linewidth=width
        )
    if kind in {"steps", "line"}:
        x, y = with_gaps(rows, values)
        marks = alone(y)
        (line,) = ax.plot(
            x,
            y,
            label=label,
            color=color,
            linewidth=width,
            marker="o" if marks else "none",
            markersize=3,
            markevery=marks or None,
        )
        return line
    message = f"kind={kind!r} is neither 'steps' nor 'line'. Try kind='steps'."
    raise UsageError(message)


def finish(
    axes: Sequence[Axes],
    table: Table,
    rows: Rows,
    *,
    label: Label,
    notes: Iterable[str] = (),
    columns: int | None = None,
    legend: bool = True,
    prescales: Table | None = None,
) -> tuple[str, ...]:
    """Legends, limits, lumisection axis, run boundaries, CMS label and small print.

    Args:
        columns: Of the legend; None: as many as the axes are wide enough for.
        prescales: Rows that say which prescale column was in use; *table* by default.
    """
    unnamed: list[int] = []
    for ax in axes:
        limits(ax, rows)
        if legend:
            _legend(ax, columns, strips=ax is axes[0])
        unnamed = mark_runs(ax, rows.layout)
    bottom = axes[-1]
    bottom.set_xlabel(title(rows.layout))
    ticks(bottom, rows.layout)
    cms_label(axes[0], table, label, _fills(table))
    unmarked = mark_prescales(axes, rows, table if prescales is None else prescales)
    told = (*_shortcomings(table, rows), *notes, *unmarked)
    if unnamed:
        told = (
            *told,
            f"too short for a number: run {listed([str(r) for r in unnamed])}",
        )
    small_print(bottom, told)
    return told


def _legend(ax: Axes, columns: int | None, *, strips: bool) -> None:
    """A legend above the data, never over it; lines first, then flags if wanted."""
    found, _ = ax.get_legend_handles_labels()
    flags = [h for h in found if hasattr(h, "get_paths")]
    handles = [h for h in found if h not in flags] + (flags if strips else [])
    low, high = (float(v) for v in ax.get_ylim())
    log = ax.get_yscale() == "log"
    if not log and ax.get_autoscaley_on() and np.min(ax.dataLim.intervaly) >= 0:
        # Rates and luminosities start at zero, and a line at zero must be seen.
        low = -0.02 * high
    if not handles:
        ax.set_ylim(low, high)
        return
    columns = min(columns or _columns(ax, handles), len(handles))
    legend = ax.legend(
        handles=handles,
        loc=_place(ax, flags),
        ncols=columns,
        frameon=True,
        framealpha=0.85,
        edgecolor="none",
        borderaxespad=0.3,
        labelspacing=0.3,
    )
    size = float(legend.get_texts()[0].get_fontsize())
    lines = -(-len(handles) // columns)
    inches = (lines * 1.45 + 0.8) * size / 72
    # Room for the legend in y; a figure lower than its legend keeps a third for data.
    share = min(inches / (ax.bbox.height / ax.figure.dpi), 2 / 3)
    if log:
        ax.set_ylim(low, low * (high / low) ** (1 / (1 - share)))
    else:
        ax.set_ylim(low, low + (high - low) / (1 - share))


def _columns(ax: Axes, handles: Sequence[Artist]) -> int:
    """How many names fit side by side: a flat legend leaves more room to the data."""
    settings = load("matplotlib", PURPOSE).rcParams
    fonts = load("matplotlib.font_manager", PURPOSE)
    size = fonts.FontProperties(size=settings["legend.fontsize"]).get_size_in_points()
    longest = max(len(str(handle.get_label())) for handle in handles)
    wide = ax.bbox.width / ax.figure.dpi * 72
    return max(int(SHARE * wide / (size * (0.62 * longest + 4))), 1)


def _place(ax: Axes, flags: Sequence[Any]) -> Place:
    """Where a legend hides least of what is off or unknown, as that is looked for."""
    shown = [
        f for f in flags if not str(f.get_label()).split(": ")[-1].startswith("on")
    ]
    spans = [path.get_extents() for flag in shown for path in flag.get_paths()]
    low, high = ax.get_xlim()

    def hidden(begin: float, end: float) -> float:
        a, b = (low + share * (high - low) for share in (begin, end))
        return sum(max(min(s.x1, b) - max(s.x0, a), 0.0) for s in spans)

    covers = {name: hidden(*ends) for name, ends in PLACES.items()}
    return min(covers, key=lambda name: covers[name])


def _fills(table: Table) -> str:
    """The LHC fills of the rows, for the right end above the axes."""
    if "fill_number" not in table.columns:
        return ""
    fills = [f for f in table["fill_number"].unique().to_pylist() if f is not None]
    if not fills:
        return ""
    spans = [str(a) if a == b else f"{a}-{b}" for a, b in ranges(fills)]
    return ("Fill " if len(fills) == 1 else "Fills ") + listed(spans, most=3)


def _shortcomings(table: Table, rows: Rows) -> tuple[str, ...]:
    """What a reader should know before believing the figure."""
    told: list[str] = []
    if not table.complete:
        told.append("INCOMPLETE: rows are missing")
    if rows.skipped:
        told.append(f"{rows.skipped} rows without lumisection")
    missing = dict.fromkeys(rows.missing())
    if rows.layout.runs:
        # The table also knows what is missing before the first row and after the last.
        missing |= dict.fromkeys(table.gaps)
    if missing:
        several = len({run for run, _, _ in missing} | set(rows.layout.runs)) > 1
        spans = [
            span_text(first, last, run if several else None)
            for run, first, last in sorted(missing, key=lambda gap: (gap[0] or 0, gap))
        ]
        told.append(f"no lumisection {listed(spans)}")
    return tuple(told)


def small_print(ax: Axes, notes: Sequence[str]) -> None:
    """The notes, under the title of the axis."""
    if not notes:
        return
    wide = ax.bbox.width / ax.figure.dpi * 72
    inks = INKS_ON_DARK if is_dark(ax, outside=True) else INKS
    ax.annotate(
        textwrap.fill("; ".join(notes), max(int(SHARE * wide / LETTER), 20)),
        (0, 0),
        xycoords="axes fraction",
        xytext=(0, -2.9 * float(ax.xaxis.label.get_fontsize())),
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=10,
        color=inks[
            "loud" if any(n.startswith("INCOMPLETE") for n in notes) else "quiet"
        ],
    )


def figure_of(axes: Sequence[Axes]) -> Figure:
    """The figure that holds these axes, however deep in sub-figures."""
    figure: Figure = axes[0].figure.canvas.figure
    return figure
