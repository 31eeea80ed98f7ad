"""Writing tables: for humans on a terminal, for machines on stdout or into a file."""

from __future__ import annotations

import io
import os
import shutil
import sys
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from omskit.cli.exits import say
from omskit.cli.options import Format, Output
from omskit.errors import UsageError, did_you_mean
from omskit.files import write_whole
from omskit.redact import visible
from omskit.table.files import ENCODERS
from omskit.table.note import NoteKind
from omskit.table.view import SHOWN_ROWS, Line, More, plain, view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from omskit.table import Table

WIDER = "a wider terminal"
STYLES = {"head": "bold", "unit": "dim", "rule": "dim", "note": "dim"}


def write(
    table: Table,
    given: Output,
    *,
    named: str | None = None,
    totals: bool = False,
    by: str | None = None,
) -> None:
    """Write *table* where and how *given* says.

    Args:
        named: The value of ``--fields``, whose order the view for humans keeps.
        totals: Sum up columns that add up, in the view for humans.
        by: The option that chooses columns, for who wants hidden ones; None where the
            command has none.

    Raises:
        UsageError: Parquet for a terminal, an ending that names no format, or a file
            that cannot be written.
    """
    chosen = _format(given)
    if chosen is Format.TABLE:
        more = More("--all-rows", f"{by} a,b, {WIDER}" if by else WIDER, "--format csv")
        names = named.split(",") if named else None
        _write_view(table, given, names, more, totals=totals)
        return
    if chosen is Format.CSV and given.spreadsheet:
        table = without_formulas(table)
    encode = ENCODERS[chosen.value]
    if given.output is not None and str(given.output) != "-":
        write_whole(given.output, lambda stream: encode(table, stream), UsageError)
        if not given.quiet:
            rows = "1 row" if len(table) == 1 else f"{len(table)} rows"
            columns = len(table.columns)
            size = f"{rows} x {columns} column{'s'[: columns != 1]}"
            say(f"wrote {size} to {given.output}")
        return
    if chosen is Format.PARQUET and sys.stdout.isatty():
        message = (
            "Parquet is no text for a terminal. "
            "Give --output FILE.parquet, or pipe it to a program that reads it."
        )
        raise UsageError(message)
    if sys.stdout.isatty() and chosen is not Format.PARQUET:
        _to_terminal(table, encode)
        return
    encode(table, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _to_terminal(table: Table, encode: Callable[[Table, BinaryIO], None]) -> None:
    """Write text to a terminal, which obeys nothing of what a service sent."""
    buffer = io.BytesIO()
    encode(table, buffer)
    lines = buffer.getvalue().decode().split("\n")
    sys.stdout.write("\n".join(map(visible, lines)))
    sys.stdout.flush()


def check_output(given: Output) -> None:
    """Refuse a place that cannot be written to, before anything is asked for.

    Raises:
        UsageError: An ending that names no format, a folder, or one that is not there.
    """
    _format(given)
    if given.output is None or str(given.output) == "-":
        return
    try:
        path = given.output.expanduser()
        parent, is_folder = path.parent, path.is_dir()
        is_there, may_write = parent.is_dir(), os.access(parent, os.W_OK)
        exists = path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        message = f"Cannot write {str(given.output)!r}: {error}."
        raise UsageError(message) from error
    if is_folder:
        message = f"Cannot write {given.output}: it is a folder. Name a file in it."
        raise UsageError(message)
    if not is_there:
        message = f"Cannot write {given.output}: there is no folder {parent}."
        raise UsageError(message)
    if not may_write and not exists:
        message = f"Cannot write {given.output}: no permission to write in {parent}."
        raise UsageError(message)


_FORMULA = r"^([=+\-@\t\r])"


def without_formulas(table: Table) -> Table:
    """The table with a ``'`` before texts that a spreadsheet would take for a formula.

    Numbers are left alone.
    """
    arrow = table.arrow
    for index, field in enumerate(arrow.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            safe = pc.replace_substring_regex(arrow.column(index), _FORMULA, r"'\1")
            arrow = arrow.set_column(index, field, safe)
    names = [f"'{n}" if n[:1] in "=+-@\t\r" and n else n for n in arrow.column_names]
    return table.part(arrow.rename_columns(names))


def _format(given: Output) -> Format:
    if given.format is not None:
        _check_ending(given.format, given.output)
        return given.format
    if given.output is None or str(given.output) == "-":
        return Format.TABLE
    ending = given.output.suffix.lower().removeprefix(".")
    if ending == "txt":
        return Format.TABLE
    try:
        return Format(ending)
    except ValueError:
        known = [f.value for f in Format]
        message = (
            f"The ending of {given.output.name!r} names no format."
            f"{did_you_mean(ending, known)} Give --format: {', '.join(known)}."
        )
        raise UsageError(message) from None


def _check_ending(chosen: Format, output: Path | None) -> None:
    """Refuse a name that says another format; other endings are the user's own."""
    ending = output.suffix.lower().removeprefix(".") if output is not None else ""
    if ending in set(Format) - {chosen}:
        message = (
            f"--format {chosen} and --output {output} contradict each other: "
            "leave --format out, or choose another ending."
        )
        raise UsageError(message)


def _write_view(
    table: Table,
    given: Output,
    named: Sequence[str] | None,
    more: More,
    *,
    totals: bool,
) -> None:
    if given.output is not None and str(given.output) != "-":
        lines = view(table, 160, named=named, more=more, totals=totals)
        text = "\n".join(line.text for line in lines) + "\n"
        write_whole(
            given.output, lambda stream: stream.write(text.encode()), UsageError
        )
        return
    if not len(table) and not given.quiet and _is_said(table):
        return
    is_terminal = sys.stdout.isatty()
    most = SHOWN_ROWS if is_terminal and not given.all_rows else None
    lines = view(
        table,
        terminal_width(),
        named=named,
        most_rows=most,
        more=more,
        totals=totals,
    )
    show(with_heads(lines, terminal_height()) if is_terminal else lines)


def _is_said(table: Table) -> bool:
    """Whether a warning on stderr has said what no row matches, better than a view."""
    return any(note.kind is NoteKind.NO_ROW for note in table.notes)


def with_heads(lines: Sequence[Line], height: int) -> list[Line]:
    """The lines with the header again at each screen, where there are several.

    Args:
        height: Lines of a screen.
    """
    depth = next((i + 1 for i, line in enumerate(lines) if line.kind == "rule"), 0)
    head, rows = list(lines[:depth]), list(lines[depth:])
    room = height - depth - 2  # the prompt, and a line of overlap
    if not depth or room < depth or len(lines) < height:
        return list(lines)
    found: list[Line] = []
    for start in range(0, len(rows), room):
        left = rows[start : start + room]
        notes_only = all(line.kind == "note" for line in left)
        found += left if notes_only else [*head, *left]
    return found


def terminal_height() -> int:
    """Lines of the terminal; 24 where that is not known."""
    return shutil.get_terminal_size((80, 24)).lines


UNFOLDED = 1_000_000
"""Columns that no sentence fills."""


def terminal_width() -> int:
    """Columns of the terminal; ``COLUMNS`` wins, 80 where there is neither."""
    return shutil.get_terminal_size((80, 24)).columns


def prose_width() -> int:
    """Columns for sentences: those of a terminal; in a pipe or file they do not fold.

    ``COLUMNS`` wins. A script finds a sentence in one line, whatever the terminal.
    """
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return terminal_width()
    return UNFOLDED


def show(lines: Sequence[Line]) -> None:
    """Write lines to stdout, coloured where that is a terminal that wants colours."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console
        from rich.text import Text

        console = Console(soft_wrap=True, highlight=False)
        for line in lines:
            console.print(Text(line.text, STYLES.get(line.kind, "")))
        return
    text = "\n".join(line.text for line in lines) + "\n"
    sys.stdout.write(plain(text, sys.stdout.encoding))
    sys.stdout.flush()
