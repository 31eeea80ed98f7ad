"""What the figures share: lines, axes, legend, notes, and the value that holds them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from omskit._extras import load
from omskit.errors import UsageError
from omskit.plot.rows import alone, with_breaks, with_gaps
from omskit.plot.style import PURPOSE, cms_label
from omskit.plot.wording import listed, ranges, span_text, x_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from omskit.plot.rows import Layout, Rows
    from omskit.plot.strips import FlagStrip
    from omskit.plot.style import Label
    from omskit.table import Table

Kind = Literal["steps", "line"]

TICKS = 25
"""At most so many numbers along an axis of several runs."""

NARROW = 0.02
"""A run that takes less of the axis than this has no room for its number."""

BANDS = 6
"""More runs than this are shown as bands instead of between dashed lines."""


Place = Literal["upper right", "upper left", "upper center"]

PLACES: dict[Place, tuple[float, float]] = {
    "upper right": (0.5, 1.0),
    "upper left": (0.0, 0.5),
    "upper center": (0.25, 0.75),
}
"""Where a legend may stand, best first, and what part of the axis it may cover."""

SHARE = 0.95
"""How much of the width the small print may take."""

LETTER = 5.0
"""The mean width in points of a letter of the small print."""


@dataclass(frozen=True, slots=True)
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


def draw_values(
    ax: Axes,
    rows: Rows,
    values: NDArray[np.float64],
    *,
    kind: str,
    label: str,
    color: str,
) -> Artist:
    """Draw one value per row, broken at gaps, nulls and the ends of runs.

    Raises:
        UsageError: There is no such *kind*.
    """
    if kind == "steps" and len(rows):
        steps, edges = with_breaks(rows, values)
        return ax.stairs(
            steps, edges, baseline=None, label=label, color=color, linewidth=1.4
        )
    if kind in {"steps", "line"}:
        x, y = with_gaps(rows, values)
        marks = alone(y)
        (line,) = ax.plot(
            x,
            y,
            label=label,
            color=color,
            linewidth=1.4,
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
) -> tuple[str, ...]:
    """Legends, limits, lumisection axis, run boundaries, CMS label and small print.

    Args:
        columns: Of the legend; None: as many as the axes are wide enough for.
    """
    unnamed: list[int] = []
    for ax in axes:
        _limits(ax, rows)
        if legend:
            _legend(ax, columns, strips=ax is axes[0])
        unnamed = _runs(ax, rows.layout)
    bottom = axes[-1]
    bottom.set_xlabel(x_label(rows.layout.runs))
    _ticks(bottom, rows.layout)
    cms_label(axes[0], table, label, _fills(table))
    told = (*_shortcomings(table, rows), *notes)
    if unnamed:
        told = (
            *told,
            f"too short for a number: run {listed([str(r) for r in unnamed])}",
        )
    _small_print(bottom, told)
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


def _limits(ax: Axes, rows: Rows) -> None:
    if len(rows):
        margin = 0.01 * (rows.right.max() - rows.left.min())
        ax.set_xlim(rows.left.min() - margin, rows.right.max() + margin)
        return
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(
        0.5,
        0.5,
        "no lumisections in this table",
        transform=ax.transAxes,
        ha="center",
        va="center",
        color="#505050",
    )


def _ticks(ax: Axes, layout: Layout) -> None:
    """Lumisection numbers within each run, and both numbers under the mouse."""

    def where(x: float, y: float) -> str:
        run, lumisection = layout.at(x)
        told = f"lumisection {lumisection}, value {y:.6g}"
        return told if run is None else f"run {run}, {told}"

    ax.format_coord = where  # type: ignore[method-assign]
    ticker = load("matplotlib.ticker", PURPOSE)
    if not layout.shift:
        return
    if len(layout.shift) == 1:
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
        return
    total = sum(b - a + 1 for a, b in zip(layout.first, layout.last, strict=True))
    step = _round_step(total / TICKS)
    numbered = [
        (lumisection + shift, str(lumisection))
        for first, last, shift in zip(
            layout.first, layout.last, layout.shift, strict=True
        )
        for lumisection in range(-(-(first + step // 2) // step) * step, last + 1, step)
    ]
    ax.xaxis.set_major_locator(ticker.FixedLocator([place for place, _ in numbered]))
    ax.xaxis.set_major_formatter(ticker.FixedFormatter([text for _, text in numbered]))
    ax.xaxis.set_minor_locator(ticker.NullLocator())


def _round_step(wanted: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 ... that is not below *wanted*."""
    power = 1
    while power * 5 < wanted:
        power *= 10
    return next(power * m for m in (1, 2, 5) if power * m >= wanted)


def _runs(ax: Axes, layout: Layout) -> list[int]:
    """Lines between runs, of many runs bands, and their numbers.

    Returns:
        The runs that had no room for theirs.
    """
    if len(layout.runs) <= 1:
        return []
    spans = list(zip(layout.first, layout.last, layout.shift, strict=True))
    total = sum(last - first + 1 for first, last, _ in spans)
    unnamed: list[int] = []
    ink = ax.xaxis.label.get_color()  # light on dark, as the user's style has it
    for number, (run, ends) in enumerate(zip(layout.runs, spans, strict=True)):
        first, last, shift = ends
        begin = first + shift - 0.5
        if len(layout.runs) > BANDS:
            if number % 2:
                ends_at = last + shift + 0.5
                ax.axvspan(
                    begin, ends_at, color=ink, alpha=0.08, linewidth=0, zorder=0.9
                )
        elif run != layout.runs[0]:
            ax.axvline(begin, color=ink, alpha=0.7, linewidth=0.9, linestyle="--")
        if (last - first + 1) / total < NARROW:
            unnamed.append(run)
            continue
        ax.annotate(
            str(run),
            (begin, 0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(3, 4),
            textcoords="offset points",
            rotation=90,
            ha="left",
            va="bottom",
            fontsize=10,
            color=ink,
            bbox={
                "facecolor": ax.get_facecolor(),
                "alpha": 0.7,
                "linewidth": 0,
                "pad": 1,
            },
        )
    return unnamed


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


def _small_print(ax: Axes, notes: Sequence[str]) -> None:
    """The notes, under the title of the axis."""
    if not notes:
        return
    wide = ax.bbox.width / ax.figure.dpi * 72
    ax.annotate(
        textwrap.fill("; ".join(notes), max(int(SHARE * wide / LETTER), 20)),
        (0, 0),
        xycoords="axes fraction",
        xytext=(0, -2.9 * float(ax.xaxis.label.get_fontsize())),
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=10,
        color="#8a1c0a"
        if any(n.startswith("INCOMPLETE") for n in notes)
        else "#404040",
    )


def figure_of(axes: Sequence[Axes]) -> Figure:
    """The figure that holds these axes, however deep in sub-figures."""
    figure: Figure = axes[0].figure.canvas.figure
    return figure
