"""Conditions on rows that are here: to filter locally, and to check the service.

Both follow SQL's three-valued logic: a comparison with a missing value is not true.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.query.model import Condition, time_text

if TYPE_CHECKING:
    from collections.abc import Callable

_SLACK = 1e-6
"""Relative: OMS wrote 32-bit floats with 9 digits in 2021 and with all in 2024, so a
value at a bound may differ from the stored one by half a unit of 2^-24."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "EQ": pc.equal,
    "NEQ": pc.not_equal,
    "LT": pc.less,
    "GT": pc.greater,
    "LE": pc.less_equal,
    "GE": pc.greater_equal,
}


def matches(condition: Condition, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each row fulfils *condition*; null where SQL would not know.

    Example:
        >>> column = pa.chunked_array([[1, None, 3]])
        >>> matches(Condition("x", "GT", 2), column).to_pylist()
        [False, None, True]
    """
    value = condition.value
    if condition.op in {"EQ", "NEQ"} and value is None:
        return pc.is_null(column) if condition.op == "EQ" else pc.is_valid(column)
    if condition.op == "IN":
        chosen = pa.array(value, column.type)
        known = pc.is_in(column, value_set=chosen)
        return pc.if_else(pc.is_valid(column), known, None)
    if condition.op == "LIKE":
        return pc.match_like(column, value)
    if condition.op == "GLOB":
        return pc.match_substring_regex(column, glob_regex(str(value)))
    if condition.op == "CT":
        return _contains(column, str(value))
    return _COMPARE[condition.op](column, pa.scalar(value))


def glob_regex(pattern: str) -> str:
    """A shell pattern as an anchored RE2 pattern.

    Example:
        >>> bool(re.search(glob_regex("HLT_*_v[0-9]"), "HLT_ZeroBias_v5"))
        True
    """
    # fnmatch's translation uses \Z and atomic groups, which RE2 does not know.
    parts = re.split(r"(\[!?\]?[^\]]*\]|[*?])", pattern)
    table = {"*": ".*", "?": "."}
    return "^(?s:" + "".join(_glob_part(p, table) for p in parts) + ")$"


def _glob_part(part: str, table: dict[str, str]) -> str:
    if part in table:
        return table[part]
    if len(part) > 2 and part[0] == "[" and part[-1] == "]":
        inner = part[1:-1]
        negated = inner.startswith("!")
        body = inner[negated:].replace("\\", r"\\").replace("[", r"\[")
        return f"[{'^' if negated else ''}{body.replace('^', chr(92) + '^')}]"
    return re.escape(part)


def glob_like(pattern: str) -> str:
    """A LIKE pattern that lets through at least what the shell pattern does.

    Example:
        >>> glob_like("HLT_ZeroBias_v[0-9]*")
        'HLT_ZeroBias_v_%'
    """
    any_one = re.sub(r"\[!?\]?[^\]]*\]", "_", pattern)
    return any_one.replace("?", "_").replace("*", "%")


def _contains(column: pa.ChunkedArray, value: str) -> pa.ChunkedArray:
    if not pa.types.is_list(column.type):
        return pc.match_substring(column, value)
    whole = column.combine_chunks()
    has = pc.equal(whole.flatten(), value).to_numpy(zero_copy_only=False)
    parents = pc.list_parent_indices(whole).to_numpy()
    found = np.zeros(len(whole), bool)
    np.logical_or.at(found, parents, np.asarray(has, bool))
    result = pa.array(found, mask=pc.is_null(whole).to_numpy(zero_copy_only=False))
    return pa.chunked_array([result])


def keep(table: pa.Table, condition: Condition) -> pa.Table:
    """The rows for which *condition* is true."""
    return table.filter(matches(condition, table.column(condition.field)))


def failing(table: pa.Table, condition: Condition) -> str | None:
    """What the service sent although *condition* forbids it, or None.

    As far as the service's own reading is not known, this gives it the benefit of the
    doubt: floats may differ in the last digits of 32 bits, LIKE may ignore case, CT may
    look inside the elements.
    """
    column = table.column(condition.field)
    wrong = pc.invert(pc.fill_null(_tolerant(condition, column), fill_value=False))
    count = pc.sum(wrong).as_py() or 0
    if not count:
        return None
    first = column.filter(wrong)[0].as_py()
    shown = time_text(first) if hasattr(first, "isoformat") else repr(first)
    return (
        f"{count} of {table.num_rows} rows break the filter '{condition}', the first "
        f"with {condition.field} = {'null' if first is None else shown}"
    )


def _tolerant(condition: Condition, column: pa.ChunkedArray) -> pa.ChunkedArray:
    value = condition.value
    if condition.op == "LIKE":
        return pc.match_like(column, value, ignore_case=True)
    if condition.op == "CT" and pa.types.is_list(column.type):
        joined = pc.binary_join(column, "\n")
        return pc.match_substring(joined, value, ignore_case=True)
    if condition.op == "CT":
        return pc.match_substring(column, value, ignore_case=True)
    if pa.types.is_floating(column.type) and isinstance(value, float):
        return _tolerant_float(condition.op, column, value)
    return matches(condition, column)


def _tolerant_float(
    op: str, column: pa.ChunkedArray, value: float
) -> pa.ChunkedArray:
    slack = abs(value) * _SLACK
    if op in {"LT", "LE"}:
        return pc.less_equal(column, value + slack)
    if op in {"GT", "GE"}:
        return pc.greater_equal(column, value - slack)
    if op == "EQ":
        near = pc.less_equal(pc.abs(pc.subtract(column, value)), slack)
        return near
    return pc.is_valid(column)


def fnmatch_names(names: list[str], pattern: str) -> list[str]:
    """The names that a shell pattern matches; case counts."""
    return [name for name in names if fnmatch.fnmatchcase(name, pattern)]
