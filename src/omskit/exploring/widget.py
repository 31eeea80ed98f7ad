"""The widget: an edge between the window and the browser."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.errors import UsageError
from omskit.exploring.window import line_of_table, shown
from omskit.reports.html import SIMULATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omskit.table import Table

WIDTH = 800
"""Pixels until the browser says how many there are."""
WIDEST = 4000
THEMES = ("auto", "light", "dark")


def explore(
    table: Table,
    *others: Table,
    columns: Sequence[str] | None = None,
    theme: str = "auto",
) -> Any:
    """Linked panels of a table in the cell of a notebook.

    Columns are curves, flags are strips, all along the same lumisections. Drag to zoom
    all of them, move over them for the numbers, double-click or press 0 for all.

    Args:
        table: One row per lumisection; its flags are the strips.
        others: Further tables with rows by lumisection, such as ``l1_rates``.
        columns: The curves, by column; by default the usual ones.
        theme: ``"auto"`` follows the notebook, or ``"light"``, ``"dark"``.

    Returns:
        A widget of anywidget, for Jupyter, VS Code and marimo.

    Raises:
        MissingExtraError: anywidget is not installed.
        UsageError: A table has several rows of one lumisection, or no such column.

    Cost: for 1000 pixels 11 kB for each curve and 1.3 kB for each flag are sent at a
    time, however long the table is.

    Example:
        >>> import omskit
        >>> with omskit.Client("demo") as oms:
        ...     lumis = oms.lumisections(297050)
        >>> omskit.explore(lumis, columns=["pileup"]).head["curves"][0]["span"]
        '0 to 40.3797'
    """
    if theme not in THEMES:
        message = f"theme={theme!r:.60}; it is one of {', '.join(THEMES)}."
        raise UsageError(message)
    line = line_of_table(table, others, columns)
    simulated = any(t.simulated for t in (table, *others))
    return _kind()(line, theme, SIMULATED if simulated else "")


@cache
def _kind() -> Any:
    """The class of the widget; made where it is used, as anywidget is optional."""
    anywidget = load("anywidget", "explore a table in a notebook")
    traitlets = load("traitlets", "explore a table in a notebook")
    static = files("omskit.exploring") / "static"

    class Explorer(anywidget.AnyWidget):  # type: ignore[misc,name-defined]  # optional
        """Panels of one line; `view` is the window, in slots, ends included."""

        _esm = (static / "explore.js").read_text(encoding="utf-8")
        _css = (static / "explore.css").read_text(encoding="utf-8")
        theme = traitlets.Enum(THEMES, "auto").tag(sync=True)
        note = traitlets.Unicode("").tag(sync=True)
        width = traitlets.Int(WIDTH).tag(sync=True)
        view = traitlets.List(traitlets.Int()).tag(sync=True)
        # One value: marimo tells of those that change one after the other, and numbers
        # of a window must never be drawn with the head of another one.
        window = traitlets.Dict().tag(sync=True)
        head: dict[str, Any]
        values: bytes
        states: bytes

        def __init__(self, line: Any, theme: str, note: str) -> None:
            self._line = line
            super().__init__(theme=theme, note=note, view=[0, max(len(line) - 1, 0)])
            self._draw()
            self.observe(self._draw, ["view", "width"])

        def _draw(self, _change: object = None) -> None:
            first, last = self.view if len(self.view) == 2 else (0, len(self._line) - 1)
            found = shown(self._line, first, last, min(self.width, WIDEST))
            self.head, self.values, self.states = found.head, found.values, found.states
            self.window = found.head | {
                "values": b64encode(found.values).decode(),
                "states": b64encode(found.states).decode(),
            }

    return Explorer
