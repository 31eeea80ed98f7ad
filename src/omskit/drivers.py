"""The drivers: they carry out what flows ask for, each in its world.

Two of them, sync and async, with the same effects and the same order of things. A
*sender* is where requests go: `omskit.transport.HttpSender` over a network, or
`LocalSender` into a service in this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
import random
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from omskit.beside import Abandoned, Beside
from omskit.errors import OMSError
from omskit.flow.effects import (
    Authorise,
    Compute,
    Credential,
    Emit,
    Flow,
    Jitter,
    Join,
    Now,
    Progress,
    Request,
    Response,
    Send,
    Sleep,
    Start,
)
from omskit.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping

    from omskit.table import Table

log = logging.getLogger("omskit")
log.addHandler(logging.NullHandler())


class Sender(Protocol):
    """Where requests go."""

    def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        waiting: Waiting | None = None,
    ) -> Response:
        """The answer, from a thread that may wait.

        Args:
            waiting: When nobody waits any more, no answer need come.
        """

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """The answer, in an event loop."""

    def close(self) -> None:
        """Let go of connections."""

    async def aclose(self) -> None:
        """Let go of connections, in an event loop."""


@dataclass(frozen=True, slots=True)
class LocalSender:
    """A service in this process; no socket, no bytes on a wire."""

    respond: Callable[[Request], Response]

    def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        waiting: Waiting | None = None,
    ) -> Response:
        """Answer in this thread."""
        del headers, waiting
        return self.respond(request)

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Answer in a worker thread, so that the event loop goes on."""
        del headers
        return await asyncio.to_thread(self.respond, request)

    def close(self) -> None:
        """Nothing to let go of."""

    async def aclose(self) -> None:
        """Nothing to let go of."""


class Login(Protocol):
    """What gives credentials; see `omskit.auth`."""

    def login(self) -> Flow[Credential | None]:
        """The flow that logs in; its result is None where no login is needed."""


class Reporter(Protocol):
    """Who is told how far a fetch is."""

    def update(self, done: int, total: int | None, label: str) -> None:
        """*done* of *total* rows of *label* are here."""

    def finish(self) -> None:
        """The fetch is over."""


class _Shared:
    """What both drivers keep: the sender, the login, the present credential."""

    def __init__(self, sender: Sender, login: Login, concurrency: int) -> None:
        self.sender = sender
        self.login = login
        self.concurrency = concurrency
        self.credential: Credential | None = None
        self.logged_in = False

    def usable(self, rejected: Credential | None) -> bool:
        """The present credential will do."""
        held = self.credential
        if not self.logged_in or (rejected is not None and held is rejected):
            return False
        if held is None or held.expires is None:
            return True
        return time.time() < held.expires

    def headers(self, effect: Send) -> Mapping[str, str]:
        return effect.credential.headers if effect.credential else {}

    def answer_at_once(self, effect: Any, reporter: Reporter | None) -> Any:
        """The result of an effect that takes no time."""
        if isinstance(effect, Now):
            return dt.datetime.now(dt.UTC)
        if isinstance(effect, Jitter):
            return random.random()  # noqa: S311  # spreads retries, guards nothing
        if isinstance(effect, Progress):
            if reporter is not None:
                reporter.update(effect.done, effect.total, effect.label)
            return None
        message = f"no driver carries out {effect!r}"
        raise AssertionError(message)


def _logged(request: Request, response: Response) -> Response:
    log.debug("%s %s -> %d", request.method, request.url, response.status)
    return response


_DRIVERS: weakref.WeakSet[SyncDriver] = weakref.WeakSet()


def _after_fork() -> None:
    """Threads do not survive a fork, and locks stay as they were."""
    for driver in list(_DRIVERS):
        driver.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class SyncDriver:
    """Runs flows in this thread, and those they start in a pool of threads."""

    def __init__(self, sender: Sender, login: Login, concurrency: int) -> None:
        self._shared = _Shared(sender, login, concurrency)
        self.forget()
        _DRIVERS.add(self)

    def forget(self) -> None:
        """Begin anew, without threads: in a new driver, and after a fork."""
        self._lock = threading.Lock()
        # A slot is held while a request is under way, not while its answer is decoded:
        # so as many requests as are allowed always are.
        self._slots = threading.BoundedSemaphore(self._shared.concurrency)
        self._pool: ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()
        self._running: weakref.WeakSet[Beside] = weakref.WeakSet()

    def run(
        self,
        flow: Flow[Any],
        reporter: Reporter | None = None,
        waiting: Waiting | None = None,
    ) -> Any:
        """The result of *flow*; what it emits is dropped.

        Args:
            waiting: Who waits for the result, and may give up.
        """
        steps = self._steps(flow, reporter, waiting)
        try:
            while True:
                next(steps)
        except StopIteration as stop:
            return stop.value

    def iterate(
        self, flow: Flow[Any], reporter: Reporter | None = None
    ) -> Generator[Table]:
        """The tables that *flow* emits; close it where it is left early."""
        yield from self._steps(flow, reporter)

    def _steps(
        self,
        flow: Flow[Any],
        reporter: Reporter | None,
        waiting: Waiting | None = None,
    ) -> Generator[Table, None, Any]:
        beside = Beside(waiting or Waiting())
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
                        raise Abandoned from raised  # Nobody would read of it.
                    error = raised
        finally:
            beside.abandon()
            flow.close()
            if reporter is not None:
                reporter.finish()

    def _perform(self, effect: Any, beside: Beside, reporter: Reporter | None) -> Any:
        if beside.waiting.is_over:
            raise Abandoned
        if isinstance(effect, Send):
            headers = self._shared.headers(effect)
            with self._slots:
                response = self._shared.sender.send(
                    effect.request, headers, beside.waiting
                )
            return _logged(effect.request, response)
        if isinstance(effect, Compute):
            return effect.function(*effect.arguments)
        if isinstance(effect, Start):
            return beside.start(self._threads, self.run, effect.flow)
        if isinstance(effect, Join):
            return beside.join(effect.handle)
        if isinstance(effect, Sleep):
            return beside.sleep(effect.seconds)
        if isinstance(effect, Authorise):
            return self._authorise(effect, beside.waiting)
        return self._shared.answer_at_once(effect, reporter)

    def _authorise(self, effect: Authorise, waiting: Waiting) -> Credential | None:
        with self._lock:  # 64 callers, one login
            shared = self._shared
            if not shared.usable(effect.rejected):
                shared.credential = self.run(shared.login.login(), None, waiting)
                shared.logged_in = True
            return shared.credential

    def _threads(self) -> ThreadPoolExecutor:
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(
                    2 * self._shared.concurrency, thread_name_prefix="omskit"
                )
            return self._pool

    def close(self) -> None:
        """End the threads, cutting what they wait for, and close the connections."""
        with self._pool_lock:
            pool, self._pool = self._pool, None
            running = list(self._running)
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
            for beside in running:
                beside.abandon()
            pool.shutdown(wait=True)
        self._shared.sender.close()


class AsyncDriver:
    """Runs flows in the running event loop, and those they start as tasks."""

    def __init__(self, sender: Sender, login: Login, concurrency: int) -> None:
        self._shared = _Shared(sender, login, concurrency)
        self._lock = asyncio.Lock()
        self._slots = asyncio.Semaphore(concurrency)

    async def run(self, flow: Flow[Any], reporter: Reporter | None = None) -> Any:
        """The result of *flow*; what it emits is dropped."""
        box: list[Any] = [None]
        async for _ in self._steps(flow, reporter, box):
            pass
        return box[0]

    async def iterate(
        self, flow: Flow[Any], reporter: Reporter | None = None
    ) -> AsyncGenerator[Table]:
        """The tables that *flow* emits; close it where it is left early."""
        async with contextlib.aclosing(self._steps(flow, reporter, [None])) as steps:
            async for table in steps:
                yield table

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
            headers = self._shared.headers(effect)
            async with self._slots:
                response = await self._shared.sender.asend(effect.request, headers)
            return _logged(effect.request, response)
        if isinstance(effect, Compute):
            return await asyncio.to_thread(effect.function, *effect.arguments)
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
        return self._shared.answer_at_once(effect, reporter)

    async def _authorise(self, effect: Authorise) -> Credential | None:
        async with self._lock:  # 64 callers, one login
            shared = self._shared
            if not shared.usable(effect.rejected):
                shared.credential = await self.run(shared.login.login())
                shared.logged_in = True
            return shared.credential

    async def aclose(self) -> None:
        """Close the connections."""
        await self._shared.sender.aclose()
