"""Commits behind fetches: while rows are put on the disk, the next ones are asked for.

One chunk is committed while one is fetched, no more: so memory is bounded, and a stop
loses what was not committed. What is held is said for several commits at once, after
all of their rows; where the process dies before, `Kept.heal` says it.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from omskit.errors import StoreError
from omskit.store.pieces import put

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from concurrent.futures import Future
    from types import TracebackType

    from omskit.store.coverage import Entry
    from omskit.store.kept import Kept
    from omskit.store.pieces import Came, Done

UNSAID_S = 2.0
"""So long, about, rows lie in a store before it is said that they are held.

Others fetch them once more meanwhile. Saying it is a commit, 20 ms of the processor.
"""


class Behind:
    """Puts what was fetched into a store, in a thread of its own; a context manager.

    However the block ends, what is being committed then is finished.
    """

    def __init__(self, kept: Kept, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept = kept
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="omskit-commit")
        self._under_way: tuple[Future[Done], Callable[[Done], None]] | None = None
        self._unsaid: dict[str, list[Entry]] = {}
        self._since = 0.0

    def put(self, came: Came, now: dt.datetime, then: Callable[[Done], None]) -> None:
        """Commit, when what came before is committed; does not wait for it itself.

        Args:
            then: Called with what became of it, in this thread, in a later call.

        Raises:
            StoreError: What came before could not be committed.
        """
        self._wait()
        self._under_way = self._thread.submit(self._put, came, now), then

    def rest(self) -> None:
        """Wait until all is committed, and said to be held.

        Raises:
            StoreError: It could not be.
        """
        self._wait()
        self._thread.submit(self._say).result()

    def _wait(self) -> None:
        if self._under_way is not None:
            future, then = self._under_way
            done = future.result()
            self._under_way = None
            then(done)

    def _put(self, came: Came, now: dt.datetime) -> Done:
        done, made = put(self._kept, came, now)
        if not self._unsaid:
            self._since = self._clock()
        self._unsaid.setdefault(came.piece.key, []).extend(made)
        if self._clock() - self._since > UNSAID_S:
            self._say()
        return done

    def _say(self) -> None:
        """Say what is held; after the rows, never before."""
        if self._unsaid:
            self._kept.record(self._unsaid)
            self._unsaid = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # An error is there already, and what is not said now the next sync heals.
        try:
            with suppress(StoreError):
                self._thread.submit(self._say).result()
        finally:
            self._thread.shutdown(wait=True)
