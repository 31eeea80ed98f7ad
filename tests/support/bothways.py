"""One scenario, two clients: results, warnings and transcripts must be equal."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.smallservice import BASE, SmallService

from omskit import AsyncClient, Client, OMSError
from omskit.drivers import LocalSender


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario."""

    value: Any
    error: OMSError | None
    log: list[str]
    warnings: list[str]


class Plain:
    """An `AsyncClient` or `AsyncBoundQuery` whose methods are called without await."""

    def __init__(self, target: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._target, self._loop = target, loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._call(found) if inspect.ismethod(found) else found

    def _call(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            if inspect.isasyncgen(result):
                return self._iterate(result)
            if inspect.isawaitable(result):
                return self._loop.run_until_complete(result)
            return Plain(result, self._loop)

        return call

    def _iterate(self, tables: Any) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._loop.run_until_complete(anext(tables))
                except StopAsyncIteration:
                    return
        finally:
            self._loop.run_until_complete(tables.aclose())


def sync_outcome(
    service: SmallService, scenario: Callable[[Any], Any], **options: Any
) -> Outcome:
    """The scenario with `Client`."""
    with Client(BASE, sender=LocalSender(service), **options) as oms:
        return _outcome(service, lambda: scenario(oms))


def async_outcome(
    service: SmallService, scenario: Callable[[Any], Any], **options: Any
) -> Outcome:
    """The scenario with `AsyncClient`."""
    loop = asyncio.new_event_loop()
    try:
        oms = AsyncClient(BASE, sender=LocalSender(service), **options)
        outcome = _outcome(service, lambda: scenario(Plain(oms, loop)))
        loop.run_until_complete(oms.aclose())
        assert not asyncio.all_tasks(loop), "tasks were left behind"
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    return outcome


def _outcome(service: SmallService, scenario: Callable[[], Any]) -> Outcome:
    value, error = None, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = scenario()
        except OMSError as raised:
            error = raised
    return Outcome(value, error, service.log, [str(w.message) for w in caught])


def both(
    make: Callable[[], SmallService],
    scenario: Callable[[Any], Any],
    *,
    asks_alike: bool = True,
    **options: Any,
) -> Outcome:
    """The outcome of *scenario*, which is the same on both ways.

    How many pages are under way when an answer ends the reading is a matter of time:
    *asks_alike* is False where that happens.
    """
    one = sync_outcome(make(), scenario, **options)
    two = async_outcome(make(), scenario, **options)
    assert not asks_alike or sorted(one.log) == sorted(two.log)
    assert one.warnings == two.warnings
    assert one.value == two.value
    assert type(one.error) is type(two.error)
    assert str(one.error) == str(two.error)
    if one.error is not None:
        details = ("request", "status", "attempts")
        assert [getattr(one.error, d) for d in details] == [
            getattr(two.error, d) for d in details
        ]
    return one


def refused(make: Callable[[], SmallService], scenario: Any, **options: Any) -> Outcome:
    """The outcome of a scenario that fails."""
    outcome = both(make, scenario, **options)
    assert outcome.error is not None, outcome.value
    return outcome
