"""Does a table come back right, when everything goes wrong on the way?

1000 fetches of 5 to 50 pages, each under its own seeded mix of faults, through both
drivers of omskit and through the official client. The true table is known: a result
equals it exactly, or is an error; anything else is a wrong answer. What takes longer
than its wall limit is a hang.

What it does not show: how often real services fail, and so how often any client is
right; nor speed.

The official client is used as its users do: pages until ``totalResourceCount`` rows are
there, ``retry_on_err_sec=1``; each fetch in its own process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from _chaos import (
    FIRST_RUN,
    PAGES,
    QUICK_PAGES,
    ROWS,
    Scenario,
    scenario,
    service,
)

from omskit import AsyncClient, Client, OMSError, OMSWarning, Table
from omskit.drivers import LocalSender
from omskit.effects import Request
from omskit.server import respond
from omskit.transport import Timeouts

SEED = 20261122
AT_ONCE = 16
OMSKIT_LIMIT_S = 180.0
"""Wall limit: five tries of 6 s and waits of at most 15 s, three rounds at worst."""

OFFICIAL_LIMIT_S = 30.0
"""Wall limit of the official client, which has no time-out of its own."""

OFFICIAL_AT_ONCE = 8
TIMEOUTS = Timeouts(connect_s=5.0, read_s=3.0, request_s=6.0)
OUTCOMES = ("right", "documented error", "undocumented error", "wrong", "hang")


def say(text: str) -> None:
    """A line for the reader."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@cache
def expected(run: int) -> Any:
    """The true table of a run, as omskit gives it without faults."""
    at = service()
    sender = LocalSender(lambda request: respond(request, at))
    with Client(at.base_url, sender=sender, audit=False) as oms:
        table = oms.lumisections(run).arrow
    rows = (PAGES[0] + run - FIRST_RUN) * ROWS - 7
    assert table["lumisection_number"].to_pylist() == list(range(1, rows + 1))
    return table


@cache
def expected_rows(run: int) -> list[dict[str, Any]]:
    """The true rows of a run, as the service sends them."""
    at = service()
    url = f"{at.base_url}/lumisections?filter[run_number][EQ]={run}&page[limit]=100000"
    return json.loads(respond(Request("GET", url), at).body)["data"]


def judged(
    made: Scenario, result: Table | Exception, seconds: float
) -> tuple[str, str]:
    """The outcome of one fetch by omskit, and what more there is to say of it."""
    if seconds > OMSKIT_LIMIT_S or type(result) is TimeoutError:
        return "hang", f"{seconds:.0f} s"
    if isinstance(result, OMSError):
        kind = type(result).__name__
        if kind in made.allowed:
            return "documented error", kind
        return "undocumented error", f"{kind}: {result}"
    if isinstance(result, Exception):
        text = "".join(traceback.format_exception(result)[-2:])
        return "undocumented error", text
    if result.complete and result.arrow.equals(expected(made.run)):
        return "right", ""
    return "wrong", f"{len(result)} rows, complete={result.complete}"


def with_threads(base: str, made: Scenario) -> tuple[str, str]:
    """One fetch by the sync client."""
    start = time.perf_counter()
    url = f"{base}/sync/{made.number}/agg/api/v1"
    result: Table | Exception
    try:
        with Client(url, page_size=ROWS, timeouts=TIMEOUTS) as oms:
            result = oms.lumisections(made.run)
    except Exception as error:  # noqa: BLE001  # any kind is counted
        result = error
    return judged(made, result, time.perf_counter() - start)


async def with_tasks(base: str, made: Scenario) -> tuple[str, str]:
    """One fetch by the async client."""
    start = time.perf_counter()
    url = f"{base}/async/{made.number}/agg/api/v1"
    result: Table | Exception
    try:
        async with AsyncClient(url, page_size=ROWS, timeouts=TIMEOUTS) as oms:
            result = await asyncio.wait_for(
                oms.lumisections(made.run), OMSKIT_LIMIT_S + 5
            )
    except Exception as error:  # noqa: BLE001  # any kind is counted
        result = error
    return judged(made, result, time.perf_counter() - start)


def sync_driver(base: str, scenarios: list[Scenario]) -> list[tuple[str, str]]:
    """All fetches by the sync client."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda made: with_threads(base, made), scenarios))


def async_driver(base: str, scenarios: list[Scenario]) -> list[tuple[str, str]]:
    """All fetches by the async client."""

    async def run() -> list[tuple[str, str]]:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(made: Scenario) -> tuple[str, str]:
            async with slots:
                return await with_tasks(base, made)

        return list(await asyncio.gather(*map(one, scenarios)))

    return asyncio.run(run())


def official_fetch(base: str, made: Scenario, pipe: Any) -> None:
    """One fetch by the official client; runs in a process of its own."""
    from omsapi import OMSAPI

    warnings.simplefilter("ignore")
    sys.stdout = sys.stderr = open("/dev/null", "w")  # noqa: PTH123, SIM115
    rows: list[Any] = []
    try:
        url = f"{base}/official/{made.number}/agg/api"
        api = OMSAPI(url, "v1", verbose=False, retry_on_err_sec=1)
        query = api.query("lumisections")
        query.filter("run_number", made.run)
        page = 1
        while True:
            query.paginate(page, ROWS)
            document = query.data().json()
            rows += document["data"]
            if len(rows) >= document["meta"]["totalResourceCount"]:
                break
            if not document["data"]:
                break
            page += 1
    except Exception as error:  # noqa: BLE001  # any kind is counted
        pipe.send(("documented error", type(error).__name__))
        return
    want = [row["attributes"] for row in expected_rows(made.run)]
    got = [row["attributes"] for row in rows]
    pipe.send(("right", "") if got == want else ("wrong", f"{len(got)} rows"))


def official_client(base: str, scenarios: list[Scenario]) -> list[tuple[str, str]]:
    """All fetches by the official client, each in its own process."""
    for made in scenarios:
        expected_rows(made.run)
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(scenarios))
    flying: dict[Any, tuple[Any, Scenario, float]] = {}
    done: dict[int, tuple[str, str]] = {}
    while waiting or flying:
        while waiting and len(flying) < OFFICIAL_AT_ONCE:
            made = waiting.pop()
            here, there = context.Pipe(duplex=False)
            child = context.Process(target=official_fetch, args=(base, made, there))
            child.start()
            there.close()
            flying[here] = (child, made, time.perf_counter() + OFFICIAL_LIMIT_S)
        ready = wait(list(flying), timeout=0.1)
        for here, (child, made, deadline) in list(flying.items()):
            if here in ready:
                try:
                    done[made.number] = here.recv()
                except EOFError:
                    done[made.number] = ("undocumented error", "the process died")
            elif time.perf_counter() > deadline:
                child.kill()
                done[made.number] = ("hang", f"{OFFICIAL_LIMIT_S:.0f} s")
            else:
                continue
            child.join()
            here.close()
            del flying[here]
    return [done[made.number] for made in scenarios]


CLIENTS = {
    "official client": official_client,
    "omskit, sync": sync_driver,
    "omskit, async": async_driver,
}


def table(results: dict[str, list[tuple[str, str]]]) -> list[str]:
    """How often each client came out how, as Markdown."""
    head = ("client", "fetches", "right", "error raised", "wrong table", "hang")
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * 5]
    for name, found in results.items():
        count = Counter(outcome for outcome, _ in found)
        raised = count["documented error"] + count["undocumented error"]
        cells = (len(found), count["right"], raised, count["wrong"], count["hang"])
        lines.append(f"| {name} | " + " | ".join(map(str, cells)) + " |")
    return lines


def by_fault(
    results: dict[str, list[tuple[str, str]]], scenarios: list[Scenario]
) -> list[str]:
    """The same for the scenarios with one fault only, fault by fault."""
    from _chaos import ILLS

    lines = [
        "| fault | " + " | ".join(results) + " |",
        "|---|" + "---|" * len(results),
    ]
    for ill in ILLS:
        cells = []
        for found in results.values():
            mine = Counter(
                outcome
                for (outcome, _), made in zip(found, scenarios, strict=True)
                if {one.name for one in made.ills} == {ill.name}
            )
            words = {"documented error": "raised", "undocumented error": "RAISED"}
            said = [f"{mine[o]} {words.get(o, o)}" for o in OUTCOMES if mine[o]]
            cells.append(", ".join(said) or "-")
        lines.append(f"| {ill.name} | " + " | ".join(cells) + " |")
    return lines


def report(
    results: dict[str, list[tuple[str, str]]], scenarios: list[Scenario]
) -> bool:
    """Print what came out; whether omskit kept its promise."""
    say("\n".join(["", *table(results), "", *by_fault(results, scenarios), ""]))
    kept = True
    for name, found in results.items():
        if name == "official client":
            continue
        for (outcome, detail), made in zip(found, scenarios, strict=True):
            if outcome not in {"right", "documented error"}:
                kept = False
                ills = ", ".join(ill.name for ill in made.ills) or "no fault"
                say(f"{name}, scenario {made.number} ({ills}): {outcome}: {detail}")
    if set(results) - {"official client"}:
        say("omskit kept its promise." if kept else "omskit BROKE its promise.")
    return kept


def main() -> None:
    """Read the options, run all clients, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fetches", type=int, default=1000, help="by each client")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--quick", action="store_true", help="15 short ones, for CI")
    parser.add_argument("--client", choices=CLIENTS, action="append")
    parser.add_argument("--first", type=int, default=0, help="number of a scenario")
    parser.add_argument("--json", type=Path, help="write every outcome here")
    options = parser.parse_args()
    number = 15 if options.quick else options.fetches
    most = QUICK_PAGES if options.quick else PAGES[1]
    scenarios = [scenario(options.seed, options.first + n, most) for n in range(number)]
    warnings.simplefilter("ignore", OMSWarning)
    results = {}
    for name in options.client or CLIENTS:
        script = Path(__file__).with_name("_chaos.py")
        # A service for each client: what one leaves behind does not reach the next.
        with subprocess.Popen(
            [sys.executable, str(script), str(options.seed), str(most)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            base = f"http://127.0.0.1:{int(child.stdout.readline())}"
            start = time.perf_counter()
            results[name] = CLIENTS[name](base, scenarios)
            say(f"{name}: {number} fetches in {time.perf_counter() - start:.0f} s")
            child.kill()
    if options.json:
        options.json.write_text(json.dumps(results))
    sys.exit(0 if report(results, scenarios) else 1)


if __name__ == "__main__":
    main()
