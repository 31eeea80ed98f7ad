"""The meta document of a resource: its attributes, and what can be done with them.

That it is a map from attribute to object with ``title`` and ``units`` is known; the
other key names are likely, and the type words but INTEGER and STRING are ours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omskit.schema import Field, Resource

TYPES = {
    "int": "INTEGER",
    "float": "FLOAT",
    "str": "STRING",
    "bool": "BOOLEAN",
    "time": "DATETIME",
    "list": "LIST",
    "json": "OBJECT",
}


def meta_fields(resource: Resource) -> dict[str, dict[str, Any]]:
    """``meta.fields`` of *resource*; nested values are one attribute.

    Example:
        >>> from omskit.schema import bundled
        >>> meta_fields(bundled()["runs"])["l1_rate"]["units"]
        'Hz'
    """
    found: dict[str, dict[str, Any]] = {}
    for field in resource.fields:
        found.setdefault(field.attribute, _entry(field))
    return found


def _entry(field: Field) -> dict[str, Any]:
    whole = len(field.path) == 1
    # Where the unit changes from row to row, meta.row names it.
    fixed = "" if field.scaled or not whole else _spelled(field.unit or "")
    return {
        "title": field.title or field.attribute,
        "type": TYPES[field.kind] if whole else "OBJECT",
        "units": fixed,
        "searchable": whole and field.filterable,
        "sortable": whole and field.sortable,
    }


def _spelled(unit: str) -> str:
    """A unit as OMS writes it, with powers in braces and nothing between factors."""
    return re.sub(r"\^(-?\d+) ?", r"^{\1}", unit) if "cm" in unit else unit
