"""Whether anybody still waits for a result, and what to do once nobody does."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class CancelToken:
    """Somebody who waits, until told that there is nothing to wait for.

    Example:
        >>> waiting = CancelToken()
        >>> with waiting.or_else(lambda: print("cut")):
        ...     waiting.end()
        cut
        >>> waiting.is_over
        True
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self._hooks: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def is_over(self) -> bool:
        """Nobody waits any more."""
        return self._over.is_set()

    def end(self) -> None:
        """Say that nobody waits any more; a second time changes nothing."""
        with self._lock:
            self._over.set()
            hooks, self._hooks = self._hooks, []
        for hook in hooks:
            hook()

    def pause(self, seconds: float) -> bool:
        """Pass time, at most until nobody waits; whether that is so."""
        return self._over.wait(seconds)

    @contextlib.contextmanager
    def or_else(self, hook: Callable[[], None]) -> Iterator[None]:
        """While in the block, *hook* is called the moment that nobody waits any more.

        It is called at once where that is so already, and never twice.
        """
        with self._lock:
            late = self._over.is_set()
            if not late:
                self._hooks.append(hook)
        if late:
            hook()
        try:
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._hooks.remove(hook)
