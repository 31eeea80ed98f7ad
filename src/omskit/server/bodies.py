"""The bodies of the answers, one function for each kind of path."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from omskit.engine.stopping import check
from omskit.errors import NotFoundError
from omskit.jsonapi.blocks import AT_ONCE, Written, blocks
from omskit.jsonapi.encode import enclosed, encode, page_text, rows
from omskit.jsonapi.links import NO_LINKS, page_links
from omskit.jsonapi.written import Style, row_ids
from omskit.query import Condition, Query
from omskit.server.ids import conditions_of, id_columns, template_of
from omskit.server.meta import meta_fields
from omskit.server.parameters import Asked, read, read_one

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.engine import Result
    from omskit.schema import Field, Relationship, Resource
    from omskit.server.service import Service


_ONE = 2
"""Rows to ask for where there can be one: so the engine need not count them."""

FEWEST_AHEAD = 100
"""Pages of fewer rows are made of rows that were read ahead, and written alone."""


def listing(service: Service, name: str, tail: str) -> tuple[bytes, Query]:
    """A page of rows, and which rows were asked for."""
    resource = service.engine.resource(name)
    asked = read(service, resource, tail)
    body = _page(service, resource, asked, f"{service.link_base}/{name}")
    return body, asked.query


def meta(service: Service, name: str) -> bytes:
    """What attributes the rows have."""
    fields = meta_fields(service.engine.resource(name))
    return encode({"meta": {"fields": fields}})


def one(service: Service, name: str, row_id: str, tail: str) -> bytes:
    """One row, by its id."""
    resource = service.engine.resource(name)
    query = read_one(service, resource, tail)
    found, query = _find(service, resource, query, row_id)
    body = _one_row(service, resource, query, found.table)
    return encode(body)


def datasets(service: Service, tail: str) -> bytes:
    """The names of the primary datasets, as one object."""
    resource = service.engine.resource("datasetrates")
    asked = read(service, resource, tail)
    query = replace(asked.query, fields=("dataset_name",), order=())
    column = service.engine.execute(query).table.column("dataset_name")
    names = sorted(name for name in column.unique().to_pylist() if name is not None)
    path = "datasetrates/datasets"
    attributes = {"datasets": names}
    row = {"id": "datasets", "type": path, "attributes": attributes}
    return encode({"data": row, "links": {"self": f"{service.link_base}/{path}"}})


def related(
    service: Service,
    way: tuple[str, str, str],
    tail: str,
    *,
    identifiers: bool = False,
) -> bytes:
    """The rows that belong to a row, or only their type and id.

    One object where the relationship names all of the target's identity, else a page.
    """
    name, row_id, word = way
    resource = service.engine.resource(name)
    relationship = _relationship(resource, word)
    found, _ = _find(service, resource, Query(name), row_id)
    target = service.engine.resource(relationship.resource)
    also = _belonging(relationship, found.table)
    between = "relationships/" if identifiers else ""
    url = f"{service.link_base}/{name}/{quote(row_id, safe=':')}/{between}{word}"
    if {theirs for theirs, _ in relationship.on} >= set(target.identity):
        query = read_one(service, target, tail)
        result = execute(service, target, _with(query, also), 0, _ONE)
        row = _one_row(service, target, query, result.table)
        if identifiers:
            row = {"data": _identifier(row["data"]), "links": {"self": url}}
        return encode(row)
    asked = read(service, target, tail)
    return _page(service, target, asked, url, also, identifiers=identifiers)


def _relationship(resource: Resource, word: str) -> Relationship:
    for relationship in resource.relationships:
        if relationship.name == word:
            return relationship
    known = ", ".join(r.name for r in resource.relationships) or "none"
    message = f"{resource.name!r} has no relationship {word!r}; it has: {known}."
    raise NotFoundError(message, status=404)


def _belonging(relationship: Relationship, table: pa.Table) -> tuple[Condition, ...]:
    """What holds for the rows that belong to the first row of *table*."""
    conditions = []
    for theirs, mine in relationship.on:
        value = table[mine][0].as_py()
        conditions.append(Condition(theirs, "EQ", value))
        if value is None:
            # Null equals nothing, while EQ null on the wire means IS NULL.
            conditions.append(Condition(theirs, "NEQ", None))
    return tuple(conditions)


def _find(
    service: Service, resource: Resource, query: Query, row_id: str
) -> tuple[Result, Query]:
    """The one row of that id, at the granularity asked for, or at any."""
    given = dict(query.groups).get("granularity")
    for granularity in [given] if given else [None, *resource.granularities[1:]]:
        hidden = service.engine.hidden(resource.name)
        template = template_of(resource, granularity, hidden)
        conditions = conditions_of(row_id, template, resource, hidden)
        if conditions is None:
            continue
        groups = (("granularity", granularity),) if granularity else ()
        wanted = replace(query, groups=groups)
        found = execute(service, resource, _with(wanted, conditions), 0, _ONE)
        if found.total:
            return found, wanted
    message = f"{resource.name!r} has no row {row_id!r}."
    raise NotFoundError(message, status=404)


def _with(query: Query, conditions: tuple[Condition, ...]) -> Query:
    return replace(query, conditions=(*query.conditions, *conditions))


def _template(service: Service, resource: Resource, query: Query) -> str:
    """The form of the ids of a query's rows, made of what there is of them here."""
    granularity = dict(query.groups).get("granularity")
    hidden = service.engine.hidden(resource.name)
    return template_of(resource, granularity, hidden)


def execute(
    service: Service, resource: Resource, query: Query, offset: int, limit: int
) -> Result:
    """The rows, with the columns that their ids are made of."""
    ids = id_columns(_template(service, resource, query))
    unseen = [name for name in ids if name not in resource]
    if query.fields is not None or unseen:
        shown = resource.names if query.fields is None else query.fields
        query = replace(query, fields=tuple(dict.fromkeys((*shown, *ids))))
    return service.engine.execute(query, offset=offset, limit=limit)


def style_of(service: Service, resource: Resource, query: Query) -> Style:
    """How the rows of *query* are written."""
    shown: tuple[Field, ...] | None = None
    if query.fields is not None:
        shown = tuple(f for n in query.fields for f in resource.columns_of(n))
    return Style(
        base_url=service.link_base,
        template=_template(service, resource, query),
        fields=shown,
        presentation="presentation_timestamp" in query.includes,
        data_only="data_only" in query.includes,
    )


def _page(
    service: Service,
    resource: Resource,
    asked: Asked,
    url: str,
    also: tuple[Condition, ...] = (),
    *,
    identifiers: bool = False,
) -> bytes:
    given = asked.query
    asked = replace(asked, query=_with(given, also))
    query, offset, limit = asked.query, asked.offset, asked.limit
    style = style_of(service, resource, query)

    def link(total: int) -> dict[str, str | None]:
        if offset >= total and not service.switches.past_end_links:
            return dict(NO_LINKS)
        return page_links(url, given, offset=offset, limit=limit, total=total)

    if identifiers:
        result = execute(service, resource, query, offset, limit)
        ids = row_ids(result.table, style.template)
        data = [{"type": resource.name, "id": i} for i in ids.to_pylist()]
        counted = {"totalResourceCount": result.total}
        return encode({"data": data, "links": link(result.total), "meta": counted})
    written = _written(service, resource, asked, style)
    described = meta_fields(resource) if "meta" in query.includes else None
    return enclosed(written, style, links=link(written.total), meta_fields=described)


def _written(
    service: Service, resource: Resource, asked: Asked, style: Style
) -> Written:
    """The rows of a page as text; who reads on gets them from a larger piece."""
    query, limit = asked.query, asked.limit
    # Before the rows: they are never older than the state they are kept under.
    state = service.engine.state if limit >= FEWEST_AHEAD else None

    def read(offset: int, count: int) -> Written:
        result = execute(service, resource, query, offset, count)
        check()
        table, total = result.table, result.total
        if count > limit:
            return blocks(table, resource, style, total=total, rows=limit)
        text = page_text(table, resource, style)
        return Written.whole(text, table.num_rows, total)

    if state is None:
        return read(asked.offset, limit)
    # What else decides on the text: fields and template are those of the query.
    how = style.base_url, style.presentation, style.data_only
    which = state, replace(query, includes=()), how
    searched = bool(query.conditions or query.order)
    # Others are cut from rows that the engine read ahead.
    most = None if searched else AT_ONCE
    return service.ahead.page(
        which, asked.offset, limit, read, most=most, searched=searched
    )


def _one_row(
    service: Service, resource: Resource, query: Query, table: pa.Table
) -> dict[str, Any]:
    found = rows(table, resource, style_of(service, resource, query))
    body: dict[str, Any] = {"data": found[0] if found else None}
    if "meta" in query.includes:
        body["meta"] = {"fields": meta_fields(resource)}
    return body


def _identifier(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {"type": row["type"], "id": row["id"]}
