"""The driver for an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from omskit.drivers.shared import Shared, logged
from omskit.drivers.threads import in_thread
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
from omskit.errors import OMSError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from omskit.drivers.senders import Sender
    from omskit.drivers.shared import Login, Reporter
    from omskit.table import Table


class AsyncDriver:
    """Runs flows in the running event loop, and those they start as tasks."""

    def __init__(self, sender: Sender, login: Login, concurrency: int) -> None:
        self.shared = Shared(sender, login, concurrency)
        self._unbind()

    def _unbind(self) -> None:
        """Belong to no event loop yet; who is logged in stays so."""
        self._lock = asyncio.Lock()
        self._slots = asyncio.Semaphore(self.shared.concurrency)

    async def run(self, flow: Flow[Result], reporter: Reporter | None = None) -> Result:
        """The result of *flow*; what it emits is dropped."""
        await self._open()
        box: list[Any] = [None]
        async for _ in self._steps(flow, reporter, box):
            pass
        result: Result = box[0]
        return result

    async def iterate(
        self, flow: Flow[Any], reporter: Reporter | None = None
    ) -> AsyncGenerator[Table]:
        """The tables that *flow* emits; close it where it is left early."""
        await self._open()
        async with contextlib.aclosing(self._steps(flow, reporter, [None])) as steps:
            async for table in steps:
                yield table

    async def _open(self) -> None:
        opening = self.shared.opening()
        if opening is not None:
            async for _ in self._steps(opening, None, [None]):
                pass

    async def _steps(
        self, flow: Flow[Any], reporter: Reporter | None, box: list[Any]
    ) -> AsyncGenerator[Table]:
        started: set[asyncio.Task[Any]] = set()
        result: Any = None
        error: OMSError | None = None
        try:
            while True:
                try:
                    effect = flow.send(result) if error is None else flow.throw(error)
                except StopIteration as stop:
                    box[0] = stop.value
                    return
                result, error = None, None
                if isinstance(effect, Emit):
                    yield effect.table
                    continue
                try:
                    result = await self._perform(effect, started, reporter)
                except OMSError as raised:
                    error = raised
        finally:
            for task in started:
                task.cancel()
            await asyncio.gather(*started, return_exceptions=True)
            flow.close()
            if reporter is not None:
                reporter.finish()

    async def _perform(
        self, effect: Any, started: set[asyncio.Task[Any]], reporter: Reporter | None
    ) -> Any:
        if isinstance(effect, Send):
            headers = self.shared.headers(effect)
            async with self._slots:
                response = await self.shared.sender.asend(effect.request, headers)
            return logged(effect.request, response)
        if isinstance(effect, Compute):
            return await _computed(effect)
        if isinstance(effect, Start):
            task = asyncio.create_task(self.run(effect.flow))
            started.add(task)
            return task
        if isinstance(effect, Join):
            result = await effect.handle
            started.discard(effect.handle)  # It holds a page.
            return result
        if isinstance(effect, Sleep):
            return await asyncio.sleep(effect.seconds)
        if isinstance(effect, Authorise):
            return await self._authorise(effect)
        return self.shared.answer_at_once(effect, reporter)

    async def _authorise(self, effect: Authorise) -> Credential | None:
        async with self._lock:  # 64 callers, one login
            shared = self.shared
            if not shared.usable(effect.rejected):
                shared.credential = await self.run(shared.login.login(effect.rejected))
                shared.logged_in = True
            return shared.credential

    async def aclose(self) -> None:
        """Close the connections; afterwards it can be used in any event loop."""
        await self.shared.sender.aclose()
        self._unbind()


async def _computed(effect: Compute) -> Any:
    """The result of a function in a thread, ended early where nobody waits for it."""
    try:
        return await asyncio.wrap_future(in_thread(effect.function, *effect.arguments))
    except asyncio.CancelledError:
        if effect.cancel is not None:
            effect.cancel()
        raise
