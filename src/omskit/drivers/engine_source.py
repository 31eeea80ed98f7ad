"""Rows from an engine in this process, without requests, bytes or JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from omskit.effects import Authorise, Compute, Request, Response, Send
from omskit.engine import Stop
from omskit.engine.relations import Between
from omskit.flow.exchange import Policy
from omskit.flow.service_info import SOURCE
from omskit.flow.settings import MOST_ROWS_PER_PAGE
from omskit.flow.source import HttpSource
from omskit.server.rows import read_rows
from omskit.server.service import Service, aged

if TYPE_CHECKING:
    from omskit.effects import Effect, Flow, Result
    from omskit.flow.service_info import ServiceInfo
    from omskit.flow.source import Page
    from omskit.jsonapi import Rows
    from omskit.query.plan import Plan
    from omskit.schema import Resource


@dataclass(frozen=True, slots=True)
class EngineSource:
    """A service in this process, whose pages are read from its engine as Arrow.

    What is no page of rows, faults among it, is answered as over a network, by
    `omskit.server.respond`: so errors are the same, and are made in one place. See
    `omskit.flow.source.Source`.

    Attributes:
        service: The service; its engine has the rows.
        policy: When to try again, where it is asked as over a network.
        ages: When rows that it gave were fetched, where they come from a store.
    """

    service: Service
    policy: Policy = field(default_factory=Policy)
    ages: list[Between] = field(default_factory=list, compare=False)

    @property
    def base_url(self) -> str:
        """The address that the service would have."""
        return self.service.base_url

    @property
    def page_size(self) -> int:
        """The largest page that OMS gives: here no page is waited for."""
        return MOST_ROWS_PER_PAGE

    def suited(self, plan: Plan, resource: Resource) -> Plan:
        """The engine can do what OMS can."""
        del resource
        return plan

    def address(self, page: Page) -> str:
        """The whole URL that a page would have over HTTP."""
        return f"{self.base_url}/{page.url}"

    def rows(self, page: Page, resource: Resource) -> Flow[Rows]:
        """The rows of a page, from the engine."""
        url, stop = f"{self.base_url}/{page.url}", Stop()
        call = url, resource, self.service, stop
        found: tuple[Rows, Between | None] | None
        found = yield Compute(_read, call, stop.now)
        if found is None:
            asked = HttpSource(self.base_url, self.policy)
            return (yield from self._answered(asked.rows(page, resource)))
        rows, read_between = found
        if read_between is not None:
            self.ages.append(read_between)
        return rows

    def document(self, path: str) -> Flow[bytes]:
        """Any other document."""
        asked = HttpSource(self.base_url, self.policy)
        return (yield from self._answered(asked.document(path)))

    def listening(self, flow: Flow[Result], info: ServiceInfo) -> Flow[Result]:
        """The service says the same in every answer, but for the age of its rows.

        That is known once they are read: pages that are given before do not say it.
        """
        asked = Send(Request("GET", self.base_url))
        info.hear(asked, Response(200, self.service.identity))
        result = yield from flow
        read = self.read
        if read is not None:
            info.hear(asked, Response(200, {SOURCE: read}))
        return result

    @property
    def read(self) -> str | None:
        """When the rows that it gave were fetched, as receipts say it."""
        if not self.ages:
            return None
        firsts, lasts, derived = zip(*self.ages, strict=True)
        return aged(Between(min(firsts), max(lasts), any(derived)))

    def _answered(self, flow: Flow[Result]) -> Flow[Result]:
        """*flow* with its requests answered here, and without logins."""
        try:
            effect: Effect = next(flow)
            while True:
                try:
                    result = yield from self._carried_out(effect)
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001  # for the flow to judge
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            answer: Result = end.value
            return answer
        finally:
            flow.close()

    def _carried_out(self, effect: Effect) -> Flow[object]:
        if isinstance(effect, Authorise):
            return None
        if isinstance(effect, Send):
            from omskit.server.answering import respond  # for what are no rows

            effect = Compute(respond, (effect.request, self.service))
        result: object = yield effect
        return result


def _read(
    url: str, resource: Resource, service: Service, stop: Stop
) -> tuple[Rows, Between | None] | None:
    with stop.watching():
        return read_rows(url, resource, service)


@cache
def demo_service(base_url: str) -> Service:
    """The demo, once per process."""
    from omskit.demo import tables  # heavy, and only for the demo
    from omskit.engine import Engine

    return Service(Engine(tables()), base_url=base_url)
