"""The drivers: they carry out what flows ask for, each in its world.

Two of them, sync and async, with the same effects and the same order of things. A
*sender* is where requests go: `omskit.transport.HttpSender` over a network, or
`LocalSender` into a service in this process, as over a network. `EngineSource` takes
rows from a service in this process as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late
from omskit.drivers.senders import LocalSender, Sender
from omskit.drivers.shared import Login, Reporter
from omskit.drivers.sync import SyncDriver

if TYPE_CHECKING:
    from omskit.drivers.async_ import AsyncDriver
    from omskit.drivers.engine_source import EngineSource

__all__ = [
    "AsyncDriver",
    "EngineSource",
    "LocalSender",
    "Login",
    "Reporter",
    "Sender",
    "SyncDriver",
]

# asyncio takes 0.04 s, and whoever asks over a network needs no engine.
__getattr__ = late(
    __name__,
    {
        "AsyncDriver": "omskit.drivers.async_",
        "EngineSource": "omskit.drivers.engine_source",
    },
)
