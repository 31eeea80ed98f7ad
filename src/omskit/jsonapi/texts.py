"""Arrow columns as JSON text, and rows put together from them, a column at a time.

Arrow joins texts without the GIL and without a Python object per cell: a page of 20 000
rows of three columns takes a tenth of the time that dictionaries took (90 ms), and
pages are written side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import quote

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from omskit.jsonapi.cells import cells, times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Piece: TypeAlias = "str | pa.Array"
"""A part of each row: the same for all, or a text for each."""

_SPECIAL = r'["\\\x00-\x1f]'
"""What JSON writes in another way."""
_SAFE = r"^[A-Za-z0-9_.~:-]*$"
"""What stands in a link as it is."""


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def texts(
    column: pa.ChunkedArray | pa.Array,
    *,
    presentation: bool = False,
    is_json: bool = False,
) -> pa.Array:
    """The values of a column as JSON text, ``null`` where there is none.

    Args:
        presentation, is_json: As for `omskit.jsonapi.cells.cells`.

    Example:
        >>> texts(pa.array([1.5, float("nan"), None])).to_pylist()
        ['1.5', 'null', 'null']
    """
    array, kind = flat(column), column.type
    if is_json or pa.types.is_nested(kind):
        return _one_by_one(cells(array, presentation=presentation, is_json=is_json))
    if pa.types.is_timestamp(kind):
        found = _joined('"', times(array, presentation=presentation), '"')
    elif pa.types.is_string(kind):
        found = _quoted(array)
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        found = array.cast(pa.string())
    elif pa.types.is_floating(kind):
        found = _numbers(cells(array))
    else:
        found = _one_by_one(cells(array))
    return found.fill_null("null")


def _quoted(array: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(array, _SPECIAL)).as_py():
        return _one_by_one(cells(array))
    return _joined('"', array, '"')


def _numbers(values: list[float | None]) -> pa.Array:
    """As the encoder writes them: Arrow has other texts for floats."""
    whole = msgspec.json.encode(values).decode()[1:-1]
    return pa.array(whole.split(",") if whole else [], pa.string())


def _one_by_one(values: Iterable[object]) -> pa.Array:
    encode = msgspec.json.encode
    return pa.array([encode(value).decode() for value in values], pa.string())


def _joined(*pieces: Piece) -> pa.Array:
    join = cast("Callable[..., pa.Array]", pc.binary_join_element_wise)
    return join(*pieces, "")


def in_links(ids: pa.Array) -> pa.Array:
    """Ids as they stand in a link."""
    if pc.all(pc.match_substring_regex(ids, _SAFE)).as_py() is not False:
        return ids
    names = (None if i is None else quote(i, safe=":") for i in ids.to_pylist())
    return pa.array(names, pa.string())


def where(flags: pa.Array, pieces: Sequence[Piece], otherwise: str) -> pa.Array:
    """The pieces as one text where a flag is true, else another.

    Example:
        >>> where(pa.array([True, False]), ["a", pa.array(["b", "c"])], "-").to_pylist()
        ['ab', '-']
    """
    return pc.if_else(flags, together(pieces, len(flags)), pa.scalar(otherwise))


def together(pieces: Sequence[Piece], count: int) -> pa.Array:
    """The pieces of each row as one text; null where one of them is."""
    merged: list[Piece] = [pa.nulls(count, pa.string()).fill_null("")]
    for piece in pieces:
        if isinstance(piece, str) and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return _joined(*merged)


def listed(rows: pa.Array) -> bytes:
    """JSON texts as a JSON list.

    Example:
        >>> listed(pa.array(["1", "null"]))
        b'[1,null]'
    """
    ended = together([rows, ","], len(rows))
    _, ends, data = ended.buffers()
    if not len(ended) or ends is None or data is None:
        return b"[]"
    # The texts lie one after the other: no row is touched.
    places = memoryview(ends).cast("i")
    first, last = places[ended.offset], places[ended.offset + len(ended)]
    return b"".join((b"[", memoryview(data)[first : last - 1], b"]"))
