"""The client: one API, over a network or in this process, sync and async.

Both faces offer the same names; each only chooses a flow and runs it in its driver.
What they share is in `base` and `shortcuts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late
from omskit.client.bound import BoundQuery
from omskit.client.sync import Client
from omskit.flow import Settings

if TYPE_CHECKING:
    from omskit.client.async_ import AsyncClient
    from omskit.client.async_bound import AsyncBoundQuery

__all__ = ["AsyncBoundQuery", "AsyncClient", "BoundQuery", "Client", "Settings"]

# They bring asyncio along, 0.04 s.
__getattr__ = late(
    __name__,
    {
        "AsyncBoundQuery": "omskit.client.async_bound",
        "AsyncClient": "omskit.client.async_",
    },
)
