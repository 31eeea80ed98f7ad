"""`LumiMask`: a set of lumisections that knows which others were looked at.

A certification file says which lumisections are good and nothing about the rest: they
may be bad, or never examined. A table of flags says more. A mask so holds two sets,
*good* inside *known*; where only *good* is known, it says so.

    ``&  |  -  ^  <=  len  in  bool  contains``   act on *good*, as plain sets
    ``==  hash``                                  compare *known* too
    ``~m``                                        is known - good
    known(a op b) = (known(a) & known(b)) | good(a op b)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, cast, final, overload

import numpy as np

from omskit.errors import MaskError
from omskit.lumi import cmssw, dialects, lookup, selection, tables
from omskit.lumi.edges import (
    EMPTY,
    OPEN,
    SHIFT,
    BoolArray,
    IntArray,
    Operation,
    combine,
    freeze,
    from_arrays,
    is_open,
    keys_of,
    minus,
    triples,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

SHOWN = 4
"""Ranges that the repr spells out."""


@final
class LumiMask:
    """An immutable, canonical set of lumisections.

    Ranges are sorted and merged and include both ends; a range without an end (the
    whole run, say) stays open until `close` is told where the run ended.

    Example:
        >>> golden = LumiMask.from_ranges([(297050, 12, 137), (297050, 193, 776)])
        >>> len(golden), (297050, 138) in golden
        (710, False)
        >>> golden & LumiMask.from_ranges([(297050, 100, 200)])
        LumiMask.from_ranges([(297050, 100, 137), (297050, 193, 200)])
    """

    __slots__ = ("_good", "_grid", "_hash", "_known", "_notes")

    _good: IntArray
    _known: IntArray | None
    _notes: tuple[str, ...]
    _grid: lookup.Grid | Literal[False] | None
    _hash: int | None

    def __new__(cls) -> Self:
        """The empty mask."""
        return cls._make(EMPTY)

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

    @classmethod
    def from_ranges(cls, ranges: Any) -> LumiMask:
        """From (run, first, last) triples in any order; ends are included.

        Args:
            ranges: An iterable of triples or an array of shape (n, 3); they may
                overlap. A last of None leaves the range open.

        Raises:
            MaskError: A range is reversed or a number is below 1.

        Cost: O(n log n).

        Example:
            >>> LumiMask.from_ranges([(1, 4, 6), (1, 1, 3)])
            LumiMask.from_ranges([(1, 1, 6)])
        """
        columns = selection.columns(ranges, ("run", "first", "last"), missing=OPEN)
        return cls._make(from_arrays(*columns))

    @classmethod
    def from_pairs(cls, pairs: Any) -> LumiMask:
        """From (run, lumisection) pairs in any order; duplicates do no harm.

        Args:
            pairs: An iterable of pairs or an array of shape (n, 2).

        Raises:
            MaskError: A number is below 1.

        Cost: O(n log n).

        Example:
            >>> LumiMask.from_pairs([(1, 3), (1, 2), (2, 7)])
            LumiMask.from_ranges([(1, 2, 3), (2, 7, 7)])
        """
        runs, numbers = selection.columns(pairs, ("run", "lumisection"))
        return cls._make(from_arrays(runs, numbers, numbers))

    @classmethod
    def from_json(
        cls,
        document: str | bytes | Mapping[Any, Any],
        *,
        strict: bool = False,
    ) -> LumiMask:
        """From the text of a certification file, or the dict that it parses to.

        Understands what real files hold: ranges in any order, overlapping or adjacent,
        integer keys, repeated keys, a byte-order mark, ``[-1]`` for a whole run,
        ``[a, 0]`` for an open end, ranges from 0. `notes` says what was mended.

        Args:
            document: Text, bytes, or a mapping of run to ranges; not a path.
            strict: Refuse what would be mended.

        Raises:
            MaskError: It has no meaning; the message names run and range.

        Cost: O(n log n).

        Example:
            >>> LumiMask.from_json('{"297050": [[193, 776], [12, 137]]}').notes
            ('ranges were not in order in 1 run, e.g. run 297050',)
        """
        read = dialects.read(document, strict=strict)
        edges = from_arrays(read.runs, read.first, read.last)
        return cls._make(edges, notes=read.notes)

    @classmethod
    def from_cmssw(cls, text: str | Iterable[str]) -> LumiMask:
        """From ``run:ls-run:ls`` ranges, also as a VLuminosityBlockRange is printed.

        A range may span runs, which it then holds whole; ``min`` and ``max`` are
        understood, and ``run:ls`` alone is one lumisection.

        Raises:
            MaskError: A piece is not of that form.

        Example:
            >>> LumiMask.from_cmssw("297050:12-297050:137,297056:12")
            LumiMask.from_ranges([(297050, 12, 137), (297056, 12, 12)])
        """
        return cls._make(from_arrays(*cmssw.parse(text)))

    @classmethod
    def from_table(cls, table: Any, flag: str) -> LumiMask:
        """From a table with one row per lumisection and a boolean column.

        True is good, False is known not to be, null is unknown.

        Args:
            table: A `Table` or anything that Arrow can take, with ``run_number`` and
                ``lumisection_number`` (or ``first_`` and ``last_lumisection_number``).
            flag: The boolean column, e.g. ``"cms_active"``.

        Raises:
            MaskError: The flag is not boolean, or rows contradict each other.

        Cost: O(n log n).
        """
        good, bad = tables.flagged(table, flag)
        return cls._make(good, combine(good, bad, np.logical_or))

    @property
    def good(self) -> LumiMask:
        """The good lumisections alone, forgetting what else is known."""
        return self if self._known is None else self._make(self._good)

    @property
    def known(self) -> LumiMask:
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
    def notes(self) -> tuple[str, ...]:
        """What the reader mended, one sentence each; operations drop them."""
        return self._notes

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
    def contains(self, runs: Any, lumisections: Any) -> Any: ...
    def contains(self, runs: Any, lumisections: Any) -> BoolArray | bool:
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

    def filter(self, table: Any) -> Any:
        """The rows of a table whose lumisection is good; a `Table` stays one.

        Raises:
            MaskError: The table has no run or lumisection column.

        Cost: O(rows).
        """
        return tables.filtered(table, self.contains)

    def restrict(self, selector: Any) -> LumiMask:
        """The part within some runs, or within the good lumisections of a mask.

        Args:
            selector: A run, a pair (first, last) of runs, both included, a list or
                array of runs, text like ``"297050,315190-315290"``, or a mask.

        Raises:
            SelectorError: It is none of these, or selects nothing by itself.

        Cost: O((n + m) log(n + m)).

        Example:
            >>> LumiMask.from_ranges([(1, 1, 9), (2, 1, 9)]).restrict(2)
            LumiMask.from_ranges([(2, 1, 9)])
        """
        if isinstance(selector, LumiMask):
            window = selector._good  # noqa: SLF001  # of our own kind
        else:
            window = selection.window(selector)
        known = self._known
        if known is not None:
            known = combine(known, window, np.logical_and)
        return self._make(combine(self._good, window, np.logical_and), known)

    def within(self, known: LumiMask) -> LumiMask:
        """The same good lumisections, now with all that *known* knows about.

        Cost: O((n + m) log(n + m)).

        Example:
            >>> looked_at = LumiMask.from_ranges([(1, 1, 9)])
            >>> (~LumiMask.from_ranges([(1, 1, 7)]).within(looked_at)).good
            LumiMask.from_ranges([(1, 8, 9)])
        """
        edges = combine(self._examined, known._examined, np.logical_or)
        return self._make(self._good, edges)

    def close(self, table: Any) -> LumiMask:
        """The mask with its open ends put at the last lumisection of their run.

        Args:
            table: ``run_number`` with ``last_lumisection_number`` (runs) or with
                ``lumisection_number`` (lumisections).

        Raises:
            MaskError: The table lacks a run that has an open end.

        Cost: O((n + m) log(n + m)).
        """
        if not self.is_open:
            return self
        last = tables.last_of_runs(table)
        known = None if self._known is None else tables.closed(self._known, last)
        return self._make(tables.closed(self._good, last), known)

    def to_dict(self, *, strict: bool = True) -> dict[str, list[list[int]]]:
        """Run (as text) to ranges, as in certification files, sorted by run.

        Args:
            strict: Refuse open ends; otherwise they are written ``[a, 0]``, which
                CMSSW's LumiList reads as open but other tools do not.

        Raises:
            MaskError: An end is open and *strict* holds.
        """
        if strict:
            self._need_ends("write it down for other tools", good_only=True)
        document: dict[str, list[list[int]]] = {}
        for run, first, last in self.ranges():
            document.setdefault(str(run), []).append([first, last or 0])
        return document

    def to_json(self, *, strict: bool = True) -> str:
        r"""The text of a certification file, byte for byte as CMSSW prints it.

        One run per line. Runs are sorted as text, as CMSSW does, which matters only
        where their lengths differ. There is no line end behind the last one.

        Args:
            strict: Refuse open ends; otherwise they are written ``[a, 0]``.

        Raises:
            MaskError: An end is open and *strict* holds.

        Example:
            >>> LumiMask.from_pairs([(2, 1), (10, 4)]).to_json()
            '{"10": [[4, 4]],\n "2": [[1, 1]]}'
        """
        document = sorted(self.to_dict(strict=strict).items())
        return "{" + ",\n ".join(f'"{run}": {spans}' for run, spans in document) + "}"

    def to_cmssw(self, *, block: bool = False) -> str:
        """The ranges as CMSSW's ``run:ls-run:ls``, joined by commas.

        Args:
            block: As a ``cms.untracked.VLuminosityBlockRange`` of a configuration.

        Raises:
            MaskError: An end is open.

        Example:
            >>> LumiMask.from_ranges([(7, 1, 3)]).to_cmssw(block=True)
            "cms.untracked.VLuminosityBlockRange('7:1-7:3')"
        """
        self._need_ends("write it down for CMSSW", good_only=True)
        pieces = [cmssw.piece(*t) for t in zip(*triples(self._good), strict=True)]
        return cmssw.block(pieces) if block else ",".join(pieces)

    def to_coffea(self) -> Any:
        """The mask as ``coffea.lumi_tools.LumiMask``, with its ranges in order.

        Raises:
            MissingExtraError: coffea is not installed.
            MaskError: An end is open.
        """
        from omskit.lumi.frameworks import to_coffea  # no cycle at import

        return to_coffea(self)

    def to_cpp(self, name: str = "golden") -> str:
        """A C++ header with ``bool name(run, lumisection)``, e.g. for RDataFrame.

        Raises:
            MaskError: The name is none in C++, or the mask is empty.
        """
        from omskit.lumi.frameworks import to_cpp  # no cycle at import

        return to_cpp(self, name)

    def to_arrow(self) -> pa.Table:
        """A table of ranges: run, first and last; the last of an open one is null."""
        return tables.of_ranges(*triples(self._good))

    def __and__(self, other: LumiMask) -> LumiMask:
        return self._combine(other, np.logical_and)

    def __or__(self, other: LumiMask) -> LumiMask:
        return self._combine(other, np.logical_or)

    def __sub__(self, other: LumiMask) -> LumiMask:
        return self._combine(other, minus)

    def __xor__(self, other: LumiMask) -> LumiMask:
        return self._combine(other, np.logical_xor)

    def _combine(self, other: object, operation: Operation) -> LumiMask:
        if not isinstance(other, LumiMask):
            return cast("LumiMask", NotImplemented)
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

    def __invert__(self) -> LumiMask:
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

    def __le__(self, other: LumiMask) -> bool:
        if not isinstance(other, LumiMask):
            return NotImplemented
        return combine(self._good, other._good, minus).size == 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LumiMask):
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

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the sets; the look-up table is made again where it is needed."""
        return (_restore, (self._good, self._known, self._notes))

    def __repr__(self) -> str:
        tail = "" if self._known is None else f".within({self.known!r})"
        if self._good.size > 2 * SHOWN:
            runs, ranges = self.runs.size, self._good.size // 2
            return f"<LumiMask of {ranges} ranges in {runs} runs>{tail}"
        if not self:
            return f"LumiMask(){tail}"
        return f"LumiMask.from_ranges({list(self.ranges())}){tail}"


def _restore(
    good: IntArray, known: IntArray | None, notes: tuple[str, ...]
) -> LumiMask:
    frozen = None if known is None else freeze(known)
    return LumiMask._make(freeze(good), frozen, notes)
