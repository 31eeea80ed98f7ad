"""The driver for threads."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from omskit.drivers.cancel import CancelToken
from omskit.drivers.shared import Shared, logged
from omskit.drivers.tasks import Cancelled, TaskGroup
from omskit.drivers.threads import Threads
from omskit.effects import (
    Authorise,
    Compute,
    Credential,
    Emit,
    Flow,
    Join,
    Result,
    Send,
    Sleep,
    Start,
)
from omskit.errors import OMSError, TransportError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from omskit.drivers.senders import Sender
    from omskit.drivers.shared import Login, Reporter
    from omskit.table import Table

_GLANCE_S = 0.1
_AT_EXIT_S = 1.0
_CLOSED = "The client was closed while it was asking."

_DRIVERS: weakref.WeakSet[SyncDriver] = weakref.WeakSet()


def _after_fork() -> None:
    """Threads do not survive a fork, and locks stay as they were."""
    for driver in list(_DRIVERS):
        driver.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _at_exit() -> None:
    """Let nothing that is on the wire hold up the end of the process.

    What still runs then is begun by daemon threads, since others were waited for.
    """
    until = time.monotonic() + _AT_EXIT_S
    for driver in list(_DRIVERS):
        driver.end(until)


class SyncDriver:
    """Runs flows in this thread, and those they start in a pool of threads."""

    def __init__(self, sender: Sender, login: Login, concurrency: int) -> None:
        self.shared = Shared(sender, login, concurrency)
        self.forget()
        _DRIVERS.add(self)

    def forget(self) -> None:
        """Begin anew, without threads: in a new driver, and after a fork."""
        self._is_over = False
        self._lock = threading.Lock()
        # A slot is held while a request is under way, not while its answer is decoded:
        # so as many requests as are allowed always are.
        self._slots = threading.BoundedSemaphore(self.shared.concurrency)
        self._pool: Threads | None = None
        self._pool_lock = threading.Lock()
        self._running: weakref.WeakSet[TaskGroup] = weakref.WeakSet()

    def run(
        self,
        flow: Flow[Result],
        reporter: Reporter | None = None,
        waiting: CancelToken | None = None,
    ) -> Result:
        """The result of *flow*; what it emits is dropped.

        Args:
            waiting: Who waits for the result, and may give up.
        """
        self._open()
        result: Result = _ended(self._steps(flow, reporter, waiting))
        return result

    def iterate(
        self, flow: Flow[Any], reporter: Reporter | None = None
    ) -> Generator[Table]:
        """The tables that *flow* emits; close it where it is left early."""
        self._open()
        yield from self._steps(flow, reporter)

    def _open(self) -> None:
        opening = self.shared.opening()
        if opening is not None:
            _ended(self._steps(opening, None))

    def _steps(
        self,
        flow: Flow[Any],
        reporter: Reporter | None,
        waiting: CancelToken | None = None,
    ) -> Generator[Table, None, Any]:
        mine = waiting is None
        beside = TaskGroup(CancelToken() if waiting is None else waiting)
        with self._pool_lock:
            self._running.add(beside)
        result: Any = None
        error: OMSError | None = None
        try:
            while True:
                try:
                    effect = flow.send(result) if error is None else flow.throw(error)
                except StopIteration as stop:
                    return stop.value
                result, error = None, None
                if isinstance(effect, Emit):
                    yield effect.table
                    continue
                try:
                    result = self._perform(effect, beside, reporter)
                except OMSError as raised:
                    if beside.waiting.is_over:
                        raise Cancelled from raised  # Nobody would read of it.
                    error = raised
        except Cancelled as given_up:
            if not mine:
                raise
            if self._is_over:
                # A daemon thread, and the interpreter ends: no last words.
                threading.Event().wait()
            raise TransportError(_CLOSED) from given_up
        finally:
            beside.abandon()
            flow.close()
            if reporter is not None:
                reporter.finish()

    def _perform(
        self, effect: Any, beside: TaskGroup, reporter: Reporter | None
    ) -> Any:
        if beside.waiting.is_over:
            raise Cancelled
        if isinstance(effect, Send):
            headers = self.shared.headers(effect)
            with self._slots:
                response = self.shared.sender.send(
                    effect.request, headers, beside.waiting
                )
            return logged(effect.request, response)
        if isinstance(effect, Compute):
            return _computed(effect, beside.waiting)
        if isinstance(effect, Start):
            # Whoever logs in by hand does it in this thread, where Ctrl-C ends it.
            self._authorise(Authorise(), beside.waiting)
            return beside.start(self._threads, self.run, effect.flow)
        if isinstance(effect, Join):
            return beside.join(effect.handle)
        if isinstance(effect, Sleep):
            return beside.sleep(effect.seconds)
        if isinstance(effect, Authorise):
            return self._authorise(effect, beside.waiting)
        return self.shared.answer_at_once(effect, reporter)

    def _authorise(self, effect: Authorise, waiting: CancelToken) -> Credential | None:
        shared = self.shared
        with self._turn(waiting):  # 64 callers, one login
            if not shared.usable(effect.rejected):
                shared.credential = self.run(
                    shared.login.login(effect.rejected), None, waiting
                )
                shared.logged_in = True
            return shared.credential

    @contextlib.contextmanager
    def _turn(self, waiting: CancelToken) -> Iterator[None]:
        """The only login under way, while in the block."""
        # A lock cannot be waited for together with the end of waiting.
        while not self._lock.acquire(timeout=_GLANCE_S):
            if waiting.is_over:
                raise Cancelled
        try:
            yield
        finally:
            self._lock.release()

    def _threads(self) -> Threads:
        with self._pool_lock:
            if self._pool is None:
                # One that waits for a slot or decodes beside each that asks.
                self._pool = Threads(2 * self.shared.concurrency)
            return self._pool

    def close(self) -> None:
        """End the threads, cutting what they wait for, and close the connections."""
        pool = self._cut()
        if pool is not None:
            pool.join()
        self.shared.sender.close()

    def _cut(self) -> Threads | None:
        """End what runs beside every flow; the threads that it still runs in."""
        with self._pool_lock:
            pool, self._pool = self._pool, None
            running = list(self._running)
        if pool is not None:
            pool.close()
        for beside in running:
            beside.waiting.end()
            beside.abandon()
        return pool

    def end(self, until: float) -> None:
        """The interpreter ends: cut what is under way, and wait a moment for it."""
        self._is_over = True
        pool = self._cut()
        if pool is not None:
            pool.join(until)


def _ended(steps: Generator[Table, None, Any]) -> Any:
    """The result of steps; what they yield is dropped."""
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        return stop.value


def _computed(effect: Compute, waiting: CancelToken) -> Any:
    """The result of a function, ended early where nobody waits for it."""
    if effect.cancel is None:
        return effect.function(*effect.arguments)
    with waiting.or_else(effect.cancel):
        return effect.function(*effect.arguments)
