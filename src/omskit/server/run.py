"""Serving over HTTP: a socket, uvicorn, one line that says it is ready.

This is an edge: it writes to stdout and stderr, and takes signals.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.errors import ConfigError
from omskit.server.asgi import MAX_URL
from omskit.server.faults.connections import REFUSE
from omskit.server.front import Front, fronted, protocol
from omskit.server.served import BACKLOG, PATH, PURPOSE, Served, listen
from omskit.server.watch import log_to_stderr

if TYPE_CHECKING:
    import socket
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from omskit.engine import Engine
    from omskit.server.service import Service

_HEADERS = 64 * 1024
_KEEP_ALIVE_S = 75
GRACE_S = 10
"""A service that ends waits so long for answers that are under way."""

_LOG = logging.getLogger("omskit.server")


def serve(engine: Engine | Service, served: Served | None = None) -> None:
    """Serve until interrupted (SIGINT or SIGTERM), then return.

    Writes one line to stdout once requests are answered::

        omskit: serving the demo at http://127.0.0.1:8321/agg/api/v1

    Args:
        engine: What answers; a `Service` where limits or switches are not the usual
            ones. Its address is replaced by the one that is served.
        served: Where it listens, who may ask; by default anybody on this machine.

    Raises:
        ConfigError: The address cannot be listened on, or the certificate not be read;
            or others could reach it and there is no gate.
        MissingExtraError: uvicorn or Starlette is not installed.
    """
    served = served or Served()
    bound = served.listening()
    service = served.at_address(engine, bound)
    with bound:
        serve_on(
            bound, service, served, ready=lambda: served.announce(service.base_url)
        )


def serve_on(
    bound: socket.socket,
    service: Service,
    served: Served,
    *,
    ready: Callable[[], None],
    end: Callable[[Callable[[], None]], None] = lambda _: None,
) -> None:
    """Answer on a socket until SIGINT or SIGTERM.

    Args:
        ready: Called once questions are answered.
        end: Given what ends it from another thread.
    """
    if served.front.access_log:
        log_to_stderr()
    with quiet_signals():
        server = _server(service, served, ready)
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
    served = Served(
        host=host,
        port=port,
        certfile=certfile,
        keyfile=keyfile,
        front=front or Front(),
    )
    bound = served.listening()
    service = served.at_address(engine, bound)
    is_ready = threading.Event()
    with bound:
        server = _server(service, served, is_ready.set)
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


def _server(service: Service, served: Served, ready: Callable[[], None]) -> Any:
    """A uvicorn server that calls *ready* once it accepts requests."""
    front = served.front
    if front.sso is not None and front.sso.base_url is None:
        front.sso.base_url = service.base_url.removesuffix(PATH)
    state: dict[str, Any] = {}
    app, speaks = fronted(service, front), protocol(front.limits, state)
    try:
        return uvicorn_server(
            app,
            speaks,
            state,
            ready=ready,
            ssl_certfile=served.certfile,
            ssl_keyfile=served.keyfile,
        )
    except (OSError, ValueError) as error:
        keyfile = served.keyfile
        key = f"its key {keyfile}" if keyfile is not None else "its key, in that file"
        message = f"Cannot use the certificate {served.certfile} and {key}: {error}."
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
    uvicorn: Any = load("uvicorn", PURPOSE)

    class Server(uvicorn.Server):  # type: ignore[misc]  # an optional package is Any
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            asyncio.get_running_loop().set_exception_handler(_QuietAccept())
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
        backlog=BACKLOG,
        **options,
    )
    config.load()
    server = Server(config)
    state[REFUSE] = server.refuse
    return server


class _QuietAccept:
    """What asyncio complains of; running out of descriptors is one line a server.

    By itself it complains with a traceback for each connection that waits, every
    second.
    """

    def __init__(self) -> None:
        self._has_said = False

    def __call__(self, loop: AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take a complaint, as a handler of the loop."""
        if "out of system resource" not in str(context.get("message")):
            loop.default_exception_handler(context)
        elif not self._has_said:
            self._has_said = True
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
