"""What the views of a table need to know of it, and the units of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class Printer(Protocol):
    """What IPython prints with."""

    def text(self, text: str) -> None:
        """Write *text*."""


class Shown(Protocol):
    """A table as its views see it."""

    @property
    def arrow(self) -> pa.Table:
        """The rows."""

    @property
    def columns(self) -> list[str]:
        """The column names, in order."""

    @property
    def units(self) -> dict[str, str | None]:
        """The unit of each column."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know."""

    resource: str
    complete: bool

    def __len__(self) -> int: ...


class Told:
    """What is told in lines for people shows them at IPython's prompt, too.

    Its ``repr`` is that of a value, with all its parts: kilobytes in a notebook.
    """

    __slots__ = ()

    def _repr_pretty_(self, printer: Printer, cycle: bool) -> None:
        printer.text(type(self).__name__ if cycle else str(self))


def unit_of(field: pa.Field) -> str | None:
    """The unit that a column's metadata names, or None."""
    found = (field.metadata or {}).get(b"unit")
    return found.decode() if found else None


def with_unit(field: pa.Field, unit: str | None) -> pa.Field:
    """The same column with another unit; None takes it away."""
    metadata = dict(field.metadata or {})
    metadata.pop(b"unit", None)
    if unit is not None:
        metadata[b"unit"] = unit.encode()
    return field.with_metadata(metadata or None)
