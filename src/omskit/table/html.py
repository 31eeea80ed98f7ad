"""A table as a notebook shows it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from omskit.table.shown import Shown

HTML_ROWS = 10
"""Rows at either end of the HTML view."""

STYLE = (
    "<style>.omskit-table{overflow-x:auto}"
    ".omskit-table th,.omskit-table td{padding:2px 8px;text-align:right}</style>"
)
"""Notebooks have styles of their own; marimo's sets cells without a gap."""


def html_of(table: Shown) -> Iterator[str]:
    """The HTML view: state, warnings, header with units, first and last rows."""
    total = len(table)
    state = "" if table.complete else " <strong>(incomplete)</strong>"
    title = html.escape(table.resource) or "table"
    rows = "1 row" if total == 1 else f"{total} rows"
    yield f'<div class="omskit-table">{STYLE}'
    yield f"<p><strong>{title}</strong>: {rows}{state}</p>"
    if table.warnings:
        # Folded, as they were told when the rows came; open where rows are missing.
        many = len(table.warnings)
        said = "1 note" if many == 1 else f"{many} notes"
        yield f"<details{'' if table.complete else ' open'}><summary>&#9888; {said}"
        yield "</summary><ul>"
        yield from (f"<li>{html.escape(w)}</li>" for w in table.warnings)
        yield "</ul></details>"
    yield "<table><thead><tr>"
    for name, unit in table.units.items():
        small = f"<br><small>[{html.escape(unit)}]</small>" if unit else ""
        yield f"<th>{html.escape(name)}{small}</th>"
    yield "</tr></thead><tbody>"
    if total <= 2 * HTML_ROWS:
        yield from _html_rows(table.arrow)
    else:
        yield from _html_rows(table.arrow.slice(0, HTML_ROWS))
        hidden = total - 2 * HTML_ROWS
        yield (
            f'<tr><td colspan="{len(table.columns)}"><em>{hidden} rows not shown'
            "</em></td></tr>"
        )
        yield from _html_rows(table.arrow.slice(total - HTML_ROWS))
    yield "</tbody></table></div>"


def _html_rows(arrow: pa.Table) -> Iterator[str]:
    for row in arrow.to_pylist():
        cells = "".join(f"<td>{html.escape(_cell(v))}</td>" for v in row.values())
        yield f"<tr>{cells}</tr>"


def _cell(value: object) -> str:
    if value is None:
        return "\N{EM DASH}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.7g}" if isinstance(value, float) else str(value)
