"""The aggregation API of OMS, answered from an engine: in process or over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late

if TYPE_CHECKING:
    from omskit.server.access import LoginGate, TokenGate
    from omskit.server.answering import respond
    from omskit.server.asgi import application
    from omskit.server.bounds import Limits
    from omskit.server.faults.plan import FaultPlan, Rule, plan_from_file
    from omskit.server.front import Front, front_of
    from omskit.server.run import running, serve
    from omskit.server.served import Served
    from omskit.server.service import Service, Switches, aged
    from omskit.server.sso.service import Application, Registry, Sso, registry_from_file
    from omskit.server.workers import serve_many

__all__ = [
    "Application",
    "FaultPlan",
    "Front",
    "Limits",
    "LoginGate",
    "Registry",
    "Rule",
    "Served",
    "Service",
    "Sso",
    "Switches",
    "TokenGate",
    "aged",
    "application",
    "front_of",
    "plan_from_file",
    "registry_from_file",
    "respond",
    "running",
    "serve",
    "serve_many",
]

__getattr__ = late(
    __name__,
    {
        "aged": "omskit.server.service",
        "application": "omskit.server.asgi",
        "front_of": "omskit.server.front",
        "plan_from_file": "omskit.server.faults.plan",
        "registry_from_file": "omskit.server.sso.service",
        "respond": "omskit.server.answering",
        "running": "omskit.server.run",
        "serve": "omskit.server.run",
        "serve_many": "omskit.server.workers",
        "Application": "omskit.server.sso.service",
        "FaultPlan": "omskit.server.faults.plan",
        "Front": "omskit.server.front",
        "Limits": "omskit.server.bounds",
        "LoginGate": "omskit.server.access",
        "Registry": "omskit.server.sso.service",
        "Rule": "omskit.server.faults.plan",
        "Served": "omskit.server.served",
        "Service": "omskit.server.service",
        "Sso": "omskit.server.sso.service",
        "Switches": "omskit.server.service",
        "TokenGate": "omskit.server.access",
    },
)
