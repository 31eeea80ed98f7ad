"""All rows of a query as one table, the one row of it, and their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit.effects import Flow, Join, Now, Start
from omskit.errors import NoRowError, TooManyRowsError
from omskit.flow.assemble import Assembled, assemble, notes_of, verify
from omskit.flow.audit import audited, last_lumisections
from omskit.flow.identity import named
from omskit.flow.outcome import Outcome, Read, no_row, without_rows
from omskit.flow.prepare import Prepared, prepare
from omskit.flow.read import Part, incomplete, limit_of, read_all, read_page
from omskit.flow.service_info import ServiceInfo
from omskit.flow.source import Page
from omskit.table.note import Note, NoteKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from omskit.flow.context import Context
    from omskit.flow.settings import Settings
    from omskit.query import Query
    from omskit.table import Table


def fetch(query: Query, context: Context) -> Flow[Table]:
    """All rows of a query, as one table.

    Raises:
        IncompleteError: Rows that the service counts could not be had.
        OMSError: Any other reason why there is no whole answer.
    """
    started: dt.datetime = yield Now()
    prepared = yield from prepare(query, context, fetch)
    return (yield from fetch_prepared(prepared, context, started))


def fetch_prepared(
    prepared: Prepared, context: Context, started: dt.datetime
) -> Flow[Table]:
    """All rows of a prepared query; see `fetch`."""
    resource, plan = prepared.resource, prepared.plan
    source, settings = context.source, context.settings
    audit = None
    if prepared.audits(context):
        flow = last_lumisections(plan, context.catalogue["runs"], source)
        audit = yield Start(flow)
    info = ServiceInfo(source.base_url)
    reading = read_all(plan.requests, plan.wanted, context, resource)
    parts, flaws = yield from source.listening(reading, info)
    done, notes = _assembled(parts, prepared, settings, flawed=bool(flaws))
    gaps: tuple[tuple[int, int, int], ...] = ()
    if audit is not None:
        last = yield Join(audit)
        # What is absent may be lost, or a name misspelt: OMS is not to be blamed.
        if not flaws and (done.table.num_rows or not prepared.names_something):
            gaps, gap_notes = audited(done.table, resource, last)
            notes += gap_notes
    notes += without_rows(parts, prepared.query)
    if not done.table.num_rows and not flaws:
        notes.append(no_row(prepared))
    finished: dt.datetime = yield Now()
    read = Read(
        table=done.table,
        notes=notes,
        urls=tuple(_urls(parts, limit_of(plan.wanted, context.page_size))),
        total=sum(part.total for part in parts),
        flaws=flaws,
        gaps=gaps,
    )
    outcome = Outcome(prepared, context, info, started)
    table = outcome.table(read, finished, whole=True)
    if flaws and not settings.allow_partial:
        incomplete(flaws, table, resource)
    return table


def _assembled(
    parts: list[Part], prepared: Prepared, settings: Settings, *, flawed: bool
) -> tuple[Assembled, list[Note]]:
    """The rows in their final form, and what is to be said of them so far."""
    resource = prepared.resource
    pages = [
        # A row without a number breaks the filter on it too; the flaw tells of it.
        named(page, resource, part.query.fields) if flawed else page
        for part in parts
        for page in part.tables()
    ]
    raw, ids = settings.raw, settings.ids
    done = assemble(pages, prepared.plan, resource, raw=raw, ids=ids)
    rows = [page for part in parts for page in part.pages.values()]
    notes = [*notes_of(rows), *done.notes]
    lost = sum(part.count for part in parts) - sum(page.num_rows for page in pages)
    if lost:
        text = f"Left out: {lost} rows that do not say which they are."
        notes.append(Note(NoteKind.INCOMPLETE, text))
    return done, notes


def _urls(parts: Iterable[Part], limit: int) -> list[str]:
    """Every page that was asked for, relative to the base URL."""
    return [
        Page(part.query, offset, limit).url
        for part in parts
        for offset in (sorted(part.pages) or [0])
    ]


def fetch_one(query: Query, context: Context) -> Flow[Table]:
    """The one row that matches.

    Raises:
        NoRowError: None does.
        TooManyRowsError: Several do.
    """
    few = query if query.maximum == 1 else query.limit(2)
    table = yield from fetch(few, context.strict())
    conditions = ", ".join(map(str, query.conditions)) or "no condition"
    if not len(table):
        message = f"No row of {query.resource!r} matches ({conditions})."
        raise NoRowError(message)
    if len(table) > 1:
        message = (
            f"Several rows of {query.resource!r} match ({conditions}). "
            "Use fetch() for all of them, or limit(1) for the first."
        )
        raise TooManyRowsError(message)
    return table


def count(query: Query, context: Context) -> Flow[int]:
    """How many rows match; rows are read only where a filter is applied here."""
    prepared = yield from prepare(query, context, fetch)
    plan, resource = prepared.plan, prepared.resource
    if plan.local or plan.mask is not None:
        started: dt.datetime = yield Now()
        table = yield from fetch_prepared(prepared, context.strict(), started)
        return len(table)
    total = 0
    for request in plan.requests:
        rows = yield from read_page(Page(request, 0, 1), context.source, resource)
        verify(rows.table, plan, resource)
        total += rows.total or 0
    return total if plan.maximum is None else min(total, plan.maximum)
