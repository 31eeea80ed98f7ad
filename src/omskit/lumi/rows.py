"""Rows that users give, as columns: lists of tuples, arrays, and tables of every kind.

A table iterates over its columns, a list of tuples over its rows, and where there are
as many of the one as of the other both look alike. So what has names is taken by its
names, and only what has none is taken by position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from omskit.errors import MaskError

RUN = frozenset({"run", "run_number", "runnumber", "run number"})
SINGLE = frozenset(
    {
        "ls", "lumi", "lumisection", "lumisection_number", "luminosityblock",
        "lumiblock", "lumi_section", "luminosity_block",
    }
)  # fmt: skip
FIRST = frozenset(
    {"first", "first_lumisection_number", "first_lumisection", "begin", "start"}
)
LAST = frozenset({"last", "last_lumisection_number", "last_lumisection", "end", "stop"})
ALIASES = {"run": RUN, "lumisection": SINGLE, "first": FIRST, "last": LAST}
"""What columns are called in the field's files, in small letters."""


def columns(
    rows: Any, names: tuple[str, ...], *, missing: int | None = None
) -> tuple[Any, ...]:
    """Rows as columns.

    Args:
        rows: An iterable of equally long rows or of dicts, an array of two dimensions
            or with named fields, a table of any kind (omskit, Arrow, pandas, polars),
            or a mapping of names to columns.
        names: What a row holds: keys of `ALIASES`.
        missing: What a null stands for; None: there may be none.

    Raises:
        MaskError: It is something else; the message says what would do.
    """
    named = _named(rows)
    if named is not None:
        return tuple(
            _filled(_column(named, name, names), name, missing) for name in names
        )
    if isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
        message = f"{type(rows).__name__} holds no rows. {_wanted(names)}"
        raise MaskError(message)
    table = rows if isinstance(rows, np.ndarray) else list(rows)
    if len(table) == 0:
        return tuple(np.empty(0, dtype=np.int64) for _ in names)
    if not isinstance(table, np.ndarray):
        if all(isinstance(row, Mapping) for row in table):
            return columns(_by_key(table), names, missing=missing)
        try:
            if any(None in row for row in table):
                table = [[missing if v is None else v for v in row] for row in table]
            table = np.array(table)
        except (TypeError, ValueError, OverflowError) as error:
            raise MaskError(_wanted(names)) from error
    if table.ndim != 2 or table.shape[1] != len(names):
        raise MaskError(_wanted(names))
    return tuple(table.T)


def _wanted(names: tuple[str, ...]) -> str:
    return f"Each item must be ({', '.join(names)}), all of them whole numbers."


def _named(rows: Any) -> Mapping[str, Any] | None:
    """The columns of a table by name; None where it has no names."""
    if isinstance(rows, Mapping):
        return rows
    if isinstance(rows, np.ndarray):
        fields = rows.dtype.names
        return None if fields is None else {name: rows[name] for name in fields}
    if hasattr(rows, "__arrow_c_stream__") or hasattr(rows, "__arrow_c_array__"):
        import pyarrow as pa

        try:
            arrow = pa.table(rows)
        except (TypeError, ValueError, pa.ArrowException):
            return None  # One column, such as a series: its items are the rows.
        return dict(zip(arrow.column_names, arrow.columns, strict=True))
    if hasattr(rows, "columns") and hasattr(rows, "__getitem__"):
        # A data frame that is too old to speak Arrow.
        return {str(name): rows[name] for name in rows.columns}
    return None


def _by_key(rows: list[Mapping[str, Any]]) -> dict[str, list[Any]]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: [row.get(key) for row in rows] for key in keys}


def _column(named: Mapping[str, Any], name: str, names: tuple[str, ...]) -> Any:
    """The column that a name means.

    Raises:
        MaskError: There is none, or several would do.
    """
    words = ALIASES[name]
    fitting = [key for key in named if str(key).lower() in words]
    if len(fitting) == 1:
        return named[fitting[0]]
    have = ", ".join(map(str, named)) or "none"
    problem = "no column" if not fitting else f"several columns ({', '.join(fitting)})"
    wanted = ", ".join(min(ALIASES[n], key=len) for n in names)
    message = (
        f"This table has {problem} for {name!r}; it has: {have[:200]}. Give columns "
        f"named {wanted}, or rows as tuples."
    )
    raise MaskError(message)


def _filled(column: Any, name: str, missing: int | None) -> Any:
    """A column as an array, its nulls filled where they may be."""
    if hasattr(column, "null_count") and hasattr(column, "fill_null"):
        nulls = column.null_count
        count = nulls() if callable(nulls) else nulls
        if count and missing is not None and name == "last":
            column = column.fill_null(missing)
        elif count:
            message = f"Column {name!r} has {count} nulls; drop those rows first."
            raise MaskError(message)
    elif isinstance(column, list):
        filled = missing if name == "last" else None
        column = [filled if value is None else value for value in column]
    try:
        return np.asarray(column)
    except (TypeError, ValueError, OverflowError) as error:
        message = f"Column {name!r} does not hold whole numbers."
        raise MaskError(message) from error
