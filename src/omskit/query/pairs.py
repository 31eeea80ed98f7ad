"""A plain set of lumisections: enough of a mask to restrict a query by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_SHIFT = 32


@dataclass(frozen=True, slots=True)
class PairSet:
    """(run, lumisection) pairs, as sorted 64-bit keys.

    Example:
        >>> some = PairSet.of([297050, 297050], [1, 2])
        >>> some.contains([297050, 297050], [2, 3]).tolist()
        [True, False]
    """

    keys: tuple[int, ...]

    @classmethod
    def of(cls, runs: Any, lumisections: Any) -> PairSet:
        """The set of these pairs."""
        return cls(tuple(np.unique(_keys(runs, lumisections)).tolist()))

    @property
    def runs(self) -> list[int]:
        """The runs, ascending."""
        return sorted({key >> _SHIFT for key in self.keys})

    def contains(self, runs: Any, lumisections: Any) -> np.ndarray:
        """Whether each pair is in the set."""
        return np.isin(_keys(runs, lumisections), np.asarray(self.keys, np.int64))


def _keys(runs: Any, lumisections: Any) -> np.ndarray:
    wide = np.asarray(runs, np.int64)
    return (wide << _SHIFT) + np.asarray(lumisections, np.int64)
