"""The client: one API, over a network or in this process, sync and async.

Both faces offer the same names; each only chooses a flow and runs it in its driver.
What they share is in `base` and `shortcuts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit.client.bound import AsyncBoundQuery, BoundQuery
from omskit.client.sync import Client
from omskit.flow import Settings

if TYPE_CHECKING:
    from omskit.client.async_ import AsyncClient

__all__ = ["AsyncBoundQuery", "AsyncClient", "BoundQuery", "Client", "Settings"]


def __getattr__(name: str) -> type[AsyncClient]:
    """`AsyncClient`, when it is first asked for: it brings asyncio along, 40 ms."""
    if name != "AsyncClient":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from omskit.client.async_ import AsyncClient

    return AsyncClient
