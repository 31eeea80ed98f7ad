"""Conditions on rows that are here: to filter locally, and to check the service.

Both follow SQL's three-valued logic: a comparison with a missing value is not true.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import DecodeError
from omskit.query.model import time_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.query.model import Condition

_SLACK = 1e-6
"""Relative: OMS wrote 32-bit floats with 9 digits in 2021 and with all in 2024, so a
value at a bound may differ from the stored one by half a unit of 2^-24."""


def matches(condition: Condition, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each row fulfils *condition*; null where SQL would not know.

    Raises:
        DecodeError: The column is of a type that cannot be compared with the value.

    Example:
        >>> from omskit.query.model import Condition
        >>> column = pa.chunked_array([[1, None, 3]])
        >>> matches(Condition("x", "GT", 2), column).to_pylist()
        [False, None, True]
    """
    if condition.op in {"EQ", "NEQ"} and condition.value is None:
        return pc.is_null(column) if condition.op == "EQ" else pc.is_valid(column)
    if pa.types.is_null(column.type):
        return pa.chunked_array([pa.nulls(len(column), pa.bool_())])
    try:
        return _HOLDS[condition.op](column, condition.value)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        message = (
            f"Cannot apply '{condition}': the service sends {condition.field} as "
            f"{column.type}"
        )
        path = f"$.data[*].attributes.{condition.field}"
        raise DecodeError(message, path=path) from error


_BRACKETS = re.compile(r"(\[!?+.[^\]]*\])", re.DOTALL)
_NOTHING = r"[^\x00-\x{10FFFF}]"
"""RE2 knows no look-ahead, with which fnmatch says "no character"."""


def like_regex(pattern: str) -> str:
    """A LIKE pattern as an anchored RE2 pattern; it has no escapes, as in SQL.

    Example:
        >>> bool(re.search(like_regex("HLT_%_v_"), "HLT_ZeroBias_v5"))
        True
    """
    table = {"%": ".*", "_": "."}
    return "^(?s:" + "".join(table.get(c, re.escape(c)) for c in pattern) + ")$"


def glob_regex(pattern: str) -> str:
    """A shell pattern as an anchored RE2 pattern.

    Example:
        >>> bool(re.search(glob_regex("HLT_*_v[0-9]"), "HLT_ZeroBias_v5"))
        True
    """
    # fnmatch's translation uses \\Z and atomic groups, which RE2 does not know.
    table = {"*": ".*", "?": "."}
    parts = [
        _brackets(part[1:-1])
        if number % 2
        else "".join(table.get(c, re.escape(c)) for c in part)
        for number, part in enumerate(_BRACKETS.split(pattern))
    ]
    return "^(?s:" + "".join(parts) + ")$"


def _brackets(inner: str) -> str:
    """``[..]`` of a shell pattern; a range whose ends are swapped holds nothing."""
    negated = inner.startswith("!")
    rest = inner[negated:]
    members: list[str] = []
    while rest:
        if len(rest) > 2 and rest[1] == "-":
            if rest[0] <= rest[2]:
                members.append(f"{_member(rest[0])}-{_member(rest[2])}")
            rest = rest[3:]
        else:
            members.append(_member(rest[0]))
            rest = rest[1:]
    if not members:
        return "." if negated else _NOTHING
    return f"[{'^' if negated else ''}{''.join(members)}]"


def _member(character: str) -> str:
    return f"\\{character}" if character in r"\]^[-&~|" else character


def glob_like(pattern: str) -> str:
    """A LIKE pattern that lets through at least what the shell pattern does.

    Example:
        >>> glob_like("HLT_ZeroBias_v[0-9]*")
        'HLT_ZeroBias_v_%'
    """
    any_one = _BRACKETS.sub("_", pattern)
    return any_one.replace("?", "_").replace("*", "%")


def _contains(
    column: pa.ChunkedArray, value: Any, *, loosely: bool = False
) -> pa.ChunkedArray:
    """Lists that have *value*, texts that have it as a part.

    Args:
        loosely: Ignore case, and look inside the elements of lists.
    """
    if not pa.types.is_list(column.type):
        return pc.match_substring(column, value, ignore_case=loosely)
    whole = column.combine_chunks()
    items = whole.flatten()
    if loosely and pa.types.is_string(items.type):
        has = pc.match_substring(items, value, ignore_case=True)
    else:
        has = pc.equal(items, value)
    rows = pc.list_parent_indices(whole).filter(pc.fill_null(has, fill_value=False))
    found = np.zeros(len(whole), bool)
    found[rows.to_numpy()] = True
    nulls = pc.is_null(whole).to_numpy(zero_copy_only=False)
    return pa.chunked_array([pa.array(found, mask=nulls)])


def _is_one_of(column: pa.ChunkedArray, values: Any) -> pa.ChunkedArray:
    known = pc.is_in(column, value_set=pa.array(values, column.type))
    return pc.if_else(pc.is_valid(column), known, None)


_HOLDS: dict[str, Callable[[pa.ChunkedArray, Any], pa.ChunkedArray]] = {
    "EQ": lambda column, value: pc.equal(column, pa.scalar(value)),
    "NEQ": lambda column, value: pc.not_equal(column, pa.scalar(value)),
    "LT": lambda column, value: pc.less(column, pa.scalar(value)),
    "GT": lambda column, value: pc.greater(column, pa.scalar(value)),
    "LE": lambda column, value: pc.less_equal(column, pa.scalar(value)),
    "GE": lambda column, value: pc.greater_equal(column, pa.scalar(value)),
    "LIKE": lambda column, value: pc.match_substring_regex(column, like_regex(value)),
    "CT": _contains,
    "IN": _is_one_of,
    "GLOB": lambda column, value: pc.match_substring_regex(column, glob_regex(value)),
}
"""Each operator on rows that are here; `omskit.query.operators` has its SQL."""


def keep(table: pa.Table, condition: Condition) -> pa.Table:
    """The rows for which *condition* is true."""
    return table.filter(matches(condition, table.column(condition.field)))


def failing(table: pa.Table, condition: Condition) -> str | None:
    """What the service sent although *condition* forbids it, or None.

    As far as the service's own reading is not known, this gives it the benefit of the
    doubt: floats may differ in the last digits of 32 bits, LIKE may ignore case, CT may
    look inside the elements. A column of another type than the catalogue's, of which
    the decoder has told, cannot be held against anything.
    """
    column = table.column(condition.field)
    try:
        fulfilled = _tolerant(condition, column)
    except DecodeError:
        return None
    wrong = pc.invert(pc.fill_null(fulfilled, fill_value=False))
    count = pc.sum(wrong).as_py() or 0
    if not count:
        return None
    first = column.filter(wrong)[0].as_py()
    shown = time_text(first) if isinstance(first, dt.datetime) else repr(first)
    return (
        f"{count} of {table.num_rows} rows break the filter '{condition}', the first "
        f"with {condition.field} = {'null' if first is None else shown}"
    )


def _tolerant(condition: Condition, column: pa.ChunkedArray) -> pa.ChunkedArray:
    exact = matches(condition, column)
    value: Any = condition.value
    if pa.types.is_null(column.type):
        return exact
    if condition.op == "LIKE":
        return pc.match_substring_regex(column, like_regex(value), ignore_case=True)
    if condition.op == "CT":
        return _contains(column, value, loosely=True)
    if pa.types.is_floating(column.type) and value is not None:
        values = value if isinstance(value, tuple) else (value,)
        near = [_near(condition.op, column, float(v)) for v in values]
        return reduce(pc.or_, near)
    return exact


def _near(op: str, column: pa.ChunkedArray, value: float) -> pa.ChunkedArray:
    slack = abs(value) * _SLACK
    if op in {"LT", "LE"}:
        return pc.less_equal(column, value + slack)
    if op in {"GT", "GE"}:
        return pc.greater_equal(column, value - slack)
    if op in {"EQ", "IN"}:
        return pc.less_equal(pc.abs(pc.subtract(column, value)), slack)
    return pc.is_valid(column)


def fnmatch_names(names: list[str], pattern: str) -> list[str]:
    """The names that a shell pattern matches; case counts."""
    return [name for name in names if fnmatch.fnmatchcase(name, pattern)]
