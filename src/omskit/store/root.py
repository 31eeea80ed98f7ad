"""Tables as TTrees, for ROOT: numbers, flags, times and texts, with their units."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit._extras import load
from omskit.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from omskit.table import Table

_EPOCH_S = 1e6


def write_root(table: Table, path: Path) -> None:
    """Write the tree ``oms``, and ``units``, a text with the units as JSON.

    ROOT has no nulls: numbers and times are NaN there, flags and whole numbers with
    nulls become floating-point, texts are empty. Times are seconds since 1970, UTC;
    lists are left to other formats.

    Raises:
        MissingExtraError: uproot is not installed.
        StoreError: The file cannot be written.
    """
    uproot = load("uproot", "write ROOT files")
    columns = {f.name: _column(table[f.name]) for f in table.arrow.schema}
    units = {name: unit for name, unit in table.units.items() if unit}
    units |= {
        f.name: "s since 1970-01-01"
        for f in table.arrow.schema
        if pa.types.is_timestamp(f.type)
    }
    try:
        with uproot.recreate(str(path)) as file:
            file["oms"] = {
                n: column for n, column in columns.items() if column is not None
            }
            file["units"] = json.dumps(units)
    except OSError as error:
        message = f"Cannot write {path}: {error.strerror or error}."
        raise StoreError(message) from error


def _column(column: pa.ChunkedArray) -> Any:
    """A column as ROOT can have it; None where it cannot."""
    kind = column.type
    if pa.types.is_string(kind):
        awkward = load("awkward", "write texts to ROOT files")
        return awkward.Array([text or "" for text in column.to_pylist()])
    if pa.types.is_timestamp(kind):
        numbers = column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
        return _floats(numbers) / _EPOCH_S
    if pa.types.is_list(kind) or pa.types.is_nested(kind):
        return None
    if column.null_count or pa.types.is_null(kind):
        return _floats(column)
    return column.to_numpy()


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    found: np.ndarray = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy()
    return found
