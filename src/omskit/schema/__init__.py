"""Names, types, units and evidence of everything that OMS serves."""

from omskit.schema.bundled import bundled
from omskit.schema.meta import merge_meta
from omskit.schema.model import (
    ARROW,
    TIME,
    UNIT_SUFFIX,
    Catalogue,
    Field,
    Relationship,
    Resource,
    with_fields,
)

__all__ = [
    "ARROW",
    "TIME",
    "UNIT_SUFFIX",
    "Catalogue",
    "Field",
    "Relationship",
    "Resource",
    "bundled",
    "merge_meta",
    "with_fields",
]
