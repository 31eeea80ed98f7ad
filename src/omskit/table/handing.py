"""Handing a table to pandas and numpy: which types its columns get there.

What fails with each choice of `Types` is measured in decision 13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pyarrow as pa

from omskit._extras import load
from omskit.errors import UsageError, did_you_mean
from omskit.table.column import values_of
from omskit.table.flags import flags

if TYPE_CHECKING:
    import numpy.typing as npt

Types = Literal["hybrid", "numpy", "nullable", "arrow"]
"""The types of pandas columns.

``hybrid``: float64; int64 and bool, or Int64 and boolean where a value is missing.
``numpy``: the same without a value missing; with one, floats and objects.
``nullable``: Int64, Float64, boolean, string. ``arrow``: as they are in Arrow.
"""


def to_pandas(arrow: pa.Table, types: str) -> Any:
    """A ``pandas.DataFrame`` of *arrow*.

    Raises:
        MissingExtraError: pandas is not installed.
        UsageError: There are no such *types*.
    """
    known = get_args(Types)
    if types not in known:
        hint = did_you_mean(str(types), known)
        message = f"types={types!r:.60}; it is one of {', '.join(known)}.{hint}"
        raise UsageError(message)
    pandas = load("pandas", "make a pandas DataFrame")
    if types == "arrow":
        return arrow.to_pandas(types_mapper=pandas.ArrowDtype)
    # pandas has no time zone of Arrow's own; OMS's times are in UTC.
    if types == "numpy":
        return arrow.to_pandas()
    if types == "nullable":
        return arrow.to_pandas(types_mapper=_nullable(pandas).get)
    missing = {
        f.name for f, c in zip(arrow.schema, arrow.columns, strict=True) if c.null_count
    }
    # By position, as a mapper knows the type of a column but not whether it has nulls.
    frame = arrow.to_pandas(integer_object_nulls=True)
    for index, field in enumerate(arrow.schema):
        if field.name in missing:
            column = _with_nulls(pandas, arrow.column(index), field.type)
            if column is not None:
                frame[field.name] = column
    return frame


def _with_nulls(pandas: Any, column: pa.ChunkedArray, kind: pa.DataType) -> Any:
    """A column with nulls, where numpy has no type for it."""
    dtype = _nullable(pandas).get(kind)
    if dtype is None or not (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return None
    if pa.types.is_boolean(kind):
        return flags(dtype, column)
    return dtype.__from_arrow__(column)


def _nullable(pandas: Any) -> dict[pa.DataType, Any]:
    """The nullable type of pandas for each type of Arrow that OMS's columns have."""
    return {
        pa.int8(): pandas.Int8Dtype(),
        pa.int16(): pandas.Int16Dtype(),
        pa.int32(): pandas.Int32Dtype(),
        pa.int64(): pandas.Int64Dtype(),
        pa.uint8(): pandas.UInt8Dtype(),
        pa.uint16(): pandas.UInt16Dtype(),
        pa.uint32(): pandas.UInt32Dtype(),
        pa.uint64(): pandas.UInt64Dtype(),
        pa.float32(): pandas.Float32Dtype(),
        pa.float64(): pandas.Float64Dtype(),
        pa.bool_(): pandas.BooleanDtype(),
        pa.string(): pandas.StringDtype(),
        pa.large_string(): pandas.StringDtype(),
    }


def to_matrix(arrow: pa.Table) -> npt.NDArray[Any]:
    """Rows x columns in one numpy array.

    Numbers and flags are numbers, nulls nan; with any other type among them, objects.
    """
    columns = [values_of(column) for column in arrow.columns]
    if not columns:
        return np.empty((arrow.num_rows, 0))
    if all(column.dtype.kind in "iufb" for column in columns):
        return np.column_stack(columns)
    found = np.empty((arrow.num_rows, len(columns)), dtype=object)
    for index, column in enumerate(arrow.columns):
        found[:, index] = column.to_pylist()
    return found
