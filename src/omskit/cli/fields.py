"""``oms fields``: what OMS calls its things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for, deliver
from omskit.cli.completion import complete_resource
from omskit.cli.options import Output, sharing

if TYPE_CHECKING:
    from omskit.schema import Field, Resource
    from omskit.table import Table


@sharing(Output)
def fields(
    resource: Annotated[
        str | None,
        typer.Argument(
            metavar="RESOURCE",
            help="As OMS names it; without one, the resources are listed.",
            autocompletion=complete_resource,
        ),
    ] = None,
    *,
    given: Output,
) -> None:
    """What OMS calls its things.

    For each field of a resource: type, unit, what can be asked by it, and meaning.
    Without --instance the catalogue of omskit answers and nothing is sent; with it, the
    service is asked too.

    Example: oms fields lumisections
    """
    from omskit.schema import bundled

    if resource is None:
        deliver(_resources(), given)
        return
    if given.instance is None:
        found = bundled()[resource]
    else:
        with client_for(given) as oms:
            found = oms.meta(resource)
    deliver(_fields(found), given)


def _resources() -> Table:
    from omskit.schema import bundled

    catalogue = bundled()
    rows = [
        {
            "resource": name,
            "fields": len(catalogue[name].fields),
            "meaning": catalogue[name].title,
        }
        for name in catalogue
    ]
    return _table("resources", rows)


def _fields(resource: Resource) -> Table:
    rows = [_row(field) for field in resource.fields]
    rows += [_row(field) | {"use": "where =, not shown"} for field in resource.filters]
    return _table("fields", rows)


def _row(field: Field) -> dict[str, Any]:
    kind = f"{field.items or 'str'}[]" if field.kind == "list" else field.kind
    able = (("where", field.filterable), ("sort", field.sortable))
    return {
        "field": field.name,
        "type": kind,
        "unit": field.unit,
        "use": " ".join(word for word, can in able if can) or None,
        "meaning": field.title or None,
    }


def _table(what: str, rows: list[dict[str, Any]]) -> Table:
    import pyarrow as pa

    from omskit.table import Table

    return Table(pa.Table.from_pylist(rows), resource=what)
