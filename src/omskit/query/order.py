"""In which order rows come, and whether that is the order asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from omskit.query.model import Condition, Query
    from omskit.schema import Resource

Choices: TypeAlias = "list[list[tuple[Condition, ...]]]"
"""For each list of a query the conditions that it becomes, one entry for a request."""


def orders(
    query: Query, resource: Resource, wire: Iterable[Condition], *, raw: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sort keys for the service, and sort keys applied here.

    The identity comes after the keys asked for: where rows that compare equal come in
    any order, one page repeats what another has left out.
    """
    natural = _natural_order(resource, wire)
    asked = {key.removeprefix("-") for key in query.order}
    order = (*query.order, *(name for name in natural if name not in asked))
    columns = [resource.get(name) for name in asked]
    if not raw and any(c is not None and (c.scaled or c.after_filter) for c in columns):
        return natural, order
    return order, ()


_ORDERED = {"int", "str", "time"}
"""Kinds whose values a list can be sorted by as rows are sorted here."""


def arranged(
    choices: Choices,
    wire: Iterable[Condition],
    order: tuple[str, ...],
    resource: Resource,
) -> Choices | None:
    """The choices in such an order that one answer after the other is in *order*.

    None where the answers interleave. Of several lists, all but the last must pin
    their column: within each answer the next key of the order then decides.
    """
    fixed = [c for c in choices if len(c) == 1]
    pinned = _pinned(wire) | {c[0][0].field for c in fixed if len(c[0]) == 1}
    keys = [key for key in order if key.removeprefix("-") not in pinned]
    pieces = {c[0][0].field: c for c in choices if len(c) > 1}
    done: Choices = []
    if not order:
        return choices
    for key in keys[: len(pieces)]:
        column = resource.get(key.removeprefix("-"))
        found = pieces.pop(key.removeprefix("-"), None)
        if found is None or column is None or column.kind not in _ORDERED:
            return None
        if any(c.value is None for piece in found for c in piece):
            return None  # nulls last, in whichever direction
        if any(len(piece) > 1 for before in done for piece in before):
            return None
        done.append(sorted(found, key=_first_value, reverse=key[0] == "-"))
    return None if pieces else [*fixed, *done]


def _first_value(piece: tuple[Condition, ...]) -> Any:
    return piece[0].value


def _pinned(wire: Iterable[Condition]) -> set[str]:
    return {c.field for c in wire if c.op == "EQ"}


def are_neighbours(
    order: tuple[str, ...], wire: Iterable[Condition], resource: Resource
) -> bool:
    """The lumisections of a run come one after the other, in either direction."""
    pinned = _pinned(wire)
    keys = [key.removeprefix("-") for key in order]
    identity = [name for name in resource.identity if name not in pinned]
    return not order or [k for k in keys if k not in pinned] == identity


def needs_next(wanted: set[str] | None, resource: Resource) -> str | None:
    """That a column is taken from the next row, which may be on any page."""
    for column in resource.fields:
        if column.after_filter and (wanted is None or column.name in wanted):
            return f"{column.name} is looked up in the next lumisection"
    return None


def _natural_order(resource: Resource, wire: Iterable[Condition]) -> tuple[str, ...]:
    """The identity columns, unless they are pinned or cannot be sorted by."""
    pinned = _pinned(wire)
    columns = [resource.field(name) for name in resource.identity]
    if not columns or not all(c.sortable for c in columns):
        return ()
    if pinned.issuperset(resource.identity):
        return ()
    return resource.identity
