"""The drivers: they carry out what flows ask for, each in its world.

Two of them, sync and async, with the same effects and the same order of things. A
*sender* is where requests go: `omskit.transport.HttpSender` over a network, or
`LocalSender` into a service in this process, as over a network. `EngineSource` takes
rows from a service in this process as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omskit.drivers.async_ import AsyncDriver
from omskit.drivers.senders import LocalSender, Sender
from omskit.drivers.shared import Login, Reporter
from omskit.drivers.sync import SyncDriver

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """`EngineSource` when first used: whoever asks over a network needs no engine."""
    if name != "EngineSource":
        message = f"module 'omskit.drivers' has no attribute {name!r}"
        raise AttributeError(message)
    from omskit.drivers.engine_source import EngineSource

    return EngineSource
