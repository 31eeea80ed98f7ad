"""What a client does with a query, from checking its names to the finished table."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from omskit._version import __version__
from omskit.effects import Effect, Flow, Join, Now, Request, Start
from omskit.errors import (
    NoRowError,
    StatusError,
    TooManyRowsError,
    UnknownResourceError,
)
from omskit.flow.assemble import assemble, notes_of, verify
from omskit.flow.audit import audited, can_audit, last_lumisections
from omskit.flow.exchange import exchange
from omskit.flow.identity import named
from omskit.flow.read import (
    Options,
    Page,
    Part,
    incomplete,
    limit_of,
    read_all,
    read_page,
)
from omskit.flow.select import Selected, resolve
from omskit.flow.service_info import ServiceInfo, with_service_info
from omskit.query import Query, bind
from omskit.query.plan import Plan, plan
from omskit.query.stored import write_query
from omskit.query.url import encode
from omskit.schema import Catalogue, Resource, merge_meta
from omskit.table import Table
from omskit.table.receipt import Receipt

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Generator, Mapping

    import pyarrow as pa

    from omskit.jsonapi import Rows


@dataclass(frozen=True, slots=True)
class Context:
    """What a flow needs to know besides the query.

    Attributes:
        service: Name of the service for receipts, without secrets.
        unchecked: Send names that the catalogue does not know.
        learnt: Resources outside the catalogue, as the service described them; filled
            by `describe`, so that each is asked for once.
    """

    catalogue: Catalogue
    options: Options
    service: str
    unchecked: bool = False
    learnt: dict[str, Resource] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ready:
    """A query that can be asked."""

    query: Query
    resource: Resource
    plan: Plan
    notes: tuple[str, ...]


def describe(name: str, context: Context) -> Flow[Resource]:
    """The resource of that name: from the catalogue, or as the service describes it.

    Raises:
        UnknownResourceError: Neither knows it.
    """
    if name in context.catalogue:
        return context.catalogue[name]
    if name not in context.learnt:
        context.learnt[name] = yield from learn(name, context)
    return context.learnt[name]


def learn(name: str, context: Context) -> Flow[Resource]:
    """A resource as the service describes it, beside what the catalogue says.

    Raises:
        UnknownResourceError: Neither knows it.
    """
    known = name in context.catalogue
    try:
        fields = yield from _meta_fields(name, context.options)
    except StatusError as error:
        if known or error.status not in {400, 404}:
            raise
        raise UnknownResourceError(
            context.catalogue.unknown(name),
            request=error.request,
            status=error.status,
            attempts=error.attempts,
        ) from error
    resource = context.catalogue[name] if known else Resource(name, ())
    return merge_meta(resource, fields)


def _meta_fields(name: str, options: Options) -> Flow[Mapping[str, Any]]:
    """``meta.fields`` of a resource; empty where the service says nothing usable."""
    base = quote(name.split("/", maxsplit=1)[0], safe="")
    request = Request("GET", f"{options.base_url}/{base}/meta")
    response = yield from exchange(request, options.policy)
    try:
        document = msgspec.json.decode(response.body)
        fields = document["meta"]["fields"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def prepare(query: Query, context: Context) -> Flow[Ready]:
    """Check, resolve and plan a query."""
    resource = yield from describe(query.resource, context)
    notes: list[str] = []
    unchecked = context.unchecked
    if not resource.fields:
        unchecked = True
        notes.append(
            f"Neither the catalogue nor the service describes {query.resource!r}: "
            "its columns have the types that their values have."
        )
    bound = bind(query, resource, unchecked=unchecked)

    def look(question: Query) -> Generator[Effect, Any, pa.Table]:
        table: Table = yield from fetch(question, _strict(context))
        return table.arrow

    selected: Selected = yield from resolve(bound, resource, look)
    checked = bind(selected.query, resource, unchecked=unchecked)
    if selected.empty:
        made = Plan((), columns=query.fields, empty=selected.empty)
    else:
        made = plan(checked, resource, raw=context.options.raw)
    if made.columns is not None:
        names = [f.name for n in made.columns for f in _columns(n, resource)]
        made = replace(made, columns=tuple(dict.fromkeys(names or made.columns)))
    made = replace(made, notes=(*selected.notes, *made.notes))
    return Ready(query, resource, made, tuple(notes))


def _strict(context: Context) -> Context:
    """For rows that are counted or looked up: all of them or an error, and no audit."""
    options = replace(context.options, audit=False, allow_partial=False)
    return replace(context, options=options)


def _columns(name: str, resource: Resource) -> tuple[Any, ...]:
    if name in resource or any(f.attribute == name for f in resource.fields):
        return resource.columns_of(name)
    return (_Bare(name),)


@dataclass(frozen=True, slots=True)
class _Bare:
    """The name of a column that the catalogue does not know."""

    name: str


def fetch(query: Query, context: Context) -> Flow[Table]:
    """All rows of a query, as one table.

    Raises:
        IncompleteError: Rows that the service counts could not be had.
        OMSError: Any other reason why there is no whole answer.
    """
    started: dt.datetime = yield Now()
    ready = yield from prepare(query, context)
    return (yield from fetch_ready(ready, context, started))


def fetch_ready(ready: Ready, context: Context, started: dt.datetime) -> Flow[Table]:
    """All rows of a prepared query; see `fetch`."""
    resource, made, options = ready.resource, ready.plan, context.options
    audit = None
    if _audits(ready, context):
        audit = yield Start(last_lumisections(made, context.catalogue["runs"], options))
    said = ServiceInfo(options.base_url)
    reading = read_all(made.requests, made.wanted, options, resource)
    parts, flaws = yield from with_service_info(reading, said)
    pages = [
        # A row without a number breaks the filter on it too; the flaw tells of it.
        named(page, resource, part.query.fields) if flaws else page
        for part in parts
        for page in part.tables()
    ]
    done = assemble(pages, made, resource, raw=options.raw)
    rows = [page for part in parts for page in part.pages.values()]
    notes = [*ready.notes, *notes_of(rows), *done.notes]
    lost = sum(part.count for part in parts) - sum(page.num_rows for page in pages)
    if lost:
        notes.append(f"Left out: {lost} rows that do not say which they are.")
    gaps: tuple[tuple[int, int, int], ...] = ()
    if audit is not None:
        last = yield Join(audit)
        # What is absent may be lost, or a name misspelt: OMS is not to be blamed.
        if not flaws and (done.table.num_rows or not _names_something(ready)):
            gaps, gap_notes = audited(done.table, resource, last)
            notes += gap_notes
    notes += without_rows(parts)
    if not done.table.num_rows and not flaws:
        notes.append(no_row(ready))
    if flaws:
        notes = [*(f"Incomplete: {f}." for f in flaws), *notes]
    finished: dt.datetime = yield Now()
    table = Table(
        done.table,
        resource=resource.name,
        complete=not flaws,
        warnings=notes,
        gaps=gaps,
        receipt=replace(
            receipt_of(ready, context, said, started, finished),
            urls=tuple(urls_of(parts, made, options)),
            total=sum(part.total for part in parts),
            rows=done.table.num_rows,
            question=_stored(ready.query, context),
        ),
    )
    if flaws and not options.allow_partial:
        incomplete(flaws, table, resource)
    return table


def receipt_of(
    ready: Ready,
    context: Context,
    said: ServiceInfo,
    started: dt.datetime,
    now: dt.datetime,
) -> Receipt:
    """The receipt of an answer, but for what came: addresses, numbers of rows."""
    return Receipt(
        service=context.service,
        urls=(),
        total=0,
        rows=0,
        started=started,
        finished=now,
        version=__version__,
        service_version=said.version,
        service_source=said.source,
        resource=ready.resource.name,
        identity=ready.resource.identity,
    )


def _stored(query: Query, context: Context) -> str:
    """The question as a receipt keeps it; empty where it cannot be said in JSON."""
    found = write_query(query)
    if found is None:
        return ""
    how = {"raw": context.options.raw, "unchecked": context.unchecked}
    return json.dumps({"query": found, **how})


def _audits(ready: Ready, context: Context) -> bool:
    """Missing lumisections are looked for, which takes a list of runs."""
    can = can_audit(ready.query, ready.resource, ready.plan)
    return context.options.audit and can and "runs" in context.catalogue


def _names_something(ready: Ready) -> bool:
    """More than runs is asked for, such as paths, which may not be there at all."""
    return any(c.field != "run_number" for c in ready.query.conditions)


def no_row(ready: Ready) -> str:
    """That nothing matches, and why where that is known."""
    reason = f": {ready.plan.empty}" if ready.plan.empty else ""
    if not reason and _names_something(ready):
        asked = " and ".join(
            f"{condition!s:.60}" for condition in ready.query.conditions
        )
        reason = f" {asked}"
    return f"No row of {ready.resource.name!r} matches{reason}."


def without_rows(parts: list[Part]) -> list[str]:
    """Names that were asked for one by one and have no row, beside others that have."""
    bare = [
        str(condition)
        for part in parts
        if not part.total
        for condition in part.query.conditions
        if condition.op == "EQ" and isinstance(condition.value, str)
    ]
    if not bare or all(not part.total for part in parts):
        return []
    shown = ", ".join(dict.fromkeys(bare[:5]))
    more = f" and {len(bare) - 5} more" if len(bare) > 5 else ""
    return [f"No row matches {shown}{more}."]


def urls_of(parts: list[Part], made: Plan, options: Options) -> list[str]:
    """Every page that was asked for, relative to the base URL."""
    limit = limit_of(made.wanted, options.page_size)
    return [
        encode(part.query, offset, limit)
        for part in parts
        for offset in (sorted(part.pages) or [0])
    ]


def fetch_one(query: Query, context: Context) -> Flow[Table]:
    """The one row that matches.

    Raises:
        NoRowError: None does.
        TooManyRowsError: Several do.
    """
    quiet = _strict(context)
    few = query if query.maximum == 1 else query.limit(2)
    table: Table = yield from fetch(few, quiet)
    asked = ", ".join(map(str, query.conditions)) or "no condition"
    if not len(table):
        message = f"No row of {query.resource!r} matches ({asked})."
        raise NoRowError(message)
    if len(table) > 1:
        message = (
            f"Several rows of {query.resource!r} match ({asked}). "
            "Use fetch() for all of them, or limit(1) for the first."
        )
        raise TooManyRowsError(message)
    return table


def count(query: Query, context: Context) -> Flow[int]:
    """How many rows match; rows are read only where a filter is applied here."""
    ready = yield from prepare(query, context)
    made, resource = ready.plan, ready.resource
    if made.local or made.mask is not None:
        started: dt.datetime = yield Now()
        table = yield from fetch_ready(ready, _strict(context), started)
        return len(table)
    total = 0
    for number, request in enumerate(made.requests):
        page = Page(number, 0, 1, request)
        rows: Rows = yield from read_page(page, context.options, resource)
        verify(rows.table, made, resource)
        total += rows.total or 0
    return total if made.maximum is None else min(total, made.maximum)


def explain(query: Query, context: Context) -> Flow[str]:
    """How a query is answered, as text: what is asked, and what is done here."""
    ready = yield from prepare(query, context)
    made, options = ready.plan, context.options
    lines = [f"{query.resource} from {context.service}"]
    if made.empty:
        lines.append(f"nothing is asked: {made.empty}")
    limit = limit_of(made.wanted, options.page_size)
    shown = made.requests[:5]
    lines += [f"asks {encode(request, 0, limit)}" for request in shown]
    if len(made.requests) > len(shown):
        lines.append(f"and {len(made.requests) - len(shown)} more like these")
    if made.requests:
        lines.append(f"in pages of {limit}, {options.concurrency} at once")
    lines += list(made.notes)
    if _audits(ready, context):
        lines.append("asks runs for the last lumisections, to find missing ones")
    if made.maximum is not None:
        lines.append(f"at most {made.maximum} rows")
    return "\n".join(lines)
