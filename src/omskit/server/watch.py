"""Health and metrics: what a service says of itself to those who run it.

``/health`` is 200 while requests are answered. ``/metrics`` is the text that Prometheus
reads. Each request is one line in the log ``omskit.access``, without parameters and
headers: so without what may be secret.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omskit._version import __version__
from omskit.effects import Response
from omskit.redact import one_line

if TYPE_CHECKING:
    from collections.abc import MutableSequence

    from omskit.server.service import Service

HEALTH, METRICS = "/health", "/metrics"
TEXT = "text/plain; version=0.0.4; charset=utf-8"

_LOG = logging.getLogger("omskit.access")
_LONGEST = 200


@dataclass(slots=True)
class Tally:
    """What was answered so far; filled by one event loop.

    Attributes:
        answers: How many, by status.
        seconds: How long they took, all together.
        bytes: How large their bodies were.
        under_way: Requests that are being answered.
    """

    answers: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    bytes: int = 0
    under_way: int = 0


_STATUSES = 600
_ROW = _STATUSES + 3


@dataclass(frozen=True, slots=True)
class Board:
    """Where processes that answer on one socket show each other their tallies.

    Attributes:
        numbers: `size` of them, shared.
        mine: Which of the processes this one is, from 0.

    Example:
        >>> numbers = [0.0] * Board.size(2)
        >>> Board(numbers, 0).show(Tally(Counter({200: 3})), 200)
        >>> Board(numbers, 1).show(Tally(Counter({200: 4})), 200)
        >>> Board(numbers, 0).together().answers[200]
        7
    """

    numbers: MutableSequence[float]
    mine: int = 0

    @staticmethod
    def size(processes: int) -> int:
        """How many numbers that takes."""
        return processes * _ROW

    def show(self, tally: Tally, status: int) -> None:
        """Show a tally whose number of answers with *status* has changed."""
        row = self.mine * _ROW
        self.numbers[row + status % _STATUSES] = tally.answers[status]
        rest = (tally.seconds, tally.bytes, tally.under_way)
        for place, number in enumerate(rest, row + _STATUSES):
            self.numbers[place] = number

    def together(self) -> Tally:
        """The sum of all that is shown."""
        found = Tally()
        for start in range(0, len(self.numbers), _ROW):
            one = self._row(start)
            found.answers += one.answers
            found.seconds += one.seconds
            found.bytes += one.bytes
            found.under_way += one.under_way
        return found

    def before(self) -> Tally:
        """What this process's predecessor had answered when it died."""
        found = self._row(self.mine * _ROW)
        found.under_way = 0
        return found

    def _row(self, start: int) -> Tally:
        counts = self.numbers[start : start + _STATUSES]
        answers = Counter({k: int(n) for k, n in enumerate(counts) if n})
        seconds, size, active = self.numbers[start + _STATUSES : start + _ROW]
        return Tally(answers, seconds, int(size), int(active))


def metrics(tally: Tally, service: Service) -> str:
    """The text that Prometheus reads.

    Example:
        >>> from omskit.engine import Engine
        >>> from omskit.server import Service
        >>> text = metrics(Tally(answers=Counter({200: 3})), Service(Engine({})))
        >>> 'omskit_requests_total{status="200"} 3' in text
        True
    """
    kind = service.engine.source or "unknown"
    lines = [
        "# HELP omskit_info What serves, and where its rows come from.",
        "# TYPE omskit_info gauge",
        f'omskit_info{{version="{__version__}",source="{kind}"}} 1',
        "# HELP omskit_requests_total Requests answered, by status.",
        "# TYPE omskit_requests_total counter",
    ]
    lines += [
        f'omskit_requests_total{{status="{status}"}} {count}'
        for status, count in sorted(tally.answers.items())
    ]
    numbers = (
        ("request_seconds_total", "counter", "Time spent on requests.", tally.seconds),
        ("response_bytes_total", "counter", "Bytes of bodies.", tally.bytes),
        ("requests_under_way", "gauge", "Requests being answered.", tally.under_way),
    )
    for name, word, said, number in numbers:
        lines += [
            f"# HELP omskit_{name} {said}",
            f"# TYPE omskit_{name} {word}",
            f"omskit_{name} {number}",
        ]
    return "\n".join(lines) + "\n"


def log_to_stderr() -> None:
    """Write the access log to stderr, once a process."""
    if not _LOG.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        _LOG.addHandler(handler)
        _LOG.setLevel(logging.INFO)


class Watched:
    """An ASGI application around another, which counts what that answers."""

    def __init__(self, app: Any, service: Service, board: Board | None = None) -> None:
        self._app = app
        self._service = service
        self._board = board or Board([0.0] * Board.size(1))
        self.tally = self._board.before()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer what is about the service, pass the rest on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = self._own(scope)
        if found is not None:
            await _reply(found, send)
            return
        began, tally = time.perf_counter(), self.tally
        status = 0

        async def heard(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            tally.bytes += len(message.get("body", b""))
            await send(message)

        tally.under_way += 1
        self._board.show(tally, status)
        try:
            await self._app(scope, receive, heard)
        finally:
            passed = time.perf_counter() - began
            tally.under_way -= 1
            tally.answers[status] += 1
            tally.seconds += passed
            self._board.show(tally, status)
            path = one_line(scope["path"], _LONGEST)
            _LOG.info("%s %s %d %.1f ms", scope["method"], path, status, 1e3 * passed)

    def _own(self, scope: Any) -> Response | None:
        if scope["method"] not in {"GET", "HEAD"}:
            return None
        if scope["path"] == HEALTH:
            return Response(200, {"content-type": TEXT}, b"ok\n")
        if scope["path"] == METRICS:
            text = metrics(self._board.together(), self._service)
            return Response(200, {"content-type": TEXT}, text.encode())
        return None


async def _reply(response: Response, send: Any) -> None:
    headers = {**response.headers, "content-length": str(len(response.body))}
    pairs = [(k.encode(), v.encode()) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})
    await send({"type": "http.response.body", "body": response.body})
