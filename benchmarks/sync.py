"""Is a sync as fast as a fetch of the same rows?

`oms serve` serves the demo, or a store of made-up lumisections, in a process of its
own, with and without 20 ms of latency at every request. Contenders run in fresh
processes, in turn (A B C A B C ...), and ask for the same rows:

* `fetch`: `Client.query(...).fetch()`, one resource after the other, all in memory;
* `sync`: `Store.sync` into a new folder, each commit on the disk (`fsync`);
* `sync, no fsync`: the same with `Store(..., fsync=False)`.

After the clock has stopped, the store is asked the same questions, and its rows must be
those of the fetch: the hashes of receipts are compared. Imports and the probe of the
file system are outside of what is timed. A ratio is that of a sync to the fetch before
it in its turn; the median of the turns is told.

    python benchmarks/sync.py
    python benchmarks/sync.py --scenario 200k --latency 0 --turns 7
    python benchmarks/sync.py --long      # peak memory of a sync of 2 million rows
    python benchmarks/sync.py --quick     # does it still run?
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _bench import machine, peak_mb, say, show_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit import Client, Table


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked for.

    Attributes:
        made_up: So many made-up lumisections are served; 0: the demo.
    """

    names: str
    runs: tuple[int, int] | None
    made_up: int = 0


SCENARIOS = {
    "5k": Scenario("runs,lumisections", (315190, 315290)),
    "50k": Scenario("runs,streams", None),
    "200k": Scenario("runs,hltpathrates", (297050, 297050)),
    "200k wide": Scenario("runs,lumisections", None, 200_000),
}
LONG = Scenario("runs,lumisections", None, 2_000_000)
CONTENDERS = ("fetch", "sync", "sync, no fsync")


# --- contenders -------------------------------------------------------------------


def fetched(oms: Client, scenario: Scenario) -> list[Table]:
    """All rows, by `Client`, one resource after the other."""
    return [
        oms.query(name, scenario.runs).options(audit=False, units="raw").fetch()
        for name in scenario.names.split(",")
    ]


def child(contender: str, scenario: Scenario, url: str, folder: str) -> None:
    """One contender in this process: what it took, as JSON on stdout."""
    import deltalake  # noqa: F401  # outside of what is timed
    import pyarrow.parquet  # noqa: F401

    from omskit import Client, Store
    from omskit.transport import HttpSender  # noqa: F401

    warnings.simplefilter("ignore")
    store = Store(Path(folder) / "store", fsync=contender == "sync")
    with Client(url, progress=False) as oms:
        oms.query("runs").count()  # the connection stands
        imported, start, work = peak_mb(), time.perf_counter(), time.process_time()
        if contender == "fetch":
            tables = fetched(oms, scenario)
        else:
            report = store.sync(oms, scenario.names, scenario.runs)
            assert report.complete, report
        took = {
            "wall_s": time.perf_counter() - start,
            "cpu_s": time.process_time() - work,
            "peak_mb": peak_mb(),
            "imported_mb": imported,
        }
        if contender != "fetch":
            with Client(f"store:{store.path}", progress=False) as here:
                tables = fetched(here, scenario)
            took["commits"] = len(list(store.path.rglob("_delta_log/*.json")))
            took["requests"] = sum(part.requests for part in report.parts)
            took["slowed"] = report.slowed
        took["rows"] = sum(map(len, tables))
        took["hash"] = [table.receipt.sha256 for table in tables]
    say(json.dumps(took))


# --- services ---------------------------------------------------------------------


@contextmanager
def service(made_up: Path | None, latency_s: float) -> Iterator[str]:
    """The base URL of the demo, or of a store, with latency."""
    command = [sys.executable, "-m", "omskit", "serve", "--port", "0"]
    command += ["--demo"] if made_up is None else ["--store", str(made_up)]
    with tempfile.TemporaryDirectory() as folder:
        if latency_s:
            faults = Path(folder) / "faults.toml"
            faults.write_text(f'[[rule]]\nfault = "latency"\nseconds = {latency_s}\n')
            command += ["--faults", str(faults)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield process.stdout.readline().split()[-1]
            finally:
                process.terminate()


def made_up_store(rows: int, place: Path) -> Path:
    """A store of so many lumisections, filled where it is not there."""
    from omskit import Store
    from store import fill_store

    path = place / f"made-up-{rows}"
    if not path.exists():
        fill_store(Store(path, fsync=False), rows)
    return path


def turn(name: str, url: str, place: Path) -> dict[str, dict[str, Any]]:
    """All contenders once, each in a fresh process and a new folder."""
    found = {}
    for contender in CONTENDERS:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            command = [sys.executable, __file__, "--child", contender, url, folder]
            done = subprocess.run(
                [*command, "--scenario", name],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found[contender] = json.loads(done.stdout.splitlines()[-1])
    return found


def compared(name: str, latency_ms: int, turns: int, place: Path) -> dict[str, Any]:
    """A scenario, so many turns of it; rows must be equal."""
    scenario = SCENARIOS[name]
    made_up = scenario.made_up and made_up_store(scenario.made_up, place)
    found: dict[str, list[dict[str, Any]]] = {c: [] for c in CONTENDERS}
    with service(made_up or None, latency_ms / 1000) as url:
        for _ in range(turns):
            one = turn(name, url, place)
            if len({json.dumps(o["hash"]) for o in one.values()}) > 1:
                message = f"{name}: a sync has other rows than the fetch: {one}"
                raise RuntimeError(message)
            for contender, took in one.items():
                found[contender].append(took)
    say(f"\n{name}: {found['fetch'][0]['rows']} rows, {latency_ms} ms of latency")
    say(
        f"{'':16} {'wall s':>8} {'min':>8} {'x':>6}"
        f" {'cpu s':>8} {'x':>6} {'peak MB':>8}"
    )
    lines = {}
    for contender, runs in found.items():
        line = {
            key: statistics.median(run[key] for run in runs)
            for key in ("wall_s", "cpu_s", "peak_mb", "imported_mb")
        }
        line["wall_min_s"] = min(run["wall_s"] for run in runs)
        for key in ("wall_s", "cpu_s"):
            pairs = zip(runs, found["fetch"], strict=True)
            line[f"{key}_ratio"] = statistics.median(a[key] / b[key] for a, b in pairs)
        lines[contender] = {**line, "runs": runs}
        said = f"{line['wall_s']:8.3f} {line['wall_min_s']:8.3f}"
        said += f" {line['wall_s_ratio']:6.2f} {line['cpu_s']:8.3f}"
        said += f" {line['cpu_s_ratio']:6.2f} {line['peak_mb']:8.0f}"
        more = ("commits", "requests", "slowed")
        rest = {k: runs[0][k] for k in more if k in runs[0]}
        say(f"{contender:16} {said}  {rest or ''}")
    return lines


def long(place: Path) -> None:
    """How much memory a sync of 2 million rows takes, with the same of 200 000."""
    for scenario in (SCENARIOS["200k wide"], LONG):
        path = made_up_store(scenario.made_up, place)
        with (
            service(path, 0) as url,
            tempfile.TemporaryDirectory(dir=place) as folder,
        ):
            command = [sys.executable, __file__, "--child", "sync", url, folder]
            command += ["--rows", str(scenario.made_up)]
            done = subprocess.run(
                command, stdout=subprocess.PIPE, text=True, check=True
            )
        took = json.loads(done.stdout.splitlines()[-1])
        say(
            f"{took['rows']} rows in {took['wall_s']:.0f} s, {took['commits']} commits,"
            f" peak {took['peak_mb']:.0f} MB, of which {took['imported_mb']:.0f} MB are"
            " imports"
        )


def main() -> None:
    """Read the options and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", nargs="+", choices=SCENARIOS)
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 20], help="ms")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--at", type=Path, help="a folder on the disk to be measured")
    parser.add_argument("--long", action="store_true", help="peak memory only")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        made_up = {s.made_up: s for s in (*SCENARIOS.values(), LONG)}
        chosen = made_up[given.rows] if given.rows else SCENARIOS[given.scenario[0]]
        child(given.child[0], chosen, *given.child[1:])
        return
    about = machine()
    show_machine(about)
    place = given.at or Path(tempfile.mkdtemp(prefix="omskit-sync-"))
    place.mkdir(parents=True, exist_ok=True)
    try:
        if given.long:
            long(place)
            return
        names = given.scenario or (["5k"] if given.quick else list(SCENARIOS))
        turns = 1 if given.quick else given.turns
        result = {
            f"{name}, {latency} ms": compared(name, latency, turns, place)
            for name in names
            for latency in given.latency
        }
    finally:
        if given.at is None:
            shutil.rmtree(place)
    if given.json:
        kept = {"machine": about, "load": os.getloadavg(), "result": result}
        given.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
