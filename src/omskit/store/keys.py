"""Which keys a query names, and whether rows have them; see `omskit.store.quick`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.store.asking import spans_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omskit.query import Condition
    from omskit.store.coverage import Span

FEW = 20_000
"""So many rows are read to find a few of them; of more SQL finds them sooner."""

_EXACT = frozenset({"EQ", "IN", "GE", "GT", "LE", "LT"})
"""Operators of which `spans_in` finds just the values that they let through."""


def exact_spans(conditions: Iterable[Condition], column: str) -> list[Span] | None:
    """The values of *column* for which *conditions* hold; None: they ask for more.

    Example:
        >>> from omskit.query import field
        >>> exact_spans([field.run_number == 5], "run_number")
        [(5, 5)]
        >>> exact_spans([field.l1_rate > 5.0], "run_number") is None
        True
    """
    for condition in conditions:
        value = condition.value
        values = value if isinstance(value, tuple) else (value,)
        if condition.field != column or condition.op not in _EXACT:
            return None
        # -1 asks for the newest one.
        if not all(type(v) is int and v >= 0 for v in values):
            return None
    return spans_in(conditions, column)


def within(rows: pa.Table, spans: Mapping[str, Sequence[Span]]) -> pa.Table:
    """The rows whose numbers are in the spans of each column, none of them null.

    Example:
        >>> rows = pa.table({"bit": [1, 4, 7]})
        >>> within(rows, {"bit": [(1, 1), (5, 9)]})["bit"].to_pylist()
        [1, 7]
    """
    kept = np.ones(rows.num_rows, bool)
    for name, of in spans.items():
        firsts, lasts = (np.array([s[end] for s in of], np.int64) for end in (0, 1))
        numbers = rows[name].to_numpy()
        place = np.searchsorted(firsts, numbers, "right") - 1
        kept &= (place >= 0) & (numbers <= lasts[place]) if len(of) else False
    return rows.filter(pa.array(kept))


def in_order(rows: pa.Table, identity: Sequence[str]) -> bool:
    """Whether rows come in the order of *identity*, in which none is empty."""
    if rows.num_rows < 2:
        return True
    equal = np.ones(rows.num_rows - 1, bool)
    for name in identity:
        column = rows[name]
        if column.null_count:
            return False
        if not pa.types.is_integer(column.type):
            # Texts, times: compared by Arrow, piece by piece it could not be.
            column = column.combine_chunks()
            less = pc.less(column[:-1], column[1:]).to_numpy(zero_copy_only=False)
            same = pc.equal(column[:-1], column[1:]).to_numpy(zero_copy_only=False)
        else:
            numbers = column.to_numpy()
            less = numbers[:-1] < numbers[1:]
            same = numbers[:-1] == numbers[1:]
        if (equal & ~less & ~same).any():
            return False
        equal &= same
    return True
