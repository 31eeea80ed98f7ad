"""Tables page by page, in order, while later pages are on their way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omskit.flow.asking import Context, Ready, fetch, prepare
from omskit.flow.assemble import assemble, notes_of
from omskit.flow.effects import Emit
from omskit.flow.reading import Page, Part, incomplete, read_parts, repeated
from omskit.table import Table

if TYPE_CHECKING:
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
    stream = _Stream(ready, context)
    if ready.plan.whole:
        table = yield from fetch(query, context)
        yield Emit(table)
        return
    parts = [Part(request, ready.plan.wanted) for request in ready.plan.requests]
    yield from read_parts(parts, context.options, ready.resource, stream.take)
    yield from stream.end(parts)


class _Stream:
    """Pages on their way out: one is held back, for columns that need the next row."""

    def __init__(self, ready: Ready, context: Context) -> None:
        self.ready = ready
        self.context = context
        self.held: Rows | None = None
        self.seen: list[pa.Table] = []
        self.rows = 0

    def take(self, page: Page, rows: Rows) -> Flow[None]:
        """Let the page before go, now that its next row is here."""
        del page
        yield from self._release(rows.table.slice(0, 1))
        self.held = rows

    def end(self, parts: list[Part]) -> Flow[None]:
        """Let the last page go and count."""
        yield from self._release(None)
        made = self.ready.plan
        expected = sum(part.expected for part in parts)
        if made.maximum is not None:
            expected = min(expected, made.maximum)
        flaws = []
        if any(len(set(part.totals)) > 1 for part in parts):
            flaws.append("the number of matching rows changed while reading")
        if self.rows != expected:
            flaws.append(f"{self.rows} of {expected} rows came back")
        twice = repeated(self.seen, self.ready.resource)
        if twice:
            flaws.append(twice)
        if flaws and not self.context.options.allow_partial:
            incomplete(flaws, None, self.ready.resource)

    def _release(self, following: pa.Table | None) -> Flow[None]:
        held = self.held
        if held is None:
            return
        resource, made = self.ready.resource, self.ready.plan
        raw = self.context.options.raw
        left = None if made.maximum is None else made.maximum - self.rows
        done = assemble(
            [held.table], replace(made, maximum=left), resource, raw=raw,
            following=following,
        )
        keys = {*resource.identity, "@id"} & set(held.table.column_names)
        self.seen.append(held.table.select(sorted(keys)))
        self.rows += done.table.num_rows
        notes = [*self.ready.notes, *notes_of([held]), *done.notes]
        yield Emit(Table(done.table, resource=resource.name, warnings=notes))
