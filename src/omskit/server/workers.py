"""Several processes that answer on one socket: a core each.

The first process listens, starts the others, and answers nothing itself. One that dies
is started again; all of them end with it.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from omskit.errors import ConfigError
from omskit.server.run import GRACE_S, serve_on
from omskit.server.served import Served
from omskit.server.service import Service
from omskit.server.watch import Board

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from omskit.engine import Engine

_LOG = logging.getLogger("omskit.server")
_GLANCE_S = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve_many(
    make: Callable[[], Engine],
    workers: int,
    served: Served | None = None,
) -> None:
    """Serve in several processes until interrupted (SIGINT or SIGTERM), then return.

    As `omskit.server.serve`. The bounds of the front hold for each process; metrics
    are those of all of them.

    Args:
        make: Called in each process for what answers; it must pickle.
        served: As for `serve`.

    Raises:
        ConfigError: As for `serve`; or a process ends as it begins.
    """
    served = served or Served()
    context = multiprocessing.get_context("spawn")
    bound = served.listening()
    numbers: Any = context.RawArray("d", Board.size(workers))

    def start(number: int) -> tuple[SpawnProcess, Connection]:
        here, there = context.Pipe(duplex=False)
        front = replace(served.front, board=Board(numbers, number))
        mine = replace(served, front=front)
        process = context.Process(
            target=_work,
            args=(bound, make, mine, there),
            name=f"omskit-worker-{number}",
        )
        process.start()
        there.close()
        return process, here

    team = _Team(start, workers)
    with bound, _told() as ending:
        try:
            if team.began(ending):
                served.announce(team.url)
            while not ending.is_set():
                team.look_after()
        finally:
            team.end()


class _Team:
    """The processes that answer."""

    def __init__(
        self, start: Callable[[int], tuple[SpawnProcess, Connection]], workers: int
    ) -> None:
        self._start = start
        self._members = {number: start(number) for number in range(workers)}
        self.url = ""

    def began(self, ending: threading.Event) -> bool:
        """Wait until all answer; False: it shall end before.

        Raises:
            ConfigError: One has ended.
        """
        for process, said in self._members.values():
            while not said.poll(_GLANCE_S):
                if ending.is_set():
                    return False
            try:
                self.url = said.recv()
            except EOFError as error:
                process.join(GRACE_S)
                message = (
                    f"A worker ended as it began, with exit code {process.exitcode}: "
                    "serve without --workers to see why."
                )
                raise ConfigError(message) from error
        return True

    def look_after(self) -> None:
        """Start anew who has died, after a short look."""
        wait([process.sentinel for process, _ in self._members.values()], _GLANCE_S)
        for number, (process, said) in list(self._members.items()):
            if process.is_alive():
                continue
            text = "worker %d ended with exit code %s; another one is started"
            _LOG.warning(text, number, process.exitcode)
            said.close()
            self._members[number] = self._start(number)

    def end(self) -> None:
        """Let all answer what they are asked, and end."""
        for process, _ in self._members.values():
            process.terminate()
        for process, said in self._members.values():
            process.join(GRACE_S + 1)
            if process.is_alive():
                process.kill()
                process.join()
            said.close()


@contextmanager
def _told() -> Iterator[threading.Event]:
    """Set when a signal says that it is to end."""
    ending = threading.Event()
    before: dict[signal.Signals, Any] = {}
    # Only the main thread may set handlers; elsewhere nobody sends us signals.
    with suppress(ValueError):
        for number in _SIGNALS:
            before[number] = signal.signal(number, lambda *_: ending.set())
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _work(
    bound: socket.socket, make: Callable[[], Engine], served: Served, said: Connection
) -> None:
    """Answer, until told to end or left alone."""
    # Ctrl-C reaches all at once; until it answers, a worker ends when it is told.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    service = served.at_address(Service(make()), bound)

    def watch(end: Callable[[], None]) -> None:
        threading.Thread(target=_until_alone, args=(end,), daemon=True).start()

    def ready() -> None:
        said.send(service.base_url)

    serve_on(bound, service, served, ready=ready, end=watch)


def _until_alone(end: Callable[[], None]) -> None:
    """Call *end* when the process that started this one is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        end()
