"""`LumiMask`: how masks are made, read and written.

A certification file says which lumisections are good and nothing about the rest: they
may be bad, or never examined. A table of flags says more. So a mask holds two sets,
*good* inside *known*; `omskit.lumi.lumiset` has what can be done with them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from omskit.errors import MaskError
from omskit.lumi import cmssw, dialects, forms, frameworks, rows, tables
from omskit.lumi.edges import (
    EMPTY,
    OPEN,
    IntArray,
    combine,
    freeze,
    from_arrays,
    triples,
)
from omskit.lumi.lumiset import LumiSet
from omskit.lumi.sources import Source, content_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

    from omskit.lumi.kinds import Pairs, Ranges, Tabular, TabularT

    Document = Source | bytes | Mapping[Any, Any]

SHOWN = 4
"""Ranges that the repr spells out."""


@final
class LumiMask(LumiSet):
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

    __slots__ = ()

    def __new__(cls, source: Document | None = None) -> Self:
        """The mask in a file (see `read`); the empty mask where none is given."""
        return cls._make(EMPTY) if source is None else cls.read(source)

    @classmethod
    def read(
        cls,
        source: Document,
        *,
        strict: bool = False,
        fetch: Callable[[str], bytes] | None = None,
    ) -> Self:
        """The mask in a file, whatever form it has.

        Certification JSON of every dialect (see `from_json`), CMSSW ranges and
        fragments of configurations, CSV of run and lumisection or of ranges, and what
        ``oms mask show`` writes; gzip of all these. `notes` says what was read.

        Args:
            source: A path, an open file, bytes, a mapping, or the text itself.
            strict: Refuse certification JSON that would be mended.
            fetch: Who fetches a URL, as nothing here talks to a network.

        Raises:
            MaskError: There is no such file, or it has no meaning; the message names
                the file.

        Example:
            >>> LumiMask.read("297050:12-297050:137")
            LumiMask.from_ranges([(297050, 12, 137)])
        """
        return cls._read(source, forms.read, forms.is_text, strict=strict, fetch=fetch)

    @classmethod
    def _read(
        cls,
        source: Document,
        parse: Callable[..., dialects.Reading],
        is_text: Callable[[str], bool],
        *,
        strict: bool,
        fetch: Callable[[str], bytes] | None = None,
    ) -> Self:
        """Read what a source means: a mapping, a text, or a file with that name."""
        given: Any = source
        if isinstance(given, Mapping):
            found = dialects.read(given, strict=strict)
            return cls._make(found.edges, notes=found.notes)
        if isinstance(given, str) and is_text(given):
            content: bytes | str = given
        elif isinstance(given, bytes | bytearray | memoryview):
            content = unpacked(bytes(given), "these bytes")
        elif isinstance(given, str | os.PathLike) or hasattr(given, "read"):
            content = content_of(given, fetch=fetch)
        else:
            message = (
                "A mask is read from a path, an open file, bytes, text or a mapping, "
                f"not from {type(given).__name__}."
            )
            raise MaskError(message)
        try:
            found = parse(content, strict=strict)
        except MaskError as error:
            if content is given or not isinstance(given, str | os.PathLike):
                raise
            message = f"{os.fspath(given)}: {error}"
            raise MaskError(message) from error
        return cls._make(found.edges, notes=found.notes)

    @classmethod
    def from_ranges(cls, ranges: Ranges) -> LumiMask:
        """From (run, first, last) triples in any order; ends are included.

        Args:
            ranges: An iterable of triples, an array of shape (n, 3), or a table with
                run, first and last (see `omskit.lumi.rows`); they may overlap. A last
                of None leaves the range open.

        Raises:
            MaskError: A range is reversed or a number is below 1.

        Cost: O(n log n).

        Example:
            >>> LumiMask.from_ranges([(1, 4, 6), (1, 1, 3)])
            LumiMask.from_ranges([(1, 1, 6)])
        """
        columns = rows.columns(ranges, ("run", "first", "last"), missing=OPEN)
        return cls._make(from_arrays(*columns))

    @classmethod
    def from_pairs(cls, pairs: Pairs) -> LumiMask:
        """From (run, lumisection) pairs in any order; duplicates do no harm.

        Args:
            pairs: An iterable of pairs, an array of shape (n, 2), or a table with run
                and lumisection (see `omskit.lumi.rows`).

        Raises:
            MaskError: A number is below 1.

        Cost: O(n log n).

        Example:
            >>> LumiMask.from_pairs([(1, 3), (1, 2), (2, 7)])
            LumiMask.from_ranges([(1, 2, 3), (2, 7, 7)])
        """
        runs, numbers = rows.columns(pairs, ("run", "lumisection"))
        return cls._make(from_arrays(runs, numbers, numbers))

    @classmethod
    def from_json(
        cls,
        document: Document,
        *,
        strict: bool = False,
    ) -> Self:
        """From a certification file, its text, or the dict that it parses to.

        Understands what real files hold: ranges in any order, overlapping or adjacent,
        integer keys, repeated keys, a byte-order mark, ``[-1]`` for a whole run,
        ``[a, 0]`` for an open end, ranges from 0. `notes` says what was mended.

        Args:
            document: A path, an open file, text, bytes, or a mapping of run to ranges.
            strict: Refuse what would be mended.

        Raises:
            MaskError: It has no meaning; the message names run and range.

        Cost: O(n log n).

        Example:
            >>> LumiMask.from_json('{"297050": [[193, 776], [12, 137]]}').notes
            ('ranges were not in order in 1 run, e.g. run 297050',)
        """
        return cls._read(document, dialects.read, forms.is_no_file, strict=strict)

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
    def from_table(cls, table: Tabular, flag: str) -> LumiMask:
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
    def notes(self) -> tuple[str, ...]:
        """What the reader mended, one sentence each; operations drop them."""
        return self._notes

    def filter(self, table: TabularT) -> TabularT:
        """The rows of a table whose lumisection is good.

        A `Table`, a pandas or polars frame, and an Arrow table stay what they are.

        Raises:
            MaskError: The table has no run or lumisection column.

        Cost: O(rows).
        """
        return tables.filtered(table, self.contains)

    def close(self, table: Tabular) -> LumiMask:
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

    def to_coffea(self) -> object:
        """The mask as ``coffea.lumi_tools.LumiMask``, with its ranges in order.

        Raises:
            MissingExtraError: coffea is not installed.
            MaskError: An end is open.
        """
        return frameworks.to_coffea(self)

    def to_cpp(self, name: str = "golden") -> str:
        """A C++ header with ``bool name(run, lumisection)``, e.g. for RDataFrame.

        Raises:
            MaskError: The name is none in C++, or the mask is empty.
        """
        return frameworks.to_cpp(self, name)

    def to_arrow(self) -> pa.Table:
        """A table of ranges: run, first and last; the last of an open one is null."""
        return tables.of_ranges(*triples(self._good))

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

    def _repr_html_(self) -> str:
        from omskit.lumi.html import html_of

        return "".join(html_of(self, self.notes))


def _restore(
    good: IntArray, known: IntArray | None, notes: tuple[str, ...]
) -> LumiMask:
    frozen = None if known is None else freeze(known)
    return LumiMask._make(freeze(good), frozen, notes)
