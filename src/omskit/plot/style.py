"""Colours, the house style, new figures, the CMS label.

Styles act inside a context only: matplotlib's global settings are the user's.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from omskit._extras import load
from omskit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from omskit.table import Table

PURPOSE = "draw figures"

LINES = ("#3f6fd8", "#e42536", "#18864b", "#964a8b", "#f89c20", "#6b6b70")
"""Line colours: CMS's six (Petroff, arXiv:2107.02270) with blue and grey darkened and a
green for the second violet, so that they stay apart on a tinted background and, by
their lightness, for readers who do not see the hues."""

LINES_ON_DARK = ("#6f9cff", "#ff5f6d", "#45c27c", "#d58be0", "#ffb04d", "#c4c4cc")
"""The same hues, lighter, for dark backgrounds."""

DARK = 0.4
"""Backgrounds of less luminance than this are dark; 0 is black, 1 is white."""

Label = str | Literal[False] | None
"""What stands beside "CMS": a text, nothing (False), or what the table calls for."""

SETTINGS: dict[str, Any] = {
    "font.size": 14,
    "axes.labelsize": 14,
    "axes.linewidth": 1.2,
    "axes.titlesize": 14,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "xtick.major.size": 7,
    "xtick.minor.size": 3.5,
    "ytick.major.size": 7,
    "ytick.minor.size": 3.5,
    "legend.fontsize": 11,
    "hatch.linewidth": 0.6,
    # Generic families and mplhep's "custom" mathtext are looked up when a figure is
    # drawn, after the style has gone: so both are named here.
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
}
"""What differs from mplhep's CMS style, which is made for square figures in papers."""


@contextmanager
def house_style() -> Iterator[None]:
    """The CMS style of mplhep, in sizes that suit a wide figure, while inside.

    Example:
        >>> import matplotlib
        >>> before = matplotlib.rcParams["font.size"]
        >>> with house_style():
        ...     inside = matplotlib.rcParams["font.size"]
        >>> inside, matplotlib.rcParams["font.size"] == before
        (14.0, True)
    """
    pyplot = load("matplotlib.pyplot", PURPOSE)
    mplhep = load("mplhep", PURPOSE)
    with pyplot.style.context([mplhep.style.CMS, SETTINGS]):
        yield


def is_dark(ax: Axes, *, outside: bool = False) -> bool:
    """Whether what is drawn on these axes stands on a dark background.

    Args:
        outside: Beside the axes, on the figure.
    """
    colors = load("matplotlib.colors", PURPOSE)
    red, green, blue, alpha = colors.to_rgba(ax.get_facecolor())
    if alpha < 0.5 or outside:
        figure = getattr(ax.figure, "figure", ax.figure)
        red, green, blue, alpha = colors.to_rgba(figure.get_facecolor())
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return bool(alpha >= 0.5 and luminance < DARK)


def palette(ax: Axes) -> Sequence[str]:
    """Line colours that stand out on these axes."""
    return LINES_ON_DARK if is_dark(ax) else LINES


def ink(ax: Axes) -> str:
    """The colour of the words beside these axes: dark on light, light on dark."""
    return str(ax.xaxis.label.get_color())


@contextmanager
def canvas(
    ax: Axes | Sequence[Axes] | None,
    *,
    rows: int = 1,
    size: tuple[float, float] = (11.0, 5.0),
) -> Iterator[tuple[Axes, ...]]:
    """The axes to draw on: the user's as they are, or new ones in the house style.

    A new figure is closed again where drawing on it fails.
    """
    if ax is not None:
        yield _given(ax, rows)
        return
    pyplot = load("matplotlib.pyplot", PURPOSE)
    with house_style():
        figure, grid = pyplot.subplots(
            rows, 1, figsize=size, sharex=True, squeeze=False, layout="constrained"
        )
        axes = tuple(grid[:, 0])
        for axis in (axis for a in axes for axis in (a.xaxis, a.yaxis)):
            # Ticks are made lazily, and would be made after the style has gone.
            axis.get_major_ticks(1)
            axis.get_minor_ticks(1)
        try:
            yield axes
        except BaseException:
            pyplot.close(figure)
            raise


def _given(ax: Axes | Sequence[Axes], rows: int) -> tuple[Axes, ...]:
    several = ax if isinstance(ax, (list, tuple)) else getattr(ax, "flat", (ax,))
    axes = tuple(several)
    if len(axes) != rows or not all(hasattr(a, "transAxes") for a in axes):
        message = (
            f"ax={ax!r} was given, and this figure needs {rows} matplotlib axes. "
            f"Try: fig, ax = plt.subplots({rows}, sharex=True), or leave ax out."
        )
        raise UsageError(message)
    return axes


def cms_label(ax: Axes, table: Table, label: Label, right: str = "") -> None:
    """Write "CMS" and its companion above the axes, and *right* at their right end."""
    if label is False:
        return
    text = "OMS" if label is None else label
    simulated = label is None and table.simulated
    surface = ax.figure.canvas
    if not (hasattr(ax.figure, "get_size_inches") and hasattr(surface, "get_renderer")):
        # mplhep measures ax.figure, which has no size where it is a sub-figure, and
        # (1.1) wants a renderer, which figures made without pyplot have not.
        ax.set_title(f"CMS {'Simulation ' if simulated else ''}{text}", loc="left")
        ax.set_title(right, loc="right")
        return
    mplhep = load("mplhep", PURPOSE)
    # rlabel replaces the beam energy, which mplhep would put as 13 TeV.
    mplhep.cms.label(text=text, data=not simulated, rlabel=right, ax=ax)


def write_upright(
    ax: Axes,
    text: str,
    at: tuple[float, float],
    *,
    ink: str,
    size: float,
    shade: float,
    lift: float = 0,
) -> None:
    """Write along a vertical line, on a ground that shades what lies behind.

    Args:
        at: The place on the axis, and the height as a part of the panel's.
        lift: Points above that height.
    """
    ground = {"facecolor": ax.get_facecolor(), "alpha": shade, "linewidth": 0, "pad": 1}
    ax.annotate(
        text,
        at,
        xycoords=ax.get_xaxis_transform(),
        xytext=(3, lift),
        textcoords="offset points",
        rotation=90,
        ha="left",
        va="bottom",
        fontsize=size,
        color=ink,
        bbox=ground,
    )
