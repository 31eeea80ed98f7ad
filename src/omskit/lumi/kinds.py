"""What masks are made of and held against, by name; an editor shows these."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy.typing as npt

Tabular: TypeAlias = object
"""A `Table`, a pandas or polars frame, an Arrow table, or what Arrow can take."""

TabularT = TypeVar("TabularT")
"""The same kind of table that was given."""

Ranges: TypeAlias = object
"""(run, first, last) triples, an array of shape (n, 3), or a table with these."""

Pairs: TypeAlias = object
"""(run, lumisection) pairs, an array of shape (n, 2), or a table with these."""

Runs: TypeAlias = object
"""A run, a pair (first, last), a list or array of runs, text, or a mask."""

Numbers: TypeAlias = "npt.ArrayLike"
"""A number, or anything array-like: numpy, Arrow, pandas, polars, awkward."""
