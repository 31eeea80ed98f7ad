"""A store of many rate rows: what stays as quick as it was, and what grows.

    python benchmarks/scale.py --rows 1000000 10000000 100000000 --folder /data/scale

HLT rates are simulated, 700 paths in each of 500 lumisections of every tenth run, and
committed run by run as a sync commits them, without a network and without the hash of
each row. The same questions are then asked of a store of each size, each size in a
process of its own. With ``--dask`` one sum over all rows is also done by one and by two
workers, in turn. A folder that is there is asked again and not filled anew.

    python benchmarks/scale.py --rows --dask-sync 40000 --latency 0.2

has workers of Dask sync so many made-up lumisections from a service that takes its
time, in pieces of ten runs; the stores must have the same rows.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit import Client, Store
from omskit.schema import bundled
from omskit.store.coverage import Entry
from omskit.store.delta import Written
from omskit.store.kept import Kept
from omskit.store.layout import BLOCK, OPEN, layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATHS, LENGTH = 700, 500
A_RUN = PATHS * LENGTH
FIRST, STEP = 360_000, 10
"""Of the numbers of a year's runs about every tenth has stable beams."""

NAMES = [f"HLT_Simulated{number:03d}_v{1 + number % 20}" for number in range(PATHS)]


Span = tuple[int, int, int]


def run_at(place: int) -> int:
    return FIRST + place * STEP


def rates(run: int) -> pa.Table:
    """The rate rows of a run, in the order in which a sync keeps them."""
    dice = np.random.default_rng(run)
    layout = layout_of("hltpathrates", bundled())
    counts = dice.poisson(dice.gamma(1.0, 200.0, PATHS)[:, None], (PATHS, LENGTH))
    counter = counts.ravel().astype(np.int64)
    lumisection = np.tile(np.arange(1, LENGTH + 1), PATHS)
    seconds = run * 100_000 + (lumisection - 1) * 23.31
    paths = pa.DictionaryArray.from_arrays(
        np.repeat(np.arange(PATHS, dtype=np.int16), LENGTH), NAMES
    )
    columns = {
        "run_block": np.full(A_RUN, run // BLOCK),
        "run_number": np.full(A_RUN, run),
        "path_name": paths.cast(pa.string()),
        "first_lumisection_number": lumisection,
        "last_lumisection_number": lumisection,
        "fill_number": np.full(A_RUN, run // 40),
        "start_time": pa.array((seconds * 1e6).astype(np.int64)),
        "counter": counter,
        "rate": counter / 23.31,
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in layout.schema]
    return pa.table(arrays, schema=layout.schema)


def runs_table(places: range) -> pa.Table:
    """Rows of ``runs`` for them; what else OMS says is null."""
    schema = layout_of("runs", bundled()).schema
    numbers = np.array([run_at(place) for place in places])
    known = {
        "run_block": numbers // BLOCK,
        "run_number": numbers,
        "fill_number": numbers // 40,
        "last_lumisection_number": np.full(len(numbers), LENGTH),
    }
    arrays = [
        pa.array(known[field.name]).cast(field.type)
        if field.name in known
        else pa.nulls(len(numbers), field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def commit(kept: Kept, key: str, rows: pa.Table, spans: list[Span]) -> None:
    """Add rows, then say what they are: first, last and number of rows."""
    layout, now = kept.layout(key), dt.datetime.now(dt.UTC)
    how = Written(layout.schema, layout.block, layout.column)
    version = kept.folder(key).commit(rows, how)
    made = (
        Entry(a, b, n, now, now, final=False, hash="", version=version)
        for a, b, n in spans
    )
    kept.record({key: made})


def fill(path: Path, rows: int) -> dict[str, float]:
    """Commit about *rows* rates, three runs at a time."""
    kept = Kept(path, bundled())
    kept.prepare(simulated=True)
    places = range(max(1, round(rows / A_RUN)))
    start = time.perf_counter()
    begin = 0
    gaps: list[Span] = []
    for place in places:
        run = run_at(place)
        gaps += [(begin, run - 1, 0), (run, run, 1)]
        begin = run + 1
    ends = [*gaps, (begin, OPEN, 0)]
    commit(kept, "runs", runs_table(places), ends)
    of_rates = [(a, b, n * A_RUN) for a, b, n in ends]
    for at in range(0, len(places), 3):
        some = [rates(run_at(place)) for place in places[at : at + 3]]
        mine = of_rates[2 * at : 2 * at + 2 * len(some)]
        last = at + 3 >= len(places)
        rows_now = pa.concat_tables(some)
        commit(kept, "hltpathrates", rows_now, mine + of_rates[-1:] * last)
    return {"fill_s": time.perf_counter() - start}


def timed(ask: Callable[[], Any], repeats: int) -> dict[str, Any]:
    """The first time, and the best and median of the others, in ms."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        answer = ask()
        times.append(1e3 * (time.perf_counter() - start))
    return {
        "first_ms": round(times[0], 1),
        "best_ms": round(min(times[1:]), 1),
        "median_ms": round(statistics.median(times[1:]), 1),
        "answer": answer,
    }


def of_sql(store: Store, text: str) -> int:
    """The one number that a query gives."""
    return int(store.sql(text).arrow[0][0].as_py())


def one_size(path: Path, rows: int, repeats: int) -> dict[str, Any]:
    """Fill a store, unless it is there, and ask it."""
    found: dict[str, Any] = {} if path.exists() else fill(path, rows)
    found["fill_peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    start = time.perf_counter()
    table = next(t for t in Store(path).info().tables if t.key == "hltpathrates")
    found["info_s"] = time.perf_counter() - start
    found |= {"rows": table.rows, "files": table.files, "bytes": table.size}
    runs = table.rows // A_RUN
    middle = run_at(runs // 2)
    name = NAMES[PATHS // 2]
    store = Store(path)
    engine = store.engine()
    from omskit.query import Query, field

    deep = Query("hltpathrates")
    where = f"FROM hltpathrates WHERE path_name = '{name}'"
    one = deep.where(field.run_number == middle, field.path_name == name)
    last = (table.rows * 95 // 100) // 1000 * 1000
    with Client(f"store:{path}", progress=False, audit=False) as oms:
        asks: dict[str, Callable[[], Any]] = {
            "a path in a run, by the client": lambda: len(
                oms.hlt_rates(middle, paths=name)
            ),
            "a path in a run, by the engine": lambda: engine.execute(one).total,
            "all paths in a run, by the client": lambda: len(
                oms.query("hltpathrates", middle).fetch()
            ),
            "a page at the start": lambda: (
                engine.execute(deep, offset=0, limit=1000).table.num_rows
            ),
            "a page at 95 %": lambda: (
                engine.execute(deep, offset=last, limit=1000).table.num_rows
            ),
            "a sum by path, by SQL": lambda: len(
                store.sql("SELECT path_name, sum(counter) FROM hltpathrates GROUP BY 1")
            ),
        }
        counted = "SELECT count(*) FROM hltpathrates"
        summed = f"SELECT sum(counter) {where}"
        asks["how many rows, by SQL"] = partial(of_sql, store, counted)
        asks["a path in all runs, by SQL"] = partial(of_sql, store, summed)
        found["asks"] = {}
        for what, ask in asks.items():
            many = 3 if table.rows > 5e7 else repeats
            found["asks"][what] = timed(ask, many)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


@contextmanager
def workers_of(count: int) -> Iterator[Any]:
    """A client of Dask with so many workers, processes of one thread."""
    import distributed

    with (
        distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, dashboard_address=":0"
        ) as local,
        distributed.Client(local) as dask,
    ):
        yield dask


def in_turn(work: Callable[[int, Any], float], turns: int) -> dict[str, Any]:
    """Seconds on one worker and on two, by turns, and the gain of the second."""
    times: dict[int, list[float]] = {1: [], 2: []}
    with workers_of(1) as one, workers_of(2) as two:
        for count, dask in ((1, one), (2, two)):
            work(count, dask)  # it imports, and opens its files
        for _ in range(turns):
            for count, dask in ((1, one), (2, two)):
                times[count].append(work(count, dask))
    gains = [a / b for a, b in zip(times[1], times[2], strict=True)]
    return {
        "one_s": round(statistics.median(times[1]), 2),
        "two_s": round(statistics.median(times[2]), 2),
        "gain": round(statistics.median(gains), 2),
        "gains": [round(gain, 2) for gain in gains],
        "load": os.getloadavg()[0],
    }


def on_dask(path: Path, turns: int) -> dict[str, Any]:
    """One sum by path over all rows."""
    from omskit import cluster

    def work(_count: int, dask: Any) -> float:
        columns = ["path_name", "counter"]
        rows = cluster.frame(Store(path), "hltpathrates", columns=columns)
        start = time.perf_counter()
        found = rows.groupby("path_name")["counter"].sum()
        assert len(found.compute(scheduler=dask)) == PATHS
        return time.perf_counter() - start

    return in_turn(work, turns)


def dask_sync(rows: int, latency_s: float, place: Path, turns: int) -> dict[str, Any]:
    """A sync of so many lumisections from a service that takes its time."""
    from sync import made_up_store, service

    import store as made
    from omskit import cluster
    from omskit.store import chunks

    served = made_up_store(rows, place)
    runs = (made.FIRST, made.FIRST + rows // made.LENGTH - 1)
    chunks.TARGET = 4000
    fetched: list[pa.Table] = []

    def work(count: int, dask: Any) -> float:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            store = Store(Path(folder) / "store")
            store.sync(oms, "runs", runs)
            start = time.perf_counter()
            report = cluster.sync(dask, store, oms, "lumisections", runs, in_flight=16)
            taken = time.perf_counter() - start
            assert report.complete, f"{count} workers: {report}"
            found = store.sql("FROM lumisections ORDER BY ALL").arrow
            fetched.append(found)
            if not fetched[0].equals(found):
                message = f"{count} workers made another store."
                raise RuntimeError(message)
        return taken

    with service(served, latency_s) as url, Client(url, progress=False) as oms:
        return in_turn(work, turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[10**6, 10**7])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--dask", type=int, help="rows of the store that Dask reads")
    parser.add_argument("--dask-sync", type=int, help="rows that Dask syncs")
    parser.add_argument("--latency", type=float, default=0.2, help="of that service, s")
    parser.add_argument("--turns", type=int, default=3, help="of Dask")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="omskit-scale-"))
    folder.mkdir(parents=True, exist_ok=True)
    if given.child:
        (rows,) = given.rows
        print(json.dumps(one_size(folder / f"{rows}", rows, given.repeats)))
        return
    result: dict[str, Any] = {"load": os.getloadavg(), "sizes": {}}
    for rows in given.rows:
        command = [sys.executable, __file__, "--child", "--folder", str(folder)]
        command += ["--rows", str(rows), "--repeats", str(given.repeats)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        result["sizes"][rows] = found
        size = found["bytes"] / found["rows"]
        print(
            f"{found['rows']} rows, {found['files']} files, {size:.2f} bytes a row, "
            f"filled in {found.get('fill_s', 0):.0f} s with {found['fill_peak_mb']} MB"
            f"; info in {found['info_s']:.2f} s, peak {found['peak_mb']} MB"
        )
        for what, one in found["asks"].items():
            print(
                f"  {what:36}{one['first_ms']:10.1f}{one['best_ms']:10.1f}"
                f"{one['median_ms']:10.1f} ms  {one['answer']}",
                flush=True,
            )
    if given.dask:
        result["dask"] = on_dask(folder / f"{given.dask}", given.turns)
        print(f"Dask, a sum by path over {given.dask} rows: {result['dask']}")
    if given.dask_sync:
        found = dask_sync(given.dask_sync, given.latency, folder, given.turns)
        result["dask_sync"] = found
        print(f"Dask, a sync of {given.dask_sync} rows: {found}")
    if given.json:
        given.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
