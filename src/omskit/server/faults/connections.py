"""Faults done to connections: the edge that carries out what `faults` decides.

What is no HTTP (a reset, a body that ends before its announced length) needs the
transport below ASGI: `omskit.server.front.protocol` passes it on in the scope.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from omskit.server.asgi import answer_scope, compressed
from omskit.server.faults.bodies import damaged
from omskit.server.faults.plan import asked_of
from omskit.server.working import worked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from omskit.effects import Response
    from omskit.schema import Resource
    from omskit.server.faults.plan import Asked, FaultPlan, Rule
    from omskit.server.service import Service
    from omskit.server.threads import Threads

CONNECTION = "connection"
"""Where the state of a scope holds the connection's protocol."""

REFUSE = "refuse"
"""Where it holds what stops listening for some seconds."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_ONE_PIECE = 1024
_SOON_S = 0.01


class Faulty:
    """An ASGI endpoint that answers for a service, with the faults of a plan.

    Args:
        service: What answers.
        plan: What befalls it.
        threads: Where it answers.
    """

    def __init__(self, service: Service, plan: FaultPlan, threads: Threads) -> None:
        self._service = service
        self._plan = plan
        self._threads = threads
        self._tally: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or not."""
        asked = self._asked(scope)
        rule = self._decide(asked) if asked else None
        if asked is None or rule is None:
            work = partial(answer_scope, scope, self._service)
            answer = await worked(receive, work, self._threads.of(scope))
            if answer is not None:
                await send_all(answer, send)
            return
        if rule.fault in _BEFORE:
            await _BEFORE[rule.fault](rule, scope)
            if rule.fault != "latency":
                return
        work = partial(self._answer, scope, asked, rule)
        answer = await worked(receive, work, self._threads.of(scope))
        if answer is None:
            return
        if rule.fault in _DURING:
            await _DURING[rule.fault](rule, answer, scope, send)
        else:
            await send_all(answer, send)

    def _asked(self, scope: Any) -> Asked | None:
        """What the rules look at; None: not below the base URL."""
        path, base = scope["path"], self._service.base_path
        if not path.startswith(f"{base}/"):
            return None
        query = scope["query_string"].decode("latin-1")
        return asked_of(path.removeprefix(base), query)

    def _decide(self, asked: Asked) -> Rule | None:
        with self._lock:
            decision = self._plan.decide(asked, self._tally)
            self._tally.update(decision.counted)
        return decision.rule

    def _answer(self, scope: Any, asked: Asked, rule: Rule) -> Response:
        plain = {
            **scope,
            "headers": [h for h in scope["headers"] if h[0] not in _PACKING],
        }

        def ask(tail: str) -> Response:
            other = {**plain, "query_string": tail.encode("latin-1")}
            return answer_scope(other, self._service)

        honest = answer_scope(plain, self._service)
        answer = damaged(rule, asked, honest, ask, self._resource(asked))
        if "content-encoding" in answer.headers:
            return answer
        return compressed(answer, {k.decode("latin-1"): v for k, v in scope["headers"]})

    def _resource(self, asked: Asked) -> Resource | None:
        name = asked.path
        engine = self._service.engine
        return engine.resource(name) if engine.holds(name) else None


_PACKING = frozenset({b"accept-encoding"})


async def _send_start(answer: Response, send: Any, length: int | None = None) -> None:
    size = len(answer.body) if length is None else length
    # The answer to HEAD has a length of its own.
    named = {"content-length": str(size), **answer.headers}
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in named.items()]
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    await send(start)


async def _send_body(body: bytes, send: Any, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def send_all(answer: Response, send: Any) -> None:
    """Send a whole answer."""
    await _send_start(answer, send)
    await _send_body(answer.body, send, more=False)


def _transport(scope: Any) -> asyncio.Transport:
    found: asyncio.Transport = scope["state"][CONNECTION].transport
    return found


async def _close(scope: Any) -> None:
    """End the connection in order, with FIN."""
    _transport(scope).close()
    await asyncio.sleep(_SOON_S)  # uvicorn must see it before we return


async def _reset(scope: Any) -> None:
    """End the connection with RST instead of FIN."""
    transport = _transport(scope)
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):  # The client may have gone before.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    await asyncio.sleep(_SOON_S)  # uvicorn must see it before we return


async def _late(rule: Rule, scope: Any) -> None:
    del scope
    await asyncio.sleep(rule["seconds"])


async def _before_answer(rule: Rule, scope: Any) -> None:
    del rule
    await _reset(scope)


async def _drip_head(rule: Rule, scope: Any) -> None:
    transport = _transport(scope)
    transport.write(b"HTTP/1.1 200 OK\r\nx-endless: ")
    while not transport.is_closing():
        transport.write(b"x")
        await asyncio.sleep(rule["seconds"])
    await asyncio.sleep(_SOON_S)  # uvicorn must see it before we return


async def _refused(rule: Rule, scope: Any) -> None:
    refuse = scope["state"].get(REFUSE)
    if refuse is not None:
        refuse(rule["seconds"])
    await _reset(scope)


async def _drip(rule: Rule, answer: Response, scope: Any, send: Any) -> None:
    del scope
    await _send_start(answer, send)
    size = int(rule["size"])
    for start in range(0, len(answer.body), size):
        await _send_body(answer.body[start : start + size], send, more=True)
        await asyncio.sleep(rule["seconds"])
    await _send_body(b"", send, more=False)


async def _break_off(rule: Rule, answer: Response, scope: Any, send: Any) -> None:
    await _send_start(answer, send)
    await _send_body(answer.body[: len(answer.body) // 2], send, more=True)
    if rule.fault == "reset_body":
        # What is still in the buffers dies with the connection: let it go first.
        await asyncio.sleep(_SOON_S)
        await _reset(scope)
    else:
        await _close(scope)


async def _huge(rule: Rule, answer: Response, scope: Any, send: Any) -> None:
    await _send_start(answer, send, int(rule["size"]))
    await _send_body(answer.body[:_ONE_PIECE], send, more=True)
    await asyncio.sleep(rule["seconds"])
    await _close(scope)


_BEFORE: dict[str, Callable[[Rule, Any], Awaitable[None]]] = {
    "drip_head": _drip_head,
    "latency": _late,
    "refused": _refused,
    "reset": _before_answer,
}
_DURING: dict[str, Callable[[Rule, Response, Any, Any], Awaitable[None]]] = {
    "drip": _drip,
    "reset_body": _break_off,
    "short_body": _break_off,
    "huge": _huge,
}
