"""How a query is answered, in words: what is asked, and what is done here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit.flow.fetch import fetch
from omskit.flow.prepare import prepare
from omskit.flow.read import limit_of
from omskit.flow.source import Page

if TYPE_CHECKING:
    from omskit.effects import Flow
    from omskit.flow.context import Context
    from omskit.query import Query

_SHOWN = 5
"""So many requests are shown."""


def explain(query: Query, context: Context) -> Flow[str]:
    """How a query is answered, as text; selectors are looked up."""
    prepared = yield from prepare(query, context, fetch)
    plan = prepared.plan
    lines = [f"{query.resource} from {context.source.base_url}"]
    if plan.empty:
        lines.append(f"nothing is asked: {plan.empty}")
    limit = limit_of(plan.wanted, context.page_size)
    shown = plan.requests[:_SHOWN]
    source = context.source
    asked = [source.address(Page(request, 0, limit)) for request in shown]
    lines += [f"asks {url.removeprefix(f'{source.base_url}/')}" for url in asked]
    if len(plan.requests) > len(shown):
        lines.append(f"and {len(plan.requests) - len(shown)} more like these")
    if plan.requests:
        lines.append(f"in pages of {limit}, {context.settings.concurrency} at once")
    lines += list(plan.notes)
    if prepared.audits(context):
        lines.append("asks runs for the last lumisections, to find missing ones")
    if plan.maximum is not None:
        lines.append(f"at most {plan.maximum} rows")
    return "\n".join(lines)
