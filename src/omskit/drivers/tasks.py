"""Flows that run beside one flow, in threads, and how they learn that it is over."""

from __future__ import annotations

import os
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from omskit.drivers.cancel import CancelToken
from omskit.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.drivers.threads import Threads
    from omskit.effects import Flow


class Cancelled(BaseException):
    """Nobody waits for a started flow any more; never leaves its thread."""


_FORKED = (
    "This was begun in another process, before a fork, and what runs beside it stayed "
    "there. Ask anew."
)


class TaskGroup:
    """The flows that run beside one flow, and how they learn that it is over.

    Attributes:
        waiting: Who waits for the flow itself; it waits for those beside it.
    """

    def __init__(self, waiting: CancelToken) -> None:
        self.waiting = waiting
        self._theirs = CancelToken()
        self._pool: Threads | None = None
        self._started: set[Future[Any]] = set()
        self._process = os.getpid()

    def start(
        self,
        threads: Callable[[], Threads],
        run: Callable[..., Any],
        flow: Flow[Any],
    ) -> Future[Any]:
        """Run *flow* in a thread.

        Raises:
            Cancelled: The client was closed.
            TransportError: This is another process by now.
        """
        self._stay()
        if self._pool is None:
            self._pool = threads()
        try:
            future = self._pool.submit(run, flow, None, self._theirs)
        except RuntimeError as error:
            raise Cancelled from error
        self._started.add(future)
        return future

    def join(self, future: Future[Any]) -> Any:
        """The result of a flow that was started, or its error.

        Raises:
            Cancelled: The client was closed meanwhile.
            TransportError: See `start`.
        """
        self._stay()
        try:
            return future.result()
        except CancelledError as error:
            raise Cancelled from error
        finally:
            # Kept no longer than needed: it holds a page.
            self._started.discard(future)

    def _stay(self) -> None:
        if self._process != os.getpid():
            raise TransportError(_FORKED)

    def sleep(self, seconds: float) -> None:
        """Pass time, unless nobody waits.

        Raises:
            Cancelled: Nobody does.
        """
        if self.waiting.pause(seconds):
            raise Cancelled

    def abandon(self) -> None:
        """Let go of those beside: they are cut where they wait."""
        if self._process != os.getpid():
            return
        self._theirs.end()
        for future in list(self._started):
            future.cancel()
