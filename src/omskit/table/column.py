"""One column of a table: it prints, compares and counts; a null is never a number."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import NoPositionError, UsageError
from omskit.table.flags import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import NotImplementedType

    import numpy.typing as npt

    from omskit.table.values import NumpyOptions, Value, Values

EXACT = 2**53
"""Whole numbers up to so far are exact as floats."""
SHOWN = 5
"""Values at either end of the repr."""


class Column:
    """A column: ``table["l1_rate"]``.

    Iteration and ``column[0]`` give plain Python values, None where there is none.
    Comparisons give a column of flags, null where a value is missing, for
    ``table[table["pileup"] > 30]``; ``&``, ``|`` and ``~`` combine them.
    Sums, means and extremes leave nulls out. Arithmetic gives numpy arrays. Any other
    method of ``pyarrow.ChunkedArray`` works as well.

    Attributes:
        name: What the column is called.
        unit: The unit of its values, or None.

    Example:
        >>> pileup = Column(pa.chunked_array([[31.5, None, 20.0]]), "pileup")
        >>> pileup.mean(), (pileup > 30).to_pylist()
        (25.75, [True, None, False])
        >>> pileup
        pileup, 3 rows, 1 null: 31.5, \N{EN DASH}, 20
    """

    __slots__ = ("_arrow", "name", "unit")

    def __init__(
        self, arrow: pa.ChunkedArray, name: str = "", unit: str | None = None
    ) -> None:
        self._arrow = arrow
        self.name = name
        self.unit = unit

    @property
    def arrow(self) -> pa.ChunkedArray:
        """The ``pyarrow.ChunkedArray``, as ``pyarrow.compute`` wants it."""
        return self._arrow

    def __getattr__(self, name: str) -> Any:
        """What a ChunkedArray has besides, such as ``null_count`` and ``cast()``."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._arrow, name)

    def __len__(self) -> int:
        return len(self._arrow)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_pylist())

    def __contains__(self, value: object) -> bool:
        return value in self.to_pylist()

    @overload
    def __getitem__(self, which: int) -> Any: ...
    @overload
    def __getitem__(self, which: slice | Iterable[Any]) -> Column: ...
    def __getitem__(self, which: Any) -> Any:
        """One value, or the column of some rows: a slice, positions or flags."""
        position = position_of(which)
        if position is not None:
            return self._arrow[position].as_py()
        return Column(chosen_rows(self._arrow, which), self.name, self.unit)

    def equals(self, other: Column | pa.ChunkedArray) -> bool:
        """Whether the values and types are equal, nulls at the same places."""
        arrow = other.arrow if isinstance(other, Column) else other
        return bool(self._arrow.equals(arrow))

    def to_pylist(self) -> list[Value]:
        """The values; times are aware ``datetime`` in UTC, nulls are None."""
        values: list[Value] = self._arrow.to_pylist()
        return values

    def to_numpy(self) -> Values:
        """The values as a numpy array.

        Nulls are nan, or NaT in times: whole numbers and flags with nulls are floats
        (beyond 2**53, objects, so that no digit is lost). Texts and lists are objects,
        None where there is none. Times are ``datetime64[us]`` in UTC.
        """
        return values_of(self._arrow)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if dtype is None and self._arrow.null_count and self._is_flag:
            # For a figure a gap; np.where, for which nan would be on, refuses it.
            found: npt.NDArray[Any] = np.array(
                [UNKNOWN if value is None else value for value in self.to_pylist()],
                dtype=object,
            )
            return found
        values = self.to_numpy()
        if dtype is not None:
            values = values.astype(dtype, copy=False)
        return values.copy() if copy else values

    @property
    def _is_flag(self) -> bool:
        return pa.types.is_boolean(self._arrow.type)

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.ChunkedArray:  # noqa: A002  # pyarrow calls it so
        return self._arrow if type is None else self._arrow.cast(type)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow PyCapsule interface."""
        return self._arrow.__arrow_c_stream__(requested_schema)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Column, (self._arrow, self.name, self.unit))

    def __bool__(self) -> bool:
        message = (
            f"A column of {len(self)} rows is neither true nor false. "
            "Ask for .any(), .all() or len()."
        )
        raise ValueError(message)

    def _compared(
        self, other: object, compare: Callable[[Any, Any], Any]
    ) -> Column | NotImplementedType:
        try:
            flags = compare(self._arrow, as_arrow(other, self._arrow.type))
        except (pa.ArrowException, TypeError) as error:
            message = (
                f"Column {self.name!r} holds {self._arrow.type}: it cannot be compared "
                f"with {other!r:.60}."
            )
            raise UsageError(message) from error
        return Column(flags, self.name)

    def __eq__(self, other: object) -> Column:  # type: ignore[override]  # as numpy
        return self._compared(other, pc.equal)

    def __ne__(self, other: object) -> Column:  # type: ignore[override]  # as numpy
        return self._compared(other, pc.not_equal)

    def __lt__(self, other: object) -> Column:
        return self._compared(other, pc.less)

    def __le__(self, other: object) -> Column:
        return self._compared(other, pc.less_equal)

    def __gt__(self, other: object) -> Column:
        return self._compared(other, pc.greater)

    def __ge__(self, other: object) -> Column:
        return self._compared(other, pc.greater_equal)

    __hash__ = None  # type: ignore[assignment]  # a container of data, as in numpy

    def __and__(self, other: object) -> Column:
        return self._compared(other, pc.and_kleene)

    __rand__ = __and__

    def __or__(self, other: object) -> Column:
        return self._compared(other, pc.or_kleene)

    __ror__ = __or__

    def __invert__(self) -> Column:
        return self._compared(True, pc.xor)

    def __add__(self, other: object) -> Any:
        return self._numbers() + other

    def __radd__(self, other: object) -> Any:
        return other + self._numbers()

    def __sub__(self, other: object) -> Any:
        return self._numbers() - other

    def __rsub__(self, other: object) -> Any:
        return other - self._numbers()

    def __mul__(self, other: object) -> Any:
        return self._numbers() * other

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Any:
        return self._numbers() / other

    def __rtruediv__(self, other: object) -> Any:
        return other / self._numbers()

    def __floordiv__(self, other: object) -> Any:
        return self._numbers() // other

    def __mod__(self, other: object) -> Any:
        return self._numbers() % other

    def __pow__(self, other: object) -> Any:
        return self._numbers() ** other

    def __neg__(self) -> Any:
        return -self._numbers()

    def __abs__(self) -> Any:
        return abs(self._numbers())

    def _numbers(self) -> Any:
        return self.to_numpy()

    # numpy hands np.mean(column) and its kin to these, with axis, dtype and out.

    def sum(self, **_numpy: Unpack[NumpyOptions]) -> Value:
        """The sum of what is not null; None where nothing is."""
        return self._reduced(pc.sum)

    def mean(self, **_numpy: Unpack[NumpyOptions]) -> float | None:
        """The mean of what is not null; None where nothing is."""
        return self._reduced(pc.mean)

    def min(self, **_numpy: Unpack[NumpyOptions]) -> Value:
        """The smallest of what is not null; None where nothing is."""
        return self._reduced(pc.min)

    def max(self, **_numpy: Unpack[NumpyOptions]) -> Value:
        """The largest of what is not null; None where nothing is."""
        return self._reduced(pc.max)

    def any(self, **_numpy: Unpack[NumpyOptions]) -> bool:
        """Whether a flag is set."""
        return bool(self._reduced(pc.any))

    def all(self, **_numpy: Unpack[NumpyOptions]) -> bool:
        """Whether no flag is unset; nulls are left out."""
        return self._reduced(pc.all) is not False

    def std(self, *, ddof: int = 0, **_numpy: Unpack[NumpyOptions]) -> float | None:
        """The standard deviation of what is not null, as numpy counts it."""
        return self._reduced(lambda values: pc.stddev(values, ddof=ddof))

    def median(self) -> float | None:
        """The median of what is not null; None where nothing is."""
        return self._reduced(lambda values: pc.quantile(values, 0.5)[0])

    def _reduced(self, reduce: Callable[[pa.ChunkedArray], pa.Scalar]) -> Value:
        try:
            return reduce(self._arrow).as_py()
        except pa.ArrowException as error:
            message = f"Column {self.name!r} holds {self._arrow.type}: no numbers."
            raise UsageError(message) from error

    def __repr__(self) -> str:
        import sys

        from omskit.table.view import CUT, cell_text, plain

        rows = "1 row" if len(self) == 1 else f"{len(self)} rows"
        unit = f" [{cell_text(self.unit)}]" if self.unit else ""
        nulls = self._arrow.null_count
        also = f", {nulls} null" if nulls else ""
        if len(self) <= 2 * SHOWN:
            values = [cell_text(v) for v in self]
        else:
            first, last = (
                self._arrow.slice(0, SHOWN),
                self._arrow.slice(-SHOWN % len(self)),
            )
            begin, end = (map(cell_text, part.to_pylist()) for part in (first, last))
            values = [*begin, CUT, *end]
        shown = f": {', '.join(values)}" if values else ""
        text = f"{cell_text(self.name)}{unit}, {rows}{also}{shown}"
        return plain(text, getattr(sys.stdout, "encoding", None))


def as_arrow(value: object, kind: pa.DataType) -> Any:
    """What a column is compared with, as Arrow compares it.

    A text beside times is a time in UTC, as in ``since=``.
    """
    if isinstance(value, Column):
        return value.arrow
    if isinstance(value, (pa.Array, pa.ChunkedArray, pa.Scalar)):
        return value
    if isinstance(value, str) and pa.types.is_timestamp(kind):
        return _moment(value, kind)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return pa.array(value)
    return pa.scalar(value)


def _moment(text: str, kind: pa.DataType) -> pa.Scalar:
    import datetime as dt

    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r:.60} is no time; write it as 2017-06-16 20:50."
        raise UsageError(message) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return pa.scalar(moment, kind)


def position_of(which: object) -> int | None:
    """A whole number of any kind, or None; an array of one is not a number."""
    if getattr(which, "ndim", 0) or not hasattr(which, "__index__"):
        return None
    return operator.index(which)


def chosen_rows(arrow: Any, which: slice | Iterable[Any]) -> Any:
    """Some rows of an Arrow table or column: a slice, positions, or flags.

    A null flag leaves its row out.

    Raises:
        UsageError: It is none of these, or there is not one flag a row.
    """
    if isinstance(which, slice):
        start, stop, step = which.indices(
            arrow.num_rows if _is_table(arrow) else len(arrow)
        )
        if step == 1:
            return arrow.slice(start, max(stop - start, 0))
        return arrow.take(pa.array(range(start, stop, step), pa.int64()))
    picked = _as_array(which)
    size = arrow.num_rows if _is_table(arrow) else len(arrow)
    if pa.types.is_boolean(picked.type):
        if len(picked) != size:
            message = f"{len(picked)} flags were given for {size} rows."
            raise UsageError(message)
        return arrow.filter(picked)
    if pa.types.is_integer(picked.type) or pa.types.is_null(picked.type):
        positions = np.asarray(picked.to_pylist(), dtype=np.int64)
        if len(positions) and not (-size <= positions.min() <= positions.max() < size):
            message = f"There are {size} rows: no position beyond them."
            raise NoPositionError(message)
        return arrow.take(pa.array(positions % max(size, 1)))
    message = f"Rows are chosen by a slice, positions or flags, not by {picked.type}."
    raise UsageError(message)


def _is_table(arrow: Any) -> bool:
    return isinstance(arrow, pa.Table)


def _as_array(which: Iterable[Any]) -> Any:
    if isinstance(which, Column):
        return which.arrow
    if isinstance(which, (pa.Array, pa.ChunkedArray)):
        return which
    try:
        return pa.array(which)
    except (pa.ArrowException, TypeError) as error:
        message = f"Rows are chosen by a slice, positions or flags, not {which!r:.60}."
        raise UsageError(message) from error


def values_of(arrow: pa.ChunkedArray) -> npt.NDArray[Any]:
    """An Arrow column as `Column.to_numpy` promises it."""
    kind = arrow.type
    if pa.types.is_timestamp(kind):
        return np.asarray(arrow.cast(pa.timestamp(kind.unit)).to_numpy())
    if not arrow.null_count or pa.types.is_floating(kind):
        return np.asarray(arrow.to_numpy())
    if pa.types.is_null(kind):
        return np.full(len(arrow), np.nan)
    if pa.types.is_boolean(kind):
        return np.asarray(arrow.cast(pa.int8()).cast(pa.float64()).to_numpy())
    if pa.types.is_integer(kind):
        ends = pc.min_max(arrow).as_py()
        if ends["min"] is None or max(-ends["min"], ends["max"]) <= EXACT:
            return np.asarray(arrow.cast(pa.float64()).to_numpy())
    found = np.empty(len(arrow), dtype=object)
    found[:] = arrow.to_pylist()
    return found
