"""What the chaos benchmark asks and what befalls it: scenarios and their service.

Run as a script it serves: one address for each scenario and client, each with its own
faults, ``/{client}/{number}/agg/api/v1``.
"""

from __future__ import annotations

import random
import socket
import sys
import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from omskit.demo import tables
from omskit.engine import Engine, Result
from omskit.server import FaultPlan, Rule, Service
from omskit.server.faults.connections import Faulty
from omskit.server.front import Limits, protocol
from omskit.server.threads import Threads

if TYPE_CHECKING:
    from omskit.query import Query

ROWS = 20
"""Rows of a page: small, so that 50 pages are quick."""

PAGES = (5, 50)
QUICK_PAGES = 15
"""The most pages of a fetch in CI."""

SILENT_S = 120.0
"""Nobody waits that long: a service that does not answer at all."""

SOME_S = 0.05
FIRST_RUN = 1001


@dataclass(frozen=True, slots=True)
class Ill:
    """One fault of the mix.

    Attributes:
        errors: What omskit's documentation allows it to raise, where the fault stays.
    """

    name: str
    fault: str
    parameters: tuple[tuple[str, Any], ...] = ()
    errors: tuple[str, ...] = ()


BROKEN = ("TransportError", "TimedOutError")
UNWHOLE = ("IncompleteError",)
ILLS = (
    Ill("latency", "latency", (("seconds", SOME_S),)),
    Ill("no answer", "latency", (("seconds", SILENT_S),), ("TimedOutError",)),
    Ill("slow drip", "drip", (("seconds", 0.02), ("size", 512))),
    Ill("endless drip", "drip", (("seconds", 0.5), ("size", 16)), ("TimedOutError",)),
    Ill("head in drops", "drip_head", (("seconds", 0.3),), ("TimedOutError",)),
    Ill("refused", "refused", (("seconds", 0.3),), BROKEN),
    Ill("reset before the body", "reset", (), BROKEN),
    Ill("reset in the body", "reset_body", (), BROKEN),
    Ill("body that ends early", "short_body", (), BROKEN),
    Ill("truncated gzip", "truncated_gzip", (), ("TransportError", "DecodeError")),
    Ill(
        "429 with Retry-After",
        "status",
        (("status", 429), ("retry_after", 1)),
        ("ThrottledError",),
    ),
    Ill("429 without", "status", (("status", 429),), ("ThrottledError",)),
    Ill("500", "status", (("status", 500),), ("ServerFailedError",)),
    Ill("502", "status", (("status", 502),), ("ServerFailedError",)),
    Ill("503", "status", (("status", 503),), ("ServerFailedError",)),
    Ill("504", "status", (("status", 504),), ("ServerFailedError",)),
    Ill("HTML with 200", "html", (), ("DecodeError", "LoginNeededError")),
    Ill("302 to a login page", "login", (), ("LoginNeededError",)),
    Ill("401", "status", (("status", 401),), ("LoginNeededError",)),
    Ill("403", "status", (("status", 403),), ("NotAuthorisedError",)),
    Ill("total too high", "total", (("by", 3),), UNWHOLE),
    Ill("total too low", "total", (("by", -3),), UNWHOLE),
    Ill("duplicate row", "duplicate", (), UNWHOLE),
    Ill("rows moved on", "moved", (("by", 1),), UNWHOLE),
    Ill("rows moved back", "moved", (("by", -2),), UNWHOLE),
    # ServiceError: the rows break the filter that was asked for.
    Ill(
        "null identity", "null_identity", (), (*UNWHOLE, "DecodeError", "ServiceError")
    ),
    Ill("1 GB announced", "huge", (("seconds", 0.2),), BROKEN),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fetch: of a run of so many pages, with these faults on the way."""

    number: int
    run: int
    ills: tuple[Ill, ...]
    plan: FaultPlan

    @property
    def allowed(self) -> frozenset[str]:
        """The errors that are documented for these faults.

        Those of a broken connection always are: while the service refuses one
        scenario, it listens to none.
        """
        return frozenset(BROKEN).union(*(ill.errors for ill in self.ills))


@cache
def scenario(seed: int, number: int, most: int = PAGES[1]) -> Scenario:
    """The scenario of that number; the same wherever it is asked for."""
    dice = random.Random(f"{seed} {number}")
    pages = dice.randint(PAGES[0], most)
    ills = tuple(dice.choices(ILLS, k=dice.choice((0, 1, 1, 2, 3))))
    rules = [
        Rule(
            ill.fault,
            path="lumisections",
            # A total that is wrong everywhere differs from the rows, not the pages.
            page=None if dice.random() < 0.15 else dice.randrange(pages),
            count=dice.choice((1, 1, 2, 3, None)),
            each=True,
            parameters=ill.parameters,
        )
        for ill in ills
    ]
    run = FIRST_RUN + pages - PAGES[0]
    return Scenario(number, run, ills, FaultPlan(tuple(rules), seed))


@cache
def truth() -> dict[str, pa.Table]:
    """Runs of 5 to 50 pages, the last page not full, and their lumisections."""
    demo = tables()["lumisections"]
    sizes = [pages * ROWS - 7 for pages in range(PAGES[0], PAGES[1] + 1)]
    runs = range(FIRST_RUN, FIRST_RUN + len(sizes))
    pieces = []
    for run, size in zip(runs, sizes, strict=True):
        piece = demo.slice(run % 50, size)
        for name, values in (
            ("run_number", [run] * size),
            ("lumisection_number", list(range(1, size + 1))),
        ):
            index = piece.column_names.index(name)
            kind = piece.schema.field(name).type
            piece = piece.set_column(index, name, pa.array(values, kind))
        pieces.append(piece)
    return {
        "lumisections": pa.concat_tables(pieces),
        "runs": pa.table({"run_number": runs, "last_lumisection_number": sizes}),
    }


def service() -> Service:
    """The service without faults."""
    return Service(Engine(truth()))


class Remembering(Engine):
    """An engine that answers a question once: faults are measured here, not DuckDB."""

    def __init__(self, held: dict[str, pa.Table]) -> None:
        super().__init__(held)
        self._answers: dict[Any, Result] = {}

    def execute(self, query: Query, **how: Any) -> Result:
        """The rows that match."""
        key = (query, *sorted(how.items()))
        if key not in self._answers:
            self._answers[key] = super().execute(query, **how)
        return self._answers[key]


class Router:
    """An ASGI application: the faulty service of each scenario and client."""

    def __init__(self, seed: int, most: int) -> None:
        self._seed, self._most = seed, most
        self._engine = Remembering(truth())
        self._threads = Threads()
        self._made: dict[str, Faulty] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request to the service of its scenario."""
        _, client, number, *_ = scope["path"].split("/")
        key = f"/{client}/{number}"
        if key not in self._made:
            made = Service(self._engine, f"http://127.0.0.1{key}/agg/api/v1")
            plan = scenario(self._seed, int(number), self._most).plan
            self._made[key] = Faulty(made, plan, self._threads)
        await self._made[key](scope, receive, send)


def serve(seed: int, most: int) -> None:
    """Serve until standard input ends; the first line says the port."""
    from omskit.server.run import uvicorn_server

    bound = socket.create_server(("127.0.0.1", 0), backlog=512)
    limits = Limits(head_s=300.0)
    state: dict[str, Any] = {}
    server = uvicorn_server(Router(seed, most), protocol(limits, state), state)
    sys.stdout.write(f"{bound.getsockname()[1]}\n")
    sys.stdout.flush()

    def wait() -> None:
        sys.stdin.read()
        server.should_exit = server.force_exit = True

    threading.Thread(target=wait, daemon=True).start()
    server.run(sockets=[bound])


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
