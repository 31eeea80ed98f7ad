"""Flags for pandas that are not known everywhere, and can be plotted all the same."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from omskit._extras import load


class Unknown(float):
    """A flag that is not known, as numpy and matplotlib see it: nan without a truth.

    matplotlib asks for numbers, and this is nan: a gap in figures. Whoever asks whether
    it is true is refused, as by pandas: None would be off, and a plain nan on.

    Example:
        >>> unknown = Unknown("nan")
        >>> str(float(unknown)), unknown
        ('nan', <NA>)
        >>> np.where(np.array([unknown], dtype=object), 1, 0)
        Traceback (most recent call last):
        TypeError: A flag that is not known is neither on nor off. Say first what it ...
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        """Neither.

        Raises:
            TypeError: Always.
        """
        message = (
            "A flag that is not known is neither on nor off. Say first what it counts "
            "as: fillna(False), or fill_null(False) for a column."
        )
        raise TypeError(message)

    def __repr__(self) -> str:
        """As pandas shows it."""
        return "<NA>"


UNKNOWN = Unknown("nan")


@cache
def flags_array() -> type[Any]:
    """Pandas' array of nullable booleans, with another view for numpy.

    Everything is as pandas has it, its dtype too, but for one thing: where a flag is
    missing and no dtype is asked for, numpy gets `Unknown` instead of ``pandas.NA``.
    That is what matplotlib asks for, and ``float(pandas.NA)`` is a TypeError.
    """
    pandas = load("pandas", "make a pandas DataFrame")
    base: Any = pandas.arrays.BooleanArray
    unsaid = pandas.api.extensions.no_default

    class BooleanArray(base):  # type: ignore[misc]  # pandas is optional
        """Nullable booleans whose missing values are nan without a truth in numpy."""

        def to_numpy(
            self,
            dtype: Any = None,
            copy: bool = False,  # noqa: FBT002  # pandas' own signature
            na_value: Any = unsaid,
        ) -> Any:
            """As pandas, with `Unknown` for what is missing where no dtype is given."""
            if dtype is None and na_value is unsaid and self._hasna:
                return super().to_numpy(object, copy=copy, na_value=UNKNOWN)
            return super().to_numpy(dtype, copy=copy, na_value=na_value)

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
            """As `to_numpy`; ``np.where(d.flag, ...)`` refuses what is not known."""
            if self._hasna and (dtype is None or np.dtype(dtype) == object):
                # errorbar asks for objects; pandas itself does so by astype.
                dtype = None
            return self.to_numpy(dtype, copy=bool(copy))

        def __reduce__(self) -> tuple[Any, ...]:
            """A pickle holds pandas' own array, and can be read without omskit."""
            return base, (self._data, self._mask)

    return BooleanArray


def flags(dtype: Any, column: Any) -> Any:
    """The array for a column of flags in Arrow.

    Example:
        >>> import pandas, pyarrow
        >>> column = pyarrow.chunked_array([[True, None]])
        >>> flags(pandas.BooleanDtype(), column).to_numpy()
        array([True, <NA>], dtype=object)
    """
    plain = dtype.__from_arrow__(column)
    return flags_array()(np.asarray(plain._data), plain._mask)  # noqa: SLF001
