"""What to say to a service, as generators of effects; no socket, clock or file."""

from omskit.effects import Credential, Flow, Request, Response
from omskit.flow.asking import (
    Context,
    count,
    describe,
    explain,
    fetch,
    fetch_one,
    learn,
)
from omskit.flow.exchange import Policy, exchange
from omskit.flow.follow import Following, follow
from omskit.flow.read import Options
from omskit.flow.replay import Replayed, replay
from omskit.flow.stream import pages

__all__ = [
    "Context",
    "Credential",
    "Flow",
    "Following",
    "Options",
    "Policy",
    "Replayed",
    "Request",
    "Response",
    "count",
    "describe",
    "exchange",
    "explain",
    "fetch",
    "fetch_one",
    "follow",
    "learn",
    "pages",
    "replay",
]
