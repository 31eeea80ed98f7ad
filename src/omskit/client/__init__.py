"""The client: one API, over a network or in this process, sync and async.

Both faces offer the same names; each only chooses a flow and runs it in its driver.
What they share is in `base` and `shortcuts`.
"""

from omskit.client.async_ import AsyncClient
from omskit.client.bound import AsyncBoundQuery, BoundQuery
from omskit.client.sync import Client
from omskit.flow import Settings

__all__ = ["AsyncBoundQuery", "AsyncClient", "BoundQuery", "Client", "Settings"]
