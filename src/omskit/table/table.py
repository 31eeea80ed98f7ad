"""The answer: an Arrow table that knows its units and how whole it is."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex, overload

import numpy as np
import pyarrow as pa

from omskit._extras import load
from omskit.errors import NoPositionError, UnknownFieldError, did_you_mean
from omskit.table.column import Column, chosen_rows, position_of
from omskit.table.files import ToFiles
from omskit.table.habits import HABITS
from omskit.table.note import Note, NoteKind, as_note
from omskit.table.shown import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    import polars as pl

    from omskit.table.handing import Types
    from omskit.table.receipt import Receipt
    from omskit.table.values import Row, Values

HANDING_ON = (
    "Hand it on for more: to_pandas(), to_polars(), to_arrow(), or DuckDB by name."
)


class Table(ToFiles):
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

    __slots__ = (
        "_arrow",
        "_matrix",
        "_receipt",
        "complete",
        "gaps",
        "notes",
        "resource",
    )

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
        """How the table was obtained, or None."""
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

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), len(self.columns)

    @property
    def schema(self) -> pa.Schema:
        """The ``pyarrow.Schema``; units are in the metadata of its fields."""
        return self._arrow.schema

    def __iter__(self) -> Iterator[Row]:
        """The rows, one dict each, as `to_records` gives them."""
        for batch in self._arrow.to_batches(max_chunksize=10_000):
            yield from batch.to_pylist()

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of that name."""
        return name in self._arrow.column_names

    @overload
    def __getitem__(self, which: str) -> Column: ...
    @overload
    def __getitem__(self, which: SupportsIndex) -> Row: ...
    @overload
    def __getitem__(self, which: slice | list[Any] | Column) -> Table: ...
    @overload
    def __getitem__(self, which: Any) -> Any: ...
    def __getitem__(self, which: Any) -> Any:
        """A column, a row, or a table of some columns or rows.

        Args:
            which: ``"l1_rate"`` for a column; ``["run_number", "l1_rate"]`` for a table
                of these; ``0`` or ``-1`` for a row as a dict; ``5:10``, positions, or
                a flag a row as in ``table["pileup"] > 30`` for a table of some rows;
                ``5:10, ["pileup"]`` for rows and columns.

        Raises:
            UnknownFieldError: There is no such column; the message names the nearest.
            UsageError: There is no such row, or not one flag a row.
        """
        if isinstance(which, str):
            return self._column(which)
        if isinstance(which, tuple):
            return self._cut(which)
        position = position_of(which)
        if position is not None:
            return self._row(position)
        if isinstance(which, list) and which and isinstance(which[0], str):
            fields = [self._arrow.schema.field(self._position(n)) for n in which]
            arrow = self._arrow.select([self._position(n) for n in which])
            return self._some(
                arrow.cast(pa.schema(fields, self._arrow.schema.metadata))
            )
        return self._some(chosen_rows(self._arrow, which))

    def _cut(self, which: tuple[Any, ...]) -> Any:
        """``table[rows, columns]``; an ellipsis or a bare slice takes all."""
        rows, columns = (*which, ...)[:2]
        found: Any = self if columns is ... or columns == slice(None) else self[columns]
        return found if rows is ... else found[rows]

    def _some(self, arrow: pa.Table) -> Table:
        gaps = self.gaps if arrow.num_rows == len(self) else ()
        return self.part(arrow, warnings=self.notes, gaps=gaps)

    def _row(self, number: int) -> dict[str, Any]:
        size = len(self)
        if not -size <= number < size:
            rows = "1 row" if size == 1 else f"{size} rows"
            message = f"There is no row {number}: the table has {rows}."
            raise NoPositionError(message)
        (row,) = self._arrow.slice(number % size, 1).to_pylist()
        return dict(row)

    def _column(self, name: str) -> Column:
        position = self._position(name)
        unit = unit_of(self._arrow.schema.field(position))
        return Column(self._arrow.column(position), name, unit)

    def _position(self, name: object) -> int:
        if name not in self._arrow.column_names:
            hint = did_you_mean(str(name), self.columns)
            message = (
                f"This table has no column {name!r:.80}.{hint} "
                f"It has: {', '.join(self.columns)}."
            )
            raise UnknownFieldError(message)
        return int(self._arrow.column_names.index(name))

    def __getattr__(self, name: str) -> NoReturn:
        """Say where what other tables have as attributes is to be found.

        Raises:
            AttributeError: Always.
        """
        message = f"A Table has no {name!r}."
        if not name.startswith("_"):
            if name in self._arrow.column_names:
                message += f" Its column is table[{name!r}]."
            elif name in HABITS:
                message += f" {HABITS[name]}"
            else:
                known = [n for n in dir(type(self)) if not n.startswith("_")]
                message += did_you_mean(name, known) + f" {HANDING_ON}"
        raise AttributeError(message)

    def head(self, rows: int = 5) -> Table:
        """The first rows."""
        return self._some(self._arrow.slice(0, max(rows, 0)))

    def tail(self, rows: int = 5) -> Table:
        """The last rows."""
        rows = min(max(rows, 0), len(self))
        return self._some(self._arrow.slice(len(self) - rows))

    def __eq__(self, other: object) -> bool:
        """Whether rows, types and units are equal; the receipt is not compared."""
        if not isinstance(other, Table):
            return NotImplemented
        return bool(self._arrow.equals(other._arrow, check_metadata=True))

    __hash__ = None  # type: ignore[assignment]  # a container of data, as in numpy

    def to_records(self) -> list[Row]:
        """One dict per row; times are aware ``datetime`` in UTC, nulls are None."""
        records: list[Row] = self._arrow.to_pylist()
        return records

    def to_arrow(self) -> pa.Table:
        """The ``pyarrow.Table``, as `arrow`."""
        return self._arrow

    def to_numpy(self, column: str | None = None) -> Values:
        """A column as a numpy array, or rows x columns of all of them.

        Nulls are nan; see `Column.to_numpy`. Texts, times or lists among several
        columns make an array of objects.
        """
        if column is not None:
            return self._column(column).to_numpy()
        from omskit.table.handing import to_matrix

        return to_matrix(self._arrow)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        # numpy asks for this as well as for __array__, and pandas for that only: with
        # it, pd.DataFrame(table) would lose the names of the columns.
        self._matrix = np.ascontiguousarray(self.to_numpy())
        return self._matrix.__array_interface__

    def to_pandas(self, types: Types = "hybrid") -> pd.DataFrame:
        """A ``pandas.DataFrame``; units are in ``frame.attrs["units"]``.

        Args:
            types: ``"hybrid"``, which plots, fits and merges without surprise: floats
                are float64, whole numbers int64, flags bool; with a value missing they
                are Int64 and boolean. ``"numpy"``: with a value missing, whole numbers
                are floats and flags objects. ``"nullable"``: Int64, Float64, boolean
                throughout. ``"arrow"``: Arrow's own types.

        Times are ``datetime64[us, UTC]``, or Arrow's.

        Raises:
            MissingExtraError: pandas is not installed.
            UsageError: There are no such *types*.
        """
        from omskit.table.handing import to_pandas

        frame: pd.DataFrame = to_pandas(self._arrow, types)
        frame.attrs["units"] = self.units
        return frame

    def to_polars(self) -> pl.DataFrame:
        """A ``polars.DataFrame``; units stay behind in ``table.units``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        polars = load("polars", "make a polars DataFrame")
        frame: pl.DataFrame = polars.from_arrow(self._arrow)
        return frame

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
        from omskit.table.view import at_prompt, plain

        width = shutil.get_terminal_size((80, 24)).columns
        text = "\n".join(at_prompt(self, width))
        return plain(text, getattr(sys.stdout, "encoding", None))

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name != "__array_interface__"]

    def _ipython_key_completions_(self) -> list[str]:
        return self.columns

    def _repr_html_(self) -> str:
        from omskit.table.html import html_of

        return "".join(html_of(self))


def _rebuild(arrow: pa.Table, state: dict[str, Any]) -> Table:
    return Table(arrow, **state)
