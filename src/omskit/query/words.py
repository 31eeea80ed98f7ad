"""A query in one line, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit.query.model import value_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.query.model import Query, Selection


def query_text(query: Query) -> str:
    """All that a query asks.

    Example:
        >>> from omskit.query import Query, field
        >>> query_text(Query("runs").where(field("l1_rate") > 1).sort("-run_number"))
        'runs where l1_rate > 1, sorted by -run_number'
    """
    parts = [*map(str, query.conditions), *_selected(query.selection)]
    line = query.resource + (f" where {' and '.join(parts)}" if parts else "")
    if query.fields is not None:
        line += f", only {', '.join(query.fields)}"
    if query.groups:
        line += f", by {', '.join(f'{key}={value}' for key, value in query.groups)}"
    if query.order:
        line += f", sorted by {', '.join(query.order)}"
    if query.maximum is not None:
        line += f", at most {query.maximum} rows"
    more = [*query.includes, *(f"{key}={value}" for key, value in query.extras)]
    return f"{line}, with {', '.join(more)}" if more else line


def _selected(selection: Selection) -> Iterator[str]:
    if selection.fill is not None:
        first, last = selection.fill
        yield f"fill = {first}" if first == last else f"fill = {first}-{last}"
    for name in ("era", "since", "until", "last"):
        value = getattr(selection, name)
        if value is not None:
            yield f"{name} = {value_text(value)}"
    for name, word in selection.said:
        yield f"{name} = {word}"
    if selection.mask is not None:
        yield f"in {selection.mask!r:.60}"
