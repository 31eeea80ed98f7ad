"""The drivers: they carry out what flows ask for, each in its world.

Two of them, sync and async, with the same effects and the same order of things. A
*sender* is where requests go: `omskit.transport.HttpSender` over a network, or
`LocalSender` into a service in this process, as over a network. `EngineSource` takes
rows from a service in this process as they are.
"""

from omskit.drivers.async_ import AsyncDriver
from omskit.drivers.engine_source import EngineSource
from omskit.drivers.senders import LocalSender, Sender
from omskit.drivers.shared import Login, Reporter
from omskit.drivers.sync import SyncDriver

__all__ = [
    "AsyncDriver",
    "EngineSource",
    "LocalSender",
    "Login",
    "Reporter",
    "Sender",
    "SyncDriver",
]
