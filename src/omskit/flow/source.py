"""Where pages of rows come from: the seam between what is asked and who answers.

A flow asks a `Source` for pages and never sees what carries them. `HttpSource` makes a
request of a page, and Arrow of the bytes that come back; a source over an engine in
this process (`omskit.drivers.EngineSource`) gives the rows as they are. Both return
flows, so that retries, logins and waiting remain effects that a driver carries out, and
a test can read as a list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from omskit.effects import Request
from omskit.flow.exchange import Policy, exchange
from omskit.flow.service_info import ServiceInfo, with_service_info
from omskit.query.url import encode

if TYPE_CHECKING:
    from omskit.effects import Flow, Result
    from omskit.jsonapi.rows import Rows
    from omskit.query import Query
    from omskit.query.plan import Plan
    from omskit.schema import Resource

HTTP_PAGE_SIZE = 1000
"""Rows per page over a network, where nobody asks for another number."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a query: *limit* rows from *offset*, a multiple of the limit."""

    query: Query
    offset: int
    limit: int

    @property
    def url(self) -> str:
        """How OMS is asked for this page, relative to the base URL.

        A source in this process has no URLs, but its pages have these: a receipt names
        them, and any service of OMS's kind can be asked for them.
        """
        return encode(self.query, self.offset, self.limit)


class Source(Protocol):
    """Who is asked for rows."""

    @property
    def base_url(self) -> str:
        """Where it is, without a trailing slash; names the source in receipts."""

    @property
    def page_size(self) -> int:
        """Rows per page that suit it, where nobody asks for another number."""

    def suited(self, plan: Plan, resource: Resource) -> Plan:
        """The same plan, with what this source cannot do left to be done here.

        Raises:
            UsageError: That would not do.
        """

    def address(self, page: Page) -> str:
        """The whole URL by which a page can be asked for."""

    def rows(self, page: Page, resource: Resource) -> Flow[Rows]:
        """The rows of a page.

        Columns are those of *resource* in its types, null where the page has none,
        then ``@id``, and ``X@unit`` for scaled columns. ``total`` is the number of
        rows that match on all pages.

        Raises:
            ServiceError, AuthError, DecodeError: There is no such page to be had.
        """

    def document(self, path: str) -> Flow[bytes]:
        """Any other document, such as ``runs/meta``, as JSON.

        Raises:
            ServiceError, AuthError: There is none to be had.
        """

    def listening(self, flow: Flow[Result], info: ServiceInfo) -> Flow[Result]:
        """The same flow; what the source says of itself meanwhile is kept in *info*."""


@dataclass(frozen=True, slots=True)
class HttpSource:
    """A service that is asked by requests, which a driver sends.

    Attributes:
        base_url: Where the service is, without a trailing slash.
        policy: When to try again.
    """

    base_url: str
    policy: Policy = field(default_factory=Policy)

    @property
    def page_size(self) -> int:
        """A thousand rows: a page is then decoded while the next is on its way."""
        return HTTP_PAGE_SIZE

    def suited(self, plan: Plan, resource: Resource) -> Plan:
        """OMS can do what it is asked."""
        del resource
        return plan

    def address(self, page: Page) -> str:
        """The whole URL of a page."""
        return f"{self.base_url}/{page.url}"

    def rows(self, page: Page, resource: Resource) -> Flow[Rows]:
        """Ask for a page, and decode it where that does not hold up other work."""
        request = Request("GET", self.address(page))
        from omskit.jsonapi.decoding import decode  # for a network alone

        rows: Rows = yield from exchange(request, self.policy, decode, resource)
        return rows

    def document(self, path: str) -> Flow[bytes]:
        """Ask for a document."""
        request = Request("GET", f"{self.base_url}/{path}")
        response = yield from exchange(request, self.policy)
        body: bytes = response.body
        return body

    def listening(self, flow: Flow[Result], info: ServiceInfo) -> Flow[Result]:
        """Read the headers of the answers."""
        return with_service_info(flow, info)
