"""What the service answers to, as an OpenAPI document made from the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omskit._version import __version__
from omskit.query.operators import OPERATORS, WIRE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.schema import Field, Resource
    from omskit.server.service import Service

JSON_API = "application/vnd.api+json"
_INT = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "int": _INT,
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "str": {"type": "string"},
}
_INCLUDES = ("meta", "presentation_timestamp", "data_only")


def openapi(service: Service) -> dict[str, Any]:
    """The document for all resources that *service* holds.

    Filters that nobody can mean, such as LIKE on a number, are left out; the service
    refuses them.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.engine import Engine
        >>> from omskit.server import Service
        >>> runs = Engine({"runs": pa.table({"run_number": [5]})})
        >>> list(openapi(Service(runs))["paths"])
        ['/runs', '/runs/meta', '/runs/{id}']
    """
    paths: dict[str, Any] = {}
    for name in service.engine.catalogue:
        if service.engine.holds(name) and "/" not in name:
            resource = service.engine.resource(name)
            paths[f"/{name}"] = _operation(name, list(_page(service, resource)), "Page")
            paths[f"/{name}/meta"] = _operation(f"{name}-meta", [], "Meta")
            one = [_path("id"), _names("fields", _attributes(resource))]
            paths[f"/{name}/{{id}}"] = _operation(f"{name}-one", one, "One")
    return {
        "openapi": "3.0.3",
        "info": {"title": "OMS aggregation API, by omskit", "version": __version__},
        "servers": [{"url": service.base_url}],
        "paths": paths,
        "components": {"schemas": _documents()},
    }


_TEXT = {"type": "string", "minLength": 1}
"""The value of a filter; an empty one has no meaning."""


def _operation(name: str, parameters: list[Any], document: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{document}"}
    refused = {"$ref": "#/components/schemas/Errors"}
    answers = {"200": ("Rows or what is said of them.", schema)}
    for status, meaning in (
        ("400", "A parameter without meaning."),
        ("404", "There is no such row."),
        ("414", "The URL is too long."),
    ):
        answers[status] = (meaning, refused)
    responses = {
        status: {"description": text, "content": {JSON_API: {"schema": found}}}
        for status, (text, found) in answers.items()
    }
    return {
        "get": {
            "operationId": name,
            "parameters": parameters,
            "responses": responses,
        }
    }


def _page(service: Service, resource: Resource) -> Iterator[dict[str, Any]]:
    """The parameters of a page of rows."""
    yield _names("fields", _attributes(resource))
    sortable = [f.name for f in resource.fields if f.sortable]
    yield _names("sort", [*sortable, *(f"-{name}" for name in sortable)])
    yield _names("include", list(_INCLUDES))
    largest = {"type": "integer", "minimum": 1, "maximum": service.max_limit}
    yield _query("page[limit]", largest)
    offset = _query("page[offset]", {"type": "integer", "minimum": 0, "maximum": 10**9})
    yield {**offset, "description": "A multiple of page[limit]; others get 400."}
    if resource.granularities:
        words = {"type": "string", "enum": list(resource.granularities)}
        yield _query("group[granularity]", words)
    for field in resource.fields:
        if field.filterable:
            yield from _filters(field)
    for unseen in resource.filters:
        schema = _SCHEMAS.get(unseen.kind, _TEXT)
        yield _query(f"filter[{unseen.name}][EQ]", schema)


def _filters(field: Field) -> Iterator[dict[str, Any]]:
    for word, operator in OPERATORS.items():
        if word in WIRE and field.kind in operator.kinds:
            schema = _SCHEMAS.get(field.kind, _TEXT)
            if operator.nullable:
                # The word null asks for rows with or without a value.
                schema = {"anyOf": [schema, {"type": "string", "enum": ["null"]}]}
            yield _query(f"filter[{field.name}][{word}]", schema)


def _attributes(resource: Resource) -> list[str]:
    return list(dict.fromkeys(field.attribute for field in resource.fields))


def _names(key: str, words: list[str]) -> dict[str, Any]:
    """Some of *words*, with commas between."""
    schema = {
        "type": "array",
        "items": {"type": "string", "enum": words},
        "minItems": 1,
    }
    return {**_query(key, schema), "style": "form", "explode": False}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _path(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _documents() -> dict[str, Any]:
    """The shapes of the answers."""
    row = {
        "type": "object",
        "required": ["id", "type", "attributes"],
        "properties": {
            "id": {"type": "string"},
            "type": {"type": "string"},
            "attributes": {"type": "object"},
        },
    }
    counted = {"totalResourceCount": {"type": "integer", "minimum": 0}}
    meta = {"type": "object", "required": list(counted), "properties": counted}
    error = {
        "type": "object",
        "required": ["status", "title", "detail"],
        "properties": {k: {"type": "string"} for k in ("status", "title", "detail")},
    }
    fields = {"type": "object", "required": ["fields"]}
    return {
        "Row": row,
        # Links are left out with include=data_only.
        "Page": _object(data=_list("Row"), meta=meta),
        "One": _object(data={"$ref": "#/components/schemas/Row"}),
        "Meta": _object(meta=fields),
        "Error": error,
        "Errors": _object(errors=_list("Error")),
    }


def _object(**properties: Any) -> dict[str, Any]:
    required = list(properties)
    return {"type": "object", "required": required, "properties": properties}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
