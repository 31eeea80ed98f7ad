"""A third driver, for tests: no clock, no network, no thread; it writes all down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

from omskit.effects import (
    Authorise,
    Compute,
    Emit,
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
from omskit.errors import OMSError

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)


@dataclass(eq=False)
class Handle:
    """A started flow: run when it is joined, or earlier."""

    flow: Generator[Any, Any, Any]
    done: bool = False
    result: Any = None
    error: OMSError | None = None


@dataclass
class Interpreter:
    """Carries out a flow on scripted answers.

    Attributes:
        answer: Gives the response to a request, or raises; or a list of such answers.
        credentials: One for each login.
        later_first: Flows that run beside are carried out in reverse order.
        effects: What the flow asked for, in order.
    """

    answer: Callable[[Request], Response] | Iterable[Any]
    credentials: Iterable[Any] = ()
    later_first: bool = False
    effects: list[Any] = field(default_factory=list)
    tables: list[Any] = field(default_factory=list)
    now: dt.datetime = NOON
    most_flying: int = 0
    joined: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not callable(self.answer):
            answers = iter(self.answer)
            self.answer = lambda _request: next(answers)
        self._credentials = iter(self.credentials)
        self._held: Any = None
        self._flying: list[Handle] = []

    def run(self, flow: Generator[Any, Any, Any]) -> Any:
        """The result of *flow*."""
        result: Any = None
        error: OMSError | None = None
        while True:
            try:
                effect = flow.send(result) if error is None else flow.throw(error)
            except StopIteration as stop:
                return stop.value
            result, error = None, None
            try:
                result = self._perform(effect)
            except OMSError as raised:
                error = raised

    def _perform(self, effect: Any) -> Any:  # noqa: C901, PLR0912  # a table
        match effect:
            case Start(flow):
                self._flying.append(Handle(flow))
                self.most_flying = max(self.most_flying, len(self._flying))
                return self._flying[-1]
            case Join(handle):
                return self._join(handle)
        self.effects.append(effect)
        match effect:
            case Send(request, _):
                found = self.answer(request)
                if isinstance(found, OMSError):
                    raise found
                return found
            case Sleep(seconds):
                self.now += dt.timedelta(seconds=seconds)
            case Now():
                return self.now
            case Jitter():
                return 0.5
            case Authorise(rejected):
                if rejected is not None or self._held is None:
                    self._held = next(self._credentials, None)
                return self._held
            case Compute(function, arguments):
                return function(*arguments)
            case Emit(table):
                self.tables.append(table)
            case Progress():
                pass
            case _:
                raise AssertionError(effect)
        return None

    def _join(self, handle: Handle) -> Any:
        waiting = [h for h in self._flying if not h.done]
        order = reversed(waiting) if self.later_first else [handle]
        for one in order:
            if one.done:
                continue
            try:
                one.result = self.run(one.flow)
            except OMSError as error:
                one.error = error
            one.done = True
        self._flying.remove(handle)
        if handle.error is not None:
            raise handle.error
        return handle.result

    @property
    def sent(self) -> list[str]:
        """The URLs of all requests, in order."""
        return [e.request.url for e in self.effects if isinstance(e, Send)]

    @property
    def slept(self) -> list[float]:
        """The waits, in order."""
        return [e.seconds for e in self.effects if isinstance(e, Sleep)]
