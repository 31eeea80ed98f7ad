"""Pages of rows for who asks in this process: what an answer says, without JSON.

The request is read as `omskit.server.respond` reads it, and the rows are what its
answer would be decoded to: same columns, types, units, ids and number of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import NotFoundError, UsageError
from omskit.jsonapi import ID, Rows
from omskit.jsonapi.lossless import json_text
from omskit.jsonapi.written import row_ids
from omskit.schema import UNIT_SUFFIX
from omskit.server.bodies import execute, style_of
from omskit.server.parameters import read

if TYPE_CHECKING:
    from collections.abc import Container

    from omskit.engine.relations import Between
    from omskit.schema import Resource
    from omskit.server.service import Service


def read_rows(
    url: str, resource: Resource, service: Service
) -> tuple[Rows, Between | None] | None:
    """The rows of the page at *url*, as `omskit.jsonapi.decode` would give them.

    Args:
        resource: What who asks takes the rows for.

    Returns:
        They, and when they were fetched, where they come from a store. None where the
        answer has to be asked for with `omskit.server.respond`: it is no page of rows,
        it is an error document, or its rows are not taken for what they are.
    """
    parts = urlsplit(url)
    segments = parts.path.removeprefix(f"{service.base_path}/").split("/")
    if len(segments) != 1:
        return None
    name = unquote(segments[0])
    try:
        held = service.engine.resource(name)
        if _shape(held) != _shape(resource):
            return None
        asked = read(service, held, parts.query)
        style = style_of(service, held, asked.query)
        if style.presentation:
            return None
        result = execute(service, held, asked.query, asked.offset, asked.limit)
    except (UsageError, NotFoundError):
        return None
    shown = None if style.fields is None else {f.name for f in style.fields}
    table = _as_decoded(result.table, held, shown)
    ids = row_ids(result.table, style.template)
    table = table.add_column(len(held.names), ID, ids)
    read_between = service.engine.read_between(asked.query)
    plain = "_".join(f"{{{name}}}" for name in resource.identity)
    made = ID not in result.table.column_names and style.template == plain
    rows = Rows(table=table, total=result.total, ids_made=made)
    return rows, read_between


def _shape(resource: Resource) -> tuple[object, ...]:
    """What of a resource decides on the columns that a page is decoded to."""
    return tuple((f.name, f.path, f.kind, f.items, f.scaled) for f in resource.fields)


def _as_decoded(
    table: pa.Table, resource: Resource, shown: Container[str] | None
) -> pa.Table:
    """All columns of the resource; units only where rows are whole, as OMS does."""
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    for field in resource.fields:
        if shown is not None and field.name not in shown:
            columns[field.name] = pa.nulls(table.num_rows, field.arrow_type)
        elif field.kind == "json":
            columns[field.name] = _documents(table[field.name])
        else:
            columns[field.name] = table[field.name]
    for field in resource.fields:
        if field.scaled:
            unit = field.name + UNIT_SUFFIX
            nulls = pa.nulls(table.num_rows, pa.string())
            columns[unit] = table[unit] if shown is None else nulls
    return pa.table(columns)


def _documents(column: pa.ChunkedArray) -> pa.Array:
    """JSON texts as a page would bring them: without blanks, nothing for null."""
    texts: dict[str | None, str | None] = {None: None}
    for text in pc.unique(column.drop_null()).to_pylist():
        texts[text] = json_text(msgspec.json.decode(text))
    return pa.array([texts[text] for text in column.to_pylist()], pa.string())
