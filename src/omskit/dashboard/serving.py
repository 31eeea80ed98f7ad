"""Serving the dashboard: a socket on loopback, uvicorn, one line that says the address.

This is an edge: it writes to stdout, and takes signals.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from omskit._extras import load
from omskit.dashboard.app import application
from omskit.dashboard.endpoints import PURPOSE
from omskit.dashboard.watching import Watcher
from omskit.server.bounds import Limits
from omskit.server.front import protocol
from omskit.server.run import uvicorn_server
from omskit.server.served import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from omskit.dashboard.asking import Asker

HOST = "127.0.0.1"


def serve(
    asker: Asker,
    *,
    port: int = 8322,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Show the dashboard until interrupted.

    Args:
        asker: Whom the pages ask.
        port: 0 takes a free one.
        ready: Called with the address once pages can be opened.

    Raises:
        ConfigError: The port cannot be listened on.
        MissingExtraError: uvicorn or Starlette is not installed.
    """
    load("uvicorn", PURPOSE)
    bound = listen(HOST, port)
    url = f"http://{HOST}:{bound.getsockname()[1]}/"
    watcher = Watcher(asker)

    def begun() -> None:
        sys.stdout.write(f"omskit: the dashboard is at {url} (Ctrl-C ends it)\n")
        sys.stdout.flush()
        ready(url)

    with bound:
        watcher.start()
        try:
            _server(asker, watcher, begun).run(sockets=[bound])
        finally:
            watcher.stop()


@contextmanager
def running(asker: Asker, *, every_s: float = 1.0) -> Iterator[tuple[str, Watcher]]:
    """A dashboard in a thread of its own, for tests and screenshots.

    Yields:
        Its address, and who watches the newest run.
    """
    bound = listen(HOST, 0)
    watcher = Watcher(asker, every_s=every_s)
    is_ready = threading.Event()
    with bound:
        server = _server(asker, watcher, is_ready.set)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [bound]}, name="omskit-dashboard"
        )
        thread.start()
        watcher.start()
        try:
            is_ready.wait()
            yield f"http://{HOST}:{bound.getsockname()[1]}", watcher
        finally:
            server.should_exit = True
            thread.join()
            watcher.stop()


def _server(asker: Asker, watcher: Watcher, ready: Callable[[], None]) -> Any:
    state: dict[str, Any] = {}
    app = application(asker, watcher)
    speaks = protocol(Limits(), state)
    return uvicorn_server(app, speaks, state, ready=ready)
