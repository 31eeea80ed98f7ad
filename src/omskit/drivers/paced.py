"""A sender that asks at the pace which the service likes."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omskit.drivers.senders import LocalSender, Through
from omskit.drivers.tasks import Cancelled
from omskit.flow.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from omskit.drivers.cancel import CancelToken
    from omskit.drivers.senders import Sender
    from omskit.effects import Request, Response

_GLANCE_S = 0.1
_ASYNC_GLANCE_S = 0.01


class Pacer:
    """Lets requests go as `omskit.flow.pace.Pace` decides; threads share it.

    Attributes:
        pace: As it is now.
        peak: The most requests that were under way at once.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.pace = Pace(most)
        self.peak = 0
        self._clock = clock
        self._under_way = 0
        self._changed = threading.Condition()

    def before(self, sender: Sender) -> Sender:
        """*sender*, at this pace; in this process there is nobody to be polite to."""
        if isinstance(sender, LocalSender):
            return sender
        return PacedSender(sender, self)

    def may_go(self) -> bool:
        """Whether one more may go; then it has gone."""
        with self._changed:
            if self._under_way >= self.pace.at_once:
                return False
            self._under_way += 1
            self.peak = max(self.peak, self._under_way)
            return True

    def wait(self, waiting: CancelToken | None) -> None:
        """Wait until one more may go.

        Raises:
            Cancelled: Nobody waits for it any more.
        """
        while not self.may_go():
            if waiting is not None and waiting.is_over:
                raise Cancelled
            with self._changed:
                if self._under_way >= self.pace.at_once:
                    self._changed.wait(_GLANCE_S)

    @contextmanager
    def heard(self) -> Iterator[list[int | None]]:
        """A block in which a request is under way; its status is put into the list."""
        status: list[int | None] = [None]
        start = self._clock()
        try:
            yield status
        finally:
            with self._changed:
                self._under_way -= 1
                self.pace = self.pace.after(self._clock() - start, status[0])
                self._changed.notify_all()


@dataclass(slots=True)
class PacedSender(Through):
    """A sender that waits for its pace."""

    pacer: Pacer

    def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        waiting: CancelToken | None = None,
    ) -> Response:
        """The answer, from a thread that may wait."""
        self.pacer.wait(waiting)
        with self.pacer.heard() as status:
            response = self.inner.send(request, headers, waiting)
            status[0] = response.status
            return response

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """The answer, in an event loop."""
        while not self.pacer.may_go():  # noqa: ASYNC110  # threads may be first
            await asyncio.sleep(_ASYNC_GLANCE_S)
        with self.pacer.heard() as status:
            response = await self.inner.asend(request, headers)
            status[0] = response.status
            return response
