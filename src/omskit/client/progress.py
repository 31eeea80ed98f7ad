"""How far a fetch is, on a terminal or in a notebook; silent everywhere else."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from typing import Any

PATIENCE_S = 0.7
"""Nothing is shown for fetches that are over sooner."""


class Bar:
    """A bar on stderr, there only while a fetch that takes long goes on."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def update(self, done: int, total: int | None, label: str) -> None:
        """*done* of *total* rows of *label* are here."""
        if self._bar is None:
            if time.monotonic() - self._began < PATIENCE_S:
                return
            self._bar = self._start()
            self._task = self._bar.add_task(label, total=total)
        self._bar.update(self._task, completed=done, total=total)

    def _start(self) -> Any:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            # In a notebook rich draws with ipywidgets, and asks for it where it is not.
            # Whatever the colours of the terminal are, none of ours is invisible there.
            console=Console(
                stderr=True,
                no_color=True,
                force_jupyter=None if has_widgets() else False,
            ),
            transient=True,
        )
        bar.start()
        return bar

    def finish(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def has_widgets() -> bool:
    """Rich can draw in a notebook: ipywidgets is installed."""
    return find_spec("ipywidgets") is not None


def is_watched() -> bool:
    """Somebody may be looking: a terminal, or a notebook."""
    if "ipykernel" in sys.modules:
        return True
    return bool(sys.stderr and sys.stderr.isatty())


def reporter(wanted: bool | None) -> Bar | None:
    """A bar if it is wanted; None lets the place decide."""
    return Bar() if (is_watched() if wanted is None else wanted) else None
