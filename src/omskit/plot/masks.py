"""Two masks side by side: the runs that differ, lumisection by lumisection."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.plot.drawing import Drawing, figure_of
from omskit.plot.style import PURPOSE, canvas, is_dark, palette
from omskit.plot.wording import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omskit.lumi import Comparison, LumiMask

MOST_RUNS = 40
"""Runs that get a line; of more, those that differ most."""

LETTERS = 110
"""How wide the notes may be."""

HEIGHT = 0.8
PARTS = ("both", "only_a", "only_b")


def mask_comparison(found: Comparison, *, ax: Axes | None = None) -> Drawing:
    """Draw the runs in which two masks differ, one line for each.

    Args:
        found: What ``omskit.lumi.compare(a, b)`` gave; open ends are drawn to the last
            lumisection that is seen in their run.
        ax: Where to draw; a new figure by default.

    Returns:
        The lines are the coloured ranges, by part (both, only_a, only_b).

    Raises:
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    runs = found.differing.runs.tolist()
    kept = sorted(runs, key=lambda run: (-_size(found, run), run))[:MOST_RUNS]
    kept.sort()
    height = max(2.8, 1.8 + 0.28 * len(kept))
    with canvas(ax, size=(11.0, height)) as axes:
        (axis,) = axes
        drawn = {
            part: artist
            for part in PARTS
            if (artist := _bars(axis, found, part, kept)) is not None
        }
        _frame(axis, found, kept)
        told = _notes(found, len(runs) - len(kept))
        title = textwrap.fill("; ".join(told), LETTERS)
        axis.set_title(title, loc="left", fontsize=11, pad=30 if runs else 8)
    return Drawing(figure_of(axes), axes, drawn, (), told)


def _size(found: Comparison, run: int) -> float:
    part = found.differing.restrict(run)
    return float("inf") if part.is_open else len(part)


def _spans(mask: LumiMask, run: int, end: int) -> list[tuple[float, float]]:
    """Ranges of a run as begin and width; a lumisection reaches half to either side."""
    return [
        (first - 0.5, float((last or max(end, first)) - first + 1))
        for _, first, last in mask.restrict(run).ranges()
    ]


def _bars(ax: Axes, found: Comparison, part: str, runs: list[int]) -> Any:
    """The ranges of one part, of all runs."""
    mask: LumiMask = getattr(found, part)
    corners = []
    for row, run in enumerate(runs):
        low, high = row - HEIGHT / 2, row + HEIGHT / 2
        for begin, width in _spans(mask, run, _end(found, run)):
            a, b = begin, begin + width
            corners.append([(a, low), (a, high), (b, high), (b, low)])
    if not corners:
        return None
    name = {"only_a": found.names[0], "only_b": found.names[1]}.get(part)
    lines = palette(ax)
    both = "#2f3f57" if is_dark(ax) else "#c9d6ea"
    colours = {"both": both, "only_a": lines[0], "only_b": lines[1]}
    bars = load("matplotlib.collections", PURPOSE).PolyCollection(
        corners,
        facecolor=colours[part],
        edgecolor=colours[part],
        # An outline, as one lumisection of thousands is thinner than a pixel.
        linewidth=0.0 if part == "both" else 0.7,
        label="in both" if name is None else f"only in {name}",
    )
    return ax.add_collection(bars)


def _end(found: Comparison, run: int) -> int:
    """The last lumisection that is seen of a run."""
    return max(
        last or first
        for part in (found.only_a, found.only_b, found.both)
        for _, first, last in part.restrict(run).ranges()
    )


def _frame(ax: Axes, found: Comparison, runs: list[int]) -> None:
    ax.set_ylim(max(len(runs), 1) - 0.4, -0.6)
    ax.set_yticks(range(len(runs)), [str(run) for run in runs])
    ax.set_yticks([], minor=True)
    ax.set_xlabel("Lumisection")
    ax.set_ylabel("Run")
    ends = [_end(found, run) for run in runs]
    ax.set_xlim(0, 1.02 * max(ends, default=1) + 1)
    if runs:
        # Above the axes: names of files are long, and bars may be anywhere.
        ax.legend(
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.1
        )


def _notes(found: Comparison, left_out: int) -> tuple[str, ...]:
    counts = found.lumisections
    a, b = found.names
    told = [
        f"{'open' if counts[part] is None else counts[part]} {what}"
        for part, what in (
            ("both", "LS in both"),
            ("only_a", f"only in {a}"),
            ("only_b", f"only in {b}"),
        )
    ]
    notes = [listed(told)]
    for stake, name in ((found.stake_a, a), (found.stake_b, b)):
        if stake is not None and stake.recorded is not None:
            notes.append(f"{stake.recorded:.4g} /pb recorded only in {name}")
            if stake.simulated:
                notes.append("luminosity simulated")
    if left_out:
        notes.append(f"{left_out} runs with smaller differences not drawn")
    return tuple(notes)
