"""A table for humans, as lines that fit a terminal: at a prompt, in ``oms``, in a text.

Columns that do not fit are left out, and the last line says how many and how to see
them. A single row that does not fit is turned by a quarter: one line a column.
"""

from __future__ import annotations

import datetime as dt
import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from omskit.redact import visible
from omskit.schema import bundled
from omskit.table.first import ADDITIVE, FIRST
from omskit.table.shown import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omskit.table.shown import Shown

DASH = "\N{EN DASH}"
CUT = "\N{HORIZONTAL ELLIPSIS}"
GAP = "  "
LONGEST_TEXT = 28
NARROW_HEAD = 12
SHOWN_ROWS = 40
"""A longer table on a terminal shows its first and last half of so many rows."""


@dataclass(frozen=True, slots=True)
class More:
    """How to see what is not shown."""

    rows: str
    columns: str
    all: str


COMMAND = More("--all-rows", "--fields a,b, a wider terminal", "--format csv")
PROMPT = More("table[5:10]", "table[['a', 'b']]", "to_pandas()")
PROMPT_ROWS = 20
"""A longer table at a prompt shows its first and last half of so many rows."""
MOST_NOTES = 5
"""More notes at a prompt are counted."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the view; *kind* says how it may be coloured."""

    text: str
    kind: str = "row"


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    head: tuple[str, ...]
    unit: str
    cells: tuple[str, ...]
    right: bool
    empty: bool
    most: int = LONGEST_TEXT
    """Longer cells are cut."""
    total: str = ""

    @property
    def width(self) -> int:
        cells = min(self.longest, self.most)
        return max(cells, *map(len, (*self.head, self.unit)))

    @property
    def longest(self) -> int:
        return max(map(len, (*self.cells, self.total)))

    @property
    def same(self) -> bool:
        """Every row has the same value."""
        return len(self.cells) > 1 and len(set(self.cells)) == 1

    def cell(self, index: int) -> str:
        text, room = self.cells[index], self.width
        return text if len(text) <= room else text[: room - 1] + CUT


def view(
    table: Shown,
    width: int,
    *,
    named: Sequence[str] | None = None,
    most_rows: int | None = None,
    notes: bool = True,
    more: More = COMMAND,
    totals: bool = False,
) -> list[Line]:
    """The lines that show *table* in *width* characters.

    Args:
        named: The columns that were asked for by name; their order is kept.
        most_rows: Rows beyond so many are left out of the middle; None shows all.
        notes: Say in the end how much there is and what is not shown.
        more: How to see it.
        totals: Sum up the columns that add up (`ADDITIVE`), below the last row.
    """
    if not len(table):
        return [Line(f"No row of {table.resource or 'this table'} matches.", "note")]
    kept, left_out = _ends(len(table), most_rows)
    arrow = table.arrow
    if left_out:
        arrow = pa.concat_tables([arrow.slice(0, kept), arrow.slice(len(table) - kept)])
    sums = _sums(table) if totals else {}
    columns = [_column(arrow, index, sums) for index in range(arrow.num_columns)]
    chosen = _fitting(columns, _preferred(table, columns, named), width)
    chosen = _stretched(chosen, width)
    is_whole = len(chosen) == len(columns) and all(c.longest <= c.width for c in chosen)
    if len(table) == 1 and not is_whole:
        return list(_turned(table.arrow, width))
    lines = list(_head(chosen))
    rows = [_joined(chosen, index) for index in range(arrow.num_rows)]
    if sums:
        rows += [lines[-1], _line(chosen, (c.total for c in chosen), "head")]
    if left_out:
        middle = f"{CUT} {left_out} rows not shown {CUT}"
        rows.insert(kept, Line(middle, "note"))
    if notes:
        note = _note(table, left_out, len(columns) - len(chosen), more)
        rows += [Line(part, "note") for part in _wrapped(note, width)]
    return [*lines, *rows]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _ends(rows: int, most: int | None) -> tuple[int, int]:
    """How many rows to keep at either end, and how many are left out between."""
    if most is None or rows <= most:
        return rows, 0
    kept = most // 2
    return kept, rows - 2 * kept


def _sums(table: Shown) -> dict[str, str]:
    """The sums of columns that add up, and a word in the first column.

    There are none of one row, nor of rows of which some are missing.
    """
    arrow = table.arrow
    wanted = ADDITIVE.get(table.resource, ())
    if len(table) < 2 or not table.complete:
        return {}
    found = {
        name: pc.sum(arrow.column(name)).as_py()
        for name in wanted
        if name in arrow.column_names
    }
    sums = {name: cell_text(value) for name, value in found.items()}
    return sums and {arrow.column_names[0]: "total", **sums}


def _column(arrow: pa.Table, index: int, sums: dict[str, str] | None = None) -> _Column:
    field = arrow.schema.field(index)
    values = arrow.column(index).to_pylist()
    total = (sums or {}).get(field.name, "")
    texts = (*map(cell_text, values), total)
    if pa.types.is_floating(field.type):
        texts = points_aligned(texts)
    texts, total = texts[:-1], texts[-1]
    is_time = pa.types.is_timestamp(field.type)
    unit = "UTC" if is_time else unit_of(field)
    shown = f"[{visible(unit)}]" if unit else ""
    longest = min(max(map(len, (*texts, total))), LONGEST_TEXT)
    room = max(NARROW_HEAD, len(shown), longest)
    kinds = (pa.types.is_integer, pa.types.is_floating)
    return _Column(
        name=field.name,
        head=tuple(_folded(visible(field.name), room)),
        unit=shown,
        cells=texts,
        total=total,
        right=any(is_kind(field.type) for is_kind in kinds),
        empty=all(value is None for value in values),
    )


def points_aligned(texts: Sequence[str]) -> tuple[str, ...]:
    """Numbers with spaces behind them, so that their points stand below each other.

    Example:
        >>> points_aligned(["49130.85", "5", "0.125"])
        ('49130.85 ', '5    ', '0.125')
    """
    tails = [len(t) - (t + ".").index(".") if _is_plain(t) else 0 for t in texts]
    most = max(tails, default=0)
    return tuple(
        text + " " * (most - tail) if _is_plain(text) else text
        for text, tail in zip(texts, tails, strict=True)
    )


def _is_plain(text: str) -> bool:
    """Digits and a point: no power of ten, no dash."""
    return text.removeprefix("-").replace(".", "", 1).isdigit()


def plain(text: str, encoding: str | None) -> str:
    """*text* in characters that *encoding* has: a batch job may have only ASCII.

    Example:
        >>> plain("\N{EN DASH}\N{HORIZONTAL ELLIPSIS}", "ascii")
        '-~'
    """
    encoding = encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.replace(DASH, "-").replace(CUT, "~")
        return text.encode(encoding, "replace").decode(encoding)
    return text


def at_prompt(table: Shown, width: int) -> list[str]:
    """The lines of a table at a prompt: its rows, how much there is, what to know.

    A table without rows has the names of its columns, which are all there is of it.
    """
    lines = view(table, width, most_rows=PROMPT_ROWS, more=PROMPT)
    shown = [line.text for line in lines]
    if len(table) == 1 and not shown[-1].startswith("1 row"):
        shown.append(_note(table, 0, 0, PROMPT))
    if not len(table) and table.columns:
        shown += textwrap.wrap(f"It has the columns {', '.join(table.columns)}.", width)
    said = [*table.warnings]
    if len(said) > MOST_NOTES:
        left = len(said) - MOST_NOTES
        said[MOST_NOTES:] = [f"and {left} more: see .warnings"]
    for note in said:
        shown += textwrap.wrap(f"Note: {visible(note)}", width, subsequent_indent="  ")
    return shown


def cell_text(value: Any) -> str:
    """A value as a human reads it.

    Example:
        >>> cell_text(1498.333333), cell_text(None), cell_text(["DT", "CSC"])
        ('1498.333', '\N{EN DASH}', 'DT, CSC')
    """
    if value is None:
        return DASH
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return ", ".join(map(cell_text, value)) or "[]"
    return visible(" ".join(str(value).split()))


def _folded(name: str, room: int) -> Iterator[str]:
    """A column name in lines of at most *room*, broken after underscores."""
    line = ""
    for piece in name.replace("_", "_\n").split("\n"):
        if line and len(line) + len(piece) > room:
            yield line
            line = ""
        line += piece
    yield line


def _preferred(
    table: Shown, columns: Sequence[_Column], named: Sequence[str] | None
) -> list[_Column]:
    """The columns in the order in which they should get room."""
    if named:
        return list(columns)
    known = table.resource in bundled()
    identity = bundled()[table.resource].identity if known else ()
    first = FIRST.get(table.resource, identity)
    by_name = {column.name: column for column in columns}
    begin = [by_name[name] for name in first if name in by_name]
    begin = [c for c in begin if not c.empty or c.name in identity]
    # What is the same in every row was asked for, and says nothing new: one run, or
    # the first lumisection of rates by run. It gives way to what is measured.
    # So is the last lumisection of a row that is of one, and the fill of all runs.
    first_one = by_name.get("first_lumisection_number")
    same = [
        c
        for c in begin
        if ((c.name in identity or c.name == "fill_number") and c.same)
        or (
            c.name == "last_lumisection_number"
            and first_one is not None
            and c.cells == first_one.cells
        )
    ]
    begin = [c for c in begin if c not in same] + same
    rest = [c for c in columns if c not in begin]
    return begin + [c for c in rest if not c.empty] + [c for c in rest if c.empty]


def _fitting(
    columns: Sequence[_Column], preferred: Sequence[_Column], width: int
) -> list[_Column]:
    """As many of the preferred columns as fit, in the order of the table."""
    taken: list[_Column] = []
    used = -len(GAP)
    for column in preferred:
        used += len(GAP) + column.width
        if taken and used > width:
            break
        taken.append(column)
    return [column for column in columns if column in taken]


def _stretched(columns: Sequence[_Column], width: int) -> list[_Column]:
    """The same columns; those with cut cells get the room that is left."""
    spare = width - sum(c.width for c in columns) - len(GAP) * (len(columns) - 1)
    found = []
    for column in columns:
        more = max(min(column.longest - column.width, spare), 0)
        spare -= more
        wider = replace(column, most=column.width + more) if more else column
        found.append(wider)
    return found


def _aligned(column: _Column, text: str) -> str:
    return text.rjust(column.width) if column.right else text.ljust(column.width)


def _head(columns: Sequence[_Column]) -> Iterator[Line]:
    depth = max(len(c.head) for c in columns)
    for level in range(depth):
        names = (
            c.head[level - depth + len(c.head)] if level >= depth - len(c.head) else ""
            for c in columns
        )
        yield _line(columns, names, "head")
    if any(c.unit for c in columns):
        yield _line(columns, (c.unit for c in columns), "unit")
    yield Line(GAP.join("-" * c.width for c in columns), "rule")


def _line(columns: Sequence[_Column], texts: Iterator[str], kind: str) -> Line:
    pairs = zip(columns, texts, strict=True)
    return Line(GAP.join(_aligned(c, text) for c, text in pairs).rstrip(), kind)


def _joined(columns: Sequence[_Column], index: int) -> Line:
    return _line(columns, (c.cell(index) for c in columns), "row")


def _turned(arrow: pa.Table, width: int) -> Iterator[Line]:
    """One row, with a line for each column."""
    names = arrow.column_names
    indent = max(map(len, names)) + len(GAP)
    for name, field in zip(names, arrow.schema, strict=True):
        text = cell_text(arrow.column(name)[0].as_py())
        unit = "UTC" if pa.types.is_timestamp(field.type) else unit_of(field)
        if unit and text != DASH:
            text += f" {unit}"
        folded = textwrap.wrap(text, max(width - indent, 20)) or [""]
        yield Line(f"{visible(name):<{indent}}{folded[0]}".rstrip())
        yield from (Line(" " * indent + more) for more in folded[1:])


def _note(table: Shown, left_out: int, hidden: int, more: More) -> str:
    """How much there is, what is not shown, and how to see it."""
    rows = "1 row" if len(table) == 1 else f"{len(table)} rows"
    parts = [rows if table.complete else f"{rows}, INCOMPLETE"]
    ways = []
    if left_out:
        parts.append(f"{left_out} of them not shown")
        ways.append(more.rows)
    if hidden:
        parts.append(f"{hidden} of {len(table.columns)} columns hidden")
        ways.append(more.columns)
    if ways:
        parts.append(f"to see more: {', '.join(ways)} or {more.all}")
    return "; ".join(parts) + "."
