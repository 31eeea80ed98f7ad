"""Flags for pandas that are not known everywhere, and can be plotted all the same."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from omskit._extras import load


@cache
def flags_array() -> type[Any]:
    """Pandas' array of nullable booleans, with another `to_numpy`.

    Everything is as pandas has it, its dtype too, but for one thing: where a flag is
    missing, ``to_numpy()`` without a dtype gives None instead of ``pandas.NA``. That
    is what matplotlib asks for: ``float(pandas.NA)`` is a TypeError, and None becomes
    nan. None is also false, so ``np.where(d.flag.to_numpy(), ...)`` takes a flag that
    is not known for one that is off; nan would be true.
    """
    pandas = load("pandas", "make a pandas DataFrame")
    base: Any = pandas.arrays.BooleanArray
    unsaid = pandas.api.extensions.no_default

    class BooleanArray(base):  # type: ignore[misc]  # pandas is optional
        """Nullable booleans whose missing values are None in numpy."""

        def to_numpy(
            self,
            dtype: Any = None,
            copy: bool = False,  # noqa: FBT002  # pandas' own signature
            na_value: Any = unsaid,
        ) -> Any:
            """As pandas, with None for what is missing where no dtype is given."""
            if dtype is None and na_value is unsaid and self._hasna:
                return super().to_numpy(object, copy=copy, na_value=None)
            return super().to_numpy(dtype, copy=copy, na_value=na_value)

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
            """As pandas: ``np.where(d.flag, ...)`` refuses what is not known."""
            if dtype is None and self._hasna:
                dtype = object
            return super().to_numpy(dtype, copy=bool(copy))

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
        array([True, None], dtype=object)
    """
    plain = dtype.__from_arrow__(column)
    return flags_array()(np.asarray(plain._data), plain._mask)  # noqa: SLF001
