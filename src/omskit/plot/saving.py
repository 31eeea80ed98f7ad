"""Figures as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.errors import UsageError
from omskit.plot.style import PURPOSE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from omskit.plot.drawing import Drawing


def save(drawn: Drawing | Figure, path: str | Path, *, close: bool = True) -> Path:
    """Write a figure to a file; the ending of *path* chooses the format.

    Args:
        drawn: What a function of this package handed back, or a matplotlib figure.
        path: Where to; folders that are missing are made.
        close: Forget the figure then, as loops over many runs must. False keeps it, for
            a notebook that shows it too.

    Returns:
        The path.

    Raises:
        UsageError: matplotlib cannot write this kind of file.
    """
    figure: Any = getattr(drawn, "figure", drawn)
    target = Path(path)
    known = sorted(figure.canvas.get_supported_filetypes())
    if target.suffix.lower().removeprefix(".") not in known:
        message = (
            f"matplotlib cannot write {target.name!r}. "
            f"The name must end with one of: .{', .'.join(known)}."
        )
        raise UsageError(message)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=150)
    if close:
        load("matplotlib.pyplot", PURPOSE).close(figure)
    return target
