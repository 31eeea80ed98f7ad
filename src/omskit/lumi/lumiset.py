"""A set of lumisections that knows which others were looked at, and its algebra.

`LumiMask` adds how masks are made and written. A set here holds two arrays of edges,
*good* inside *known*, see `omskit.lumi.edges`; where only *good* is known, it says so.

    ``&  |  -  ^  <=  len  in  bool  contains``   act on *good*, as plain sets
    ``==  hash``                                  compare *known* too
    ``~m``                                        is known - good
    known(a op b) = (known(a) & known(b)) | good(a op b)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, cast, overload

import numpy as np

from omskit.errors import MaskError
from omskit.lumi import lookup, selection
from omskit.lumi.edges import (
    OPEN,
    SHIFT,
    BoolArray,
    IntArray,
    Operation,
    combine,
    is_open,
    keys_of,
    minus,
    triples,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.lumi.kinds import Numbers, Runs


class LumiSet:
    """What masks are underneath: an immutable set, made by `LumiMask` alone."""

    __slots__ = ("_good", "_grid", "_hash", "_known", "_notes")

    _good: IntArray
    _known: IntArray | None
    _notes: tuple[str, ...]
    _grid: lookup.Grid | Literal[False] | None
    _hash: int | None

    @classmethod
    def _make(
        cls,
        good: IntArray,
        known: IntArray | None = None,
        notes: tuple[str, ...] = (),
    ) -> Self:
        self = object.__new__(cls)
        self._good = good
        self._known = known
        self._notes = notes
        self._grid = False
        self._hash = None
        return self

    @property
    def good(self) -> Self:
        """The good lumisections alone, forgetting what else is known."""
        return self if self._known is None else self._make(self._good)

    @property
    def known(self) -> Self:
        """Every lumisection that was looked at, as a plain set."""
        return self._make(self._examined)

    @property
    def has_known(self) -> bool:
        """Whether more is said to be known than the good lumisections."""
        return self._known is not None

    @property
    def is_open(self) -> bool:
        """Whether a range has no end."""
        return bool(is_open(self._good).any() or is_open(self._examined).any())

    @property
    def runs(self) -> IntArray:
        """The runs with good lumisections, sorted.

        Cost: O(n).
        """
        return np.unique(self._good[0::2] >> SHIFT)

    @property
    def _examined(self) -> IntArray:
        return self._good if self._known is None else self._known

    def ranges(self) -> Iterator[tuple[int, int, int | None]]:
        """Run, first and last of each good range, in order; None is an open end.

        Cost: O(n).

        Example:
            >>> from omskit import LumiMask
            >>> list(LumiMask.from_json({"1": [[5, 0]]}).ranges())
            [(1, 5, None)]
        """
        columns = (column.tolist() for column in triples(self._good))
        for run, first, last in zip(*columns, strict=True):
            yield run, first, None if last == OPEN else last

    def pairs(self) -> tuple[IntArray, IntArray]:
        """Runs and numbers of all good lumisections, in order.

        Raises:
            MaskError: An end is open.

        Cost: O(lumisections).
        """
        self._need_ends("list the lumisections", good_only=True)
        keys = keys_of(self._good)
        return keys >> SHIFT, keys & ((1 << SHIFT) - 1)

    @overload
    def contains(self, runs: int, lumisections: int) -> bool: ...
    @overload
    def contains(self, runs: Numbers, lumisections: Numbers) -> BoolArray: ...
    def contains(self, runs: Numbers, lumisections: Numbers) -> BoolArray | bool:
        """Which (run, lumisection) pairs are good.

        Args:
            runs: A number, or anything array-like (numpy, Arrow, pandas, polars,
                awkward).
            lumisections: The same; both are broadcast against each other.

        Returns:
            A bool array of the common shape; a plain bool for two plain numbers.

        Raises:
            MaskError: The values are not whole numbers or the shapes do not fit.

        Cost: O(pairs), after a table made once; the working memory is constant.

        Example:
            >>> from omskit import LumiMask
            >>> LumiMask.from_ranges([(1, 2, 3)]).contains(1, [1, 2, 3, 4])
            array([False,  True,  True, False])
        """
        run = whole_numbers(runs, "runs")
        number = whole_numbers(lumisections, "lumisections")
        try:
            run, number = np.broadcast_arrays(run, number)
        except ValueError as error:
            message = (
                f"Runs of shape {run.shape} and lumisections of shape {number.shape} "
                "do not fit together. Give equal lengths, or one of them as a number."
            )
            raise MaskError(message) from error
        if self._grid is False:
            self._grid = lookup.build(self._good)
        found = lookup.contains(self._good, self._grid, run, number)
        return bool(found) if found.ndim == 0 else found

    def __contains__(self, pair: object) -> bool:
        if not (isinstance(pair, tuple) and len(pair) == 2):
            message = f"Ask for a pair (run, lumisection), not {pair!r}."
            raise MaskError(message)
        return bool(self.contains(*pair))

    def restrict(self, selector: Runs) -> Self:
        """The part within some runs, or within the good lumisections of a mask.

        Args:
            selector: A run, a pair (first, last) of runs, both included, a list or
                array of runs, text like ``"297050,315190-315290"``, or a mask.

        Raises:
            SelectorError: It is none of these, or selects nothing by itself.

        Cost: O((n + m) log(n + m)).

        Example:
            >>> from omskit import LumiMask
            >>> LumiMask.from_ranges([(1, 1, 9), (2, 1, 9)]).restrict(2)
            LumiMask.from_ranges([(2, 1, 9)])
        """
        if isinstance(selector, LumiSet):
            window = selector._good  # noqa: SLF001  # of our own kind
        else:
            window = selection.window(selector)
        known = self._known
        if known is not None:
            known = combine(known, window, np.logical_and)
        return self._make(combine(self._good, window, np.logical_and), known)

    def within(self, known: LumiSet) -> Self:
        """The same good lumisections, now with all that *known* knows about.

        Cost: O((n + m) log(n + m)).

        Example:
            >>> from omskit import LumiMask
            >>> looked_at = LumiMask.from_ranges([(1, 1, 9)])
            >>> (~LumiMask.from_ranges([(1, 1, 7)]).within(looked_at)).good
            LumiMask.from_ranges([(1, 8, 9)])
        """
        edges = combine(self._examined, known._examined, np.logical_or)
        return self._make(self._good, edges)

    def __and__(self, other: LumiSet) -> Self:
        return self._combine(other, np.logical_and)

    def __or__(self, other: LumiSet) -> Self:
        return self._combine(other, np.logical_or)

    def __sub__(self, other: LumiSet) -> Self:
        return self._combine(other, minus)

    def __xor__(self, other: LumiSet) -> Self:
        return self._combine(other, np.logical_xor)

    def _combine(self, other: object, operation: Operation) -> Self:
        if not isinstance(other, LumiSet):
            return cast("Self", NotImplemented)
        good = combine(self._good, other._good, operation)  # noqa: SLF001
        both_plain = self._known is None and other._known is None  # noqa: SLF001
        if both_plain and operation in (np.logical_and, np.logical_or):
            # The law would find nothing beyond good: both parts lie in it.
            return self._make(good)
        if both_plain and operation is minus:
            known = self._good  # what the law comes to: (a & b) | (a - b)
        else:
            looked = other._examined  # noqa: SLF001
            both = combine(self._examined, looked, np.logical_and)
            known = combine(both, good, np.logical_or)
        a_plain = self._known is None or other._known is None  # noqa: SLF001
        nothing_more = a_plain and np.array_equal(known, good)
        return self._make(good, None if nothing_more else known)

    def __invert__(self) -> Self:
        """What is known and not good."""
        if self._known is None:
            message = (
                "Only the good lumisections of this mask are known, so what is not "
                "good cannot be said. Try ~mask.within(known), known being a mask of "
                "all lumisections that were looked at, as LumiMask.from_table gives."
            )
            raise MaskError(message)
        self._need_ends("say what is not in it")
        return self._make(combine(self._known, self._good, minus), self._known)

    def __le__(self, other: LumiSet) -> bool:
        if not isinstance(other, LumiSet):
            return NotImplemented
        return combine(self._good, other._good, minus).size == 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LumiSet):
            return NotImplemented
        return self._parts() == other._parts()

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self._parts())
        return self._hash

    def _parts(self) -> tuple[bytes, bytes | None]:
        known = None if self._known is None else self._known.tobytes()
        return self._good.tobytes(), known

    def __bool__(self) -> bool:
        return self._good.size > 0

    def __len__(self) -> int:
        """The number of good lumisections."""
        self._need_ends("count the lumisections", good_only=True)
        return int((self._good[1::2] - self._good[0::2]).sum())

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The good lumisections as (run, lumisection), in order."""
        self._need_ends("list the lumisections", good_only=True)
        low = (1 << SHIFT) - 1
        for start, end in self._good.reshape(-1, 2).tolist():
            for key in range(start, end):
                yield key >> SHIFT, key & low

    def _need_ends(self, purpose: str, *, good_only: bool = False) -> None:
        """Refuse where an end is open."""
        sets = (self._good,) if good_only else (self._good, self._examined)
        for edges in sets:
            open_ = is_open(edges)
            if open_.any():
                run = int(triples(edges)[0][open_][0])
                message = (
                    f"Run {run} has a range without an end, so omskit cannot "
                    f"{purpose}. Try mask.close(table) with a table of runs or "
                    "lumisections."
                )
                raise MaskError(message)
