"""What a page of a resource should look like, as an Arrow schema for the JSON reader.

Built once for each resource and kept. The reader infers what the schema does not name,
so attributes that are new to us are not lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from omskit.schema import Field, Resource

UNIT_SUFFIX = "@unit"
"""``X@unit`` holds the unit that each row names for X."""

ID = "@id"
"""The rows' ``id``."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How to read pages of one resource with the fast reader.

    Attributes:
        document: Schema of a whole page, as one row.
        attributes: The attributes that the catalogue knows.
        fast: The fast reader can read it: no column keeps JSON text.
    """

    document: pa.Schema
    attributes: frozenset[str]
    fast: bool


@lru_cache(maxsize=256)
def _shape(fields: tuple[Field, ...], scaled: tuple[str, ...]) -> Shape:
    attributes = pa.struct(list(_attributes(fields).items()))
    row = [pa.field("id", pa.string()), pa.field("attributes", attributes)]
    row += [pa.field("type", pa.string())]
    row += [pa.field("links", pa.struct([("self", pa.string())]))]
    if scaled:
        unit = pa.struct([("units", pa.string())])
        units = pa.struct([(name, unit) for name in scaled])
        row.append(pa.field("meta", pa.struct([("row", units)])))
    meta = pa.struct([("totalResourceCount", pa.int64())])
    document = pa.schema([("data", pa.list_(pa.struct(row))), ("meta", meta)])
    return Shape(
        document=document,
        attributes=frozenset(f.attribute for f in fields),
        fast=all(f.kind != "json" for f in fields),
    )


def shape_of(resource: Resource) -> Shape:
    """The shape of *resource*'s pages.

    Cost: microseconds after the first call for a resource.
    """
    scaled = tuple(f.attribute for f in resource.fields if f.scaled)
    return _shape(resource.fields, scaled)


def _attributes(fields: tuple[Field, ...]) -> dict[str, pa.DataType]:
    """Arrow types of the attributes; nested ones as structs of their parts."""
    nested: dict[str, list[tuple[str, pa.DataType]]] = {}
    types: dict[str, pa.DataType] = {}
    for field in fields:
        if len(field.path) == 1:
            types[field.attribute] = field.arrow_type
        else:
            parts = nested.setdefault(field.attribute, [])
            parts.append((field.path[1], field.arrow_type))
            types[field.attribute] = pa.struct(parts)
    return types
