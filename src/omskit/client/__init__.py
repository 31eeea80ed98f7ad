"""The client: one API, over a network or in this process, sync and async.

Both faces offer the same names; each only chooses a flow and runs it in its driver.
What they share is in `face` and `shortcuts`.
"""

from omskit.client.async_ import AsyncClient
from omskit.client.bound import AsyncBoundQuery, BoundQuery
from omskit.client.settings import Settings
from omskit.client.sync import Client

__all__ = ["AsyncBoundQuery", "AsyncClient", "BoundQuery", "Client", "Settings"]
