"""Tables page by page, in order, while later pages are on their way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omskit.effects import Emit, Now
from omskit.errors import UnitError
from omskit.flow.asking import (
    Context,
    Ready,
    fetch_ready,
    no_row,
    prepare,
    receipt_of,
    without_rows,
)
from omskit.flow.assemble import assemble, notes_of
from omskit.flow.fitting import Fitting
from omskit.flow.identity import Seen
from omskit.flow.read import Page, Part, flaw, incomplete, read_parts
from omskit.flow.service_info import ServiceInfo, with_service_info
from omskit.query.order import needs_next
from omskit.table import Table, unit_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import pyarrow as pa

    from omskit.effects import Flow
    from omskit.jsonapi import Rows
    from omskit.query import Query


def pages(query: Query, context: Context) -> Flow[None]:
    """All rows, as tables that are emitted in order while later pages are on their way.

    Filters and masks are applied page by page. Where rows must be sorted here, all are
    read before the first table; `explain` says so.

    Raises:
        IncompleteError: Rows are missing; tables already emitted are right.
        DecodeError: A page does not fit those before it; they are right.
        UnitError: A page has another unit than those before it, or none.
    """
    started: dt.datetime = yield Now()
    ready = yield from prepare(query, context)
    if ready.plan.whole:
        quiet = replace(context, options=replace(context.options, audit=False))
        table = yield from fetch_ready(ready, quiet, started)
        for piece in _pieces(table, context.options.page_size):
            yield Emit(piece)
        return
    parts = [Part(request, ready.plan.wanted) for request in ready.plan.requests]
    said = ServiceInfo(context.options.base_url)
    stream = _Stream(ready, context, parts, said, started)
    reading = read_parts(parts, context.options, ready.resource, stream.take)
    yield from with_service_info(reading, said)
    yield from stream.end()


def _pieces(table: Table, rows: int) -> Iterator[Table]:
    """A whole table in pages; what is to be said of it goes with the first."""
    for offset in range(0, max(len(table), 1), rows):
        warnings = () if offset else table.warnings
        yield table.part(table.arrow.slice(offset, rows), warnings=warnings)


@dataclass(slots=True)
class _Done:
    """A finished table, what is to be said with it, and the pages that it is of."""

    table: pa.Table
    notes: list[str]
    pages: list[Page]


class _Stream:
    """Pages on their way out.

    One finished table is held back, so that the last can say whether that was all; and
    one page as it came, where columns are taken from the next row.

    Attributes:
        held: The page as it came.
        before: The last row of the page before it.
        done: The finished table.
        given: How many rows are in finished tables.
    """

    def __init__(
        self,
        ready: Ready,
        context: Context,
        parts: list[Part],
        said: ServiceInfo,
        started: dt.datetime,
    ) -> None:
        self.ready = ready
        self.context = context
        self.said = said
        self.started = started
        self.raw = context.options.raw
        self.allow_partial = context.options.allow_partial
        self.parts = parts
        self.held: tuple[Page, Rows] | None = None
        self.before: pa.Table | None = None
        self.done: _Done | None = None
        self.given = 0
        self._counts: Counter[int] = Counter()
        self._last: Page | None = None
        self._bare: list[Page] = []
        self._told: set[str] = set()
        self._units: dict[str, str | None] = {}
        self._seen = Seen(ready.resource)
        made = ready.plan
        columns = None if made.columns is None else set(made.columns)
        self._fit = Fitting(ready.resource, columns)
        wanted = None if columns is None else columns | {c.field for c in made.local}
        self.looks_ahead = not self.raw and needs_next(wanted, ready.resource)

    def take(self, page: Page, rows: Rows) -> Flow[bool]:
        """Take a page in; True where no more are needed."""
        self._last = page
        self._counts[page.part] += rows.table.num_rows
        if not rows.table.num_rows:
            self._bare.append(page)
            return False
        rows = replace(rows, table=self._fit(rows.table))
        self._seen.add(rows.table)
        if not self.looks_ahead:
            yield from self._finish(page, rows, None)
            return self._is_enough()
        if self.held is not None:
            yield from self._finish(*self.held, rows.table.slice(0, 1))
            held = self.held[1].table
            self.before = held.slice(held.num_rows - 1)
        self.held = page, rows
        return self._is_enough()

    def _is_enough(self) -> bool:
        most = self.ready.plan.maximum
        return most is not None and self.given >= most

    def end(self) -> Flow[None]:
        """Let the last table go, with a word on whether that was all."""
        stopped = self._is_enough()
        if self.held is not None and not stopped:
            yield from self._finish(*self.held, None)
        if self.done is None:
            self.done = _Done(*self._finished(None, None), [])
        flaws = self._flaws(stopped=stopped)
        done = self.done
        done.pages += self._bare
        if not stopped:
            done.notes += without_rows(self.parts)
        if flaws:
            done.notes = [*(f"Incomplete: {f}." for f in flaws), *done.notes]
        elif not self.given:
            done.notes.append(no_row(self.ready))
        yield Emit((yield from self._table(done, complete=not flaws)))
        if flaws and not self.allow_partial:
            incomplete(flaws, None, self.ready.resource, rounds=1)

    def _flaws(self, *, stopped: bool) -> list[str]:
        resource = self.ready.resource
        flaws = [flaw(part, resource) for part in self.parts if part.failed]
        if any(len(set(part.totals)) > 1 for part in self.parts):
            flaws.append("the number of matching rows changed while reading")
        count, expected = sum(self._counts.values()), self._expected(stopped=stopped)
        if count != expected:
            flaws.append(f"{count} of {expected} rows came back")
        flaws += [part.misfit for part in self.parts]
        flaws.append(self._seen.flaw())
        return [found for found in flaws if found]

    def _expected(self, *, stopped: bool) -> int:
        """How many rows the pages that were read should have."""
        whole = sum(part.expected for part in self.parts)
        if not stopped or self._last is None:
            return whole
        reached = self._last.offset + self._last.limit
        begun = self.parts[: self._last.part]
        now = self.parts[self._last.part]
        return sum(part.expected for part in begun) + min(now.expected, reached)

    def _finish(self, page: Page, rows: Rows, following: pa.Table | None) -> Flow[None]:
        """Give a page its final form, and let the table before it go."""
        fresh = _Done(*self._finished(rows, following), [page])
        self.given += fresh.table.num_rows
        before = self.done
        if before is None:
            self.done = fresh
        elif before.table.num_rows and fresh.table.num_rows:
            self.done = fresh
            yield Emit((yield from self._table(before)))
        else:
            # One of them has no row: only what is to be said of it goes on.
            table = fresh.table if fresh.table.num_rows else before.table
            notes, pages = before.notes + fresh.notes, before.pages + fresh.pages
            self.done = _Done(table, notes, pages)

    def _finished(
        self, held: Rows | None, following: pa.Table | None
    ) -> tuple[pa.Table, list[str]]:
        """The page in its final form, and what is to be said of it."""
        made = self.ready.plan
        left = None if made.maximum is None else max(made.maximum - self.given, 0)
        pages = [] if held is None else [held]
        around = [row for row in (self.before, following) if row is not None]
        done = assemble(
            [page.table for page in pages],
            replace(made, maximum=left),
            self.ready.resource,
            raw=self.raw,
            around=around,
        )
        if done.table.num_rows:
            self._same_units(done.table)
        return done.table, [*self.ready.notes, *notes_of(pages), *done.notes]

    def _same_units(self, table: pa.Table) -> None:
        """Refuse a page whose numbers mean something else than those already given."""
        for field in table.schema:
            column, unit = table.column(field.name), unit_of(field)
            if column.null_count == len(column):
                continue
            before = self._units.setdefault(field.name, unit)
            if unit != before:
                message = (
                    f"The unit of {field.name} is {before} in the pages already given "
                    f"and {unit} in the next. fetch() tells of both; units='raw' keeps "
                    "the service's numbers, with the unit of each row beside them."
                )
                raise UnitError(message)

    def _table(self, done: _Done, *, complete: bool = True) -> Flow[Table]:
        """The finished table; each thing is said once, with its first page."""
        fresh = [note for note in dict.fromkeys(done.notes) if note not in self._told]
        self._told.update(fresh)
        now: dt.datetime = yield Now()
        receipt = receipt_of(self.ready, self.context, self.said, self.started, now)
        # Not all parts: those that are not begun have no total yet.
        parts = {page.part for page in done.pages}
        return Table(
            done.table,
            resource=self.ready.resource.name,
            complete=complete,
            warnings=fresh,
            receipt=replace(
                receipt,
                urls=tuple(page.url for page in done.pages),
                total=sum(self.parts[number].total for number in parts),
                rows=done.table.num_rows,
            ),
        )
