"""The pileup profile of a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit.plot.drawing import Drawing, figure_of
from omskit.plot.style import canvas, palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omskit.lumi import PileupProfile


def pileup_profile(found: PileupProfile, *, ax: Axes | None = None) -> Drawing:
    """Draw how much luminosity was recorded at which pileup.

    Args:
        found: What ``omskit.lumi.pileup_profile(mask, oms)`` gave.
        ax: Where to draw; a new figure by default.

    Returns:
        The line is ``lumi``.

    Raises:
        MissingExtraError: matplotlib or mplhep is not installed.
    """
    notes = [f"recorded {found.total_pb:.4g} /pb"]
    notes += [] if found.mean is None else [f"mean pileup {found.mean:.1f}"]
    if found.outside_pb:
        notes.append(f"{found.outside_pb:.3g} /pb beyond the axis")
    if found.missing:
        notes.append(f"{len(found.missing)} lumisections without")
    if found.simulated:
        notes.append("simulated")
    with canvas(ax, size=(9.0, 6.0)) as axes:
        (axis,) = axes
        drawn = axis.stairs(
            found.lumi_pb, found.edges, fill=True, color=palette(axis)[0], alpha=0.75
        )
        axis.set_xlabel("Pileup")
        axis.set_ylabel("Recorded luminosity (/pb)")
        axis.set_xlim(found.edges[0], found.edges[-1])
        axis.set_ylim(bottom=0)
        axis.set_title("; ".join(notes), loc="left", fontsize=11)
    return Drawing(figure_of(axes), axes, {"lumi": drawn}, (), tuple(notes))
