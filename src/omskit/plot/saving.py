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

ENDINGS = ("png", "pdf", "svg")
"""What is recommended; matplotlib knows more."""


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
        UsageError: matplotlib cannot write this kind of file, or not there.
    """
    figure: Any = getattr(drawn, "figure", drawn)
    target = Path(path)
    ending = target.suffix.lower().removeprefix(".")
    if ending not in figure.canvas.get_supported_filetypes():
        raise UsageError(wrong_ending(target))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, dpi=150)
    except OSError as error:
        message = f"Cannot write {target}: {error.strerror or error}."
        raise UsageError(message) from error
    if close:
        load("matplotlib.pyplot", PURPOSE).close(figure)
    return target


def wrong_ending(target: Path) -> str:
    """What to say of a file whose name names no format of figures."""
    return (
        f"{target.name!r} cannot be written as a figure: its name must end with "
        f".{', .'.join(ENDINGS[:-1])} or .{ENDINGS[-1]}."
    )
