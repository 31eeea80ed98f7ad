"""Work for a request in a thread of its own, which ends when nobody waits for it.

Nobody waits when the request took too long (its task is cancelled, by `Bounded` or when
the server ends) or when the client has hung up. Then the queries of this request are
interrupted, those of others go on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from omskit.engine import Stop
from omskit.errors import TimedOutError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from omskit.effects import Response

AGAIN_S = 0.02
"""Between two interrupts, until the work has ended: one alone may come too early."""

_ENDING: set[asyncio.Task[None]] = set()
"""Tasks that see to it that work ends; asyncio itself forgets tasks."""


async def worked(
    receive: Any, work: Callable[[], Response], threads: Executor
) -> Response | None:
    """What *work* gives; None where the client has gone meanwhile.

    Args:
        receive: Tells that the client has gone, as ASGI has it.
        work: Run in one of *threads*; its queries can be stopped.
    """
    stop = Stop()
    job = threads.submit(_watched, work, stop)
    worker = asyncio.wrap_future(job)
    gone = asyncio.ensure_future(_gone(receive))
    either: set[asyncio.Future[Any]] = {worker, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if worker.done():
            return await worker
        await gone
        return None
    finally:
        gone.cancel()
        # What still waits for its thread needs no more.
        if not worker.done() and not job.cancel():
            stop.now()
            task = asyncio.create_task(_end(worker, stop))
            _ENDING.add(task)
            task.add_done_callback(_ENDING.discard)


def _watched(work: Callable[[], Response], stop: Stop) -> Response | None:
    """The answer, or None where it was stopped."""
    with stop.watching():
        try:
            # It may have waited for its thread longer than the client did for it.
            stop.check()
            return work()
        except TimedOutError:
            return None


async def _gone(receive: Any) -> None:
    """Return when the client has hung up."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message.get("more_body", False)
    # After the whole request there is nothing to come but this.
    if (await receive())["type"] != "http.disconnect":
        await asyncio.Event().wait()


async def _end(worker: asyncio.Future[Response | None], stop: Stop) -> None:
    """Interrupt until the work has ended; how it ended matters to nobody."""
    while not worker.done():
        stop.now()
        await asyncio.wait({worker}, timeout=AGAIN_S)
    if not worker.cancelled():
        worker.exception()
