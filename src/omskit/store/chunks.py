"""How a sync is cut into pieces that are fetched and committed as one: pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omskit.store.coverage import joined
from omskit.store.layout import BLOCK, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omskit.store.coverage import Span
    from omskit.store.facts import Fact
    from omskit.store.layout import Layout

TARGET = 200_000
"""Rows of a chunk, about: what is in memory at once, and what a stop loses at most."""

WIDE = 8_000_000
"""Rows times columns of a chunk, and of a file, at most: 60 MB in memory.

An answer looks at the statistics of all row groups of a file (0.1 ms each for 60
columns), and at none of a file that cannot have its rows.
"""

MOST_SPANS = 100
"""So many spans, each a request of its own, make one commit at most."""

_PER_LUMISECTION = {
    "hltpathrates": 500,
    "l1algorithmtriggers": 400,
    "datasetrates": 50,
    "streams": 20,
}
_PER_RUN = {
    "runs": 1,
    "runkeys": 1,
    "l1configurationkeys": 1,
    "fills": 1,
    "filldetails": 1,
    "prescalechanges": 10,
    "daqreadouts": 20,
    "hltconfig": 1,
}
_WIDE = 10 * BLOCK
"""Numbers of runs that are asked for at once where nobody knows which exist."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is fetched and committed as one.

    Attributes:
        spans: Runs or fills, in order, joined.
        keys: Those that exist, as far as is known.
        rows: How many rows it may have; an estimate.
    """

    spans: tuple[Span, ...]
    keys: tuple[int, ...] = ()
    rows: int = 0

    @property
    def hull(self) -> Span:
        """From the first to the last."""
        return self.spans[0][0], self.spans[-1][1]


def chunks(
    layout: Layout,
    wanted: Iterable[Span],
    facts: Mapping[int, Fact],
    newest: int | None = None,
) -> Iterator[Chunk]:
    """*wanted*, cut into chunks.

    Args:
        facts: What exists, where that is known.
        newest: The largest number that exists, where nothing else is known.
    """
    spans: list[Span] = []
    keys: list[int] = []
    rows = 0
    most = min(TARGET, WIDE // len(layout.schema))
    for span, key, size in _pieces(layout, wanted, facts, newest):
        full = rows and rows + size > most
        elsewhere = rows > most // 4 and spans[0][0] // BLOCK != span[0] // BLOCK
        if spans and (full or elsewhere or len(spans) >= MOST_SPANS):
            yield Chunk(tuple(spans), tuple(keys), rows)
            spans, keys, rows = [], [], 0
        spans = [*spans[:-1], *joined([*spans[-1:], span])]
        keys += [] if key is None else [key]
        rows += size
    if spans:
        yield Chunk(tuple(spans), tuple(keys), rows)


def _pieces(
    layout: Layout,
    wanted: Iterable[Span],
    facts: Mapping[int, Fact],
    newest: int | None,
) -> Iterator[tuple[Span, int | None, int]]:
    """Each run with the numbers before it that do not exist, and its rows."""
    known = sorted(facts)
    listing = layout.name in {"runs", "fills"}
    for first, last in wanted:
        if not layout.column:
            yield (first, last), None, 1000
        elif listing:
            yield from _listed(first, last, newest)
        else:
            begin = first
            low, high = bisect_left(known, first), bisect_right(known, last)
            for key in known[low:high]:
                yield (begin, key), key, _rows_of(layout, facts[key])
                begin = key + 1
            if begin <= last:
                yield (begin, last), None, 0


def _listed(
    first: int, last: int, newest: int | None
) -> Iterator[tuple[Span, int | None, int]]:
    """Numbers of which nobody knows yet which exist."""
    begin = first
    end = last if newest is None else min(last, newest)
    while end < OPEN and end - begin >= _WIDE:
        cut = (begin // _WIDE + 1) * _WIDE - 1
        yield (begin, cut), None, _WIDE // 2
        begin = cut + 1
    yield (begin, last), None, 1000


def _rows_of(layout: Layout, fact: Fact) -> int:
    name = layout.resource.name
    if layout.resource.lumisection and layout.granularity is None:
        return fact.lumisections * _PER_LUMISECTION.get(name, 1)
    return _PER_RUN.get(name, 700)
