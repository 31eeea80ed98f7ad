"""What stands between a socket and the service: bounds, login pages, a gate, faults.

Each is an ASGI application around another. The order, from outside: bounds, login
service, gate, faults, service.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from omskit._extras import load
from omskit.effects import Request
from omskit.errors import ConfigError
from omskit.server.access import SHORTEST_TOKEN, LoginGate, TokenGate
from omskit.server.answering import refusal
from omskit.server.asgi import application
from omskit.server.bounds import (
    LOOPBACK,
    Bounded,
    Budgeted,
    Connections,
    KnownHost,
    Limits,
    most_connections,
    send_at_once,
)
from omskit.server.faults.connections import CONNECTION, Faulty, send_all
from omskit.server.faults.plan import plan_from_file
from omskit.server.sso.service import PREFIX, Sso, registry_from_file
from omskit.server.threads import Threads
from omskit.server.watch import Board, Watched

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from omskit.server.access import Gate
    from omskit.server.faults.plan import FaultPlan
    from omskit.server.service import Service

LONGEST_FORM = 16 * 1024
_PURPOSE = "serve over HTTP"


@dataclass(frozen=True, slots=True)
class Front:
    """How a service is shown to the world.

    Attributes:
        gate: Who may ask; None: everybody.
        sso: The login service that is served beside it; None: none.
        faults: What befalls requests; None: nothing.
        hosts: Names by which the service is asked besides its own.
        board: Where other processes that answer here show what they did; None: this
            one is alone.
        access_log: Write a line for each request to stderr.
    """

    gate: Gate | None = field(default=None, repr=False)
    sso: Sso | None = field(default=None, repr=False)
    faults: FaultPlan | None = None
    limits: Limits = field(default_factory=Limits)
    hosts: tuple[str, ...] = ()
    board: Board | None = None
    access_log: bool = False


def front_of(
    *,
    token: str | None = None,
    faults: str | Path | None = None,
    login: str | Path | None = None,
    hosts: Iterable[str] = (),
    access_log: bool = False,
) -> Front:
    """A front from what a command line gives.

    Args:
        token: What every request must carry.
        faults: File of a fault plan.
        login: File of a registry: the service wants tokens of the login service that
            is served beside it.
        hosts: Names by which the service is asked besides its own.
        access_log: Write a line for each request to stderr.

    Raises:
        ConfigError: A file cannot be read, a token is too short, there are two gates.
    """
    if token is not None and login is not None:
        message = "Give --token or --login: a request carries one bearer token."
        raise ConfigError(message)
    if token is not None and len(token) < SHORTEST_TOKEN:
        message = f"A --token has at least {SHORTEST_TOKEN} characters, to be no guess."
        raise ConfigError(message)
    gate: Gate | None = None if token is None else TokenGate(token)
    sso = None
    if login is not None:
        registry = registry_from_file(login)
        sso = Sso(registry)
        gate = LoginGate(sso.key, registry.audiences[0])
    plan = None if faults is None else plan_from_file(faults)
    return Front(gate, sso, plan, hosts=tuple(hosts), access_log=access_log)


def fronted(service: Service, front: Front) -> Any:
    """The ASGI application for *service* with everything that stands before it."""
    app: Any
    threads = Threads(front.limits.pages)
    if front.faults is None:
        app = application(service, threads)
    else:
        app = Faulty(service, front.faults, threads)
    app = Budgeted(app, front.limits)
    if front.gate is not None:
        app = Gated(app, front.gate)
    app = Bounded(Watched(app, service, front.board), front.limits)
    if front.sso is not None:
        # Before requests are counted: a body that does not come is no request yet.
        app = WithLogin(app, front.sso, front.limits)
    here = urlsplit(service.base_url).hostname or ""
    return KnownHost(app, {*LOOPBACK, *front.hosts, here, socket.gethostname()} - {""})


class Gated:
    """Lets through whom the gate lets through."""

    def __init__(self, app: Any, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or refuse it."""
        # Two headers of the name are refused: which one is meant, nobody can say.
        given = [v for k, v in scope["headers"] if k == b"authorization"]
        text = given[0].decode("latin-1") if len(given) == 1 else ""
        refused = self._gate.refuse(text, time.time())
        if refused is None:
            await self._app(scope, receive, send)
        else:
            await send_all(refused, send)


class WithLogin:
    """Serves the login service beside what it guards."""

    def __init__(self, app: Any, sso: Sso, limits: Limits | None = None) -> None:
        self._app = app
        self._sso = sso
        self._body_s = (limits or Limits()).head_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it for the login service."""
        if not scope["path"].startswith(f"{PREFIX}/"):
            await self._app(scope, receive, send)
            return
        body = b""
        more = True
        try:
            async with asyncio.timeout(self._body_s):
                while more and len(body) <= LONGEST_FORM:
                    message = await receive()
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
        except TimeoutError:
            detail = f"The body of the request did not come in {self._body_s:g} s."
            close = {"connection": "close"}
            await send_all(refusal(408, "REQUEST_TIMEOUT", detail, close), send)
            return
        url = scope["raw_path"] + b"?" + scope["query_string"]
        headers = {
            key.decode("latin-1"): value.decode("latin-1")
            for key, value in scope["headers"]
        }
        request = Request(scope["method"], url.decode("latin-1"), headers, body)
        await send_all(await asyncio.to_thread(self._sso.respond, request), send)


def protocol(limits: Limits, state: dict[str, Any]) -> Any:  # noqa: C901  # a class
    """HTTP as uvicorn speaks it: applications reach it in the scope, slow heads end.

    Args:
        state: Handed to applications in ``scope["state"]`` as well.
    """
    connections = Connections(most_connections(limits))
    base: Any = load("uvicorn.protocols.http.h11_impl", _PURPOSE).H11Protocol

    class Protocol(base):  # type: ignore[misc]  # an optional package is Any
        def __init__(self, **arguments: Any) -> None:
            known = {**arguments.pop("app_state"), **state, CONNECTION: self}
            super().__init__(**arguments, app_state=known)
            self._late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            send_at_once(transport)
            super().connection_made(transport)
            self._wait_for_head()
            connections.made(self)

        def data_received(self, data: bytes) -> None:
            connections.used(self)
            super().data_received(data)
            self._wait_for_head()

        def connection_lost(self, exc: Exception | None) -> None:
            connections.lost(self)
            self._stop_waiting()
            super().connection_lost(exc)

        def is_idle(self) -> bool:
            """Nothing is being answered here."""
            return self.cycle is None or self.cycle.response_complete

        def _wait_for_head(self) -> None:
            """Bound the time for a head that has begun, or that never begins."""
            partial = self.cycle is None or bool(self.conn.trailing_data[0])
            if not (partial and self.conn.their_state.__name__ == "IDLE"):
                self._stop_waiting()
            elif self._late is None:
                self._late = self.loop.call_later(limits.head_s, self.transport.close)

        def _stop_waiting(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Protocol
