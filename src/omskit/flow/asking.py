"""What a client does with a query, from checking its names to the finished table."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from omskit._version import __version__
from omskit.errors import (
    NoRowError,
    StatusError,
    TooManyRowsError,
    UnknownResourceError,
)
from omskit.flow.assemble import assemble, notes_of
from omskit.flow.auditing import audited, can_audit, last_lumisections
from omskit.flow.effects import Effect, Flow, Join, Now, Request, Start
from omskit.flow.exchange import exchange
from omskit.flow.reading import Options, Part, get, incomplete, limit_of, read_all
from omskit.flow.selecting import Selected, resolve
from omskit.query import Query, bind
from omskit.query.plan import Plan, plan
from omskit.query.url import encode
from omskit.receipt import Receipt
from omskit.schema import Catalogue, Resource, merge_meta
from omskit.table import Table

if TYPE_CHECKING:
    import datetime as dt

    import pyarrow as pa

    from omskit.jsonapi import Rows


@dataclass(frozen=True, slots=True)
class Context:
    """What a flow needs to know besides the query.

    Attributes:
        service: Name of the service for receipts, without secrets.
        unchecked: Send names that the catalogue does not know.
    """

    catalogue: Catalogue
    options: Options
    service: str
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A query that can be asked."""

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
    try:
        fields = yield from meta_fields(name, context.options)
    except StatusError as error:
        if error.status not in {400, 404}:
            raise
        raise UnknownResourceError(
            context.catalogue.unknown(name), request=error.request, status=error.status
        ) from error
    return merge_meta(Resource(name, ()), fields)


def meta_fields(name: str, options: Options) -> Flow[Mapping[str, Any]]:
    """``meta.fields`` of a resource; empty where the service says nothing usable."""
    base = name.split("/", maxsplit=1)[0]
    request = Request("GET", f"{options.base_url}/{base}/meta")
    response = yield from exchange(request, options.policy)
    try:
        document = msgspec.json.decode(response.body)
        fields = document["meta"]["fields"]
    except (msgspec.DecodeError, LookupError, TypeError):
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
        quiet = replace(context.options, audit=False, allow_partial=False)
        table: Table = yield from fetch(question, replace(context, options=quiet))
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
    return Ready(resource, made, tuple(notes))


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
    resource, made, options = ready.resource, ready.plan, context.options
    audit = None
    if options.audit and can_audit(query, ready.resource, ready.plan):
        audit = yield Start(last_lumisections(made, context.catalogue["runs"], options))
    parts, flaws = yield from read_all(made.requests, made.wanted, options, resource)
    pages = [page for part in parts for page in part.tables()]
    done = assemble(pages, made, resource, raw=options.raw)
    rows = [page for part in parts for page in part.pages.values()]
    notes = [*ready.notes, *notes_of(rows), *done.notes]
    gaps: tuple[tuple[int, int, int], ...] = ()
    if audit is not None:
        gaps, gap_notes = audited(done.table, resource, (yield Join(audit)))
        notes += gap_notes
    notes += _without_rows(parts)
    if not done.table.num_rows:
        reason = f": {made.empty}" if made.empty else ""
        notes.append(f"No row of {resource.name!r} matches{reason}.")
    if flaws:
        notes = [*(f"Incomplete: {f}." for f in flaws), *notes]
    finished: dt.datetime = yield Now()
    table = Table(
        done.table,
        resource=resource.name,
        complete=not flaws,
        warnings=notes,
        gaps=gaps,
        receipt=Receipt(
            service=context.service,
            urls=tuple(urls_of(parts, made, options)),
            total=sum(part.total for part in parts),
            rows=done.table.num_rows,
            started=started,
            finished=finished,
            version=__version__,
        ),
    )
    if flaws and not options.allow_partial:
        incomplete(flaws, table, resource)
    return table


def _without_rows(parts: list[Part]) -> list[str]:
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
    limit = limit_of(made.wanted, options)
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
    quiet = replace(context, options=replace(context.options, audit=False))
    table: Table = yield from fetch(query.limit(2), quiet)
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
        quiet = replace(context.options, audit=False)
        table = yield from fetch(query, replace(context, options=quiet))
        return len(table)
    total = 0
    for request in made.requests:
        rows: Rows = yield from get(encode(request, 0, 1), context.options, resource)
        total += rows.total or 0
    return total if made.maximum is None else min(total, made.maximum)


def explain(query: Query, context: Context) -> Flow[str]:
    """How a query is answered, as text: what is asked, and what is done here."""
    ready = yield from prepare(query, context)
    made, options = ready.plan, context.options
    lines = [f"{query.resource} from {context.service}"]
    if made.empty:
        lines.append(f"nothing is asked: {made.empty}")
    limit = limit_of(made.wanted, options)
    shown = made.requests[:5]
    lines += [f"asks {encode(request, 0, limit)}" for request in shown]
    if len(made.requests) > len(shown):
        lines.append(f"and {len(made.requests) - len(shown)} more like these")
    if made.requests:
        lines.append(f"in pages of {limit}, {options.window} at once")
    lines += list(made.notes)
    if options.audit and can_audit(query, ready.resource, ready.plan):
        lines.append("asks runs for the last lumisections, to find missing ones")
    if made.maximum is not None:
        lines.append(f"at most {made.maximum} rows")
    return "\n".join(lines)
