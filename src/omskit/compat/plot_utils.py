"""``plot_hists`` as the notebooks of ML4DQM call it.

Same arguments, same picture, same return value; new scripts draw with `omskit.plot`.
matplotlib's own style is kept, as the old module had no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omskit._extras import load
from omskit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

PURPOSE = "draw figures"

FAINT = 0.1
"""Opacity of the background, which lies over the lines."""


def plot_hists(  # noqa: PLR0913, PLR0917  (the signature of the module it stands for)
    histlist: Sequence[ArrayLike],
    fig: Figure | None = None,
    ax: Axes | None = None,
    colorlist: str | Sequence[str] | None = None,
    labellist: Sequence[str] | None = None,
    transparency: float = 1,
    xlims: tuple[float, float] = (-0.5, -1),
    title: str | None = None,
    titlesize: float | None = None,
    xaxtitle: str | None = None,
    xaxtitlesize: float | None = None,
    yaxtitle: str | None = None,
    yaxtitlesize: float | None = None,
    ymaxfactor: float | None = None,
    legendsize: float | None = None,
    opaque_legend: bool = False,  # noqa: FBT002
    ticksize: float | None = None,
    bkgcolor: ArrayLike | None = None,
    bkgcmap: str = "spring",
    bkgcolorbar: bool = False,  # noqa: FBT002
    bkgrange: tuple[float, float] | None = None,
    bkgtitle: str | None = None,
) -> tuple[Figure, Axes]:
    """Draw histograms of equal length as steps, over a background of colours.

    The points are spread evenly from ``xlims[0]`` to ``xlims[1]``, both included; the
    default limits stand for -0.5 to n - 0.5. So for n lumisections numbered from 1 give
    ``xlims=(1, n)``.

    Args:
        histlist: One or more sequences of n numbers; None and NaN are gaps.
        fig: The figure; that of *ax*, or a new one by default.
        ax: The axes; those of *fig*, or new ones by default.
        colorlist: One colour for all, or one for each; matplotlib's cycle by default.
        labellist: A name for each, for the legend; without names there is no legend.
        transparency: Opacity of the lines, 1 being opaque.
        xlims: Where the first and the last point lie.
        title: The title of the axes.
        titlesize: Its size, as the other sizes in points; matplotlib's by default.
        xaxtitle: The title of the x axis.
        xaxtitlesize: Its size.
        yaxtitle: The title of the y axis.
        yaxtitlesize: Its size.
        ymaxfactor: What to multiply the upper limit in y by.
        legendsize: The size of the legend.
        opaque_legend: Let nothing shine through the legend.
        ticksize: The size of the numbers on the axes.
        bkgcolor: Values to show as background colours, stretched over the x axis where
            they are more or fewer than n; flags may be None, which stays white.
        bkgcmap: The colour map of the background.
        bkgcolorbar: Draw the scale of the background's colours.
        bkgrange: The values at its ends; the smallest and largest by default.
        bkgtitle: The title of that scale.

    Returns:
        The figure and the axes, to be changed further.

    Raises:
        UsageError: Nothing to draw, or lengths that do not fit together.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> from matplotlib.figure import Figure
        >>> fig, ax = plot_hists([[1, 1, 0]], fig=Figure(), labellist=["cms active"])
        >>> len(ax.lines)
        1
    """
    hists = _same_length(histlist)
    colours = _one_each(colorlist, len(hists), "colorlist")
    labels = _one_each(labellist, len(hists), "labellist")
    figure, axes = _where(fig, ax)
    if xlims[1] < xlims[0]:
        xlims = (-0.5, len(hists[0]) - 0.5)
    _steps(axes, hists, xlims, colours, labels, transparency)
    if bkgcolor is not None:
        colour_map = _background(axes, bkgcolor, xlims, bkgcmap, bkgrange)
        if bkgcolorbar:
            _colour_bar(figure, axes, colour_map, bkgtitle, yaxtitlesize)
    _scale(axes, ymaxfactor, ticksize)
    if labellist:
        _legend(axes, legendsize, opaque=opaque_legend)
    _title(axes.set_title, title, titlesize)
    _title(axes.set_xlabel, xaxtitle, xaxtitlesize)
    _title(axes.set_ylabel, yaxtitle, yaxtitlesize)
    return figure, axes


def _same_length(histlist: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    try:
        hists = [np.asarray(hist, dtype=np.float64) for hist in histlist]
    except (TypeError, ValueError) as error:
        message = f"histlist holds something that is no list of numbers: {error}."
        raise UsageError(message) from error
    shapes = sorted({hist.shape for hist in hists})
    if len(shapes) == 1 and len(shapes[0]) == 1 and shapes[0][0] > 0:
        return hists
    found = ", ".join(map(str, shapes)) or "none"
    message = (
        "histlist must hold one or more sequences of numbers of the same length; "
        f"their shapes are: {found}. For a single one write plot_hists([values])."
    )
    raise UsageError(message)


def _one_each(
    given: str | Sequence[str] | None, count: int, name: str
) -> Sequence[str | None]:
    """One entry per histogram; a single text counts for all."""
    if not given:
        return [None] * count
    entries = [given] * count if isinstance(given, str) else list(given)
    if len(entries) != count:
        message = (
            f"{name} has {len(entries)} entries for {count} histograms; "
            "there must be one for each."
        )
        raise UsageError(message)
    return entries


def _where(fig: Figure | None, ax: Axes | None) -> tuple[Figure, Axes]:
    """The figure and axes to draw on, which belong together."""
    if ax is not None:
        figure: Figure = ax.figure.canvas.figure
        return figure, ax
    if fig is not None:
        return fig, fig.gca()
    created: tuple[Figure, Axes] = load("matplotlib.pyplot", PURPOSE).subplots()
    return created


def _steps(
    ax: Axes,
    hists: Sequence[NDArray[np.float64]],
    xlims: tuple[float, float],
    colours: Sequence[str | None],
    labels: Sequence[str | None],
    opacity: float,
) -> None:
    x = np.linspace(xlims[0], xlims[1], num=len(hists[0]))
    for hist, colour, label in zip(hists, colours, labels, strict=True):
        ax.step(x, hist, where="mid", color=colour, label=label, alpha=opacity)


def _scale(ax: Axes, factor: float | None, size: float | None) -> None:
    """Make room above the lines, and set the size of the numbers on the axes."""
    if factor is not None:
        low, high = ax.get_ylim()
        ax.set_ylim(low, high * factor)
    if size is not None:
        ax.tick_params(axis="both", labelsize=size)


def _background(
    ax: Axes,
    given: ArrayLike,
    xlims: tuple[float, float],
    colour_map: str,
    limits: tuple[float, float] | None,
) -> Any:
    """Colour the axes from bottom to top; a colour reaches half way to the next."""
    values = np.asarray(given, dtype=np.float64).ravel()
    known = values[~np.isnan(values)]
    if not len(values) or (limits is None and not len(known)):
        message = (
            f"bkgcolor has {len(known)} values; there must be one or more, "
            "best one for each entry of the histograms."
        )
        raise UsageError(message)
    low, high = limits or (float(known.min()), float(known.max()))
    centres = np.linspace(xlims[0], xlims[1], num=len(values))
    halfway = (centres[1:] + centres[:-1]) / 2
    edges = np.concatenate(([xlims[0]], halfway, [xlims[1]]))
    return ax.pcolormesh(
        edges,
        np.asarray(ax.get_ylim()),
        np.ma.masked_invalid(values)[np.newaxis],
        cmap=colour_map,
        vmin=low,
        vmax=high,
        alpha=FAINT,
        linewidth=0,
    )


def _colour_bar(
    figure: Figure, ax: Axes, colours: Any, title: str | None, size: float | None
) -> None:
    bar = figure.colorbar(colours, ax=ax)
    if title is not None:
        bar.ax.set_ylabel(title, fontsize=size, rotation=270, labelpad=20)


def _legend(ax: Axes, size: float | None, *, opaque: bool) -> None:
    legend = ax.legend(loc="upper right", fontsize=size)
    if opaque:
        legend.get_frame().set_alpha(1)


def _title(write: Any, text: str | None, size: float | None) -> None:
    if text is not None:
        write(text, fontsize=size)
