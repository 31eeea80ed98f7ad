"""The answer: tables, how they were obtained, and what tells two of them apart."""

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
