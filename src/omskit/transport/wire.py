"""Sockets for threads: a request has a deadline, and can be cut from outside.

The HTTP library bounds each read, so that an answer whose head comes byte by byte never
times out; and a thread in a read cannot be told that nobody waits any more. Here every
read and write is given what is left of the request's time, and another thread can shut
the socket under it. Coroutines need none of this: they can be timed out and cancelled.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator


class Call:
    """One request under way.

    Args:
        seconds: All the time that it has.
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    @property
    def is_late(self) -> bool:
        """Its time is over."""
        return time.monotonic() >= self._deadline

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """What this thread reads and writes in the block, it does for this call."""
        token = _CALL.set(self)
        try:
            yield
        finally:
            _CALL.reset(token)
            self.let_go()

    def use(self, stream: httpcore2.NetworkStream | None, wait: float | None) -> float:
        """Note what is read or written next; how long that may take, in seconds.

        Raises:
            httpcore2.ReadTimeout: There is no time left.
            httpcore2.ReadError: It was cut.
        """
        with self._lock:
            self._socket = None if stream is None else stream.get_extra_info("socket")
            if self._is_cut:
                message = "given up"
                raise httpcore2.ReadError(message)
        left = self._deadline - time.monotonic()
        if left <= 0:
            message = "out of time"
            raise httpcore2.ReadTimeout(message)
        return left if wait is None else min(wait, left)

    def let_go(self) -> None:
        """Forget what was read last: from now on it may be another call's."""
        with self._lock:
            self._socket = None

    @contextlib.contextmanager
    def cut_when_late(self) -> Iterator[None]:
        """Hold the deadline also where the library reads several times at once."""
        left = self._deadline - time.monotonic()
        clock = threading.Timer(max(left, 0.0), self.cut)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def cut(self) -> None:
        """End it, from another thread: its read or write fails now, or the next will.

        An attempt to connect ends by itself, within its time-out.
        """
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Of the connection, not of its TLS: another thread is in there.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


_CALL: ContextVar[Call] = ContextVar("call")


class _Stream(httpcore2.NetworkStream):
    """A connection that reads and writes for the call under way."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _CALL.get().use(self._inner, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _CALL.get().use(self._inner, timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = _CALL.get().use(self._inner, timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Network(httpcore2.NetworkBackend):
    """Connections of that kind."""

    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _CALL.get().use(None, timeout)
        return _Stream(
            self._inner.connect_tcp(host, port, left, local_address, socket_options)
        )


class Wire(httpx2.BaseTransport):
    """What an ``httpx2.Client`` sends through; within ``Call.under_way()`` only.

    Errors are httpcore2's, whose names are those of httpx2.
    """

    def __init__(
        self, context: ssl.SSLContext, limits: httpx2.Limits, proxy: httpx2.Proxy | None
    ) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            proxy=_core_proxy(proxy),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Network(),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, and read the head of the answer."""
        url = request.url
        answer = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=url.raw_scheme,
                    host=url.raw_host,
                    port=url.port,
                    target=url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    """The body of an answer, still on its way."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner

    def close(self) -> None:
        # Closed, the connection is anybody's: a cut that comes late must not meet it.
        _CALL.get().let_go()
        self._inner.close()


def _core_proxy(proxy: httpx2.Proxy | None) -> httpcore2.Proxy | None:
    if proxy is None:
        return None
    url = httpcore2.URL(
        scheme=proxy.url.raw_scheme,
        host=proxy.url.raw_host,
        port=proxy.url.port,
        target=proxy.url.raw_path,
    )
    return httpcore2.Proxy(url, auth=proxy.raw_auth, ssl_context=proxy.ssl_context)
