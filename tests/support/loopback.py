"""A real HTTP and TLS server on loopback with scripted answers and faults."""

from __future__ import annotations

import contextlib
import gzip
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from omskit.effects import Response

PATH = "/agg/api/v1"
_LONG_S = 20.0
_DROP_S = 0.02


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Raw:
    """Bytes for the wire, then the end of the connection.

    Attributes:
        then: ``"close"``, ``"reset"``, ``"silence"`` or ``"drip"``: byte after byte.
        drops: The first of them.
    """

    data: bytes
    then: str = "close"
    drops: bytes = b""


@dataclass
class Server:
    """A running server.

    Attributes:
        asked: What arrived, in order.
        tunnels: Hosts that a proxy was asked to connect to.
        outlasted: Connections that were silent or dripping until the server gave up.
    """

    port: int
    scheme: str
    asked: list[Asked] = field(default_factory=list)
    tunnels: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    outlasted: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        """Base URL of the aggregation API."""
        return f"{self.scheme}://127.0.0.1:{self.port}{PATH}"


def packed(response: Response) -> Response:
    """The same answer, packed with gzip."""
    headers = {**response.headers, "content-encoding": "gzip"}
    return Response(response.status, headers, gzip.compress(response.body))


@contextlib.contextmanager
def serving(  # noqa: C901  # its handlers are short
    answer: Callable[[Asked], Response | Raw],
    tls: ssl.SSLContext | None = None,
    *,
    tunnel: Raw | None = None,
) -> Iterator[Server]:
    """A server until the block ends; *answer* is called in a thread a request.

    Args:
        tunnel: What a proxy sends instead of connecting on.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {k.lower(): v for k, v in self.headers.items()}
            body = self.rfile.read(length)
            asked = Asked(self.command, self.path, headers, body)
            server.asked.append(asked)
            found = answer(asked)
            if isinstance(found, Raw):
                self.spoil(found)
                return
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        do_POST = do_GET  # noqa: N815  # the library's name

        def spoil(self, found: Raw) -> None:
            self.close_connection = True
            self.connection.sendall(found.data)
            if found.then == "silence":
                if not server.ended.wait(_LONG_S):
                    server.outlasted.append(self.path)
            elif found.then == "drip":
                self.drip(found.drops)
            elif found.then == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()

        def drip(self, drops: bytes) -> None:
            for drop in drops.ljust(int(_LONG_S / _DROP_S), b"x"):
                if server.ended.wait(_DROP_S):
                    return
                self.connection.sendall(bytes([drop]))
            server.outlasted.append(self.path)

        def do_CONNECT(self) -> None:
            server.tunnels.append(self.path)
            if tunnel is not None:
                self.spoil(tunnel)
                return
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port))) as there:
                self.send_response(200)
                self.end_headers()
                _pump(self.connection, there)
            self.close_connection = True

        def log_message(self, *_details: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_details: Any) -> None:
            pass  # Clients that go away are what these tests are about.

    with Quiet(("127.0.0.1", 0), Handler) as http:
        if tls is not None:
            http.socket = tls.wrap_socket(
                http.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "http" if tls is None else "https"
        server = Server(http.server_address[1], scheme)
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            http.shutdown()
            thread.join()


def _pump(one: socket.socket, two: socket.socket) -> None:
    other = {one: two, two: one}
    while True:
        for ready in select.select([one, two], [], [], 5)[0]:
            data = ready.recv(65536)
            if not data:
                return
            other[ready].sendall(data)


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def url_of(asked: Asked) -> str:
    """Path and parameters below the base, also where a proxy was asked for it all."""
    parts = urlsplit(asked.path)
    below = parts.path.removeprefix(f"{PATH}/")
    return f"{below}?{parts.query}" if parts.query else below
