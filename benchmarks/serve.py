"""The service over a store of 2 million lumisections, beside a plain one over SQLite.

    python benchmarks/serve.py --rows 2000000 --folder /data/serve

Both services are processes of their own on the loopback, both keep connections, and
neither packs its answers: the clients, a process too, do not ask for it. The plain one
is what one writes in an afternoon: Starlette, ``json.dumps``, SQLite with an index.
Each figure is a median; rates of the two services are taken in turn. A folder that is
there is used again.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pyarrow as pa

from omskit import Store
from omskit.effects import Request
from omskit.server import Service, respond
from store import FIRST, LENGTH, fill_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request as Asked

CLIENTS = (1, 4, 16, 64)
PAGE = 1000
ELSEWHERE = 613
"""Pages between where runs begin."""

PIDS: dict[str, int] = {}
"""The process of each service, by its address."""


def text_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times as text; anything else as it is."""
    return column.cast(pa.string()) if pa.types.is_timestamp(column.type) else column


def fill_sqlite(store: Store, path: Path) -> None:
    """The same rows, indexed by their identity."""
    lite = sqlite3.connect(path)
    first = True
    runs = store.sql("SELECT DISTINCT run_number FROM lumisections ORDER BY 1")
    numbers = runs["run_number"].to_pylist()
    for at in range(0, len(numbers), 200):
        low, high = numbers[at], numbers[min(at + 199, len(numbers) - 1)]
        rows = store.sql(
            f"SELECT * FROM lumisections WHERE run_number BETWEEN {low} AND {high} "
            "ORDER BY run_number, lumisection_number"
        ).arrow
        names = [name for name in rows.column_names if "@" not in name]
        columns = [text_of(rows[name]).to_pylist() for name in names]
        if first:
            lite.execute(f"CREATE TABLE l ({', '.join(map(json.dumps, names))})")
            first = False
        marks = ", ".join("?" * len(names))
        lite.executemany(f"INSERT INTO l VALUES ({marks})", zip(*columns, strict=True))
    lite.execute("CREATE INDEX i ON l (run_number, lumisection_number)")
    lite.commit()
    lite.close()


def plain(path: str, port: int) -> None:
    """The plain service."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    local = threading.local()
    counted: list[int] = []

    def lumisections(request: Asked) -> Response:
        if not hasattr(local, "lite"):
            local.lite = sqlite3.connect(path)
            local.lite.row_factory = sqlite3.Row
        asked = request.query_params
        limit = int(asked.get("page[limit]", 100))
        offset = int(asked.get("page[offset]", 0))
        order = asked.get("sort", "run_number, lumisection_number")
        where, values = "", []
        for name in ("run_number", "lumisection_number"):
            if (given := asked.get(f"filter[{name}][EQ]")) is not None:
                where += f" {'AND' if where else 'WHERE'} {name} = ?"
                values.append(int(given))
        if (least := asked.get("filter[recorded_lumi][GT]")) is not None:
            where += f" {'AND' if where else 'WHERE'} recorded_lumi > ?"
            values.append(float(least))
        if where:
            total = local.lite.execute(f"SELECT count(*) FROM l{where}", values)
            count = total.fetchone()[0]
        else:
            if not counted:
                total = local.lite.execute("SELECT count(*) FROM l")
                counted.append(total.fetchone()[0])
            count = counted[0]
        rows = local.lite.execute(
            f"SELECT * FROM l{where} ORDER BY {order} LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        data = [
            {
                "id": f"{row['run_number']}_{row['lumisection_number']}",
                "type": "lumisections",
                "attributes": dict(row),
                "links": {"self": f"/lumisections/{row['run_number']}"},
            }
            for row in rows
        ]
        body = {"data": data, "meta": {"totalResourceCount": count}}
        return Response(json.dumps(body), media_type="application/vnd.api+json")

    app = Starlette(routes=[Route("/lumisections", lumisections)])
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=300,
    )


def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def process(command: list[str], url: str, core: int | None) -> Iterator[str]:
    """A service in a process of its own, on one core if wanted."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    running = subprocess.Popen([*pinned, *command], stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                get(url, "/lumisections?page[limit]=1")
                break
            except OSError:
                if running.poll() is not None:
                    raise
                time.sleep(0.1)
        PIDS[url] = running.pid
        yield url
    finally:
        running.terminate()
        running.wait()


def get(url: str, tail: str) -> bytes:
    """One answer on a connection of its own."""
    with Kept(url) as kept:
        return kept.get(tail)


class Kept:
    """A connection that is kept."""

    def __init__(self, url: str) -> None:
        self.path = urlsplit(url).path
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def get(self, tail: str) -> bytes:
        """One answer; a connection that was idle too long is made anew."""
        try:
            self.connection.request("GET", self.path + tail)
            answer = self.connection.getresponse()
        except http.client.RemoteDisconnected:
            self.connection.close()
            self.connection.request("GET", self.path + tail)
            answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(body[:300])
        return body


def middles(asks: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """The median of each, in ms; by turns, so that what disturbs meets all of them."""
    times: dict[str, list[float]] = {what: [] for what in asks}
    for number in range(repeats + 1):
        for what, ask in asks.items():
            start = time.perf_counter()
            ask()
            if number:
                times[what].append(1e3 * (time.perf_counter() - start))
    return {what: statistics.median(found) for what, found in times.items()}


def page(offset: int, sort: str = "", least: float | None = None) -> str:
    order = f"&sort={sort}" if sort else ""
    if least is not None:
        order += f"&filter[recorded_lumi][GT]={least}"
    return f"/lumisections?page[limit]={PAGE}&page[offset]={offset}{order}"


def memory_mb(url: str) -> float:
    """The most that a service has taken so far."""
    said = Path(f"/proc/{PIDS[url]}/status").read_text(encoding="ascii")
    line = next(x for x in said.splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def cpu_s(url: str) -> float:
    """What a service has used of a core so far; without --workers it is one process."""
    said = Path(f"/proc/{PIDS[url]}/stat").read_text(encoding="ascii")
    user, system = said.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def rate(
    url: str, clients: int, seconds: float, pages: int, first: int
) -> tuple[float, float, float]:
    """Pages a second, of so many clients at once, each on its own connection.

    They are one process that costs little, see `_load`: the two services share the
    cores with the same clients.

    Returns:
        Also the ms of a core that a page took, on a busy machine that is what counts,
        and those that it took the clients.
    """
    load = Path(__file__).with_name("_load.py")
    numbers = map(str, (clients, seconds, pages, PAGE, first))
    used = cpu_s(url)
    said = subprocess.run(
        [sys.executable, str(load), url, *numbers], stdout=subprocess.PIPE, check=True
    )
    told = json.loads(said.stdout)
    count = max(1, told["pages"])
    return (
        told["rate"],
        1e3 * (cpu_s(url) - used) / count,
        1e3 * told["cpu_s"] / count,
    )


def at_once(here: str, there: str, given: argparse.Namespace) -> dict[str, Any]:
    """Pages a second of both services, by turns, for more and more clients."""
    result: dict[str, Any] = {}
    pages, first = given.rows // PAGE, 0
    for clients in given.clients:
        # Long enough for each client to read on: its first pages are cold ones.
        seconds = given.seconds * min(4, max(1, clients // 4))
        found = []
        for _ in range(3):
            asked = clients, seconds, pages, first
            found.append((rate(here, *asked), rate(there, *asked)))
            # The next ones read elsewhere: nothing of it was read ahead.
            first += ELSEWHERE
        mine, cpu, load = (statistics.median(a[n] for a, _ in found) for n in range(3))
        plainly, plain_cpu = (
            statistics.median(b[n] for _, b in found) for n in range(2)
        )
        # Of one process; with --workers it is the one that answers nothing.
        most = memory_mb(here)
        result[f"{clients} clients"] = {
            "service": mine,
            "plain": plainly,
            "service_cpu_ms": cpu,
            "plain_cpu_ms": plain_cpu,
            "clients_cpu_ms": load,
            "service_mb": most,
        }
        print(
            f"{clients:3} at once: {mine:6.1f} pages/s, plainly {plainly:6.1f}; of a "
            f"core {cpu:6.1f} ms a page, plainly {plain_cpu:6.1f}: "
            f"{plain_cpu / cpu:.1f} times; clients {load:.1f} ms, {most:.0f} MB",
            flush=True,
        )
    return result


def questions(store: Store, rows: int) -> dict[str, str]:
    """What is asked of both services, by what it is."""
    run = FIRST + rows // LENGTH // 2
    one = f"/lumisections?filter[run_number][EQ]={run}"
    one += "&filter[lumisection_number][EQ]=7"
    deep = rows * 95 // 100 // PAGE * PAGE
    # Four fifths of the rows; the last pages of them are asked for.
    fifth = "SELECT quantile_cont(recorded_lumi, 0.2) FROM lumisections"
    least = store.sql(fifth).arrow.column(0)[0].as_py()
    found = rows * 3 // 4 // PAGE * PAGE
    return {
        "one row": one,
        "page at the start": page(0),
        "page at 95 %": page(deep),
        "filtered, at the start": page(0, least=least),
        "filtered, at 75 %": page(found, least=least),
        "sorted, at the start": page(0, "-recorded_lumi"),
        "sorted, at 95 %": page(deep, "-recorded_lumi"),
        "both, at the start": page(0, "-recorded_lumi", least),
        "both, at 75 %": page(found, "-recorded_lumi", least),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--core", type=int, help="both services on this core")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    parser.add_argument("--plain", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plain:
        plain(given.plain[0], int(given.plain[1]))
        return
    folder = given.folder or Path(tempfile.mkdtemp(prefix="omskit-serve-"))
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder / "store")
    if not store.path.exists():
        fill_store(store, given.rows)
        store.compact()
    if not (folder / "rows.sqlite").exists():
        fill_sqlite(store, folder / "part.sqlite")
        (folder / "part.sqlite").rename(folder / "rows.sqlite")
    ours_port, plain_port = free_port(), free_port()
    ours = [sys.executable, "-m", "omskit", "serve", "--store", str(store.path)]
    ours += ["--port", str(ours_port), "--workers", str(given.workers)]
    theirs = [sys.executable, __file__, "--plain", str(folder / "rows.sqlite")]
    ours_at = f"http://127.0.0.1:{ours_port}/agg/api/v1"
    plain_at = f"http://127.0.0.1:{plain_port}"
    asks = questions(store, given.rows)
    result: dict[str, Any] = {"load": os.getloadavg()}
    with (
        process(ours, ours_at, given.core) as here,
        process([*theirs, str(plain_port)], plain_at, given.core) as there,
    ):
        result |= at_once(here, there, given)
        with Kept(here) as kept, Kept(there) as other:
            size = len(kept.get(page(0)))
            print(f"a page has {size / 1e6:.2f} MB, plainly {len(other.get(page(0)))}")
            service = Service(store.engine())
            for what, tail in asks.items():
                slow = what.startswith(("sorted", "filtered", "both"))
                many = 1 if slow else given.repeats
                request = Request("GET", service.base_url + tail)
                asked = {
                    "in process": partial(respond, request, service),
                    "service": partial(kept.get, tail),
                    "plain": partial(other.get, tail),
                }
                result[what] = middles(asked, many)
                said = ", ".join(f"{k} {v:.1f} ms" for k, v in result[what].items())
                print(f"{what:22}{said}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
