"""Tables page by page, in order, while later pages are on their way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omskit.flow.asking import Context, Ready, fetch_ready, no_row, prepare
from omskit.flow.assemble import assemble, notes_of
from omskit.flow.effects import Emit, Now
from omskit.flow.reading import Page, Part, flaw, incomplete, read_parts, repeated
from omskit.jsonapi import ID
from omskit.table import Table

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import pyarrow as pa

    from omskit.flow.effects import Flow
    from omskit.jsonapi import Rows
    from omskit.query import Query


def pages(query: Query, context: Context) -> Flow[None]:
    """All rows, as tables that are emitted in order while later pages are on their way.

    Raises:
        IncompleteError: Rows are missing; tables already emitted are right.
    """
    ready = yield from prepare(query, context)
    if ready.plan.whole or _looks_ahead(ready, raw=context.options.raw):
        started: dt.datetime = yield Now()
        quiet = replace(context, options=replace(context.options, audit=False))
        table = yield from fetch_ready(ready, quiet, started)
        for piece in _pieces(table, context.options.page_size):
            yield Emit(piece)
        return
    stream = _Stream(ready, context)
    parts = [Part(request, ready.plan.wanted) for request in ready.plan.requests]
    yield from read_parts(parts, context.options, ready.resource, stream.take)
    yield from stream.end(parts)


def _looks_ahead(ready: Ready, *, raw: bool) -> bool:
    """A column needs the next lumisection, and the rows come in another order."""
    resource, columns = ready.resource, ready.plan.columns
    natural = ready.query.order in {(), resource.identity}
    return not (natural or raw) and any(
        f.after_filter and (columns is None or f.name in columns)
        for f in resource.fields
    )


def _pieces(table: Table, rows: int) -> Iterator[Table]:
    """A whole table in pages; what is to be said of it goes with the first."""
    for offset in range(0, max(len(table), 1), rows):
        yield Table(
            table.arrow.slice(offset, rows),
            resource=table.resource,
            complete=table.complete,
            warnings=() if offset else table.warnings,
        )


class _Stream:
    """Pages on their way out: one is held back, for columns that need the next row."""

    def __init__(self, ready: Ready, context: Context) -> None:
        self.ready = ready
        self.context = context
        self.held: Rows | None = None
        self.seen: list[pa.Table] = []
        self.said: set[str] = set()
        self.rows = 0

    def take(self, page: Page, rows: Rows) -> Flow[None]:
        """Let the page before go, now that its next row is here."""
        del page
        if not rows.table.num_rows:
            return
        if self.held is not None:
            table, notes = self._finished(self.held, rows.table.slice(0, 1))
            yield Emit(self._table(table, notes))
        self.held = rows

    def end(self, parts: list[Part]) -> Flow[None]:
        """Let the last page go, with a word on whether that was all."""
        table, notes = self._finished(self.held, None)
        flaws = self._flaws(parts)
        if flaws:
            notes = [*(f"Incomplete: {f}." for f in flaws), *notes]
        elif not self.rows:
            notes.append(no_row(self.ready))
        yield Emit(self._table(table, notes, complete=not flaws))
        if flaws and not self.context.options.allow_partial:
            incomplete(flaws, None, self.ready.resource, rounds=1)

    def _flaws(self, parts: list[Part]) -> list[str]:
        resource, made = self.ready.resource, self.ready.plan
        expected = sum(part.expected for part in parts)
        if made.maximum is not None:
            expected = min(expected, made.maximum)
        flaws = [flaw(part, resource) for part in parts if part.failed]
        if any(len(set(part.totals)) > 1 for part in parts):
            flaws.append("the number of matching rows changed while reading")
        if self.rows != expected:
            flaws.append(f"{self.rows} of {expected} rows came back")
        flaws.append(repeated(self.seen, resource))
        return [found for found in flaws if found]

    def _finished(
        self, held: Rows | None, following: pa.Table | None
    ) -> tuple[pa.Table, list[str]]:
        """The held page in its final form, and what is to be said of it."""
        resource, made = self.ready.resource, self.ready.plan
        left = None if made.maximum is None else made.maximum - self.rows
        pages = [] if held is None else [held]
        done = assemble(
            [page.table for page in pages],
            replace(made, maximum=left),
            resource,
            raw=self.context.options.raw,
            following=following,
        )
        for page in pages:
            keys = {*resource.identity, ID} & set(page.table.column_names)
            self.seen.append(page.table.select(sorted(keys)))
        self.rows += done.table.num_rows
        return done.table, [*self.ready.notes, *notes_of(pages), *done.notes]

    def _table(
        self, table: pa.Table, notes: list[str], *, complete: bool = True
    ) -> Table:
        """The page as a table; each thing is said once, with its first page."""
        fresh = [note for note in dict.fromkeys(notes) if note not in self.said]
        self.said.update(fresh)
        name = self.ready.resource.name
        return Table(table, resource=name, complete=complete, warnings=fresh)
