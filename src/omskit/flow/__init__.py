"""What to say to a service, as generators of effects; no socket, clock or file."""

from omskit.flow.asking import (
    Context,
    count,
    describe,
    explain,
    fetch,
    fetch_one,
    learn,
)
from omskit.flow.effects import Credential, Flow, Request, Response
from omskit.flow.exchange import Policy, exchange
from omskit.flow.following import Following, follow
from omskit.flow.login import client_credentials
from omskit.flow.reading import Options
from omskit.flow.replaying import Replayed, replay
from omskit.flow.streaming import pages

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
    "client_credentials",
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
