"""OMS through the proxy of DIALS, for whoever has a DIALS login and none of OMS.

The proxy carries the name of a resource, filters and a page; rows come whole. It knows
no ``fields``, no ``sort``, no ``include``, no ``group`` and no ``CT``, and keeps one
filter for each attribute and operator. Source: cmsdials 2.4.1. What it cannot carry is
refused before anything is sent. Rows are sorted here; the first few of many are taken
to come in the order of their identity, and rows out of order or twice end in an error,
as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

from omskit.errors import OperatorError, UsageError
from omskit.flow.source import HttpSource, Page
from omskit.query.url import encode
from omskit.schema import bundled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.effects import Flow
    from omskit.query import Query
    from omskit.query.plan import Plan
    from omskit.schema import Resource

OPERATORS = frozenset({"EQ", "NEQ", "LT", "GT", "LE", "GE", "LIKE"})
"""What filters the proxy carries."""


@dataclass(frozen=True, slots=True)
class DialsSource(HttpSource):
    """The proxy, asked by requests; rows come whole."""

    def suited(self, plan: Plan, resource: Resource) -> Plan:
        """The same plan, sorted here.

        Raises:
            UsageError: The proxy cannot carry it, or all rows of a resource would be
                read for the first few.
        """
        if not plan.requests:
            return plan
        first = plan.requests[0]
        # Before anything is sent, look-ups beside the rows among it. All requests of a
        # plan differ in values only.
        carried(Page(replace(first, order=()), 0, 1))
        order = plan.order or first.order
        few = plan.maximum is not None
        if few and order == resource.identity[: len(order)] and plan.wanted is not None:
            return plan
        if few and not first.conditions:
            what = f"sort={','.join(order)}"
            _refuse(what, "say in which range the rows lie")
        sorting = f"sorted here: {', '.join(order)}" if order else None
        notes = [*plan.notes, sorting, "whole rows, through the proxy of DIALS"]
        return replace(
            plan,
            requests=tuple(replace(request, order=()) for request in plan.requests),
            order=order,
            notes=tuple(dict.fromkeys(note for note in notes if note)),
            whole=plan.whole or sorting,
            ahead=0,
        )

    def address(self, page: Page) -> str:
        """The whole URL of a page.

        Raises:
            UsageError: The proxy cannot carry it.
        """
        return f"{self.base_url}/?{carried(page)}"

    def document(self, path: str) -> Flow[bytes]:
        """Refuse: the proxy has rows and nothing else.

        Raises:
            UsageError: Always.
        """
        yield from ()
        _refuse(f"the document {path!r}", "omskit's own catalogue knows the resources")


def carried(page: Page) -> str:
    """The parameters by which the proxy is asked for a page.

    Raises:
        OperatorError: A filter that it does not carry, or a second one of a kind.
        UsageError: Anything else that it does not carry.

    Example:
        >>> from omskit.flow.source import Page
        >>> from omskit.query import Query, field
        >>> query = Query("runs").where(field("run_number") == 297050)
        >>> carried(Page(query, 0, 10))
        'endpoint=runs&filter[run_number][EQ]=297050&page[offset]=0&page[limit]=10'
    """
    query = page.query
    _refuse_others(query)
    seen: set[tuple[str, str]] = set()
    for condition in query.conditions:
        if condition.op not in OPERATORS:
            message = (
                f"The proxy of DIALS does not carry '{condition}': it knows "
                f"{', '.join(sorted(OPERATORS))}. Ask without it, and filter the table."
            )
            raise OperatorError(message)
        kind = (condition.field, condition.op)
        if kind in seen:
            message = (
                f"The proxy of DIALS keeps one filter for each field and operator; "
                f"'{condition}' is a second one. Ask twice, or filter the table."
            )
            raise OperatorError(message)
        seen.add(kind)
    # OMS's own address, of which filters and page are carried as they are.
    _, _, tail = encode(query, page.offset, page.limit).partition("?")
    kept = [p for p in tail.split("&") if p.startswith(("filter[", "page["))]
    return "&".join([f"endpoint={quote(query.resource)}", *kept])


def _refuse_others(query: Query) -> None:
    if query.order and not _is_usual(query):
        what = f"sort={','.join(query.order)}"
        _refuse(what, "take all rows, and sort the table")
    if query.includes:
        _refuse(f"include={','.join(query.includes)}", "leave it out")
    for key, value in _groups(query):
        _refuse(f"group[{key}]={value}", "ask for lumisections, and add them up")
    for key, _ in query.extras:
        _refuse(repr(key), "leave it out")


def _is_usual(query: Query) -> bool:
    """The order is the one in which rows come unasked: that of their identity."""
    catalogue = bundled()
    if query.resource not in catalogue:
        return False
    identity = catalogue[query.resource].identity
    return query.order == identity[: len(query.order)]


def _groups(query: Query) -> Iterator[tuple[str, str]]:
    """The groups that are not what OMS gives unasked."""
    catalogue = bundled()
    usual: tuple[str, ...] = ()
    if query.resource in catalogue:
        usual = catalogue[query.resource].granularities[:1]
    for key, value in query.groups:
        if key != "granularity" or value not in usual:
            yield key, value


def _refuse(what: str, instead: str) -> NoReturn:
    message = f"The proxy of DIALS does not carry {what}. Ask OMS itself, or {instead}."
    raise UsageError(message)
