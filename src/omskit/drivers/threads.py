"""Threads that never keep a process from ending.

Those of `concurrent.futures` are joined when the interpreter ends, so a request to a
silent service would hold the process until its time-outs. These are daemon threads; the
drivers cut what they wait for when the interpreter ends, see `drivers.sync`.
"""

from __future__ import annotations

import contextvars
import math
import os
import threading
import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

_FREE_S = 5.0


class Threads:
    """Runs functions in threads, until closed; a thread that is free is used again.

    A thread's memory is its own: pages that are decoded in a new thread each, or in
    more threads than needed, cost up to twice the page faults.

    Args:
        most: Threads at once; what is submitted beyond that waits for its turn.

    Example:
        >>> Threads().submit(max, 3, 5).result()
        5
    """

    def __init__(self, most: float = math.inf) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._work: deque[Callable[[], None]] = deque()
        self._free = 0
        self._alive: set[threading.Thread] = set()
        self._closed = False

    def submit(
        self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> Future[R]:
        """The result to come of *function*, which runs in a thread.

        Raises:
            RuntimeError: These threads were closed.
        """
        future: Future[R] = Future()
        work = partial(fulfil, future, function, *args, **kwargs)
        with self._changed:
            if self._closed:
                raise RuntimeError("These threads were closed.")
            if self._free > len(self._work) or len(self._alive) >= self._most:
                self._work.append(work)
                self._changed.notify()
            else:
                self._start(work)
        return future

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(
            target=self._run, args=(work,), name="omskit", daemon=True
        )
        thread.start()
        # It leaves only once it may have the lock; one that is no thread yet could
        # not be joined.
        self._alive.add(thread)

    def _run(self, work: Callable[[], None] | None) -> None:
        try:
            while work is not None:
                work()
                work = None  # it holds a page; waiting may be long
                work = self._next()
        finally:
            with self._changed:
                self._alive.discard(threading.current_thread())

    def _next(self) -> Callable[[], None] | None:
        """What to do next; None ends the thread."""
        with self._changed:
            self._free += 1
            try:
                self._changed.wait_for(lambda: self._work or self._closed, _FREE_S)
                return self._work.popleft() if self._work else None
            finally:
                self._free -= 1

    def close(self) -> None:
        """Start nothing more; what runs goes on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, until: float | None = None) -> None:
        """Close, and wait for all that runs; at most until this `time.monotonic`."""
        self.close()
        with self._changed:
            alive = list(self._alive)
        for thread in alive:
            if thread is not threading.current_thread():
                thread.join(None if until is None else max(0, until - time.monotonic()))


def fulfil(
    future: Future[R], function: Callable[..., R], *args: object, **kwargs: object
) -> None:
    """Give *future* the result or error of a function, unless it was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001  # it belongs to whoever joins
        future.set_exception(error)
    else:
        future.set_result(result)


def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
    """The result to come of *function*, run with this context's variables.

    As `asyncio.to_thread` does, in a thread that holds up nobody's end.
    """
    context = contextvars.copy_context()
    return _shared.submit(lambda: context.run(function, *args, **kwargs))


_shared = Threads()


def _after_fork() -> None:
    """Threads do not survive a fork, and locks stay as they were."""
    global _shared  # noqa: PLW0603  # the process has another one now
    _shared = Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
