"""Flags as strips of colour: on, off, unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit._extras import load
from omskit.errors import UsageError
from omskit.plot.rows import OFF, ON, UNKNOWN, states
from omskit.plot.style import PURPOSE, is_dark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from numpy.typing import NDArray

Span = tuple[float, float]

WORDS = {ON: "on", OFF: "off", UNKNOWN: "unknown"}

Look = dict[str, dict[str, Any]]

_QUIET = {"linewidth": 0.0, "zorder": 0.1}
_LOUD = {"linewidth": 0.7, "zorder": 0.2}
"""With an outline and on top: one lumisection of thousands is thinner than a pixel."""

BACKGROUND: Look = {
    "on": {"facecolor": "#e3eefb", "edgecolor": "none", **_QUIET},
    "off": {"facecolor": "#f6b98f", "edgecolor": "#f6b98f", **_LOUD},
    "unknown": {
        "facecolor": "#f3f3f3",
        "edgecolor": "#a8a8a8",
        "hatch": "////",
        **_LOUD,
    },
}
"""Pale, for lines on top: blue and orange differ in hue and lightness to every eye, and
unknown is hatched."""

FULL: Look = {
    "on": {"facecolor": "#8fb4e8", "edgecolor": "none", **_QUIET},
    "off": {"facecolor": "#c2410c", "edgecolor": "#c2410c", **_LOUD},
    "unknown": {
        "facecolor": "#ffffff",
        "edgecolor": "#808080",
        "hatch": "////",
        **_LOUD,
    },
}
"""Strong, for strips that stand alone."""

DIFFERENCE: Look = {
    "on": {"facecolor": "#111111", "edgecolor": "#111111", **_LOUD},
    "off": {"facecolor": "#ececec", "edgecolor": "none", **_QUIET},
    "unknown": FULL["unknown"],
}
"""For a strip where on is what to look at."""


_UNKNOWN_ON_DARK = {
    "facecolor": "#1c1c1c", "edgecolor": "#7c7c7c", "hatch": "////", **_LOUD,
}  # fmt: skip

ON_DARK: tuple[tuple[Look, Look], ...] = (
    (
        BACKGROUND,
        {
            "on": {"facecolor": "#132238", "edgecolor": "none", **_QUIET},
            "off": {"facecolor": "#7d3a10", "edgecolor": "#7d3a10", **_LOUD},
            "unknown": _UNKNOWN_ON_DARK,
        },
    ),
    (
        FULL,
        {
            "on": {"facecolor": "#3d69a8", "edgecolor": "none", **_QUIET},
            "off": {"facecolor": "#f0793a", "edgecolor": "#f0793a", **_LOUD},
            "unknown": _UNKNOWN_ON_DARK,
        },
    ),
    (
        DIFFERENCE,
        {
            "on": {"facecolor": "#f4f4f4", "edgecolor": "#f4f4f4", **_LOUD},
            "off": {"facecolor": "#2c2c2c", "edgecolor": "none", **_QUIET},
            "unknown": _UNKNOWN_ON_DARK,
        },
    ),
)
"""Each look, and the one that it has on a dark background."""


def _look(ax: Axes, look: Look) -> Look:
    pairs = ON_DARK if is_dark(ax) else ()
    return next((dark for light, dark in pairs if light is look), look)


@dataclass(frozen=True, slots=True)
class FlagStrip:
    """A flag, drawn.

    Attributes:
        label: Its name in the legend.
        spans: For each state that occurs, the places where it begins and ends; a
            lumisection reaches half a unit to either side of its number.
        counts: For each state that occurs, in how many rows.
        artists: For each state that occurs, the bars.
    """

    label: str
    spans: Mapping[str, tuple[Span, ...]]
    counts: Mapping[str, int]
    artists: Mapping[str, PolyCollection]


def flag_strip(
    ax: Axes,
    lumisections: Sequence[int],
    flags: Any,
    label: str,
    *,
    low: float = 0.0,
    high: float = 1.0,
    strong: bool = False,
) -> FlagStrip:
    """Draw a flag behind what is on the axes, lumisection by lumisection.

    A missing lumisection stays white. A single one that is off gets an outline, so that
    it shows among thousands; it looks up to a pixel wider than it is.

    Args:
        ax: The axes; their limits in y do not change.
        lumisections: Numbers, in any order, each once.
        flags: As many flags: booleans, null, None or NaN for unknown; an Arrow column.
        label: The name of the flag in the legend.
        low: Where the strip begins, as a fraction of the height of the axes.
        high: Where it ends.
        strong: Colours for a strip that stands alone, not behind a line.

    Raises:
        UsageError: They are no flags, or more or fewer than the lumisections.

    Example:
        >>> from matplotlib.figure import Figure
        >>> strip = flag_strip(
        ...     Figure().subplots(), [1, 2, 3], [True, True, None], "ready"
        ... )
        >>> strip.spans
        {'on': ((0.5, 2.5),), 'unknown': ((2.5, 3.5),)}
    """
    places = np.asarray(lumisections, dtype=np.float64)
    found = states(flags, f"Flag {label!r}")
    if places.shape != found.shape:
        message = (
            f"Flag {label!r} has {found.size} values for {places.size} lumisections; "
            "there must be one for each."
        )
        raise UsageError(message)
    order = np.argsort(places, kind="stable")
    places, found = places[order], found[order]
    return draw_strip(
        ax,
        (places - 0.5, places + 0.5),
        found,
        label,
        (low, high),
        look=FULL if strong else BACKGROUND,
    )


def draw_strip(
    ax: Axes,
    edges: tuple[NDArray[np.float64], NDArray[np.float64]],
    found: NDArray[np.int8],
    label: str,
    height: tuple[float, float] = (0.0, 1.0),
    *,
    look: Look = BACKGROUND,
) -> FlagStrip:
    """Draw states over their edges, which ascend."""
    spans = spans_of(*edges, found)
    look = _look(ax, look)
    counts = {WORDS[s]: int((found == s).sum()) for s in WORDS if (found == s).any()}
    artists = {
        word: _bars(ax, spans[word], height, f"{label}: {word} ({n} LS)", look[word])
        for word, n in counts.items()
    }
    return FlagStrip(label, spans, counts, artists)


def _bars(
    ax: Axes,
    spans: tuple[Span, ...],
    height: tuple[float, float],
    label: str,
    look: dict[str, Any],
) -> PolyCollection:
    low, high = height
    bars: PolyCollection = load("matplotlib.collections", PURPOSE).PolyCollection(
        [[(a, low), (a, high), (b, high), (b, low)] for a, b in spans],
        transform=ax.get_xaxis_transform(),
        label=label,
        **look,
    )
    # broken_barh of matplotlib 3.9 would take fractions of the height for values in y.
    ax.add_collection(bars, autolim=False)
    ax.update_datalim([(spans[0][0], 0), (spans[-1][1], 0)], updatey=False)
    ax.autoscale_view(scaley=False)
    return bars


def spans_of(
    left: NDArray[np.float64], right: NDArray[np.float64], found: NDArray[np.int8]
) -> dict[str, tuple[Span, ...]]:
    """Adjacent rows of the same state, joined."""
    if not len(found):
        return {}
    cut = (found[1:] != found[:-1]) | (left[1:] > right[:-1])
    begin = np.concatenate(([0], np.flatnonzero(cut) + 1))
    end = np.concatenate((begin[1:] - 1, [len(found) - 1]))
    return {
        word: tuple(
            (float(left[a]), float(right[b]))
            for a, b in zip(begin, end, strict=True)
            if found[a] == state
        )
        for state, word in WORDS.items()
        if (found == state).any()
    }
