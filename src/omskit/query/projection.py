"""Which columns a query is to have, and which must be asked for to get them right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omskit.query.model import Condition, Query
    from omskit.schema import Resource


def columns_of(query: Query, resource: Resource) -> tuple[str, ...] | None:
    """The columns of the table in the end; None for all there are."""
    if query.fields is None:
        return None
    return tuple(_expand(query.fields, resource))


def _expand(names: Iterable[str], resource: Resource) -> Iterator[str]:
    known = {f.attribute for f in resource.fields} | set(resource.names)
    for name in names:
        if name in known:
            yield from (f.name for f in resource.columns_of(name))
        else:
            yield name


def _evidence(query: Query, order: Iterable[str], resource: Resource) -> Iterator[str]:
    """Columns that show that the service did what it was asked: filtered and sorted.

    Scaled columns are left out: they would cost whole rows, and show nothing of it.
    """
    names = [c.field for c in query.conditions]
    names += [key.removeprefix("-") for key in order]
    if "granularity" in dict(query.groups):
        names += ["first_lumisection_number", "last_lumisection_number"]
    for name in names:
        column = resource.get(name)
        if column is not None and not (column.scaled or column.after_filter):
            yield name


def attributes_of(
    query: Query,
    resource: Resource,
    local: Iterable[Condition],
    order: Iterable[str],
    service_order: Iterable[str],
) -> tuple[str, ...] | None:
    """What ``fields=`` names: wanted, and needed here; None for whole rows."""
    if query.fields is None:
        return None
    needed = [
        *query.fields,
        *(c.field for c in local),
        *(key.removeprefix("-") for key in order),
        *(() if resource.id_is_real else resource.identity),
        *_evidence(query, service_order, resource),
    ]
    if query.selection.mask is not None and resource.lumisection:
        needed += ["run_number", resource.lumisection]
    names = list(_expand(needed, resource))
    columns = [resource.get(name) for name in names]
    if any(c is not None and (c.scaled or c.after_filter) for c in columns):
        # Units come with whole rows only, and end_lumi needs its neighbour's init_lumi.
        return None
    attributes = [
        column.attribute if column is not None else name
        for column, name in zip(columns, names, strict=True)
    ]
    return tuple(dict.fromkeys(attributes))
