"""Reading all rows of a plan: which pages, in which order, and whether that is all.

The first page of a request tells how many rows match; the others are computed from that
number, never followed, and asked for side by side. In the end the rows are counted and
told apart by their identity; what does not add up is read again, and then raised.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

import pyarrow as pa

from omskit.effects import Flow, Join, Progress, Start
from omskit.errors import (
    DecodeError,
    IncompleteError,
    Remedy,
    ServiceError,
)
from omskit.flow.identity import ascends, check_page, own_conditions, repeated, unnamed
from omskit.flow.sorting import disorder
from omskit.flow.source import Page
from omskit.flow.witness import (
    another_granularity,
    comes_again,
    ends_early,
    miscounted,
    strangers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from omskit.flow.context import Context
    from omskit.flow.source import Source
    from omskit.jsonapi import Rows
    from omskit.query import Query
    from omskit.schema import Resource

ROUNDS = 3
"""So often a request is read when its pages do not add up: an ongoing run grows."""

HOPELESS = 10
"""With allow_partial, so many pages in a row that fail end the reading of a request."""


@dataclass(frozen=True, slots=True)
class PartPage(Page):
    """A page of one of several requests: *part* is the number of the request."""

    part: int = 0


@dataclass(slots=True)
class Part:
    """What has been read of one request."""

    query: Query
    wanted: int | None
    totals: list[int] = field(default_factory=list)
    pages: dict[int, Rows] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    failing: int = 0
    last: pa.Table | None = None

    @property
    def total(self) -> int:
        """The latest count of matching rows."""
        return self.totals[-1] if self.totals else 0

    @property
    def expected(self) -> int:
        """How many rows there should be."""
        return self.total if self.wanted is None else min(self.wanted, self.total)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(rows.table.num_rows for rows in self.pages.values())

    @property
    def ids_made(self) -> bool:
        """Whether nobody but ourselves has named the rows, see `Rows`."""
        return all(rows.ids_made for rows in self.pages.values())

    def tables(self) -> list[pa.Table]:
        """The pages in order."""
        return [self.pages[offset].table for offset in sorted(self.pages)]


def read_page(page: Page, source: Source, resource: Resource) -> Flow[Rows]:
    """One page; it must say how many rows match."""
    rows = yield from source.rows(page, resource)
    if rows.total is None:
        message = "The answer does not say how many rows match"
        raise DecodeError(message, path="$.meta.totalResourceCount")
    return rows


def limit_of(wanted: int | None, page_size: int) -> int:
    """The page size for a request of which *wanted* rows are needed.

    Pages are of equal size, since an offset must be a multiple of the limit.

    Example:
        >>> limit_of(None, 1000), limit_of(20, 1000), limit_of(1500, 1000)
        (1000, 20, 750)
    """
    if wanted is None:
        return page_size
    return -(-wanted // -(-wanted // page_size))


def later_pages(first: PartPage, total: int, wanted: int | None) -> Iterator[PartPage]:
    """The pages after the first, one by one: a service may claim any total.

    Example:
        >>> from omskit.query import Query
        >>> first = PartPage(Query("runs"), 0, 1000)
        >>> [p.offset for p in later_pages(first, 4655, None)]
        [1000, 2000, 3000, 4000]
    """
    last = total if wanted is None else min(total, wanted)
    offsets = range(first.offset + first.limit, last, first.limit)
    return (replace(first, offset=offset) for offset in offsets)


def read_parts(
    parts: Sequence[Part],
    context: Context,
    resource: Resource,
    sink: Callable[[PartPage, Rows], Flow[bool | None]] | None = None,
) -> Flow[None]:
    """Read all pages of all parts, some at once; what comes goes into the parts.

    A part is given up where a page holds fewer rows than it should, or those of the
    page before once more: whatever comes after it, some are missing, and a service may
    claim a million pages more.

    Args:
        sink: Given each page as it is joined; pages then come strictly in order, and
            are not kept. Where it returns True, nothing more is asked for.

    Raises:
        ServiceError: A page has rows that belong to another part.
    """
    queue = _Queue(parts, context, in_order=sink is not None)
    own = own_conditions([part.query for part in parts])
    done = 0
    while queue:
        page, handle = yield from queue.next(resource)
        part = parts[page.part]
        first = not part.totals
        try:
            rows: Rows = _within((yield Join(handle)), page, part.wanted)
        except (ServiceError, DecodeError) as error:
            if first or not context.settings.allow_partial:
                raise
            queue.failed(page, part, str(error))
            continue
        check_page(rows.table, own[page.part], resource)
        queue.came(page, part, rows)
        if sink is None:
            part.pages[page.offset] = rows
        elif (yield from sink(page, rows)):
            return
        done += rows.table.num_rows
        yield Progress(done, sum(p.expected for p in parts), resource.name)


class _Queue:
    """Pages to ask for, and pages on their way, in the order of parts and offsets."""

    def __init__(
        self, parts: Sequence[Part], context: Context, *, in_order: bool
    ) -> None:
        self._source = context.source
        self._window = context.settings.window
        self._in_order = in_order
        size = context.page_size
        nothing: Iterator[PartPage] = iter(())
        self._waiting = deque(
            (PartPage(part.query, 0, limit_of(part.wanted, size), number), nothing)
            for number, part in enumerate(parts)
        )
        self._flying: list[tuple[PartPage, object]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting or self._flying)

    def next(self, resource: Resource) -> Flow[tuple[PartPage, object]]:
        """Start what the window allows; the first page of those on their way."""
        while self._waiting and self._may_start(self._waiting[0][0]):
            page, rest = self._waiting.popleft()
            self._add(rest)
            handle = yield Start(read_page(page, self._source, resource))
            insort(self._flying, (page, handle), key=_place)
        return self._flying.pop(0)

    def _may_start(self, page: PartPage) -> bool:
        if len(self._flying) >= self._window:
            return False
        if not self._in_order or page.offset:
            return True
        # Half of the window is for the later pages of the part that is being read.
        begun = sum(not p.offset for p, _ in self._flying)
        return begun < max(1, self._window // 2)

    def _add(self, pages: Iterator[PartPage]) -> None:
        page = next(pages, None)
        if page is not None:
            self._waiting.appendleft((page, pages))

    def came(self, page: PartPage, part: Part, rows: Rows) -> None:
        """Note what a page says of the others."""
        first = not part.totals
        part.totals.append(rows.total or 0)
        part.failing = 0
        again = comes_again(rows.table, part.last)
        part.last = rows.table
        short = ends_early(rows.table.num_rows, page.offset, page.limit, part.expected)
        if short or again:
            self._give_up(page.part)
        elif first:
            self._add(later_pages(page, part.total, part.wanted))

    def failed(self, page: PartPage, part: Part, why: str) -> None:
        """Note that a page could not be had."""
        part.failed[page.offset] = why
        part.failing += 1
        if part.failing >= HOPELESS:
            self._give_up(page.part)

    def _give_up(self, number: int) -> None:
        self._waiting = deque(w for w in self._waiting if w[0].part != number)


def _place(flying: tuple[PartPage, object]) -> tuple[int, int]:
    return flying[0].part, flying[0].offset


def _within(rows: Rows, page: Page, wanted: int | None) -> Rows:
    """The rows that are wanted: the last page of a limit may hold a few more."""
    count = rows.table.num_rows
    if wanted is None or page.offset + count <= wanted or count > page.limit:
        return rows
    return replace(rows, table=rows.table.slice(0, wanted - page.offset))


def read_all(
    queries: Iterable[Query],
    wanted: int | None,
    context: Context,
    resource: Resource,
) -> Flow[tuple[list[Part], list[str]]]:
    """All rows, read again where they do not add up.

    Returns:
        The parts, and why they are not complete: empty where they are.
    """
    parts = [Part(query, wanted) for query in queries]
    yield from read_parts(parts, context, resource)
    found = [flaw(part, resource) for part in parts]
    for _ in range(ROUNDS - 1):
        again = [n for n, part in enumerate(parts) if found[n] and not part.failed]
        if not again:
            break
        fresh = [Part(parts[n].query, wanted) for n in again]
        yield from read_parts(fresh, context, resource)
        for number, part in zip(again, fresh, strict=True):
            parts[number], found[number] = part, flaw(part, resource)
    flaws = [why for why in found if why]
    if not flaws and len(parts) > 1:
        tables = [table for part in parts for table in part.tables()]
        flaws = [why for why in [repeated(tables, resource)] if why]
    return parts, flaws


def flaw(part: Part, resource: Resource) -> str | None:
    """Why the pages of a part do not add up, or None."""
    if part.failed:
        offset, why = min(part.failed.items())
        return f"the page from row {offset} could not be had: {why.rstrip('.')}"
    if len(set(part.totals)) > 1:
        low, high = min(part.totals), max(part.totals)
        return f"the number of matching rows changed while reading ({low} to {high})"
    tables = _joined(part.tables())
    return (
        miscounted(part.count, part.expected)
        or unnamed(tables, resource, part.query.fields)
        or (None if part.ids_made else strangers(tables, resource))
        or (None if ascends(tables, resource) else repeated(tables, resource))
        or disorder(tables, part.query, resource)
        or another_granularity(tables, part.query, resource)
    )


def _joined(pages: list[pa.Table]) -> list[pa.Table]:
    """The pages as one, without copying: a look at 200 costs what 200 looks do.

    Pages that differ in a type stay apart: joining them later names it.
    """
    try:
        return [pa.concat_tables(pages)] if pages else []
    except pa.ArrowInvalid:
        return pages


def incomplete(
    flaws: Iterable[str], table: object, resource: Resource, *, rounds: int = ROUNDS
) -> NoReturn:
    """Raise the error for rows that could not be had."""
    often = f"{rounds} times" if rounds > 1 else "once, as pages are"
    message = (
        f"The answer for {resource.name!r} is not whole: {'; '.join(flaws)}. "
        f"It was read {often}."
    )
    remedy = Remedy(
        "Try again later; allow_partial=True returns what did arrive, and says so.",
        "Try again later; --allow-partial writes what did arrive.",
    )
    raise IncompleteError(message, table=table, remedy=remedy)
