"""Stopping queries that nobody waits for any more.

Who asks for somebody else makes a `Stop` and works inside ``with stop.watching()``;
whoever knows that the answer is not wanted any more calls `Stop.now`, from any thread.
Only the queries of that `Stop` end.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from omskit.errors import TimedOutError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_S = 0.05
"""Between two looks at whether somebody still waits, while a lock is waited for."""

_WATCHED: ContextVar[Stop | None] = ContextVar("omskit_stop", default=None)


class Stop:
    """A way to end the queries that are made for one request.

    Example:
        >>> stop = Stop()
        >>> stop.now()
        >>> with stop.watching():
        ...     check()
        Traceback (most recent call last):
        omskit.errors.TimedOutError: The query was stopped: nobody waits for its answer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursors: list[Any] = []
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether there is nobody who waits."""
        return self._is_over

    def now(self) -> None:
        """End what runs, and let nothing begin.

        An interrupt that comes just before DuckDB begins is lost: call it again while
        the work goes on.
        """
        with self._lock:
            self._is_over = True
            for cursor in self._cursors:
                cursor.interrupt()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Queries of this block, in this thread or task, end when this is stopped."""
        before = _WATCHED.set(self)
        try:
            yield
        finally:
            _WATCHED.reset(before)

    @contextmanager
    def over(self, cursor: Any) -> Iterator[None]:
        """A block in which *cursor* is interrupted when this is stopped."""
        with self._lock:
            self._cursors.append(cursor)
        try:
            self.check()
            yield
        finally:
            # Afterwards the cursor may be closed: no interrupt meets it then.
            with self._lock:
                self._cursors.remove(cursor)

    def check(self) -> None:
        """Go on only where somebody waits.

        Raises:
            TimedOutError: Nobody does.
        """
        if self._is_over:
            raise stopped()


def stopped() -> TimedOutError:
    """What a query that was stopped raises."""
    return TimedOutError("The query was stopped: nobody waits for its answer.")


def check() -> None:
    """End work that was stopped between its queries.

    Raises:
        TimedOutError: Nobody waits for it.
    """
    stop = _WATCHED.get()
    if stop is not None:
        stop.check()


@contextmanager
def holding(lock: threading.Lock) -> Iterator[None]:
    """A block that holds *lock*; whose request is stopped does not wait for it.

    Raises:
        TimedOutError: Nobody waits for the work in this block.
    """
    while not lock.acquire(timeout=LOOK_S):
        check()
    try:
        check()
        yield
    finally:
        lock.release()


@contextmanager
def stoppable(cursor: Any) -> Iterator[None]:
    """A block in which *cursor* is interrupted when its request is stopped."""
    stop = _WATCHED.get()
    if stop is None:
        yield
        return
    with stop.over(cursor):
        yield
