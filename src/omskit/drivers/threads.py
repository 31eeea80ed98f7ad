"""Threads that never keep a process from ending.

Those of `concurrent.futures` are joined when the interpreter ends, so a request to a
silent service would hold the process until its time-outs. These are daemon threads; the
drivers cut what they wait for when the interpreter ends, see `drivers.sync`.
"""

from __future__ import annotations

import contextvars
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


class Threads:
    """Starts functions in threads of their own, until closed.

    It sets no bound of its own: a flow starts no more than its window.

    Example:
        >>> Threads().submit(max, 3, 5).result()
        5
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
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
        thread = threading.Thread(
            target=self._run,
            args=(future, function, args, kwargs),
            name="omskit",
            daemon=True,
        )
        with self._lock:
            if self._closed:
                raise RuntimeError("These threads were closed.")
            thread.start()
            # It leaves only once it may have the lock; one that is no thread yet could
            # not be joined.
            self._alive.add(thread)
        return future

    def _run(
        self,
        future: Future[R],
        function: Callable[..., R],
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> None:
        try:
            fulfil(future, function, *args, **kwargs)
        finally:
            with self._lock:
                self._alive.discard(threading.current_thread())

    def close(self) -> None:
        """Start nothing more; what runs goes on."""
        with self._lock:
            self._closed = True

    def join(self, until: float | None = None) -> None:
        """Wait for all that runs, at most until this time of `time.monotonic`."""
        with self._lock:
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
    return Threads().submit(lambda: context.run(function, *args, **kwargs))
