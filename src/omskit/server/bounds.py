"""What one service takes at once, and for how long: requests, rows, connections."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from omskit.server.answering import refusal
from omskit.server.faults.connections import send_all
from omskit.server.threads import PAGES, rows_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from omskit.effects import Response

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

SPARE = 24
"""Descriptors that are kept free of connections: files, DuckDB, the loop itself."""

FEWEST = 4
"""So many connections are taken however few descriptors there are."""

SMALL = 2000
"""Rows of a page that needs no budget: 64 of them at once take 0.2 GB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one service takes at once, and for how long.

    Attributes:
        concurrency: Requests at once; more get 503 with ``Retry-After``.
        request_s: For one answer; later ones get 503, or end where they began already.
        head_s: For the head of a request to come in, and for a body.
        connections: Open at once; beyond, the one that has been idle longest is closed.
            Fewer where the process may have few descriptors.
        rows: Rows in large pages at once; further large pages wait. A row of 60 fields
            takes 1.4 kB as JSON.
        pages: Pages of 500 rows and more, sorted or filtered, that are made at once;
            further ones wait their turn. Those in natural order are made one by one.
    """

    concurrency: int = 64
    request_s: float = 300.0
    head_s: float = 30.0
    connections: int = 512
    rows: int = 400_000
    pages: int = PAGES


def most_connections(limits: Limits) -> int:
    """How many connections there may be, by the descriptors of this process."""
    try:
        import resource
    except ImportError:  # Windows has no such bound.
        return limits.connections
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft in {resource.RLIM_INFINITY, -1}:
        return limits.connections
    return max(FEWEST, min(limits.connections, soft - SPARE))


class Connections:
    """The open connections of a service, of which the idle ones can be closed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[Any, None] = {}

    def made(self, protocol: Any) -> None:
        """Note a connection; where there are too many, close the longest idle."""
        self._open[protocol] = None
        if len(self._open) <= self._most:
            return
        idle = (p for p in self._open if p.is_idle())
        # The oldest idle one comes first; where none is idle, the newcomer goes.
        victim = next(idle, protocol)
        self.lost(victim)
        victim.transport.close()

    def used(self, protocol: Any) -> None:
        """Note that there was something on a connection: it is idle from now on."""
        if protocol in self._open:
            del self._open[protocol]
            self._open[protocol] = None

    def lost(self, protocol: Any) -> None:
        """Forget a connection."""
        self._open.pop(protocol, None)


def send_at_once(transport: Any) -> None:
    """Let small answers go without waiting for an acknowledgement.

    asyncio does so for sockets whose protocol number is TCP's, and a listening socket
    of Python's ``create_server`` has 0: an answer over a kept connection took 40 ms.
    """
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.family in {socket.AF_INET, socket.AF_INET6}:
        with suppress(OSError):  # It may be gone already.
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Bounded:
    """Takes so many requests at once, each for so long."""

    def __init__(self, app: Any, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._active = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or say that it is too much."""
        if self._active >= self._limits.concurrency:
            await send_all(busy("Too many requests at once."), send)
            return
        began = False

        async def sending(message: Any) -> None:
            nonlocal began
            began = True
            await send(message)

        self._active += 1
        try:
            async with asyncio.timeout(self._limits.request_s):
                await self._app(scope, receive, sending)
        except TimeoutError:
            if began:
                raise
            await send_all(busy("The answer takes too long."), send)
        finally:
            self._active -= 1


def busy(detail: str) -> Response:
    """That it is too much just now."""
    return refusal(503, "Service Unavailable", detail, {"retry-after": "1"})


class Budgeted:
    """Lets large pages wait for each other, so that memory does not grow with clients.

    An answer counts until it has been sent.
    """

    def __init__(self, app: Any, limits: Limits) -> None:
        self._app = app
        self._most = limits.rows
        self._taken = 0
        self._freed = asyncio.Condition()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on when there is room for its rows."""
        rows = rows_of(scope["query_string"])
        if rows <= SMALL:
            await self._app(scope, receive, send)
            return
        async with self._room(min(rows, self._most)):
            await self._app(scope, receive, send)

    @asynccontextmanager
    async def _room(self, rows: int) -> AsyncIterator[None]:
        async with self._freed:
            await self._freed.wait_for(lambda: self._taken + rows <= self._most)
            self._taken += rows
        try:
            yield
        finally:
            self._taken -= rows
            async with self._freed:
                self._freed.notify_all()


class KnownHost:
    """Refuses requests that were meant for another host.

    A page of anybody's can let its own name lead to this machine (DNS rebinding); the
    browser then sends that name, and would read the answers to it.
    """

    def __init__(self, app: Any, names: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or say by which names the service can be asked."""
        given = [v for k, v in scope["headers"] if k == b"host"]
        if len(given) > 1 or any(not self._is_ours(v.decode("latin-1")) for v in given):
            detail = (
                "The Host header names another host. This service is asked as "
                f"{', '.join(sorted(self._names))}, or by an IP address."
            )
            await send_all(refusal(421, "MISDIRECTED_REQUEST", detail), send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        if not name:
            return not host
        if name.rstrip(".").lower() in self._names:
            return True
        # Nobody can let an address lead elsewhere.
        with suppress(ValueError):
            ip_address(name)
            return True
        return False
