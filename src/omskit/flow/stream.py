"""Tables page by page, in order, while later pages are on their way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from omskit.effects import Emit, Now
from omskit.errors import UnitError
from omskit.flow.assemble import assemble, notes_of
from omskit.flow.fetch import fetch, fetch_prepared
from omskit.flow.fitting import Fitting
from omskit.flow.identity import Seen
from omskit.flow.outcome import Outcome, Read, no_row, without_rows
from omskit.flow.prepare import Prepared, prepare
from omskit.flow.read import Part, PartPage, flaw, incomplete, read_parts
from omskit.flow.service_info import ServiceInfo
from omskit.flow.sorting import Order, order_of
from omskit.flow.witness import another_granularity, miscounted, strangers
from omskit.query.order import needs_next
from omskit.table import Table, unit_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import pyarrow as pa

    from omskit.effects import Flow
    from omskit.flow.context import Context
    from omskit.jsonapi import Rows
    from omskit.query import Query
    from omskit.schema import Resource
    from omskit.table.note import Note


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
    prepared = yield from prepare(query, context, fetch)
    if prepared.plan.whole:
        quiet = context.without_audit()
        table = yield from fetch_prepared(prepared, quiet, started)
        for piece in _pieces(table, context.page_size):
            yield Emit(piece)
        return
    parts = [Part(request, prepared.plan.wanted) for request in prepared.plan.requests]
    info = ServiceInfo(context.source.base_url)
    stream = _Stream(Outcome(prepared, context, info, started), _Tally(parts))
    reading = read_parts(parts, context, prepared.resource, stream.take)
    yield from context.source.listening(reading, info)
    yield from stream.end()


def _pieces(table: Table, rows: int) -> Iterator[Table]:
    """A whole table in pages; what is to be said of it goes with the first."""
    for offset in range(0, max(len(table), 1), rows):
        notes = () if offset else table.notes
        yield table.part(table.arrow.slice(offset, rows), warnings=notes)


@dataclass(slots=True)
class _Tally:
    """Which pages came, and whether they are all that there should be.

    Attributes:
        rows: How many rows came.
        last: The last page that came.
        bare: Pages that came without rows.
        witnessed: What the rows show against the answer, such as another order.
    """

    parts: list[Part]
    rows: int = 0
    last: PartPage | None = None
    bare: list[PartPage] = field(default_factory=list)
    witnessed: list[str] = field(default_factory=list)
    _order: Order | None = None

    def add(self, page: PartPage, table: pa.Table, resource: Resource) -> None:
        """Count a page, and look at its rows and those of the pages before."""
        rows = table.num_rows
        if self._order is None or self.last is None or self.last.part != page.part:
            self._order = order_of(page.query, resource)
        self.last = page
        self.rows += rows
        if not rows:
            self.bare.append(page)
            return
        if not self.witnessed:
            found = (
                strangers([table], resource)
                or self._order.flaw(table)
                or another_granularity([table], page.query, resource)
            )
            self.witnessed += [found] if found else []

    def flaws(self, resource: Resource, *, stopped: bool) -> list[str]:
        """Why rows are missing; where nothing more was *wanted*, of those before."""
        flaws = [flaw(part, resource) for part in self.parts if part.failed]
        flaws += self.witnessed
        if any(len(set(part.totals)) > 1 for part in self.parts):
            flaws.append("the number of matching rows changed while reading")
        expected = self._expected(stopped=stopped)
        found = [*flaws, miscounted(self.rows, expected)]
        return [why for why in found if why]

    def _expected(self, *, stopped: bool) -> int:
        """How many rows the pages that were read should have."""
        whole = sum(part.expected for part in self.parts)
        if not stopped or self.last is None:
            return whole
        reached = self.last.offset + self.last.limit
        begun = self.parts[: self.last.part]
        now = self.parts[self.last.part]
        return sum(part.expected for part in begun) + min(now.expected, reached)


class _Alike:
    """What the pages of one answer must have in common."""

    def __init__(self, prepared: Prepared) -> None:
        columns = prepared.plan.columns
        wanted = None if columns is None else set(columns)
        self._fit = Fitting(prepared.resource, wanted)
        self._seen = Seen(prepared.resource)
        self._units: dict[str, str | None] = {}

    def fitted(self, table: pa.Table) -> pa.Table:
        """A page with the types of those before it; its rows are new ones.

        Raises:
            DecodeError: It does not fit.
        """
        table = self._fit(table)
        self._seen.add(table)
        return table

    def flaw(self) -> str | None:
        """Which rows came twice, or None."""
        return self._seen.flaw()

    def check_units(self, table: pa.Table) -> None:
        """Refuse numbers that mean something else than those already given.

        Raises:
            UnitError: A column has another unit than before.
        """
        if not table.num_rows:
            return
        for column_field in table.schema:
            column, unit = table.column(column_field.name), unit_of(column_field)
            if column.null_count == len(column):
                continue
            before = self._units.setdefault(column_field.name, unit)
            if unit != before:
                message = (
                    f"The unit of {column_field.name} is {before} in the pages already "
                    f"given and {unit} in the next. fetch() tells of both; units='raw' "
                    "keeps the service's numbers, with the unit of each row beside "
                    "them."
                )
                raise UnitError(message)


@dataclass(slots=True)
class _Done:
    """A finished table, what is to be said with it, and the pages that it is of."""

    table: pa.Table
    notes: list[Note]
    pages: list[PartPage] = field(default_factory=list)


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

    def __init__(self, outcome: Outcome, tally: _Tally) -> None:
        self._outcome = outcome
        self._prepared = outcome.prepared
        self._settings = outcome.context.settings
        self._tally = tally
        self._alike = _Alike(outcome.prepared)
        self.held: tuple[PartPage, Rows] | None = None
        self.before: pa.Table | None = None
        self.done: _Done | None = None
        self.given = 0

    @property
    def _looks_ahead(self) -> bool:
        """A column is taken from the next row."""
        made = self._prepared.plan
        wanted = None
        if made.columns is not None:
            wanted = {*made.columns, *(c.field for c in made.local)}
        ahead = needs_next(wanted, self._prepared.resource)
        return ahead is not None and not self._settings.raw

    def take(self, page: PartPage, rows: Rows) -> Flow[bool]:
        """Take a page in; True where no more are needed."""
        resource = self._prepared.resource
        self._tally.add(page, rows.table, resource)
        if self._tally.witnessed and not self._settings.allow_partial:
            incomplete(self._tally.witnessed, None, resource, rounds=1)
        if not rows.table.num_rows:
            return False
        rows = replace(rows, table=self._alike.fitted(rows.table))
        if not self._looks_ahead:
            yield from self._finish(page, rows, None)
            return self._is_enough()
        if self.held is not None:
            yield from self._finish(*self.held, rows.table.slice(0, 1))
            held = self.held[1].table
            self.before = held.slice(held.num_rows - 1)
        self.held = page, rows
        return self._is_enough()

    def _is_enough(self) -> bool:
        most = self._prepared.plan.maximum
        return most is not None and self.given >= most

    def end(self) -> Flow[None]:
        """Let the last table go, with a word on whether that was all."""
        stopped = self._is_enough()
        if self.held is not None and not stopped:
            yield from self._finish(*self.held, None)
        if self.done is None:
            self.done = _Done(*self._finished(None, None))
        resource = self._prepared.resource
        flaws = self._tally.flaws(resource, stopped=stopped)
        flaws += [why for why in [self._alike.flaw()] if why]
        done = self.done
        done.pages += self._tally.bare
        if not stopped:
            done.notes += without_rows(self._tally.parts, self._prepared.query)
        if not flaws and not self.given:
            done.notes.append(no_row(self._prepared))
        yield Emit((yield from self._table(done, flaws)))
        if flaws and not self._settings.allow_partial:
            incomplete(flaws, None, resource, rounds=1)

    def _finish(
        self, page: PartPage, rows: Rows, following: pa.Table | None
    ) -> Flow[None]:
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
    ) -> tuple[pa.Table, list[Note]]:
        """The page in its final form, and what is to be said of it."""
        made = self._prepared.plan
        left = None if made.maximum is None else max(made.maximum - self.given, 0)
        pages = [] if held is None else [held]
        around = [row for row in (self.before, following) if row is not None]
        done = assemble(
            [page.table for page in pages],
            replace(made, maximum=left),
            self._prepared.resource,
            raw=self._settings.raw,
            ids=self._settings.ids,
            around=around,
        )
        self._alike.check_units(done.table)
        return done.table, [*notes_of(pages), *done.notes]

    def _table(self, done: _Done, flaws: list[str] | None = None) -> Flow[Table]:
        """The finished table."""
        now: dt.datetime = yield Now()
        # Not all parts: those that are not begun have no total yet.
        parts = {page.part for page in done.pages}
        read = Read(
            table=done.table,
            notes=done.notes,
            urls=tuple(page.url for page in done.pages),
            total=sum(self._tally.parts[number].total for number in parts),
            flaws=flaws or (),
        )
        return self._outcome.table(read, now, whole=False)
