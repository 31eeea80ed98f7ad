"""Queries bound to the client that will ask them."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, Self, Unpack

from omskit import flow
from omskit.client.asker import Asker, Driver
from omskit.client.progress import reporter
from omskit.drivers import SyncDriver
from omskit.errors import OMSWarning
from omskit.query.words import query_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omskit.client.options import Where
    from omskit.effects import Result
    from omskit.flow import Settings
    from omskit.flow.settings import SettingOptions
    from omskit.query import Query
    from omskit.table import Table

log = logging.getLogger("omskit")


def warn(table: Table) -> Table:
    """Say what the table has to say, at the line of the user that asked for it."""
    warn_of(table.warnings)
    return table


def warn_of(texts: Iterable[str]) -> None:
    """Say each of *texts* at the line of the user."""
    for text in texts:
        try:
            warnings.warn(text, OMSWarning, stacklevel=_level_of_user())
        except OMSWarning:
            raise  # Somebody wants warnings to be errors.
        except Exception:  # noqa: BLE001  # whatever a hook does: the rows are there
            log.warning("%s", text)


def _level_of_user() -> int:
    """How far up the line of the user is, as `warnings.warn` counts from `warn_of`."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001  # as warnings itself does
    # Code that exec() runs may have globals without a name.
    while frame.f_back and str(frame.f_globals.get("__name__")).startswith("omskit."):
        level, frame = level + 1, frame.f_back
    return level


class Bound(Generic[Driver]):
    """A query and the client that will ask it."""

    __slots__ = ("_asker", "_query", "_settings")

    def __init__(self, asker: Asker[Driver], query: Query, settings: Settings) -> None:
        self._asker = asker
        self._query = query
        self._settings = settings

    @property
    def query(self) -> Query:
        """The query as a plain value."""
        return self._query

    def _with(self, query: Query) -> Self:
        return type(self)(self._asker, query, self._settings)

    def where(self, *conditions: Where) -> Self:
        """Also require these: ``field("l1_rate") > 1000`` or ``"l1_rate > 1000"``."""
        resource = self._query.resource
        built = (self._asker.condition(c, resource) for c in conditions)
        return self._with(self._query.where(*built))

    def select(self, *fields: str | Iterable[str]) -> Self:
        """Only these columns, in this order."""
        return self._with(self._query.select(*fields))

    def sort(self, *keys: str | Iterable[str]) -> Self:
        """By these fields, first the most important; a leading ``-`` descends."""
        return self._with(self._query.sort(*keys))

    def limit(self, rows: int) -> Self:
        """At most so many rows, the first in the order asked for."""
        return self._with(self._query.limit(rows))

    def include(self, *keys: str) -> Self:
        """Ask for extra parts of the answer."""
        return self._with(self._query.include(*keys))

    def group(self, granularity: str | None = None, **keys: str | int) -> Self:
        """Rows per run or per lumisection; further keys go out as ``group[key]``."""
        return self._with(self._query.group(granularity, **keys))

    def custom(self, key: str, value: str | int) -> Self:
        """Send any other parameter, as it is."""
        return self._with(self._query.custom(key, value))

    def options(self, **options: Unpack[SettingOptions]) -> Self:
        """The same query with other `Settings`, e.g. ``allow_partial=True``."""
        settings = self._settings.adjusted(**options)
        return type(self)(self._asker, self._query, settings)

    @property
    def url(self) -> str:
        """The first URL that is asked, whole; no request is made.

        Raises:
            UnknownFieldError, OperatorError: The query cannot be asked.
        """
        context = self._context()
        page = flow.first_page(self._query, context)
        if page is None:
            return f"{context.source.base_url}/{self._query.resource}"
        return context.source.address(page)

    def __repr__(self) -> str:
        asked = query_text(self._query)
        return f"<{type(self).__name__} {asked} on {self._asker.client!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as query plus client, which pickles as its name."""
        return (_rebound, (self._asker.client, self._query, self._settings))

    def _context(self) -> flow.Context:
        return self._asker.context(self._settings)


def _rebound(client: Any, query: Query, settings: Settings) -> Any:
    """The same query, bound to the client that was pickled with it."""
    return client.bind(
        query, **{f.name: getattr(settings, f.name) for f in fields(settings)}
    )


class BoundQuery(Bound[SyncDriver]):
    """A query that can be asked, see `Client.query`."""

    __slots__ = ()

    def fetch(self) -> Table:
        """Every row that matches, as one table.

        Raises:
            IncompleteError: Rows that the service counts could not be had.
            OMSError: Any other reason why there is no whole answer.
        """
        return warn(self._run(flow.fetch(self._query, self._context())))

    def fetch_one(self) -> Table:
        """The one row that matches.

        Raises:
            NoRowError: None does.
            TooManyRowsError: Several do.
        """
        return warn(self._run(flow.fetch_one(self._query, self._context())))

    def count(self) -> int:
        """How many rows match; asks for the number only."""
        return self._run(flow.count(self._query, self._context()))

    def explain(self) -> str:
        """How the query is answered, as text; selectors are looked up."""
        return self._run(flow.explain(self._query, self._context()))

    def pages(self) -> Iterator[Table]:
        """The rows as tables of at most a page, in order, with bounded memory.

        Raises:
            IncompleteError: Rows are missing; what came before is right.
        """
        steps = flow.pages(self._query, self._context())
        bar = reporter(self._settings.progress)
        tables = self._asker.driver().iterate(steps, bar)
        with contextlib.closing(tables):
            for table in tables:
                yield warn(table)

    def _run(self, steps: flow.Flow[Result]) -> Result:
        bar = reporter(self._settings.progress)
        return self._asker.driver().run(steps, bar)
