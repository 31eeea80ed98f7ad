"""Serving over HTTP: a socket, uvicorn, one line that says it is ready.

This is an edge: it writes to stdout and stderr, and takes signals.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.errors import ConfigError
from omskit.server.asgi import MAX_URL
from omskit.server.bounds import LOOPBACK
from omskit.server.faults.connections import REFUSE
from omskit.server.front import Front, fronted, protocol
from omskit.server.service import Service
from omskit.server.watch import log_to_stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from omskit.engine import Engine

_ANYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # to recognise them
_PATH = "/agg/api/v1"
_PURPOSE = "serve over HTTP"
_HEADERS = 64 * 1024
_KEEP_ALIVE_S = 75
GRACE_S = 10
"""A service that ends waits so long for answers that are under way."""

_LOG = logging.getLogger("omskit.server")
_SAID_FULL = False
_BACKLOG = 64
"""Connections that may wait; asyncio also takes so many at one go."""
_LAST_PORT = 65535


def serve(
    engine: Engine | Service,
    *,
    host: str = "127.0.0.1",
    port: int = 8321,
    what: str = "the demo",
    certfile: str | Path | None = None,
    keyfile: str | Path | None = None,
    front: Front | None = None,
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
        front: Who may ask, which faults there are, what the bounds are.

    Raises:
        ConfigError: The address cannot be listened on, or the certificate not be read;
            or others could reach it and there is no gate.
        MissingExtraError: uvicorn or Starlette is not installed.
    """
    front = front or Front()
    bound = public_socket(host, port, front, certfile, keyfile)
    service = at_address(engine, host, bound, secure=certfile is not None)
    with bound:
        serve_on(
            bound,
            service,
            front,
            ready=lambda: announce(what, service.base_url),
            certfile=certfile,
            keyfile=keyfile,
        )


def announce(what: str, url: str) -> None:
    """The one line that says that questions are answered."""
    sys.stdout.write(f"omskit: serving {what} at {url}\n")
    sys.stdout.flush()


def public_socket(
    host: str,
    port: int,
    front: Front,
    certfile: str | Path | None,
    keyfile: str | Path | None,
) -> socket.socket:
    """A listening socket, where all is as it must be.

    Raises:
        ConfigError: It cannot be had, the certificate not be read; or others could
            reach it and there is no gate.
        MissingExtraError: uvicorn is not installed.
    """
    load("uvicorn", _PURPOSE)
    if host not in LOOPBACK and front.gate is None:
        message = (
            f"{host!r} is not this machine's loopback: others can reach it. Give "
            "--token, which they must send, or leave --host out."
        )
        raise ConfigError(message)
    _check_tls(certfile, keyfile)
    return listen(host, port)


def serve_on(
    bound: socket.socket,
    service: Service,
    front: Front,
    *,
    ready: Callable[[], None],
    end: Callable[[Callable[[], None]], None] = lambda _: None,
    certfile: str | Path | None = None,
    keyfile: str | Path | None = None,
) -> None:
    """Answer on a socket until SIGINT or SIGTERM.

    Args:
        ready: Called once questions are answered.
        end: Given what ends it from another thread.
    """
    if front.access_log:
        log_to_stderr()
    with quiet_signals():
        server = _server(service, front, ready, certfile=certfile, keyfile=keyfile)
        end(lambda: setattr(server, "should_exit", True))
        server.run(sockets=[bound])


@contextmanager
def running(
    engine: Engine | Service,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    certfile: str | Path | None = None,
    keyfile: str | Path | None = None,
    front: Front | None = None,
) -> Iterator[str]:
    """A service in a thread of its own, for tests and documentation.

    Yields:
        The base URL; requests are answered until the block ends.

    Raises:
        ConfigError: The address cannot be listened on, or the certificate not be read.
    """
    load("uvicorn", _PURPOSE)
    _check_tls(certfile, keyfile)
    bound = listen(host, port)
    service = at_address(engine, host, bound, secure=certfile is not None)
    is_ready = threading.Event()
    with bound:
        server = _server(
            service,
            front or Front(),
            is_ready.set,
            certfile=certfile,
            keyfile=keyfile,
        )
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
    if not 0 <= port <= _LAST_PORT:
        message = (
            f"There is no port {port}; take 1 to {_LAST_PORT}, or 0 for a free one."
        )
        raise ConfigError(message)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # Python appends the address to what the system says of it.
        said = f"{error.strerror or error}".partition(" (while attempting")[0]
        hint = "Try --port 0 for a free port"
        if host not in LOOPBACK:
            hint += ", or --host 127.0.0.1"
        message = f"Cannot listen on {host}:{port}: {said}. {hint}."
        raise ConfigError(message) from error


def _check_tls(certfile: str | Path | None, keyfile: str | Path | None) -> None:
    """Refuse a key without its certificate, and files that cannot be read.

    Raises:
        ConfigError: The message names the file.
    """
    if keyfile is not None and certfile is None:
        message = (
            f"--keyfile {keyfile} is the key of a certificate: give --certfile too, "
            "or leave it out to serve http."
        )
        raise ConfigError(message)
    named = {"certificate": certfile, "key": keyfile}
    for what, path in named.items():
        if path is None:
            continue
        try:
            Path(path).open("rb").close()
        except OSError as error:
            message = f"Cannot read the {what} {path}: {error.strerror}."
            raise ConfigError(message) from error


def at_address(
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
    front: Front,
    ready: Callable[[], None],
    *,
    certfile: str | Path | None = None,
    keyfile: str | Path | None = None,
) -> Any:
    """A uvicorn server that calls *ready* once it accepts requests."""
    if front.sso is not None and front.sso.base_url is None:
        front.sso.base_url = service.base_url.removesuffix(_PATH)
    state: dict[str, Any] = {}
    app, speaks = fronted(service, front), protocol(front.limits, state)
    try:
        return uvicorn_server(
            app,
            speaks,
            state,
            ready=ready,
            ssl_certfile=certfile,
            ssl_keyfile=keyfile,
        )
    except (OSError, ValueError) as error:
        key = f"its key {keyfile}" if keyfile is not None else "its key, in that file"
        message = f"Cannot use the certificate {certfile} and {key}: {error}."
        raise ConfigError(message) from error


def uvicorn_server(
    app: Any,
    speaks: Any,
    state: dict[str, Any],
    *,
    ready: Callable[[], None] = lambda: None,
    **options: Any,
) -> Any:
    """A uvicorn server for *app* that can refuse connections for a while.

    Args:
        speaks: The protocol, from `omskit.server.front.protocol`.
        state: What *speaks* was made with; how to refuse is put there.
        ready: Called once requests are accepted.
        options: More for uvicorn.
    """
    uvicorn: Any = load("uvicorn", _PURPOSE)

    class Server(uvicorn.Server):  # type: ignore[misc]  # an optional package is Any
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            asyncio.get_running_loop().set_exception_handler(_quiet_accept)
            await super().startup(sockets=sockets)
            if self.started:
                ready()

        def refuse(self, seconds: float) -> None:
            """Take no connection for a while."""
            addresses = [s.getsockname() for one in self.servers for s in one.sockets]
            while self.servers:
                self.servers.pop().close()
            if addresses:
                host, number = addresses[0][:2]
                self._again = asyncio.create_task(self._reopen(host, number, seconds))

        async def _reopen(self, host: str, number: int, seconds: float) -> None:
            await asyncio.sleep(seconds)
            if self.should_exit:
                return
            # As uvicorn itself makes it.
            self.servers += [
                await asyncio.get_running_loop().create_server(
                    lambda: speaks(
                        config=config,
                        server_state=self.server_state,
                        app_state=self.lifespan.state,
                    ),
                    sock=listen(host, number),
                    ssl=config.ssl,
                )
            ]

    config = uvicorn.Config(
        app,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        # Room for the longest URL that we read, so that a longer one gets an answer.
        h11_max_incomplete_event_size=MAX_URL + _HEADERS,
        http=speaks,
        ws="none",
        backlog=_BACKLOG,
        **options,
    )
    config.load()
    server = Server(config)
    state[REFUSE] = server.refuse
    return server


def _quiet_accept(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """One line where descriptors run out, as often as asyncio complains of it.

    It complains with a traceback for each connection that waits, every second.
    """
    global _SAID_FULL  # noqa: PLW0603  # once a process
    if "out of system resource" not in str(context.get("message")):
        loop.default_exception_handler(context)
    elif not _SAID_FULL:
        _SAID_FULL = True
        _LOG.warning("no descriptors are left for connections; raise `ulimit -n`")


@contextmanager
def quiet_signals() -> Iterator[None]:
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
