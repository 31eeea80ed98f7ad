"""Arrow columns as lists of what JSON can hold, a column at a time.

``to_pylist`` makes each Python value by way of an Arrow scalar; going by way of numpy
is several times faster, and pages are nothing but cells.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

_SECOND = 1_000_000


def cells(
    column: pa.ChunkedArray | pa.Array,
    *,
    presentation: bool = False,
    is_json: bool = False,
) -> list[Any]:
    """The values of a column; None for nulls and for numbers that JSON does not know.

    Args:
        presentation: Times as ``2017-06-16 20:50:33``, else ``2017-06-16T20:50:33Z``.
        is_json: The texts are JSON documents.

    Example:
        >>> cells(pa.chunked_array([[1.5, float("nan"), None]]))
        [1.5, None, None]
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = array.type
    if pa.types.is_timestamp(kind):
        found = times(array, presentation=presentation)
        return cast("list[Any]", found.to_numpy(zero_copy_only=False).tolist())
    if pa.types.is_list(kind):
        return _lists(array, presentation=presentation)
    if is_json:
        return _documents(array)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return _numbers(array)
    if pa.types.is_string(kind) or pa.types.is_boolean(kind):
        return cast("list[Any]", array.to_numpy(zero_copy_only=False).tolist())
    return cast("list[Any]", array.to_pylist())


def _numbers(array: pa.Array) -> list[Any]:
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_finite(array), array, pa.scalar(None, array.type))
    if not array.null_count:
        return cast("list[Any]", array.to_numpy(zero_copy_only=False).tolist())
    whole = array.fill_null(pa.scalar(0, array.type))
    values = whole.to_numpy(zero_copy_only=False).tolist()
    return _with_nulls(values, array)


def _with_nulls(values: list[Any], array: pa.Array) -> list[Any]:
    missing = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
    for index in missing.tolist():
        values[index] = None
    return values


def _lists(array: pa.Array, *, presentation: bool) -> list[Any]:
    # .values and .offsets of a sliced array agree with each other.
    items = cells(array.values, presentation=presentation)
    ends = array.offsets.to_numpy().tolist()
    return _with_nulls([items[first:last] for first, last in pairwise(ends)], array)


def _documents(array: pa.Array) -> list[Any]:
    """JSON texts as what they say; the same text is read once."""
    seen: dict[str | None, Any] = {None: None}
    for text in pc.unique(array.drop_null()).to_pylist():
        seen[text] = msgspec.json.decode(text)
    return [seen[text] for text in array.to_pylist()]


def times(array: pa.Array, *, presentation: bool = False) -> pa.Array:
    """Times as OMS writes them; microseconds only where there are any."""
    instants = array.cast(pa.timestamp("us", array.type.tz)).cast(pa.int64())
    numbers = instants.fill_null(0).to_numpy(zero_copy_only=False)
    seconds, rest = np.divmod(numbers, _SECOND)
    texts = pa.array(seconds.astype("datetime64[s]")).cast(pa.string())
    if not presentation:
        texts = pc.utf8_replace_slice(texts, start=10, stop=11, replacement="T")
    end = "" if presentation else "Z"
    join = cast("Callable[..., pa.Array]", pc.binary_join_element_wise)
    if rest.any():
        digits = pa.array(rest + _SECOND).cast(pa.string())
        parts = pc.utf8_replace_slice(digits, start=0, stop=1, replacement=".")
        texts = join(texts, pc.if_else(pa.array(rest != 0), parts, ""), "")
    whole = join(texts, end, "")
    return pc.if_else(array.is_valid(), whole, pa.scalar(None, pa.string()))
