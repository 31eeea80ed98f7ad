"""What a page is once it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Rows:
    """One decoded page.

    Attributes:
        table: The columns of the resource, unknown ones, ``@id``, ``X@unit``. An
            unknown column whose values are of several types is JSON text, of the type
            `omskit.jsonapi.MIXED`.
        total: How many rows match the query, as the service counts them; None where
            the page does not say.
        unknown: Columns that the catalogue does not know.
        notes: What was mended, one sentence each.
        ids_made: The ids were made here of the columns that they are to name, so that
            holding one against the other tells nothing.
    """

    table: pa.Table
    total: int | None
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ids_made: bool = False
