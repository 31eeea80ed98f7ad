"""Is a run of eight hours followed without loss, as it goes on?

`oms serve --demo --as-of T --speed S` plays the longest run of the demo in a process of
its own. Over its socket the run is followed by `Client.follow` and `AsyncClient.follow`
at once, from its first second until it has ended; beside them, its L1 rates are read,
which come a minute late, and its row, whose counters grow. Each lumisection of the true
table must be told exactly once, and what was said of it last must be the truth.

With `--store` the same run is played from a store that lacks two lumisections at first
and has other numbers for two; halfway a commit of another process mends it. Each
follower must then tell two as late, two as revised, and the two before the late ones,
whose ends are told by those.

What it does not show: a service that fails meanwhile (that is `chaos.py`), and how the
real OMS writes its rows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omskit import AsyncClient, Client, OMSWarning, Store
from omskit import field as column

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from omskit import Table

RUN = 386694
LUMISECTION_S = 23.3
SHORTEST_LOOK_S = 0.1
"""At a high speed a look takes longer than a lumisection: several come at once."""

PATIENCE_S = 10.0
LATE_S = 60.0
"""How late the service shows rates, in the data."""

GROWS = (
    "duration",
    "last_lumisection_number",
    "delivered_lumi",
    "recorded_lumi",
    "l1_triggers_counter",
    "hlt_physics_counter",
    "hlt_physics_size",
)


def say(text: str) -> None:
    """A line for the reader."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Followed:
    """What one follower was told.

    Attributes:
        key: The column that numbers its rows.
        told: How often each number was told as new or late.
        last: What was said of it last.
        revised: The numbers that were told once more.
    """

    name: str
    key: str = "lumisection_number"
    told: Counter[int] = field(default_factory=Counter)
    last: dict[int, dict[str, Any]] = field(default_factory=dict)
    news: Counter[str] = field(default_factory=Counter)
    revised: set[int] = field(default_factory=set)
    tables: int = 0
    seconds: float = 0.0
    error: str = ""

    def take(self, rows: list[dict[str, Any]]) -> None:
        """Note the rows of a table."""
        self.tables += 1
        for row in rows:
            news = row.pop("news", "new")
            self.news[news] += 1
            if news == "revised":
                self.revised.add(row[self.key])
            self.told[row[self.key]] += news != "revised"
            self.last[row[self.key]] = row

    def compared(self, truth: dict[int, dict[str, Any]]) -> dict[str, Any]:
        """The row of the report."""
        told = {number: times for number, times in self.told.items() if times}
        return {
            "follower": self.name,
            "lumisections": len(told),
            "tables": self.tables,
            "late": self.news["late"],
            "revised": self.news["revised"],
            "wall s": round(self.seconds, 1),
            "lost": len(truth.keys() - told.keys()),
            "doubled": sum(times > 1 for times in told.values()),
            "wrong": sum(truth.get(n) != row for n, row in self.last.items()),
        }


@dataclass
class Beside:
    """What is read beside the followers: rates that come late, a row that grows."""

    rates: Followed
    looks: int = 0
    shrunk: list[str] = field(default_factory=list)
    row: dict[str, Any] = field(default_factory=dict)
    early: int = 0

    def look(self, oms: Client) -> None:
        """Read the rates that are new, then the row of the run."""
        told = self.rates.last.keys()
        absent = set(range(1, max(told, default=0) + 2)) - told
        newer = column(self.rates.key) >= min(absent)
        table = oms.l1_rates(RUN, where=newer, audit=False)
        numbers = pa.array(sorted(told), pa.int64())
        known = pc.is_in(table.arrow[self.rates.key], numbers)
        fresh = table.arrow.filter(pc.invert(known)).to_pylist()
        row = oms.runs(RUN).to_records()[0]
        self.looks += 1
        for name in GROWS:
            before, after = self.row.get(name), row[name]
            if before is not None and (after is None or after < before):
                self.shrunk.append(f"{name}: {before} became {after}")
        self.row = row
        if fresh:
            self.rates.take(fresh)
            # Before the end of the run a rate is two lumisections behind at least.
            behind = row["last_lumisection_number"] - max(self.rates.last)
            self.early += row["end_time"] is None and behind < LATE_S // LUMISECTION_S


def rows_of(table: Table, key: str) -> dict[int, dict[str, Any]]:
    """The rows of the true table, by number."""
    return {row[key]: row for row in table.arrow.to_pylist()}


@contextmanager
def service(as_of: dt.datetime, speed: float, store: Path | None) -> Iterator[str]:
    """The base URL of a service that plays the demo, or a store, from a moment on."""
    moment = as_of.strftime("%Y-%m-%dT%H:%M:%S")
    command = [sys.executable, "-m", "omskit", "serve", "--port", "0"]
    command += ["--demo"] if store is None else ["--store", str(store)]
    command += ["--as-of", moment, "--speed", str(speed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child.stdout.readline().split()[-1]
        finally:
            child.terminate()


def follow_sync(url: str, policy: dict[str, float], into: Followed) -> None:
    """Follow with `Client`."""
    start = time.perf_counter()
    with Client(url) as oms:
        for table in oms.follow(RUN, **policy):
            into.take(table.arrow.to_pylist())
    into.seconds = time.perf_counter() - start


def follow_async(url: str, policy: dict[str, float], into: Followed) -> None:
    """Follow with `AsyncClient`."""

    async def following() -> None:
        async with AsyncClient(url) as oms:
            async for table in oms.follow(RUN, **policy):
                into.take(table.arrow.to_pylist())

    start = time.perf_counter()
    asyncio.run(following())
    into.seconds = time.perf_counter() - start


def read_beside(url: str, policy: dict[str, float], beside: Beside, rows: int) -> None:
    """Look at rates and the run's row, until the run and its last rates are there."""
    start = time.perf_counter()
    with Client(url) as oms:
        over: float | None = None
        while over is None or time.perf_counter() < over:
            beside.look(oms)
            if beside.row["end_time"] is not None:
                over = over or time.perf_counter() + PATIENCE_S
                if len(beside.rates.told) >= rows:
                    break
            time.sleep(policy["every_s"])
    beside.rates.seconds = time.perf_counter() - start


def followed(url: str, policy: dict[str, float], rows: int) -> tuple[Any, ...]:
    """All that was told, once the run is over."""
    one, two = Followed("Client.follow"), Followed("AsyncClient.follow")
    beside = Beside(Followed("L1 rates", key="first_lumisection_number"))
    jobs = [
        (one, follow_sync, (url, policy, one)),
        (two, follow_async, (url, policy, two)),
        (beside.rates, read_beside, (url, policy, beside, rows)),
    ]

    def run(into: Followed, work: Any, arguments: tuple[Any, ...]) -> None:
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001  # it is reported, and the exit code 1
            into.error = f"{type(error).__name__}: {error}"

    threads = [threading.Thread(target=run, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return one, two, beside


class Flawed:
    """A store of the run that lacks rows and has wrong ones, until it is mended.

    Attributes:
        late, wrong: The lumisections that it lacks, and that have another pile-up.
    """

    def __init__(self, demo: Client, folder: Path) -> None:
        self.path = folder / "store"
        self._truth = folder / "truth.parquet"
        self.mended = False
        Store(self.path).sync(demo, "runs,lumisections,l1triggerrates", RUN)
        rows = demo.lumisections(RUN, units="raw", fields=None).arrow
        count, number = rows.num_rows, rows["lumisection_number"]
        self.late = [count // 8, count // 6]
        self.wrong = [count // 7, count // 5]
        pq.write_table(rows, self._truth)
        other = pc.if_else(pc.is_in(number, pa.array(self.wrong)), 1.5, rows["pileup"])
        place = rows.schema.get_field_index("pileup")
        early = rows.set_column(place, rows.schema.field(place), other)
        early = early.filter(pc.invert(pc.is_in(number, pa.array(self.late))))
        pq.write_table(early, folder / "early.parquet")
        self._put(folder / "early.parquet")

    def mend(self) -> None:
        """Put the true rows in place of the others."""
        self._put(self._truth)
        self.mended = True

    def _put(self, file: Path) -> None:
        Store(self.path).import_file("lumisections", file, simulated=True)


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as a table for people."""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return lines + [f"| {' | '.join(map(str, row.values()))} |" for row in rows]


def main() -> None:
    """Read the options, follow the run, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=float, default=60.0, help="data s per second")
    parser.add_argument("--quick", action="store_true", help="8 h in 10 s, for CI")
    parser.add_argument("--store", action="store_true", help="play a store, mend it")
    parser.add_argument("--json", type=Path, help="write the table here")
    options = parser.parse_args()
    speed = 3000.0 if options.quick else options.speed
    warnings.simplefilter("ignore", OMSWarning)
    with Client("demo") as oms, tempfile.TemporaryDirectory() as folder:
        row = oms.runs(RUN).to_records()[0]
        truth = rows_of(oms.lumisections(RUN), "lumisection_number")
        rates = rows_of(oms.l1_rates(RUN), "first_lumisection_number")
        flawed = Flawed(oms, Path(folder)) if options.store else None
        every = max(LUMISECTION_S / speed, SHORTEST_LOOK_S)
        policy = {"every_s": every, "patience_s": PATIENCE_S}
        say(
            f"run {RUN}: {row['duration'] / 3600:.1f} h, {len(truth)} lumisections, "
            f"at speed {speed:g}, from {'a store' if flawed else 'the demo'}"
        )
        path = flawed.path if flawed else None
        with service(row["start_time"], speed, path) as url:
            halfway = row["duration"] / speed / 2
            mending = threading.Timer(halfway, flawed.mend if flawed else lambda: None)
            mending.start()
            one, two, beside = followed(url, policy, len(rates))
            mending.join()
    found = [one.compared(truth), two.compared(truth), beside.rates.compared(rates)]
    wrong = [f"{f.name}: {f.error}" for f in (one, two, beside.rates) if f.error]
    wrong += beside.shrunk
    # OMS writes to the row for a while after the end of the run.
    last = set(row) - {"last_update"}
    wrong += [f"run row: {n}" for n in last if beside.row.get(n) != row[n]]
    if beside.early:
        wrong.append(f"{beside.early} rates came early")
    if flawed:
        # What a lumisection says of its end is taken from the next one.
        changed = {*flawed.wrong, *(number - 1 for number in flawed.late)}
        for follower in (one, two):
            if follower.news["late"] != len(flawed.late) or follower.revised != changed:
                wrong.append(f"{follower.name}: revised {sorted(follower.revised)}")
        wrong += [] if flawed.mended else ["the store was never mended"]
    say("\n".join(["", *table(found), ""]))
    say(f"the row of the run: {beside.looks} looks, {len(beside.shrunk)} values shrank")
    if options.json:
        kept = {"rows": found, "looks": beside.looks, "wrong": wrong}
        options.json.write_text(json.dumps(kept, indent=1))
    bad = any(line[name] for line in found for name in ("lost", "doubled", "wrong"))
    for line in wrong:
        say(line)
    say("Something was LOST." if bad or wrong else "Nothing was lost, nothing doubled.")
    sys.exit(1 if bad or wrong else 0)


if __name__ == "__main__":
    main()
