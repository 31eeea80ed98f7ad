"""The aggregation API of OMS, answered from an engine: in process or over HTTP."""

from omskit.server.asgi import application
from omskit.server.respond import respond
from omskit.server.run import running, serve
from omskit.server.service import Service, Switches

__all__ = ["Service", "Switches", "application", "respond", "running", "serve"]
