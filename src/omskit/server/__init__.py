"""The aggregation API of OMS, answered from an engine: in process or over HTTP."""

from omskit.server.access import LoginGate, TokenGate
from omskit.server.asgi import application
from omskit.server.bounds import Limits
from omskit.server.faults.plan import FaultPlan, Rule, plan_from_file
from omskit.server.front import Front, front_of
from omskit.server.respond import respond
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
