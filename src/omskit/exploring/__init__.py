"""``omskit.explore``: the linked panels of the dashboard in the cell of a notebook.

`omskit.exploring.window` decides what a window looks like at the resolution of a
screen; `omskit.exploring.widget` shows it with anywidget, in Jupyter, VS Code and
marimo, without internet.
"""

from omskit.exploring.widget import explore

__all__ = ["explore"]
