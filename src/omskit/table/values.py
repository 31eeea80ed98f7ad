"""What stands in a cell, a row and a column, by name.

An editor shows these names. What a cell holds depends on the column and is known when
the rows are there, so a type checker takes a `Value` for anything: ``row["x"] + 1``
needs no cast. The honest union (bool, int, float, str, datetime, list, None) was tried:
mypy then refuses 65 right uses of cells in 21 files of omskit itself, and a user's
likewise, each of which would need a cast or an assertion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

if TYPE_CHECKING:
    import numpy.typing as npt

Value: TypeAlias = Any
"""A bool, int, float, str, aware datetime, a list of these, or None."""

Row: TypeAlias = "dict[str, Value]"
"""One row: its values by the name of their column."""

Values: TypeAlias = "npt.NDArray[Any]"
"""A numpy array: numbers and flags as numbers, times as datetime64, else objects."""


class NumpyOptions(TypedDict, total=False):
    """What numpy hands on with ``np.mean(column)`` and its kin; none of it matters."""

    axis: object
    dtype: object
    out: object
    keepdims: object
    where: object
    initial: object
