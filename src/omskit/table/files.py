"""Tables as files: Parquet, CSV and JSON, whole or not at all."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self, cast, overload

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import UsageError
from omskit.files import write_whole
from omskit.table.shown import Shown

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from omskit.table.receipt import Receipt
    from omskit.table.values import Row


class Rows(Shown, Protocol):
    """What a table tells who writes it: more than who shows it."""

    @property
    def receipt(self) -> Receipt | None:
        """How they were obtained."""
        ...

    def to_records(self) -> list[Row]:
        """The rows as dicts."""
        ...

    def part(self, arrow: pa.Table, /) -> Self:
        """The same with other rows."""
        ...


def write(table: Rows, path: str | os.PathLike[str], form: str) -> None:
    """Write a table to a file in one of `ENCODERS`.

    Raises:
        UsageError: The file cannot be written.
    """
    from pathlib import Path

    write_whole(Path(path), lambda stream: ENCODERS[form](table, stream), UsageError)


def text_of(table: Rows, form: str) -> str:
    """A table as CSV or JSON."""
    stream = io.BytesIO()
    ENCODERS[form](table, stream)
    return stream.getvalue().decode()


def with_units(table: Rows) -> Rows:
    """The table with the unit of each column in its name: ``l1_rate [Hz]``."""
    names = [
        f"{name} [{unit}]" if (unit := table.units[name]) else name
        for name in table.columns
    ]
    return table.part(table.arrow.rename_columns(names))


def _json(table: Rows, stream: BinaryIO) -> None:
    """A list of records, one a line."""
    encoder = msgspec.json.Encoder()
    rows = [encoder.encode(row) for row in table.to_records()]
    stream.write(b"[\n" + b",\n".join(rows) + b"\n]\n" if rows else b"[]\n")


def _jsonl(table: Rows, stream: BinaryIO) -> None:
    stream.write(msgspec.json.Encoder().encode_lines(table.to_records()))


def _csv(table: Rows, stream: BinaryIO) -> None:
    """Names in the first line; times as OMS writes them, lists as JSON.

    A null is an empty cell, an empty text a pair of quotes. In a table of one column an
    empty cell would be an empty line, which readers skip: there a null is the quotes.

    Raises:
        UsageError: The one column has both nulls and empty texts.
    """
    from pyarrow import csv

    columns = [_csv_column(column) for column in table.arrow.columns]
    if len(columns) == 1:
        columns = [_without_empty_lines(columns[0], table.columns[0])]
    plain = pa.table(columns, names=table.columns)
    stream.write((",".join(map(_quoted, table.columns)) + "\n").encode())
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    buffer = io.BytesIO()
    csv.write_csv(plain, buffer, options)
    stream.write(buffer.getbuffer())


def _quoted(name: str) -> str:
    return (
        f'"{name.replace(chr(34), chr(34) * 2)}"' if set(name) & set('",\n') else name
    )


def _csv_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind):
        exact = pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
        return pc.replace_substring_regex(exact, r"\.0+Z$", "Z")
    if pa.types.is_nested(kind):
        encode = msgspec.json.encode
        values = column.to_pylist()
        texts = [None if v is None else encode(v).decode() for v in values]
        return pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_null(kind):
        return pc.cast(column, pa.string())
    return column


def _without_empty_lines(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if not column.null_count:
        return column
    texts = column.cast(pa.string())
    if pc.any(pc.equal(texts, "")).as_py():
        message = (
            f"{name} has both nulls and empty texts, which CSV of one column cannot "
            "tell apart; write another column beside it, or JSON."
        )
        raise UsageError(message)
    return pc.fill_null(texts, "")


def _parquet(table: Rows, stream: BinaryIO) -> None:
    """Units stay in the metadata of the columns, the receipt in that of the file."""
    from pyarrow import parquet

    metadata = dict(table.arrow.schema.metadata or {})
    facts = {"resource": table.resource, "complete": table.complete}
    facts |= {"warnings": table.warnings, "receipt": table.receipt}
    metadata[b"omskit"] = msgspec.json.encode(facts)
    parquet.write_table(table.arrow.replace_schema_metadata(metadata), stream)


ENCODERS: dict[str, Callable[[Rows, BinaryIO], None]] = {
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
}
"""How whole tables are written, by the ending of a file."""


class ToFiles:
    """What writes a table into files."""

    __slots__ = ()

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write Parquet: types kept, units with the columns, the receipt in the file.

        Raises:
            UsageError: The file cannot be written.
        """
        write(cast("Rows", self), path, "parquet")

    @overload
    def to_csv(self, path: None = None, *, units: bool = False) -> str: ...
    @overload
    def to_csv(self, path: str | os.PathLike[str], *, units: bool = False) -> None: ...
    def to_csv(
        self, path: str | os.PathLike[str] | None = None, *, units: bool = False
    ) -> str | None:
        """Write CSV, or give it as text: a null is empty, lists are JSON.

        Args:
            units: Put units into the header, ``l1_rate [Hz]``.

        Raises:
            UsageError: The file cannot be written.
        """
        return _written(cast("Rows", self), path, "csv", units=units)

    @overload
    def to_json(self, path: None = None, *, units: bool = False) -> str: ...
    @overload
    def to_json(self, path: str | os.PathLike[str], *, units: bool = False) -> None: ...
    def to_json(
        self, path: str | os.PathLike[str] | None = None, *, units: bool = False
    ) -> str | None:
        """Write JSON, or give it as text: a list of records; times as OMS writes them.

        Args:
            units: Put units into the names, ``l1_rate [Hz]``.

        Raises:
            UsageError: The file cannot be written.
        """
        return _written(cast("Rows", self), path, "json", units=units)


def _written(
    table: Rows, path: str | os.PathLike[str] | None, form: str, *, units: bool
) -> str | None:
    """The text of a table, or None where it is written to a file."""
    table = with_units(table) if units else table
    if path is None:
        return text_of(table, form)
    write(table, path, form)
    return None
