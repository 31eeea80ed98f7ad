"""What to say to a service, as generators of effects; no socket, clock or file.

One pipeline: `prepare` (names, selectors, plan), `read` (pages of a `Source`), then
`fetch` or `stream`, whose tables `outcome` makes; `explain` says the plan in words.
"""

from omskit.effects import Credential, Flow, Request, Response
from omskit.flow.context import Context
from omskit.flow.describe import describe, learn
from omskit.flow.exchange import Policy, exchange
from omskit.flow.explain import explain
from omskit.flow.fetch import count, fetch, fetch_one
from omskit.flow.follow import Following, follow
from omskit.flow.prepare import first_page
from omskit.flow.replay import Replayed, replay
from omskit.flow.settings import Settings, Timeouts
from omskit.flow.single import single
from omskit.flow.source import HttpSource, Page, Source
from omskit.flow.stream import pages

__all__ = [
    "Context",
    "Credential",
    "Flow",
    "Following",
    "HttpSource",
    "Page",
    "Policy",
    "Replayed",
    "Request",
    "Response",
    "Settings",
    "Source",
    "Timeouts",
    "count",
    "describe",
    "exchange",
    "explain",
    "fetch",
    "fetch_one",
    "first_page",
    "follow",
    "learn",
    "pages",
    "replay",
    "single",
]
