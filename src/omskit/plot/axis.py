"""The axis along which lumisections lie: its ends, its numbers, where runs are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._extras import load
from omskit.plot.style import PURPOSE, ink, write_upright
from omskit.plot.wording import x_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omskit.plot.rows import Layout, Rows

TICKS = 25
"""At most so many numbers along an axis of several runs."""

NARROW = 0.02
"""A run that takes less of the axis than this has no room for its number."""

BANDS = 6
"""More runs than this are shown as bands instead of between dashed lines."""


def title(layout: Layout) -> str:
    """What lies along the axis, in words."""
    if not layout.is_time:
        return x_label(layout.runs)
    dates = load("matplotlib.dates", PURPOSE)
    spans = layout.spans()
    begin, end = (
        f"{dates.num2date(place, tz=dates.UTC):%Y-%m-%d}"
        for place in (spans[0][0], spans[-1][1])
    )
    days = begin if begin == end else f"{begin} to {end}"
    runs = x_label(layout.runs).removeprefix("Lumisection").removesuffix(" in turn")
    return f"Time (UTC), {days}{runs}"


def limits(ax: Axes, rows: Rows) -> None:
    """Ends of the axis at those of the rows; without rows, a word instead."""
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
        color=ink(ax),
    )


def ticks(ax: Axes, layout: Layout) -> None:
    """Times, or lumisection numbers within each run; both numbers under the mouse."""
    if layout.is_time:
        _times(ax, layout)
        return

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


def _times(ax: Axes, layout: Layout) -> None:
    dates = load("matplotlib.dates", PURPOSE)
    utc = dates.UTC

    def where(x: float, y: float) -> str:
        moment = f"{dates.num2date(x, tz=utc):%Y-%m-%d %H:%M:%S} UTC, value {y:.6g}"
        run = layout.run_in(x)
        return moment if run is None else f"run {run}, {moment}"

    ax.format_coord = where  # type: ignore[method-assign]
    locator = dates.AutoDateLocator(tz=utc, minticks=4, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(
        dates.ConciseDateFormatter(locator, tz=utc, show_offset=False)
    )


def _round_step(wanted: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 ... that is not below *wanted*."""
    power = 1
    while power * 5 < wanted:
        power *= 10
    return next(power * m for m in (1, 2, 5) if power * m >= wanted)


def mark_runs(ax: Axes, layout: Layout) -> list[int]:
    """Lines between runs, of many runs bands, and their numbers.

    Returns:
        The runs that had no room for theirs.
    """
    if len(layout.runs) <= 1:
        return []
    spans = layout.spans()
    total = sum(end - begin for begin, end in spans)
    if layout.is_time:
        total = spans[-1][1] - spans[0][0]
    unnamed: list[int] = []
    words = ink(ax)
    for number, (run, (begin, end)) in enumerate(zip(layout.runs, spans, strict=True)):
        if layout.is_time or len(layout.runs) > BANDS:
            # In time, what is between the runs stays bare.
            shade = 0.08 * (number % 2) + (0.05 if layout.is_time else 0.0)
            if shade:
                ax.axvspan(
                    begin, end, color=words, alpha=shade, linewidth=0, zorder=0.9
                )
        elif run != layout.runs[0]:
            ax.axvline(begin, color=words, alpha=0.7, linewidth=0.9, linestyle="--")
        if (end - begin) / total < NARROW:
            unnamed.append(run)
            continue
        at = (begin, 0.0)
        write_upright(ax, str(run), at, ink=words, size=10, shade=0.7, lift=4)
    return unnamed
