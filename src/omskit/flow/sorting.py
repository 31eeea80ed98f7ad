"""Whether rows came in the order that the service was asked for.

What OMS does (SCHEMA section 13): ``ORDER BY ... NULLS LAST`` in both directions. Held
against that are whole numbers, numbers, times and flags, and texts as far as every
collation agrees: a text that comes back after another one is out of order in all of
them, and so are ``2017A`` and ``2017B`` the wrong way round.

Equal values leave the rest to the next key, but for times and fractions: OMS shows
times in whole seconds and numbers of 32 bits, so values that look equal may differ.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.query.model import time_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from omskit.query import Query
    from omskit.schema import Resource

_RIGHT, _TIE, _WRONG, _OPEN = 1, 0, -1, 2
"""What two neighbours tell of a key; _OPEN: nothing."""

_SURE_TIE = 1e4
"""Equal whole numbers below this are equal; others may have been rounded to be so."""

_SLACK = 1e-6
"""Relative: OMS sorts by numbers that it writes with the digits of 32-bit floats."""

_ORDERED = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A row that should not come after the one before it."""

    row: int
    key: str
    value: object
    before: object

    def __str__(self) -> str:
        """As part of a sentence."""
        before, value = _shown(self.before), _shown(self.value)
        return f"rows are not sorted by {self.key}: {before} comes before {value}"


def _shown(value: object) -> str:
    if isinstance(value, dt.datetime):
        return time_text(value)
    return "null" if value is None else f"{value!r:.60}"


def asked_order(query: Query, resource: Resource) -> tuple[str, ...]:
    """The sort keys of a request whose effect can be seen on its rows.

    Those after a luminosity are left out, and itself: OMS sorts it in one unit and
    shows it in several.
    """
    if any(key.split("[")[0] == "sort" for key, _ in query.extras):
        return ()
    seen: list[str] = []
    for key in query.order:
        column = resource.get(key.removeprefix("-"))
        if column is not None and (
            column.scaled or column.unit_from or column.after_filter
        ):
            break
        seen.append(key)
    return tuple(seen)


def misplaced(
    table: pa.Table, order: Sequence[str], always: Collection[str] = ()
) -> Misplaced | None:
    """The first row that is out of *order*, or None.

    Keys whose column did not come back end the comparison.

    Args:
        always: Columns in which each row should have a value; that one has none is
            told elsewhere, as a row that does not say which it is.

    Cost: O(n) for each key; by two numbers 0.2 ms for 1000 rows, 1.4 ms for 200 000.

    Example:
        >>> rows = pa.table({"run_number": [5, 7, 6]})
        >>> print(misplaced(rows, ["run_number"]))
        rows are not sorted by run_number: 7 comes before 6
        >>> misplaced(rows, ["-era"]) is None
        True
    """
    count = table.num_rows
    tied = np.ones(max(count - 1, 0), bool)
    first: tuple[int, str] | None = None
    for key in order:
        name = key.removeprefix("-")
        if name not in table.column_names or not tied.any():
            break
        column = table.column(name).combine_chunks()
        verdict = _verdict(column, tied, down=key[0] == "-")
        if name in always and column.null_count:
            null = column.is_null().to_numpy(zero_copy_only=False)
            verdict[null[:-1] | null[1:]] = _OPEN
        wrong = tied & (verdict == _WRONG)
        rows = [*np.flatnonzero(wrong)[:1] + 1]
        if pa.types.is_string(column.type):
            rows += _returning(column, tied)
        if rows and (first is None or min(rows) < first[0]):
            first = int(min(rows)), key
        tied = tied & (verdict == _TIE)
    if first is None:
        return None
    row, key = first
    cells = table.column(key.removeprefix("-"))
    return Misplaced(row, key, cells[row].as_py(), cells[row - 1].as_py())


def _verdict(column: pa.Array, wanted: np.ndarray, *, down: bool) -> np.ndarray:
    """What each row and the next tell of their order, at least where it is wanted."""
    null = column.is_null().to_numpy(zero_copy_only=False)
    before, after = null[:-1], null[1:]
    kind = column.type
    if any(is_kind(kind) for is_kind in _ORDERED):
        verdict = _numbers(column, down=down)
    elif pa.types.is_timestamp(kind):
        verdict = _numbers(column.cast(pa.int64()), down=down)
        verdict[verdict == _TIE] = _OPEN
    elif pa.types.is_string(kind):
        verdict = _texts(column, wanted, down=down)
    else:
        return np.full(len(before), _OPEN)
    verdict[before & after] = _TIE
    verdict[before & ~after] = _WRONG  # nulls last, whichever way
    verdict[~before & after] = _RIGHT
    return verdict


def _numbers(column: pa.Array, *, down: bool) -> np.ndarray:
    whole = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    values = pc.fill_null(whole, 0).to_numpy(zero_copy_only=False)
    before, after = values[:-1], values[1:]
    # Compared, not subtracted: the difference of two numbers may overflow.
    verdict = (after > before).astype(np.int8) - (after < before).astype(np.int8)
    if down:
        verdict = -verdict
    if pa.types.is_floating(column.type):
        unsure = (np.abs(after) >= _SURE_TIE) | (np.floor(after) != after)
        verdict[(verdict == _TIE) & unsure] = _OPEN
        with np.errstate(over="ignore"):
            near = np.abs(after - before) <= _SLACK * np.abs(before)
        verdict[(verdict == _WRONG) & near] = _OPEN
    return verdict


def _texts(column: pa.Array, wanted: np.ndarray, *, down: bool) -> np.ndarray:
    codes = _codes(column)
    verdict = np.full(max(len(column) - 1, 0), _TIE, np.int8)
    for row in np.flatnonzero(wanted & (codes[1:] != codes[:-1])).tolist():
        before, after = column[row].as_py(), column[row + 1].as_py()
        if before is not None and after is not None:
            found = compared(before, after)
            verdict[row] = -found if down and found != _OPEN else found
    return verdict


def _codes(column: pa.Array) -> np.ndarray:
    encoded = column.dictionary_encode(null_encoding="encode").indices
    return np.asarray(encoded.to_numpy(zero_copy_only=False))


def compared(before: str, after: str) -> int:
    """1 where every collation has *before* first, -1 where it has it last, else 2.

    Collations differ in capitals, accents, punctuation and in how they read numbers.
    They agree on a text and its own beginning, on letters of one case after the same
    beginning, and on numbers of the same length.

    Example:
        >>> compared("2017A", "2017C"), compared("v10", "v9"), compared("a", "B")
        (1, 2, 2)
    """
    at = next(
        (n for n, (x, y) in enumerate(zip(before, after, strict=False)) if x != y),
        min(len(before), len(after)),
    )
    x, y = before[at:], after[at:]
    if not x or not y:
        rest = (x or y)[:1]
        if not (rest.isascii() and rest.isalnum()):
            return _OPEN
        return _RIGHT if not x else _WRONG
    a, b = x[0], y[0]
    if not (a.isascii() and b.isascii()):
        return _OPEN
    if a.isdigit() and b.isdigit():
        alike = _digits(x) == _digits(y)
    else:
        alike = (a.islower() and b.islower()) or (a.isupper() and b.isupper())
    if not alike:
        return _OPEN
    return _RIGHT if a < b else _WRONG


def _digits(text: str) -> int:
    return len(text) - len(text.lstrip("0123456789"))


def _returning(column: pa.Array, tied: np.ndarray) -> list[int]:
    """The first row whose text was there before, with others in between."""
    codes = _codes(column).astype(np.int64)
    groups = np.concatenate([[0], np.cumsum(~tied)])
    starts = np.flatnonzero(np.concatenate([[True], ~tied | (codes[1:] != codes[:-1])]))
    pairs = groups[starts] * (int(codes.max(initial=0)) + 1) + codes[starts]
    _, firsts = np.unique(pairs, return_index=True)
    if len(firsts) == len(pairs):
        return []
    again = np.setdiff1d(np.arange(len(pairs)), firsts)
    return [int(starts[again[0]])]


class Order:
    """The order of the rows of one request, page by page, in little memory.

    Example:
        >>> order = Order(["run_number"])
        >>> order.flaw(pa.table({"run_number": [5, 7]})) is None
        True
        >>> order.flaw(pa.table({"run_number": [6]}))
        'rows are not sorted by run_number: 7 comes before 6'
    """

    def __init__(self, keys: Sequence[str], always: Collection[str] = ()) -> None:
        self._keys = tuple(keys)
        self._names = list(dict.fromkeys(key.removeprefix("-") for key in keys))
        self._always = always
        self._last: pa.Table | None = None
        self._over: set[str] = set()

    def flaw(self, table: pa.Table) -> str | None:
        """How the rows of the next page are out of order, or None."""
        came = [name for name in self._names if name in table.column_names]
        rows = table.select(came)
        if not rows.num_rows or not came:
            return None
        wrong = misplaced(self._after_last(rows), self._keys, self._always)
        again = self._again(rows)
        # A copy: a slice would keep the whole page.
        self._last = rows.take([rows.num_rows - 1])
        return again if wrong is None else str(wrong)

    def _after_last(self, rows: pa.Table) -> pa.Table:
        if self._last is None or self._last.schema != rows.schema:
            return rows
        return pa.concat_tables([self._last, rows])

    def _again(self, rows: pa.Table) -> str | None:
        """A text of the first key that was over on an earlier page."""
        name = self._names[0]
        if name not in rows.column_names:
            return None
        column = rows.column(name)
        if not pa.types.is_string(column.type):
            return None
        texts = pc.unique(column.drop_null()).to_pylist()
        back = [text for text in texts if text in self._over]
        last = column[len(column) - 1].as_py()
        if self._last is not None and name in self._last.column_names:
            texts += self._last.column(name).to_pylist()
        self._over.update(text for text in texts if text not in {None, last})
        if not back:
            return None
        return f"rows are not sorted by {self._keys[0]}: {_shown(back[0])} comes again"


def order_of(query: Query, resource: Resource) -> Order:
    """What the pages of a request are held against, one after the other."""
    return Order(asked_order(query, resource), resource.identity)


def disorder(
    tables: Iterable[pa.Table], query: Query, resource: Resource
) -> str | None:
    """Where the pages of a request are not in the order that it asked for, or None.

    Example:
        >>> from omskit.query import Query
        >>> from omskit.schema import bundled
        >>> rows = pa.table({"run_number": [1, 2, 3]})
        >>> runs = bundled()["runs"]
        >>> disorder([rows], Query("runs").sort("run_number"), runs) is None
        True
        >>> disorder([rows], Query("runs").sort("-run_number"), runs)
        'rows are not sorted by -run_number: 1 comes before 2'
    """
    order = order_of(query, resource)
    return next((flaw for table in tables if (flaw := order.flaw(table))), None)
