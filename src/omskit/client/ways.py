"""Several services in order, of which the first that answers is asked.

Whether one answers is found out at the first question, by one small request without a
login: any answer is one, a refusal too, since who refuses is there. It is not there
where no connection is made, where nothing comes in time, and where a gateway says so
(502, 503, 504). Then it stays chosen, and whatever it says to questions is said: a
wrong password, or rows that it does not have, are no reason to ask somebody else, who
might know less or something different.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from omskit.config import DEMO, STORE
from omskit.effects import Compute, Request
from omskit.errors import OMSError, TransportError
from omskit.flow.service_info import SOURCE
from omskit.flow.settings import Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omskit.config import Instance
    from omskit.drivers import Login, Sender
    from omskit.drivers.cancel import CancelToken
    from omskit.effects import Credential, Flow, Response, Result
    from omskit.flow import Page, Source
    from omskit.flow.service_info import ServiceInfo
    from omskit.jsonapi import Rows
    from omskit.query.plan import Plan
    from omskit.schema import Resource

log = logging.getLogger("omskit")

WAIT_S = 5.0
"""So long a service has to say something; then the next one is asked."""

AWAY = frozenset({502, 503, 504})
"""Statuses by which a gateway says that the service behind it is not there."""


class Taker(Protocol):
    """Who is told which service it is: a client."""

    def __call__(self, instance: Instance) -> None:
        """This one is asked from now on."""


@dataclass(slots=True)
class Ways:
    """Services in order, and which of them answered first.

    Attributes:
        instances: At least two.
        take: Told once which it is.
        sender: What small requests go through; they carry no login.
        silent: Those before it, and why they were passed over.
    """

    instances: tuple[Instance, ...]
    take: Taker
    sender: Callable[[Timeouts], Sender]
    chosen: Instance | None = None
    silent: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def opening(self) -> Flow[None] | None:
        """What is to be done before a question; None: it is known who is asked."""
        return None if self.chosen is not None else self._choose()

    def _choose(self) -> Flow[None]:
        silent: dict[str, str] = {}
        for instance in self.instances:
            why: str | None = yield Compute(self._silence, (instance,))
            if why is None:
                self._take(instance, silent)
                return
            log.info("%s does not answer: %s", instance.name, why)
            silent[instance.name] = why
        said = "; ".join(f"{name}: {why}" for name, why in silent.items())
        message = f"None of {len(silent)} services answers. {said}"
        raise TransportError(message)

    def _take(self, instance: Instance, silent: dict[str, str]) -> None:
        with self._lock:  # Of two threads that ask first, one says who it is.
            if self.chosen is None:
                self.take(instance)
                self.silent, self.chosen = silent, instance

    def _silence(self, instance: Instance) -> str | None:
        """Why a service does not answer, or None where it does."""
        if instance.name == DEMO:
            return None
        if instance.name.startswith(STORE):
            from omskit.store.layout import MARK  # heavy, and only for stores

            there = (Path(instance.name.removeprefix(STORE)) / MARK).is_file()
            return None if there else "there is no store"
        sender = self.sender(Timeouts(WAIT_S, WAIT_S, WAIT_S))
        try:
            asked = Request("GET", f"{instance.base_url}/runs/meta")
            status = sender.send(asked, {}).status
        except OMSError as error:
            return str(error)
        finally:
            sender.close()
        return f"status {status}" if status in AWAY else None


@dataclass(slots=True)
class Switch:
    """Sender and login of whoever is asked; see `Ways`.

    Attributes:
        here: Services in this process, by their base URL.
        http: What goes to all others.
        who: The login of the chosen service.
    """

    http: Sender
    who: Login
    here: dict[str, Sender] = field(default_factory=dict)

    def _of(self, request: Request) -> Sender:
        fitting = (s for url, s in self.here.items() if request.url.startswith(url))
        return next(fitting, self.http)

    def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        waiting: CancelToken | None = None,
    ) -> Response:
        """Send it to where its address is."""
        return self._of(request).send(request, headers, waiting)

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Send it to where its address is."""
        return await self._of(request).asend(request, headers)

    def close(self) -> None:
        """Let go of connections."""
        self.http.close()

    async def aclose(self) -> None:
        """Let go of connections, in an event loop."""
        await self.http.aclose()

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """Log in where the chosen service wants it."""
        return self.who.login(rejected)


@dataclass(slots=True)
class LateSource:
    """The source of whichever service is chosen by the time it is asked.

    Attributes:
        find: The source of the service that is chosen.
    """

    ways: Ways
    find: Callable[[], Source]
    _found: Source | None = None

    @property
    def _source(self) -> Source:
        if self._found is not None:
            return self._found
        found = self.find()
        if self.ways.chosen is not None:
            self._found = found
        return found

    @property
    def base_url(self) -> str:
        """Of the chosen one; of the first as long as none is."""
        return self._source.base_url

    @property
    def page_size(self) -> int:
        """What suits it."""
        return self._source.page_size

    def suited(self, plan: Plan, resource: Resource) -> Plan:
        """What it can do."""
        return self._source.suited(plan, resource)

    def address(self, page: Page) -> str:
        """Where a page is."""
        return self._source.address(page)

    def rows(self, page: Page, resource: Resource) -> Flow[Rows]:
        """The rows of a page."""
        return self._source.rows(page, resource)

    def document(self, path: str) -> Flow[bytes]:
        """Any other document."""
        return self._source.document(path)

    def listening(self, flow: Flow[Result], info: ServiceInfo) -> Flow[Result]:
        """What it says of itself, and who was asked before and did not answer."""
        result = yield from self._source.listening(flow, info)
        if self.ways.silent:
            names = ", ".join(self.ways.silent)
            info.heard.setdefault(SOURCE, []).append(f"as {names} did not answer")
        return result
