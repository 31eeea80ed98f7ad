"""Serving over HTTP: a socket, uvicorn, one line that says it is ready.

This is an edge: it writes to stdout and stderr, and takes signals.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.errors import ConfigError
from omskit.server.asgi import MAX_URL, application
from omskit.server.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from omskit.engine import Engine

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ANYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # to recognise them
_PATH = "/agg/api/v1"
_PURPOSE = "serve over HTTP"
_HEADERS = 64 * 1024
_KEEP_ALIVE_S = 75
_BACKLOG = 256


def serve(
    engine: Engine | Service,
    *,
    host: str = "127.0.0.1",
    port: int = 8321,
    what: str = "the demo",
    certfile: str | Path | None = None,
    keyfile: str | Path | None = None,
) -> None:
    """Serve until interrupted (SIGINT or SIGTERM), then return.

    Writes one line to stdout once requests are answered::

        omskit: serving the demo at http://127.0.0.1:8321/agg/api/v1

    Args:
        engine: What answers; a `Service` where limits or switches are not the usual
            ones. Its address is replaced by the one that is served.
        port: 0 takes a free one; the line says which.
        what: What is served, for the line.
        certfile, keyfile: Serve https with them.

    Raises:
        ConfigError: The address cannot be listened on, or the certificate not be read.
        MissingExtraError: uvicorn or Starlette is not installed.
    """
    load("uvicorn", _PURPOSE)
    if host not in LOOPBACK:
        sys.stderr.write(
            f"omskit: warning: {host!r} is not this machine's loopback; anybody who "
            "can reach it can read what is served, without a login.\n"
        )
    bound = listen(host, port)
    service = _at(engine, host, bound, secure=certfile is not None)

    def ready() -> None:
        sys.stdout.write(f"omskit: serving {what} at {service.base_url}\n")
        sys.stdout.flush()

    with bound, _quiet_signals():
        server = _server(service, ready, certfile=certfile, keyfile=keyfile)
        server.run(sockets=[bound])


@contextmanager
def running(
    engine: Engine | Service, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """A service in a thread of its own, for tests and documentation.

    Yields:
        The base URL; requests are answered until the block ends.

    Raises:
        ConfigError: The address cannot be listened on.
    """
    load("uvicorn", _PURPOSE)
    bound = listen(host, port)
    service = _at(engine, host, bound, secure=False)
    is_ready = threading.Event()
    with bound:
        server = _server(service, is_ready.set)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [bound]}, name="omskit-service"
        )
        thread.start()
        try:
            is_ready.wait()
            yield service.base_url
        finally:
            server.should_exit = True
            thread.join()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigError: It cannot be had; the message says why and what to try.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        message = (
            f"Cannot listen on {host}:{port}: {error}. "
            "Try --port 0 for a free port, or --host 127.0.0.1."
        )
        raise ConfigError(message) from error


def _at(
    engine: Engine | Service, host: str, bound: socket.socket, *, secure: bool
) -> Service:
    """The service at the address that is listened on."""
    service = engine if isinstance(engine, Service) else Service(engine)
    name = socket.gethostname() if host in _ANYWHERE else host
    name = f"[{name}]" if ":" in name else name
    scheme = "https" if secure else "http"
    url = f"{scheme}://{name}:{bound.getsockname()[1]}{_PATH}"
    return replace(service, base_url=url)


def _server(
    service: Service,
    ready: Callable[[], None],
    *,
    certfile: str | Path | None = None,
    keyfile: str | Path | None = None,
) -> Any:
    """A uvicorn server that calls *ready* once it accepts requests."""
    uvicorn: Any = load("uvicorn", _PURPOSE)

    class Server(uvicorn.Server):  # type: ignore[misc]  # an optional package is Any
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                ready()

    config = uvicorn.Config(
        application(service),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        # Room for the longest URL that we read, so that a longer one gets an answer.
        h11_max_incomplete_event_size=MAX_URL + _HEADERS,
        http="h11",
        ws="none",
        ssl_certfile=certfile,
        ssl_keyfile=keyfile,
    )
    try:
        config.load()
    except (OSError, ValueError) as error:
        message = f"Cannot read the certificate {certfile} or its key: {error}."
        raise ConfigError(message) from error
    return Server(config)


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """Let uvicorn end on a signal without passing it on to Python afterwards."""
    before: dict[signal.Signals, Any] = {}
    # Only the main thread may set handlers; elsewhere nobody sends us signals.
    with suppress(ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
