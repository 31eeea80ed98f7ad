"""Queries bound to the client of an event loop; apart, since they bring asyncio."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from omskit import flow
from omskit.client.bound import Bound, warn
from omskit.client.progress import reporter
from omskit.drivers import AsyncDriver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from omskit.effects import Result
    from omskit.table import Table


class AsyncBoundQuery(Bound[AsyncDriver]):
    """A query that can be asked, see `AsyncClient.query`."""

    __slots__ = ()

    async def fetch(self) -> Table:
        """Every row that matches, as one table.

        Raises:
            IncompleteError: Rows that the service counts could not be had.
            OMSError: Any other reason why there is no whole answer.
        """
        return warn(await self._run(flow.fetch(self._query, self._context())))

    async def fetch_one(self) -> Table:
        """The one row that matches.

        Raises:
            NoRowError: None does.
            TooManyRowsError: Several do.
        """
        return warn(await self._run(flow.fetch_one(self._query, self._context())))

    async def count(self) -> int:
        """How many rows match; asks for the number only."""
        return await self._run(flow.count(self._query, self._context()))

    async def explain(self) -> str:
        """How the query is answered, as text; selectors are looked up."""
        return await self._run(flow.explain(self._query, self._context()))

    async def pages(self) -> AsyncIterator[Table]:
        """The rows as tables of at most a page, in order, with bounded memory.

        Raises:
            IncompleteError: Rows are missing; what came before is right.
        """
        steps = flow.pages(self._query, self._context())
        bar = reporter(self._settings.progress)
        tables = self._asker.driver().iterate(steps, bar)
        async with contextlib.aclosing(tables):
            async for table in tables:
                yield warn(table)

    async def _run(self, steps: flow.Flow[Result]) -> Result:
        bar = reporter(self._settings.progress)
        return await self._asker.driver().run(steps, bar)
