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

ID = "@id"
"""The rows' ``id``."""

MIXED = pa.large_string()
"""The type of JSON text in a column whose values are of several types.

Texts stand in it in quotes, so a page of it must not be taken for a page of text.
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """How to read pages of one resource with the fast reader.

    Attributes:
        document: Schema of a whole page, as one row.
        attributes: The attributes that the catalogue knows, and whether each is nested.
        names: The columns that it knows.
        paths: The ways to the columns that it knows.
        fast: The fast reader can read it: no column keeps JSON text.
    """

    document: pa.Schema
    attributes: dict[str, bool]
    names: frozenset[str]
    paths: frozenset[tuple[str, ...]]
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
    links = pa.struct([(n, pa.string()) for n in ("first", "last", "next", "prev")])
    data = pa.list_(pa.struct(row))
    document = pa.schema([("data", data), ("links", links), ("meta", meta)])
    return Shape(
        document=document,
        attributes={f.attribute: len(f.path) > 1 for f in fields},
        names=frozenset(f.name for f in fields),
        paths=frozenset(f.path for f in fields),
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
