"""A store before a service: what is final comes from disk, the rest is asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from omskit.config import DEMO, INSTANCES
from omskit.errors import UsageError
from omskit.flow.service_info import SOURCE
from omskit.query import Condition

if TYPE_CHECKING:
    import os

    from omskit.config import Instance
    from omskit.drivers import EngineSource
    from omskit.effects import Flow, Result
    from omskit.flow import Page, Source
    from omskit.flow.service_info import ServiceInfo
    from omskit.jsonapi import Rows
    from omskit.query import Query
    from omskit.query.plan import Plan
    from omskit.schema import Resource
    from omskit.store import Store

MOST_PIECES = 50
"""A request that would be cut into more is asked as it is."""


def first_of(path: str | os.PathLike[str], instance: Instance) -> StoreFirst:
    """The store in a folder, before the service *instance*.

    Raises:
        UsageError: It holds simulated rows, which never stand for those of OMS.
    """
    from omskit.store import Store

    store = Store(path)
    if store.simulated and instance.name in INSTANCES and instance.name != DEMO:
        message = (
            f"The store {store.path} holds simulated rows; they cannot stand for rows "
            f"of {instance.name}."
        )
        raise UsageError(message)
    return StoreFirst(store)


@dataclass(slots=True)
class StoreFirst:
    """What a store answers, so that nobody else need be asked."""

    store: Store
    _source: EngineSource | None = None

    def before(self, service: Source, *, raw: bool) -> StoredSource:
        """A source that asks the store first.

        Args:
            raw: The service's own numbers are wanted.
        """
        from omskit.drivers.engine_source import EngineSource

        if self._source is None:
            url = f"store:{self.store.path}"
            self._source = EngineSource(self.store.service(url))
        mine = replace(self._source, ages=[])  # what this question has read
        return StoredSource(self, mine, service, raw)

    def holds(self, query: Query) -> bool:
        """Whether all rows of a query are final here."""
        return self.store.holds_final(query)

    def divide(self, query: Query, resource: Resource) -> tuple[Query, ...]:
        """A request, cut into those that the store answers and the others."""
        column = resource.identity[0] if resource.identity else ""
        pieces = self.store.final_pieces(query, column)
        if not 1 < len(pieces) <= MOST_PIECES:
            return (query,)
        others = tuple(c for c in query.conditions if c.field != column)
        return tuple(
            replace(query, conditions=(*_between(column, *piece), *others))
            for piece in pieces
        )


def _between(column: str, first: int, last: int | None) -> tuple[Condition, ...]:
    if first == last:
        return (Condition(column, "EQ", first),)
    lower = (Condition(column, "GE", first),) if first > 0 else ()
    upper = () if last is None else (Condition(column, "LE", last),)
    return (*lower, *upper)


@dataclass(slots=True)
class StoredSource:
    """A source that asks a store for what is final there, and a service else.

    Attributes:
        here: How many rows of each resource came from the store.
    """

    first: StoreFirst
    stored: EngineSource
    service: Source
    raw: bool
    here: Counter[str] = field(default_factory=Counter)

    @property
    def base_url(self) -> str:
        """The service: whatever is not here is asked there."""
        return self.service.base_url

    @property
    def page_size(self) -> int:
        """Pages suit the service."""
        return self.service.page_size

    def suited(self, plan: Plan, resource: Resource) -> Plan:
        """Requests cut into those that the store answers and the others.

        Only where the parts, one after the other, are the rows of the whole in order.
        """
        plan = self.service.suited(plan, resource)
        late = any(f.after_filter for f in resource.fields)
        if plan.maximum is not None or (self.raw and late):
            # The service takes those columns from the next row of the same request.
            return plan
        if any(r.order != resource.identity[: len(r.order)] for r in plan.requests):
            return plan
        parts = [q for r in plan.requests for q in self.first.divide(r, resource)]
        return replace(plan, requests=tuple(parts))

    def address(self, page: Page) -> str:
        """Where a page comes from."""
        if self.first.holds(page.query):
            return self.stored.address(page)
        return self.service.address(page)

    def rows(self, page: Page, resource: Resource) -> Flow[Rows]:
        """The rows of a page, from the store where it has all of them for good."""
        if not self.first.holds(page.query):
            return (yield from self.service.rows(page, resource))
        rows = yield from self.stored.rows(page, resource)
        self.here[resource.name] += rows.table.num_rows
        return rows

    def document(self, path: str) -> Flow[bytes]:
        """Any other document, of the service."""
        return self.service.document(path)

    def listening(self, flow: Flow[Result], info: ServiceInfo) -> Flow[Result]:
        """What the service says of itself, and how many rows the store gave."""
        before = Counter(self.here)
        result = yield from self.service.listening(flow, info)
        found = self.here - before
        if found:
            said = info.heard.setdefault(SOURCE, [])
            if self.first.store.simulated and "simulated" not in said:
                said.append("simulated")
            counts = " and ".join(f"{n} rows of {name}" for name, n in found.items())
            said.append(f"{counts} from {self.stored.base_url}")
            if self.stored.read:
                said.append(self.stored.read)
        return result
