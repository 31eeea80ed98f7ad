"""Merging a live ``/meta`` document into the catalogue.

The service's word wins on what can be filtered and sorted; its titles fill gaps.
Columns that the catalogue knows keep their types. A new one has the type that the
document names, and is kept as JSON text where that names none: a guess would make
the decoder refuse, or bend, what comes. Key names other than ``title`` and ``units``
were never seen in a recorded answer, so every one of them is optional.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from omskit.schema.model import Field, Kind, Resource, with_fields
from omskit.schema.naming import new_name

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPE_WORDS: dict[str, Kind] = {
    "INTEGER": "int",
    "INT": "int",
    "LONG": "int",
    "FLOAT": "float",
    "DOUBLE": "float",
    "NUMBER": "float",
    "STRING": "str",
    "BOOLEAN": "bool",
    "DATETIME": "time",
    "DATE": "time",
    "TIMESTAMP": "time",
}
"""The service's type words; INTEGER and STRING are known from its Java code."""


def merge_meta(resource: Resource, meta_fields: Mapping[str, Any]) -> Resource:
    """*resource* as a live service describes it.

    Args:
        resource: From the catalogue, or one without fields where it knows none.
        meta_fields: ``meta.fields`` of the service's answer, attribute -> object.

    Returns:
        The catalogue's columns in their order, amended, then what is new. Attributes
        that the document does not name are kept: it may be incomplete.

    Example:
        >>> from omskit.schema import Resource
        >>> merge_meta(Resource("new", ()), {"x": {"type": "INTEGER"}}).field("x").kind
        'int'
    """
    attributes = {f.attribute for f in resource.fields}
    unseen = {f.name: f for f in resource.filters}
    taken = set(resource.names)
    amended = [_amend(f, meta_fields.get(f.attribute)) for f in resource.fields]
    new = [
        # What the catalogue takes for a mere filter, this service shows.
        _amend(unseen.get(name) or _new(name, taken), entry)
        for name, entry in meta_fields.items()
        if name not in attributes
    ]
    return with_fields(resource, [*amended, *new])


def _new(attribute: str, taken: set[str]) -> Field:
    name = new_name(attribute, taken)
    taken.add(name)
    return Field(name, (attribute,), "json", evidence="META")


def _amend(column: Field, entry: object) -> Field:
    if not isinstance(entry, dict):
        return column
    said = cast("dict[str, Any]", entry)
    changes: dict[str, Any] = {}
    if len(column.path) == 1:
        changes["filterable"] = _flag(said, "searchable", default=column.filterable)
        changes["sortable"] = _flag(said, "sortable", default=column.sortable)
    if column.evidence == "META":
        changes["kind"] = TYPE_WORDS.get(str(said.get("type", "")).upper(), column.kind)
        units = said.get("units")
        changes["unit"] = units if isinstance(units, str) and units else None
    title = said.get("title")
    if isinstance(title, str) and title and not column.title:
        changes["title"] = title
    return replace(column, **changes)


def _flag(entry: dict[str, Any], key: str, *, default: bool) -> bool:
    value = entry.get(key)
    return value if isinstance(value, bool) else default
