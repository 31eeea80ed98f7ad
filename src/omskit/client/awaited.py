"""The client in an event loop: the same names as `omskit.client.Client`, awaited."""

from __future__ import annotations

import contextlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Self

from omskit import flow
from omskit.client.bound import AsyncBoundQuery, warn
from omskit.client.shortcuts import Shortcuts
from omskit.dcs import DcsCheck, compare_dcs
from omskit.drivers import AsyncDriver
from omskit.progress import reporter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from omskit.client.settings import Settings
    from omskit.flow import Replayed
    from omskit.query import MaskLike
    from omskit.receipt import Receipt
    from omskit.schema import Resource
    from omskit.table import Table


class AsyncClient(Shortcuts[Coroutine[Any, Any, "Table"]]):
    """OMS, as typed tables, in an event loop; the same names as `Client`, awaited.

    Making one sends nothing; ``await aclose()`` it, or use ``async with``. It belongs
    to one event loop.

    Example:
        >>> import asyncio
        >>> async def menu():
        ...     async with AsyncClient("demo") as oms:
        ...         return (await oms.runs(297050))["l1_menu"].to_pylist()
        >>> asyncio.run(menu())
        ['L1Menu_Collisions2017_dev_r5']
    """

    def __init__(self, instance: str | None = None, **options: Any) -> None:
        super().__init__(instance, **options)
        concurrency = self._settings.concurrency
        self._driver = AsyncDriver(self._sender, self._login, concurrency)

    async def _table(self, steps: flow.Flow[Table], settings: Settings) -> Table:
        return warn(await self._driver.run(steps, reporter(settings.progress)))

    def query(
        self, resource: str, which: Any = None, **options: Any
    ) -> AsyncBoundQuery:
        """A question to build on; nothing is asked yet.

        Args:
            resource: As OMS names it, e.g. ``"deadtimes"``.
            which: Runs (fills for ``fills``, names for ``eras``), as for `runs`; also
                as ``runs=``.
            options: As for `runs`.
        """
        if which is None:
            which = options.pop("runs", None)
        settings, asked = self._split(options)
        return AsyncBoundQuery(self, self._question(resource, which, **asked), settings)

    async def dcs_check(self, run: int, mask: MaskLike) -> DcsCheck:
        """Whether ``cms_active`` of a run is what a DCS-only mask says.

        Cost: one request.
        """
        settings = self._settings.changed(audit=False)
        steps = flow.fetch(self._dcs_query(run), self._context(settings))
        return compare_dcs(await self._table(steps, settings), mask, int(run))

    async def replay(self, receipt: Receipt | str | bytes) -> Replayed:
        """Ask again what a receipt says was asked, and tell what is different.

        Args:
            receipt: Of a table, ``table.receipt``; or as `Receipt.to_json` wrote it.

        Raises:
            UsageError: It does not say what was asked.

        Cost: the requests of the receipt.
        """
        bar = reporter(self._settings.progress)
        return await self._driver.run(self._again(receipt), bar)

    async def follow(self, run: int, **policy: float) -> AsyncIterator[Table]:
        """Tables of the lumisections of a run as they come, until the run has ended.

        A column ``news`` says why a row is told: ``new``; ``late``, after a later one;
        ``revised``, told before and not the same any more. Each lumisection is told
        once, when it is over, and again only where OMS revises it. Those that never
        come are named in the ``gaps`` of the last table.

        Args:
            run: One run.
            policy: Any of `Following`, such as ``every_s=60``.

        Raises:
            NoRowError: There is no such run.
            OMSError: The service failed for too long.

        Cost: two requests for each look.
        """
        tables = self._driver.iterate(self._followed(run, policy))
        async with contextlib.aclosing(tables):
            async for table in tables:
                yield warn(table)

    async def meta(self, resource: str) -> Resource:
        """A resource as the service itself describes it; later queries know it too.

        Cost: one request.
        """
        steps = flow.learn(resource, self._context())
        merged: Resource = await self._driver.run(steps)
        self._catalogue = self._catalogue.with_resource(merged)
        return merged

    async def aclose(self) -> None:
        """Let go of connections; the client can be used again."""
        await self._driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.aclose()
