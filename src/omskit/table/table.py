"""The answer: an Arrow table that knows its units and how whole it is."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.errors import UnknownFieldError, did_you_mean
from omskit.table.note import Note, NoteKind, as_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from omskit.table.receipt import Receipt

HTML_ROWS = 10
"""Rows at either end of the HTML view."""


class Table:
    """Rows of one resource, typed, with units, and with what there is to know of them.

    A thin, immutable view on ``pyarrow.Table``: every Arrow consumer (pandas, polars,
    duckdb, datasets) can take it as it is.

    Attributes:
        resource: The OMS resource the rows come from.
        complete: Every row that the service counted is here.
        notes: What a reader should know, each with its kind.
        gaps: Lumisections that OMS does not hold: (run, first, last), ends included.

    Example:
        >>> import pyarrow as pa
        >>> rate = pa.field("rate", pa.float64(), metadata={"unit": "Hz"})
        >>> table = Table(pa.table([[1.0, None]], schema=pa.schema([rate])))
        >>> len(table), table.units
        (2, {'rate': 'Hz'})
    """

    __slots__ = ("_arrow", "_receipt", "complete", "gaps", "notes", "resource")

    def __init__(
        self,
        arrow: pa.Table,
        *,
        resource: str = "",
        complete: bool = True,
        warnings: Iterable[str | Note] = (),
        gaps: Iterable[tuple[int, int, int]] = (),
        receipt: Receipt | None = None,
    ) -> None:
        self._arrow = arrow
        self.resource = resource
        self.complete = complete
        self.notes = tuple(map(as_note, warnings))
        self.gaps = tuple(gaps)
        self._receipt = receipt

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know, one sentence each."""
        return tuple(note.text for note in self.notes)

    @property
    def arrow(self) -> pa.Table:
        """The ``pyarrow.Table``; units are in the metadata of its fields."""
        return self._arrow

    @property
    def receipt(self) -> Receipt | None:
        """How the table was obtained, or None.

        Cost: the rows are hashed when it is asked for the first time.
        """
        if self._receipt is not None and not self._receipt.sha256:
            from omskit.table.fingerprint import sealed

            self._receipt = sealed(self._receipt, self._arrow)
        return self._receipt

    @receipt.setter
    def receipt(self, receipt: Receipt | None) -> None:
        self._receipt = receipt

    @property
    def simulated(self) -> bool:
        """The rows were made up, as their receipt or a note says.

        They must never pass for data, in figures, sums or files.
        """
        if any(note.kind is NoteKind.SIMULATED for note in self.notes):
            return True
        return self._receipt is not None and self._receipt.simulated

    def part(
        self,
        arrow: pa.Table,
        *,
        warnings: Iterable[str | Note] = (),
        gaps: Iterable[tuple[int, int, int]] = (),
    ) -> Table:
        """Some rows of this table, as a table of their own.

        Its receipt says how all of them were obtained. It has no question: asked again,
        that would give all of them.
        """
        receipt = self._receipt
        if receipt is not None:
            receipt = replace(
                receipt, rows=arrow.num_rows, question="", sha256="", prints=b""
            )
        return Table(
            arrow,
            resource=self.resource,
            complete=self.complete,
            warnings=warnings,
            gaps=gaps,
            receipt=receipt,
        )

    @property
    def columns(self) -> list[str]:
        """The column names, in order."""
        names: list[str] = self._arrow.column_names
        return names

    @property
    def units(self) -> dict[str, str | None]:
        """The unit of each column; None where it has none or none is known."""
        return {field.name: unit_of(field) for field in self._arrow.schema}

    def __len__(self) -> int:
        return int(self._arrow.num_rows)

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """One column.

        Raises:
            UnknownFieldError: There is none; the message names the nearest.
        """
        if name not in self._arrow.column_names:
            hint = did_you_mean(name, self.columns)
            message = (
                f"This table has no column {name!r}.{hint} "
                f"It has: {', '.join(self.columns)}."
            )
            raise UnknownFieldError(message)
        return self._arrow.column(name)

    def __eq__(self, other: object) -> bool:
        """Whether rows, types and units are equal; the receipt is not compared."""
        if not isinstance(other, Table):
            return NotImplemented
        return bool(self._arrow.equals(other._arrow, check_metadata=True))

    __hash__ = None  # type: ignore[assignment]  # a container of data, as in numpy

    def to_records(self) -> list[dict[str, Any]]:
        """One dict per row; times are aware ``datetime`` in UTC, nulls are None."""
        records: list[dict[str, Any]] = self._arrow.to_pylist()
        return records

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with Arrow-backed columns, so integers stay integers.

        Units are in ``frame.attrs["units"]``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = load("pandas", "make a pandas DataFrame")
        frame = self._arrow.to_pandas(types_mapper=pandas.ArrowDtype)
        frame.attrs["units"] = self.units
        return frame

    def to_polars(self) -> Any:
        """A ``polars.DataFrame``; units stay behind in ``table.units``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        return load("polars", "make a polars DataFrame").from_arrow(self._arrow)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow PyCapsule interface."""
        return self._arrow.__arrow_c_stream__(requested_schema)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as Arrow table plus what is known of it."""
        # The receipt as it is: its rows are hashed when it is asked for.
        state = {n: getattr(self, n) for n in self.__slots__ if not n.startswith("_")}
        state["receipt"] = self._receipt
        state["warnings"] = state.pop("notes")
        return (_rebuild, (self._arrow, state))

    def __repr__(self) -> str:
        state = "" if self.complete else ", INCOMPLETE"
        noted = f", {len(self.warnings)} warnings" if self.warnings else ""
        return (
            f"<Table {self.resource or 'of'} {len(self)} rows x "
            f"{len(self.columns)} columns{state}{noted}>"
        )

    def _repr_html_(self) -> str:
        return "".join(_html(self))


def _rebuild(arrow: pa.Table, state: dict[str, Any]) -> Table:
    return Table(arrow, **state)


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


def _html(table: Table) -> Iterator[str]:
    """The HTML view: state, warnings, header with units, first and last rows."""
    total = len(table)
    state = "" if table.complete else " <strong>(incomplete)</strong>"
    title = html.escape(table.resource) or "table"
    yield f"<div><p><strong>{title}</strong>: {total} rows{state}</p>"
    if table.warnings:
        yield "<ul>"
        yield from (f"<li>&#9888; {html.escape(w)}</li>" for w in table.warnings)
        yield "</ul>"
    yield "<table><thead><tr>"
    for name, unit in table.units.items():
        small = f"<br><small>[{html.escape(unit)}]</small>" if unit else ""
        yield f"<th>{html.escape(name)}{small}</th>"
    yield "</tr></thead><tbody>"
    if total <= 2 * HTML_ROWS:
        yield from _html_rows(table.arrow)
    else:
        yield from _html_rows(table.arrow.slice(0, HTML_ROWS))
        hidden = total - 2 * HTML_ROWS
        yield (
            f'<tr><td colspan="{len(table.columns)}"><em>{hidden} rows not shown'
            "</em></td></tr>"
        )
        yield from _html_rows(table.arrow.slice(total - HTML_ROWS))
    yield "</tbody></table></div>"


def _html_rows(arrow: pa.Table) -> Iterator[str]:
    for row in arrow.to_pylist():
        cells = "".join(f"<td>{html.escape(_cell(v))}</td>" for v in row.values())
        yield f"<tr>{cells}</tr>"


def _cell(value: object) -> str:
    if value is None:
        return "\N{EM DASH}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.7g}" if isinstance(value, float) else str(value)
