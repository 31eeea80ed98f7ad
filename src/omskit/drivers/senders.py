"""Where requests go: over a network, or into a service in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from omskit.drivers.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omskit.drivers.cancel import CancelToken
    from omskit.effects import Request, Response


class Sender(Protocol):
    """Where requests go."""

    def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        waiting: CancelToken | None = None,
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
        waiting: CancelToken | None = None,
    ) -> Response:
        """Answer in this thread."""
        del headers, waiting
        return self.respond(request)

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Answer in a worker thread, so that the event loop goes on."""
        import asyncio  # 0.04 s, in an event loop long there

        del headers
        return await asyncio.wrap_future(in_thread(self.respond, request))

    def close(self) -> None:
        """Nothing to let go of."""

    async def aclose(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class Through:
    """What senders around another one share: its connections are let go of.

    Attributes:
        inner: What really sends.
    """

    inner: Sender

    def close(self) -> None:
        """Let go of connections."""
        self.inner.close()

    async def aclose(self) -> None:
        """Let go of connections, in an event loop."""
        await self.inner.aclose()
