"""Columns of few values as text: each value is written once, and so are their pairs.

Of the 53 columns of a lumisection 39 are flags, and most others hold one value in a
whole page. Neighbours among them become one column of the texts that they have
together: a page of 1000 rows is put together of 20 columns instead of 110.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FEW = 16
"""The most values of a column of few."""

TOGETHER = 64
"""The most texts that neighbours have together."""

_FIRST = 64
"""Rows that are looked at first: most columns of many values show it there."""


@dataclass(frozen=True, slots=True, eq=False)
class Few:
    """A text for each row, of a few that there are.

    Attributes:
        values: The texts.
        codes: Which of them, for each row.
    """

    values: tuple[str, ...]
    codes: np.ndarray

    def texts(self) -> pa.Array:
        """The text of each row.

        Example:
            >>> Few(("a", "b"), np.array([1, 0, 1])).texts().to_pylist()
            ['b', 'a', 'b']
        """
        return pa.array(self.values, pa.string()).take(pa.array(self.codes))

    def then(self, text: str) -> Few:
        """These texts, each followed by the same one."""
        return Few(tuple(value + text for value in self.values), self.codes)

    def beside(self, other: Few) -> Few | None:
        """These texts, each followed by the other's; None where that makes many."""
        count = len(other.values)
        both = self.codes * count + other.codes
        seen = np.flatnonzero(np.bincount(both, minlength=1))
        if len(seen) > TOGETHER:
            return None
        place = np.zeros(seen[-1] + 1, np.int64)
        place[seen] = np.arange(len(seen))
        pairs = (divmod(code, count) for code in seen.tolist())
        values = tuple(self.values[a] + other.values[b] for a, b in pairs)
        return Few(values, place[both])


def few(array: pa.Array) -> tuple[pa.Array, np.ndarray] | None:
    """The different values of an array, and which of them each row has.

    None where they are many, or where Arrow does not tell them apart as their texts do.
    """
    if not len(array) or pa.types.is_nested(array.type):
        return None
    if pa.types.is_null(array.type):
        return array.slice(0, 1), np.zeros(len(array), np.int64)
    if len(array.slice(0, _FIRST).unique()) > FEW:
        return None
    encoded = array.dictionary_encode(null_encoding="encode")
    if len(encoded.dictionary) > FEW:
        return None
    return encoded.dictionary, encoded.indices.to_numpy().astype(np.int64)


def flags(array: pa.Array) -> Few | str:
    """Flags without nulls, by themselves: there are dozens of them in a row.

    Example:
        >>> flags(pa.array([True, False])).values, flags(pa.array([True, True]))
        (('false', 'true'), 'true')
    """
    true = array.true_count
    if true in {0, len(array)}:
        return "true" if true else "false"
    codes = array.to_numpy(zero_copy_only=False).astype(np.int64)
    return Few(("false", "true"), codes)


def gathered(
    pieces: Iterable[str | Few | pa.Array],
) -> Iterator[str | Few | pa.Array]:
    """The same pieces, with neighbours as one where that makes few texts.

    Example:
        >>> flags = Few(("0", "1"), np.array([0, 1]))
        >>> [one.values for one in gathered(["a", flags, "b", flags])]
        [('a0b0', 'a1b1')]
    """
    last: str | Few | pa.Array | None = None
    for piece in pieces:
        merged = None if last is None else _merged(last, piece)
        if merged is None and last is not None:
            yield last
        last = piece if merged is None else merged
    if last is not None:
        yield last


def _merged(
    last: str | Few | pa.Array, piece: str | Few | pa.Array
) -> str | Few | None:
    """Two pieces as one; None where they stay two."""
    if isinstance(last, pa.Array) or isinstance(piece, pa.Array):
        return None
    if isinstance(last, str):
        if isinstance(piece, str):
            return last + piece
        return Few(tuple(last + text for text in piece.values), piece.codes)
    return last.then(piece) if isinstance(piece, str) else last.beside(piece)
