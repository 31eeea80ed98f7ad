"""The catalogue that comes with omskit: a TOML file per resource, read when needed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

from omskit.schema.model import Catalogue, Field, Kind, Relationship, Resource

SHAPES: dict[str, dict[str, dict[str, Any]]] = {
    "counter_rate": {
        "counter": {"type": "int"},
        "rate": {"type": "float", "unit": "Hz"},
    },
    "counter_percent": {
        "counter": {"type": "int"},
        "percent": {"type": "float", "unit": "%"},
    },
    "prescale": {
        "prescale": {"type": "float"},
        "prescale_index": {"type": "int"},
        "prescale_name": {"type": "str"},
    },
}
"""Nested values that recur on the wire, by the word that the TOML files use."""


class _Files(Mapping[str, Resource]):
    """Resources by name; a file is parsed when its resource is first asked for."""

    def __init__(self) -> None:
        folder = files("omskit.schema") / "catalogue"
        self._paths = {
            entry.name.removesuffix(".toml").replace("--", "/"): entry
            for entry in sorted(folder.iterdir(), key=lambda e: e.name)
            if entry.name.endswith(".toml")
        }
        self._parsed: dict[str, Resource] = {}

    def __getitem__(self, name: str) -> Resource:
        if name not in self._parsed:
            text = self._paths[name].read_text(encoding="utf-8")
            self._parsed[name] = parse_resource(name, tomllib.loads(text))
        return self._parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, name: object) -> bool:
        return name in self._paths


@cache
def bundled() -> Catalogue:
    """Every resource that omskit knows, with its evidence.

    Cost: one small file per resource, when it is first used.

    Example:
        >>> "lumisections" in bundled()
        True
    """
    return Catalogue(_Files())


def parse_resource(name: str, document: dict[str, Any]) -> Resource:
    """A resource from its TOML document.

    Example:
        >>> parse_resource("eras", {"fields": {"name": {"type": "str"}}}).names
        ('name',)
    """
    fields = tuple(
        column
        for attribute, entry in document["fields"].items()
        for column in _columns(attribute, entry)
    )
    filters = tuple(
        _column(attribute, (attribute,), {"sort": False, **entry})
        for attribute, entry in document.get("filters", {}).items()
    )
    relationships = tuple(
        Relationship(key, entry["resource"], tuple(entry["on"].items()))
        for key, entry in document.get("relationships", {}).items()
    )
    return Resource(
        name=name,
        fields=fields,
        title=document.get("title", ""),
        identity=tuple(document.get("identity", ())),
        row_id=document.get("id", ""),
        id_is_real=document.get("id_is_real", False),
        lumisection=document.get("lumisection"),
        granularities=tuple(document.get("granularities", ())),
        relationships=relationships,
        filters=filters,
        within=document.get("within"),
        evidence=document.get("evidence", "USED"),
        source=document.get("source", ""),
        note=document.get("note", ""),
    )


def _columns(attribute: str, entry: dict[str, Any]) -> Iterator[Field]:
    """The columns of one attribute: one, or one for each part of a nested value."""
    shape = SHAPES.get(entry.get("type", ""), entry.get("parts"))
    if shape is None:
        yield _column(attribute, (attribute,), entry)
        return
    shared = {k: v for k, v in entry.items() if k not in {"type", "parts"}}
    for part, details in shape.items():
        merged = {"filter": False, "sort": False, **shared, **details}
        yield _column(f"{attribute}_{part}", (attribute, part), merged)


def _column(name: str, path: tuple[str, ...], entry: dict[str, Any]) -> Field:
    word = entry["type"]
    is_list = word.endswith("[]")
    kind = "list" if is_list else word
    plain = kind not in {"list", "json"}
    return Field(
        name=name,
        path=path,
        kind=cast("Kind", kind),
        items=cast("Kind", word.removesuffix("[]")) if is_list else None,
        unit=entry.get("unit"),
        scaled=entry.get("scaled", False),
        unit_from=entry.get("unit_from"),
        after_filter=entry.get("after_filter"),
        nullable=entry.get("null", True),
        filterable=entry.get("filter", plain),
        sortable=entry.get("sort", plain),
        title=entry.get("title", ""),
        evidence=entry.get("evidence", "USED"),
    )
