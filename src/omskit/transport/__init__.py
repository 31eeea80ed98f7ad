"""The only place that talks to a service over a network: requests out, bytes in.

One pool of connections and one TLS context for each client. What to ask, when to try
again and what an answer means is decided in `omskit.flow`; who calls when, in
`omskit.drivers`.
"""

from omskit.flow.settings import Timeouts
from omskit.transport.http import HttpSender
from omskit.transport.proxies import proxy_for
from omskit.transport.tls import tls_context

__all__ = ["HttpSender", "Timeouts", "proxy_for", "tls_context"]
