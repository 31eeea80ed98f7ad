"""A store of many lumisections: how long an answer takes, beside what else there is.

    python benchmarks/store.py --rows 2000000 --at /tmp/rows        # fills, and asks
    python benchmarks/store.py --rows 2000000 --at /tmp/rows --alone    # asks again

Made-up lumisections with all 53 columns go into a store, and into plain Parquet (read
with polars and pandas), SQLite and a DuckDB file: the limit, as it has one writer and
no second reader. Each question is asked of each, its answer checked against the others,
warm, the best and the median of several. Times depend on the disk and on who else uses
the machine, so the time of the processor is told beside them; nothing is fetched over
a network here. How much memory answers take is seen where the store is there already.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from omskit import Client, LumiMask, Store
from omskit.schema import bundled
from omskit.store.chunks import Chunk
from omskit.store.coverage import Coverage, Finality
from omskit.store.fetching import Fetched, Judge, commit, entries
from omskit.store.kept import Kept
from omskit.store.layout import OPEN, layout_of
from omskit.store.rows import stored

FIRST, LENGTH = 300_000, 400
Questions = dict[str, Callable[[], Any]]
CHUNK = 120_000


def made_up(first: int, count: int, seed: int) -> pa.Table:
    """Lumisections of whole runs, 400 each, as a client gives them raw."""
    dice = np.random.default_rng(seed)
    rows = np.arange(count)
    columns = {}
    for field in bundled()["lumisections"].fields:
        kind = field.arrow_type
        if field.name == "run_number":
            values = pa.array(first + rows // LENGTH)
        elif field.name == "lumisection_number":
            values = pa.array(1 + rows % LENGTH)
        elif field.name == "fill_number":
            values = pa.array((first + rows // LENGTH) // 10)
        elif pa.types.is_timestamp(kind):
            seconds = ((first - FIRST) * LENGTH + rows) * 23_310_000 + 10**15
            values = pa.array(seconds, pa.int64()).cast(pa.timestamp("us")).cast(kind)
        elif pa.types.is_boolean(kind):
            values = pa.array(dice.random(count) < 0.95)
        elif pa.types.is_integer(kind):
            values = pa.array(dice.integers(0, 1000, count))
        elif pa.types.is_floating(kind):
            values = pa.array(np.round(dice.gamma(3.0, 10.0, count), 4))
        else:
            values = pa.array(np.full(count, "STABLE BEAMS")).cast(kind)
        columns[field.name] = values
        if field.scaled:
            unit = "pb^{-1}" if field.unit == "/pb" else field.unit
            columns[f"{field.name}_unit"] = pa.array([unit]).take(
                pa.array(np.zeros(count, np.int8))
            )
    return pa.table(columns)


def fill_store(store: Store, rows: int) -> float:
    """Commit *rows* lumisections and their runs chunk by chunk; seconds it took."""
    kept = Kept(store.path, bundled())
    now = dt.datetime.now(dt.UTC)
    taken = 0.0
    for offset in range(0, rows, CHUNK):
        count = min(CHUNK, rows - offset)
        first = FIRST + offset // LENGTH
        last = OPEN if offset + count >= rows else first + count // LENGTH - 1
        span = (0 if not offset else first, last)
        raw = made_up(first, count, offset)
        start = time.perf_counter()
        numbers = pa.array(range(first, first + count // LENGTH), pa.int64())
        runs = pa.table(
            {
                "run_number": numbers,
                "last_lumisection_number": pa.array([LENGTH] * len(numbers)),
            }
        )
        for key, table in (("lumisections", raw), ("runs", runs)):
            layout = layout_of(key, bundled())
            made = stored(table, layout)
            came = Fetched([made], now, count, 0, simulated=True, receipt="{}")
            judge = Judge(Finality(), {}, now)
            told = entries(made, layout, Chunk((span,)), judge, Coverage())
            held = commit(kept, layout, Chunk((span,)), came, told)
            kept.record({key: held})
        taken += time.perf_counter() - start
    return taken


def timed(function: Callable[[], Any], repeats: int) -> dict[str, Any]:
    """Best and median of *repeats*, in ms, after one that is not counted."""
    answer = function()
    times, worked = [], []
    for _ in range(repeats):
        start, work = time.perf_counter(), time.process_time()
        again = function()
        times.append(1e3 * (time.perf_counter() - start))
        worked.append(1e3 * (time.process_time() - work))
        assert again == answer or abs(again - answer) < 1e-6 * abs(answer)
    best, middle = round(min(times), 1), round(statistics.median(times), 1)
    cpu = round(min(worked), 1)
    return {"best_ms": best, "median_ms": middle, "cpu_ms": cpu, "answer": answer}


def others(folder: Path, table_path: Path, one: int) -> dict[str, Questions]:
    """The same questions of plain Parquet, SQLite and a DuckDB file."""
    import pandas as pd
    import polars as pl

    low, high = one, one + 99
    column = "recorded_lumi_per_lumisection"
    found: dict[str, Questions] = {}
    lazy = pl.scan_parquet(table_path)
    run = pl.col("run_number")
    found["parquet, polars"] = {
        "one run": lambda: len(lazy.filter(run == one).collect()),
        "100 runs": lambda: len(lazy.filter(run.is_between(low, high)).collect()),
        "sum by run": lambda: len(
            lazy.group_by("run_number").agg(pl.col(column).sum()).collect()
        ),
    }
    found["parquet, pandas"] = {
        "one run": lambda: len(
            pd.read_parquet(table_path, filters=[("run_number", "==", one)])
        ),
        "100 runs": lambda: len(
            pd.read_parquet(
                table_path,
                filters=[("run_number", ">=", low), ("run_number", "<=", high)],
            )
        ),
        "sum by run": lambda: len(
            pd.read_parquet(table_path, columns=["run_number", column])
            .groupby("run_number")
            .sum()
        ),
    }
    base = duckdb.connect(str(folder / "rows.duckdb"))
    base.execute(f"CREATE TABLE l AS FROM read_parquet('{table_path}')")
    ask = {
        "one run": f"SELECT * FROM l WHERE run_number = {one}",
        "100 runs": f"SELECT * FROM l WHERE run_number BETWEEN {low} AND {high}",
        "sum by run": f"SELECT run_number, sum({column}) FROM l GROUP BY run_number",
    }
    found["duckdb file"] = {
        name: (lambda text=text: base.sql(text).to_arrow_table().num_rows)
        for name, text in ask.items()
    }
    lite = sqlite3.connect(folder / "rows.sqlite")
    names = pq.read_schema(table_path).names
    lite.execute(f"CREATE TABLE l ({', '.join(map(json.dumps, names))})")
    marks = ", ".join("?" * len(names))
    for batch in pq.ParquetFile(table_path).iter_batches(100_000):
        plain = (
            batch.to_pandas()
            .astype(object)
            .map(lambda v: str(v) if hasattr(v, "isoformat") else v)
        )
        lite.executemany(f"INSERT INTO l VALUES ({marks})", plain.to_numpy().tolist())
    lite.execute("CREATE INDEX i ON l (run_number, lumisection_number)")
    lite.commit()
    found["sqlite"] = {
        name: (lambda text=text: len(lite.execute(text).fetchall()))
        for name, text in ask.items()
    }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--alone", action="store_true", help="only the store")
    parser.add_argument("--at", type=Path, help="a folder that is kept")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    runs = given.rows // LENGTH
    middle = FIRST + runs // 2
    several = (middle, middle + 99)
    folder = given.at or Path(tempfile.mkdtemp(prefix="omskit-bench-"))
    store = Store(folder / "store")
    taken = compacted = 0.0
    if not (folder / "store").exists():
        taken = fill_store(store, given.rows)
        start = time.perf_counter()
        print(store.compact())
        compacted = time.perf_counter() - start
    size = sum(t.size for t in store.info().tables)
    print(f"filled with {given.rows} rows in {taken:.1f} s, {size / 1e6:.0f} MB")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"compacted in {compacted:.1f} s; peak memory so far {peak:.0f} MB")
    mask = LumiMask({run: [(10, 300)] for run in range(FIRST, FIRST + runs, 2)})
    total = "SELECT run_number, sum(recorded_lumi_per_lumisection) FROM lumisections"
    join = "SELECT sum(recorded_lumi_per_lumisection) FROM lumisections JOIN "
    join += "mask('m') USING (run_number, lumisection_number)"
    engine = store.engine()
    with Client(f"store:{store.path}", progress=False, audit=False) as oms:
        from omskit.query import Query, field

        number = field.run_number
        one = Query("lumisections").where(number == middle)
        many = Query("lumisections").where(number.between(*several))
        deep = Query("lumisections")
        questions = {
            "engine: one run": lambda: engine.execute(one).total,
            "engine: 100 runs": lambda: engine.execute(many).total,
            "client: one run": lambda: len(oms.lumisections(middle)),
            "client: 100 runs": lambda: len(oms.lumisections(several)),
            "sql: one run": lambda: len(
                store.sql(f"FROM lumisections WHERE run_number = {middle}")
            ),
            "sql: sum by run": lambda: len(store.sql(f"{total} GROUP BY ALL")),
            "sql: join with a mask": lambda: round(
                store.sql(join, masks={"m": mask}).arrow.column(0)[0].as_py(), 3
            ),
            "engine: page at 0": lambda: (
                engine.execute(deep, offset=0, limit=1000).table.num_rows
            ),
            "engine: page at 95 %": lambda: (
                engine.execute(
                    deep, offset=given.rows * 95 // 100 // 1000 * 1000, limit=1000
                ).table.num_rows
            ),
        }
        result = {name: timed(ask, given.repeats) for name, ask in questions.items()}
    asked = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of answers {asked:.0f} MB")
    if not given.alone:
        plain = folder / "rows.parquet"
        tables = store.sql("FROM lumisections ORDER BY run_number, lumisection_number")
        kept = [n for n in tables.columns if "@" not in n]
        pq.write_table(tables.arrow.select(kept), plain, compression="zstd")
        for stale in ("rows.duckdb", "rows.sqlite"):
            (folder / stale).unlink(missing_ok=True)
        for name, asks in others(folder, plain, middle).items():
            for what, ask in asks.items():
                result[f"{name}: {what}"] = timed(ask, given.repeats)
    print(f"{'':32} {'best':>9} {'median':>9} {'cpu':>9}  ms")
    for name, found in result.items():
        times = (found[k] for k in ("best_ms", "median_ms", "cpu_ms"))
        print(f"{name:32}", *(f"{t:9.1f}" for t in times))
    about = {
        "python": sys.version.split()[0],
        "duckdb": duckdb.__version__,
        "pyarrow": pa.__version__,
        "machine": platform.processor() or platform.machine(),
        "rows": given.rows,
        "bytes": size,
        "fill_s": round(taken, 2),
        "peak_mb": round(peak),
    }
    if given.json:
        given.json.write_text(json.dumps({"about": about, "result": result}, indent=1))


if __name__ == "__main__":
    main()
