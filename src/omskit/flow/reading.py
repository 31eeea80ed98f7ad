"""Reading all rows of a plan: which pages, in which order, and whether that is all.

The first page of a request tells how many rows match; the others are computed from that
number, never followed, and asked for side by side. In the end the rows are counted and
told apart by their identity; what does not add up is read again, and then raised.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import DecodeError, IncompleteError, ServiceError
from omskit.flow.effects import Flow, Join, Progress, Request, Start
from omskit.flow.exchange import Policy, exchange
from omskit.jsonapi import ID, Rows, decode
from omskit.query.url import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from omskit.query import Query
    from omskit.schema import Resource

ROUNDS = 3
"""So often a request is read when its pages do not add up: an ongoing run grows."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to read.

    Attributes:
        base_url: Where the service is, without a trailing slash.
        page_size: Rows per page.
        concurrency: Requests at once.
        policy: When to try again.
        raw: Keep the service's units.
        audit: Look for missing lumisections.
        allow_partial: Return what there is when rows are missing, also where a page
            after the first could not be had at all.
    """

    base_url: str
    page_size: int = 1000
    concurrency: int = 4
    policy: Policy = field(default_factory=Policy)
    raw: bool = False
    audit: bool = True
    allow_partial: bool = False

    @property
    def window(self) -> int:
        """Pages on their way at once, those being decoded or waited for among them."""
        return 2 * self.concurrency


@dataclass(frozen=True, slots=True)
class Page:
    """One page to ask for: *part* numbers the request it belongs to."""

    part: int
    offset: int
    limit: int
    query: Query

    @property
    def url(self) -> str:
        """Relative to the base URL."""
        return encode(self.query, self.offset, self.limit)


@dataclass(slots=True)
class Part:
    """What has been read of one request."""

    query: Query
    wanted: int | None
    totals: list[int] = field(default_factory=list)
    pages: dict[int, Rows] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

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

    def tables(self) -> list[pa.Table]:
        """The pages in order."""
        return [self.pages[offset].table for offset in sorted(self.pages)]


def get(url: str, options: Options, resource: Resource) -> Flow[Rows]:
    """The rows at *url*, relative to the base URL."""
    request = Request("GET", f"{options.base_url}/{url}")
    rows: Rows = yield from exchange(request, options.policy, decode, resource)
    return rows


def read_page(page: Page, options: Options, resource: Resource) -> Flow[Rows]:
    """One page; it must say how many rows match."""
    rows = yield from get(page.url, options, resource)
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


def later_pages(first: Page, total: int, wanted: int | None) -> list[Page]:
    """The pages after the first.

    Example:
        >>> from omskit.query import Query
        >>> first = Page(0, 0, 1000, Query("runs"))
        >>> [p.offset for p in later_pages(first, 4655, None)]
        [1000, 2000, 3000, 4000]
    """
    last = total if wanted is None else min(total, wanted)
    offsets = range(first.offset + first.limit, last, first.limit)
    return [replace(first, offset=offset) for offset in offsets]


def read_parts(
    parts: Sequence[Part],
    options: Options,
    resource: Resource,
    sink: Callable[[Page, Rows], Flow[None]] | None = None,
) -> Flow[None]:
    """Read all pages of all parts, some at once; what comes goes into the parts.

    Args:
        sink: Given each page as it is joined; pages then come strictly in order, and
            are not kept.
    """
    waiting = deque(
        Page(number, 0, limit_of(part.wanted, options.page_size), part.query)
        for number, part in enumerate(parts)
    )
    flying: deque[tuple[Page, object]] = deque()
    done = 0
    while waiting or flying:
        while waiting and len(flying) < options.window:
            if sink is not None and _must_wait(waiting[0], flying):
                break
            page = waiting.popleft()
            handle = yield Start(read_page(page, options, resource))
            flying.append((page, handle))
        page, handle = flying.popleft()
        part = parts[page.part]
        first = not part.totals
        try:
            rows: Rows = _within((yield Join(handle)), page, part.wanted)
        except (ServiceError, DecodeError) as error:
            if first or not options.allow_partial:
                raise
            part.failed[page.offset] = str(error)
            continue
        part.totals.append(rows.total or 0)
        if first:
            later = later_pages(page, part.total, part.wanted)
            waiting.extendleft(reversed(later))
        if sink is None:
            part.pages[page.offset] = rows
        else:
            yield from sink(page, rows)
        done += rows.table.num_rows
        yield Progress(done, sum(p.expected for p in parts), resource.name)


def _within(rows: Rows, page: Page, wanted: int | None) -> Rows:
    """The rows that are wanted: the last page of a limit may hold a few more."""
    count = rows.table.num_rows
    if wanted is None or page.offset + count <= wanted or count > page.limit:
        return rows
    return replace(rows, table=rows.table.slice(0, wanted - page.offset))


def _must_wait(page: Page, flying: Iterable[tuple[Page, object]]) -> bool:
    """A part may not begin before we know where the one before it ends."""
    return page.offset == 0 and any(p.offset == 0 for p, _ in flying)


def read_all(
    queries: Iterable[Query],
    wanted: int | None,
    options: Options,
    resource: Resource,
) -> Flow[tuple[list[Part], list[str]]]:
    """All rows, read again where they do not add up.

    Returns:
        The parts, and why they are not complete: empty where they are.
    """
    parts = [Part(query, wanted) for query in queries]
    yield from read_parts(parts, options, resource)
    for _ in range(ROUNDS - 1):
        again = [
            n
            for n, part in enumerate(parts)
            if not part.failed and flaw(part, resource)
        ]
        if not again:
            break
        fresh = [Part(parts[n].query, wanted) for n in again]
        yield from read_parts(fresh, options, resource)
        for number, part in zip(again, fresh, strict=True):
            parts[number] = part
    flaws = [found for part in parts if (found := flaw(part, resource))]
    return parts, flaws


def flaw(part: Part, resource: Resource) -> str | None:
    """Why the pages of a part do not add up, or None."""
    if part.failed:
        offset, why = min(part.failed.items())
        return f"the page from row {offset} could not be had: {why.rstrip('.')}"
    if len(set(part.totals)) > 1:
        low, high = min(part.totals), max(part.totals)
        return f"the number of matching rows changed while reading ({low} to {high})"
    if part.count != part.expected:
        return f"{part.count} of {part.expected} rows came back"
    tables = part.tables()
    return unnamed(tables, resource, part.query.fields) or repeated(tables, resource)


def unnamed(
    tables: Sequence[pa.Table], resource: Resource, asked: tuple[str, ...] | None
) -> str | None:
    """How many rows lack a part of their identity that was asked for, or None."""
    for name in resource.identity:
        column = resource.field(name)
        # A row of a whole run need not say where its lumisections begin.
        whole_run = name == resource.lumisection and resource.granularities
        if whole_run or (asked is not None and column.attribute not in asked):
            continue
        there = (t for t in tables if name in t.column_names)
        missing = sum(table.column(name).null_count for table in there)
        if missing:
            return f"{missing} rows have no {name}"
    return None


def repeated(tables: Sequence[pa.Table], resource: Resource) -> str | None:
    """Which rows came twice or without identity, or None."""
    columns = _identity(tables, resource)
    if not columns:
        return None
    try:
        keys = pa.concat_tables([t.select(columns) for t in tables])
    except pa.ArrowInvalid:
        return None  # One type here, another there: joining the pages names it.
    for name in columns:
        # A row of a whole run need not say where its lumisections begin.
        if keys.column(name).null_count and name != resource.lumisection:
            return f"{keys.column(name).null_count} rows have no {name.lstrip('@')}"
    codes = _codes(keys)
    if len(codes.unique()) == keys.num_rows:
        return None
    counts = codes.value_counts()
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    row = pc.index(codes, twice.field("values")[0]).as_py()
    first = ", ".join(str(keys.column(name)[row]) for name in columns)
    return f"{len(twice)} rows came more than once, the first {first}"


def _codes(keys: pa.Table) -> pa.Array:
    """A number for each row, equal where all columns are.

    Not Table.group_by: that imports pyarrow.dataset and with it all of pandas, for
    0.5 s and 100 MB.
    """
    codes: pa.Array | None = None
    for column in keys.columns:
        encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
        here = encoded.indices.cast(pa.int64())
        if codes is not None:
            both = pc.add(pc.multiply(codes, len(encoded.dictionary)), here)
            here = both.dictionary_encode().indices.cast(pa.int64())
        codes = here
    return codes


def _identity(tables: Sequence[pa.Table], resource: Resource) -> list[str]:
    """The columns that tell rows apart; none where that cannot be told."""
    columns = [ID] if resource.id_is_real else list(resource.identity)
    if not columns and not any(t.column(ID).null_count for t in tables):
        # A resource outside the catalogue: its ids tell, where it has any.
        columns = [ID]
    there = bool(tables) and set(columns) <= set(tables[0].column_names)
    return columns if there else []


def incomplete(
    flaws: Iterable[str], table: object, resource: Resource, *, rounds: int = ROUNDS
) -> NoReturn:
    """Raise the error for rows that could not be had."""
    often = f"{rounds} times" if rounds > 1 else "once, as pages are"
    message = (
        f"The answer for {resource.name!r} is not whole: {'; '.join(flaws)}. "
        f"It was read {often}. Try again later; allow_partial=True returns "
        "what did arrive, and says so."
    )
    raise IncompleteError(message, table=table)


__all__ = [
    "Options",
    "Page",
    "Part",
    "flaw",
    "get",
    "incomplete",
    "later_pages",
    "limit_of",
    "read_all",
    "read_page",
    "read_parts",
    "repeated",
    "unnamed",
]
