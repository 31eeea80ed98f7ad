"""The answer: tables, how they were obtained, and what tells two of them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late

if TYPE_CHECKING:
    from omskit.table.column import Column
    from omskit.table.html import HTML_ROWS
    from omskit.table.note import Note, NoteKind
    from omskit.table.receipt import Receipt
    from omskit.table.shown import unit_of, with_unit
    from omskit.table.table import Table

__all__ = [
    "HTML_ROWS",
    "Column",
    "Note",
    "NoteKind",
    "Receipt",
    "Table",
    "unit_of",
    "with_unit",
]

__getattr__ = late(
    __name__,
    {
        "unit_of": "omskit.table.shown",
        "with_unit": "omskit.table.shown",
        "Column": "omskit.table.column",
        "HTML_ROWS": "omskit.table.html",
        "Note": "omskit.table.note",
        "NoteKind": "omskit.table.note",
        "Receipt": "omskit.table.receipt",
        "Table": "omskit.table.table",
    },
)
