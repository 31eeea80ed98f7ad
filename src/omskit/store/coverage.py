"""What a store holds of a table: which runs, as of when, and whether they are final.

Pure: entries in, answers out. An entry says that all rows of a span of keys (runs or
fills) were fetched and committed as one version of the table; the entry of the highest
version holds.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

VOID = -1

Span = tuple[int, int]
"""First and last key, ends included."""

_TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("resource", pa.string()),
        pa.field("granularity", pa.string()),
        pa.field("first", pa.int64()),
        pa.field("last", pa.int64()),
        pa.field("rows", pa.int64()),
        pa.field("total", pa.int64()),
        pa.field("fetched", _TIME),
        pa.field("same_since", _TIME),
        pa.field("final", pa.bool_()),
        pa.field("hash", pa.string()),
        pa.field("version", pa.int64()),
        pa.field("receipt", pa.string()),
    ]
)
"""The columns of the coverage table."""


@dataclass(frozen=True, slots=True)
class Entry:
    """All rows of a span of keys, as they were when they were fetched.

    Attributes:
        first, last: The span, ends included; one run, or numbers that no run has.
        rows: How many rows there are; `VOID`: it is not held, whatever was said before.
        total: How many the service counted in the request that they came with.
        fetched: When they were read last.
        same_since: Since when they have been read with the same count and hash.
        final: They are not asked for again.
        hash: Of the rows, whatever their order.
        version: The version of the table that they were committed as.
        receipt: How they were obtained, as JSON.
    """

    first: int
    last: int
    rows: int
    fetched: dt.datetime
    same_since: dt.datetime
    final: bool
    hash: str
    total: int = 0
    version: int = -1
    receipt: str = ""

    def cut(self, first: int, last: int) -> Entry:
        """The part of it in a span; only what has no rows is ever cut."""
        return replace(self, first=max(self.first, first), last=min(self.last, last))


class Coverage:
    """The entries that hold, in order, without overlaps.

    Args:
        entries: In any order; of those that overlap the highest version holds.

    Cost: O(n log n) to make, O(log n) to look up.

    Example:
        >>> now = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
        >>> one = Entry(5, 9, 0, now, now, False, "", version=1)
        >>> Coverage([one]).missing([(1, 12)])
        [(1, 4), (10, 12)]
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        found = _resolved(sorted(entries, key=lambda e: (e.version, e.fetched)))
        self.entries = [entry for entry in found if entry.rows != VOID]
        self._firsts = [entry.first for entry in self.entries]
        self._joined = joined((entry.first, entry.last) for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def within(self, span: Span) -> Sequence[Entry]:
        """The entries that overlap a span."""
        start = bisect_right(self._firsts, span[0]) - 1
        if start < 0 or self.entries[start].last < span[0]:
            start += 1
        return self.entries[start : bisect_right(self._firsts, span[1])]

    def at(self, span: Span) -> Entry | None:
        """The entry of exactly this span."""
        place = bisect_left(self._firsts, span[0])
        if place < len(self.entries) and self.entries[place].first == span[0]:
            found = self.entries[place]
            return found if found.last == span[1] else None
        return None

    def missing(
        self,
        spans: Iterable[Span],
        *,
        final: bool = False,
        also: Callable[[Entry], bool] = lambda _: False,
    ) -> list[Span]:
        """What of *spans* is not held; with *final*, what is not final either.

        Args:
            also: Entries that count although they are not final.
        """
        if not final:
            # Every question asks this of all runs: 5000 entries take 10 ms.
            return _lacking(self._joined, spans)
        held = (e for e in self.entries if e.final or also(e))
        chosen = [(entry.first, entry.last) for entry in held]
        return _lacking(joined(chosen), spans)

    @property
    def spans(self) -> list[Span]:
        """What is held, neighbours joined."""
        return list(self._joined)

    @property
    def rows(self) -> int:
        """How many rows are held."""
        return sum(entry.rows for entry in self.entries)


def _lacking(held: Sequence[Span], spans: Iterable[Span]) -> list[Span]:
    """What of *spans* is not in *held*, which is joined."""
    found: list[Span] = []
    for first, last in spans:
        begin = first
        place = max(0, bisect_right(held, first, key=lambda span: span[0]) - 1)
        while begin <= last and place < len(held) and held[place][0] <= last:
            low, high = held[place]
            if low > begin:
                found.append((begin, low - 1))
            begin = max(begin, high + 1)
            place += 1
        if begin <= last:
            found.append((begin, last))
    return found


def _resolved(entries: Sequence[Entry]) -> list[Entry]:
    """Of overlapping entries the later one; *entries* from the oldest on."""
    kept: list[Entry] = []
    firsts: list[int] = []
    for entry in entries:
        if not kept or entry.first > kept[-1].last:
            kept.append(entry)
            firsts.append(entry.first)
            continue
        low = bisect_right(firsts, entry.first) - 1
        if low < 0 or kept[low].last < entry.first:
            low += 1
        high = bisect_right(firsts, entry.last)
        parts = [entry]
        for old in kept[low:high]:
            if old.first < entry.first:
                parts.insert(0, old.cut(old.first, entry.first - 1))
            if old.last > entry.last:
                parts.append(old.cut(entry.last + 1, old.last))
        kept[low:high] = parts
        firsts[low:high] = [part.first for part in parts]
    return kept


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap made one.

    Example:
        >>> joined([(5, 6), (1, 2), (3, 4)])
        [(1, 6)]
    """
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def spans_text(spans: Iterable[Span], end: int) -> str:
    """Spans as people write them; the first ten of many.

    Example:
        >>> spans_text([(1, 1), (3, 5)], end=9)
        '1, 3-5'
    """
    spans = list(spans)
    words = []
    for first, last in spans[:10]:
        if last >= end:
            words.append("all" if first <= 0 else f"from {first}")
        else:
            words.append(str(first) if first == last else f"{first}-{last}")
    more = f" and {len(spans) - 10} more" if len(spans) > 10 else ""
    return (", ".join(words) or "none") + more


@dataclass(frozen=True, slots=True)
class Finality:
    """When rows are not asked for again.

    Attributes:
        settle: So long after the end of a run nothing is final.
        apart: They were read twice, so long apart, with the same count and hash; in
            between nobody is asked, unless they were read before *late*.
        late: So long after the end of a run its rows have come.
    """

    settle: dt.timedelta = dt.timedelta(days=7)
    apart: dt.timedelta = dt.timedelta(days=1)
    late: dt.timedelta = dt.timedelta(hours=6)

    def is_recent(
        self, entry: Entry, ended: dt.datetime | None, now: dt.datetime
    ) -> bool:
        """Whether rows were read after they had all come, and not long ago."""
        if ended is None or entry.fetched - ended < self.late:
            return False
        return now - entry.fetched < self.apart

    def judged(self, fresh: Entry, before: Entry | None, ended: bool) -> Entry:
        """An entry with what is known of it now.

        Args:
            before: What was held of the same span until now.
            ended: It ended long enough ago.
        """
        if before is None or (before.rows, before.hash) != (fresh.rows, fresh.hash):
            return fresh
        since = before.same_since
        final = ended and fresh.fetched - since >= self.apart
        return replace(fresh, same_since=since, final=final)


def entries_from(table: pa.Table) -> Iterator[Entry]:
    """The entries in rows of the coverage table."""
    names = [f for f in SCHEMA.names if f not in {"resource", "granularity"}]
    columns = [table.column(name).to_pylist() for name in names]
    for values in zip(*columns, strict=True):
        yield Entry(**dict(zip(names, values, strict=True)))


def table_of(entries: Iterable[Entry], key: str) -> pa.Table:
    """Rows of the coverage table."""
    resource, _, granularity = key.partition("@")
    rows = [
        {
            "resource": resource,
            "granularity": granularity,
            **{name: getattr(entry, name) for name in Entry.__slots__},
        }
        for entry in entries
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
