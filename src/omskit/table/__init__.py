"""The answer: tables, how they were obtained, and what tells two of them apart."""

from omskit.table.note import Note, NoteKind
from omskit.table.receipt import Receipt
from omskit.table.table import HTML_ROWS, Table, unit_of, with_unit

__all__ = ["HTML_ROWS", "Note", "NoteKind", "Receipt", "Table", "unit_of", "with_unit"]
