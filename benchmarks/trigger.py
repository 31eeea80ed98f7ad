"""All HLT paths of a run: requests and time, against a loop with the official client.

`oms serve --demo` serves run 297050 (278 paths x 786 lumisections) in a process of its
own, with 20 ms of latency at every request. Contenders run in fresh processes, in turn:

* `loop`: one request per path with the official client, as OMSRatesNtuple does;
* `cube`: `omskit.trigger.hlt`, which also reads menus, prescales and luminosity;
* `counts`: the same with `prescales=False`, which leaves the menus out.

Counts are compared one by one. `--memory` reads 665 paths x 3259 lumisections (2.2
million rows) of a service of made-up rows, and tells the peak.

    python benchmarks/trigger.py
    python benchmarks/trigger.py --paths 'HLT_PFJet*'
    python benchmarks/trigger.py --memory
    python benchmarks/trigger.py --quick        # does it still run?
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _bench import peak_mb, say

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = 297050
LATENCY_S = 0.02
PATHS, LUMISECTIONS = 665, 3259


# --- contenders -------------------------------------------------------------------


def loop(url: str, paths: str) -> dict[str, Any]:
    """One request per path: the counters of each, by lumisection number."""
    from fnmatch import fnmatchcase

    from omsapi import OMSAPI

    start = time.perf_counter()
    base, version = url.rsplit("/", 1)
    api = OMSAPI(base, version, verbose=False, cert_verify=True)
    query = api.query("hltpathinfo").filter("run_number", RUN).attrs(["path_name"])
    query.paginate(1, 5000)
    names = [row["attributes"]["path_name"] for row in query.data().json()["data"]]
    requests, counts = 1, {}
    for name in (n for n in names if fnmatchcase(n, paths)):
        query = api.query("hltpathrates")
        query.filter("run_number", RUN).filter("path_name", name)
        query.attrs(["counter", "first_lumisection_number"])
        query.paginate(1, 10_000)
        rows = [row["attributes"] for row in query.data().json()["data"]]
        counts[name] = {r["first_lumisection_number"]: r["counter"] for r in rows}
        requests += 1
    took = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time()}
    return {"requests": requests, **took, "peak_mb": peak_mb(), "sum": _sum(counts)}


def cube(url: str, paths: str) -> dict[str, Any]:
    """The same through `omskit.trigger.hlt`."""
    return _hlt(url, paths, prescales=True)


def counts(url: str, paths: str) -> dict[str, Any]:
    """The same without menus."""
    return _hlt(url, paths, prescales=False)


def _hlt(url: str, paths: str, *, prescales: bool) -> dict[str, Any]:
    import numpy as np

    from omskit import Client, trigger

    start = time.perf_counter()
    with Client(url) as oms:
        found = trigger.hlt(oms, RUN, paths=paths, prescales=prescales)
    wall, cpu, peak = time.perf_counter() - start, time.process_time(), peak_mb()
    numbers = found.conditions.lumisection.tolist()
    counts = {}
    for row, name in found.versions[RUN].items():
        values = found.counts[row]
        pairs = zip(numbers, values.tolist(), strict=True)
        counts[name] = {ls: int(n) for ls, n in pairs if not np.isnan(n)}
    took = {"wall_s": wall, "cpu_s": cpu, "peak_mb": peak}
    return {"requests": found.requests, "sum": _sum(counts), **took}


def _sum(counts: dict[str, dict[int, int]]) -> str:
    """A digest of every count."""
    import hashlib

    text = json.dumps(counts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


CONTENDERS = {"loop": loop, "cube": cube, "counts": counts}


def child(name: str, url: str, paths: str) -> None:
    """One contender in this process: what it took, as JSON on stdout."""
    warnings.simplefilter("ignore")
    say(json.dumps(CONTENDERS[name](url, paths)))


# --- services ---------------------------------------------------------------------


@contextmanager
def demo() -> Iterator[str]:
    """The demo, with latency."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False) as file:
        file.write(f'[[rule]]\nfault = "latency"\nseconds = {LATENCY_S}\n')
    command = [sys.executable, "-m", "omskit", "serve", "--demo", "--port", "0"]
    service = subprocess.Popen(
        [*command, "--faults", file.name], stdout=subprocess.PIPE, text=True
    )
    try:
        assert service.stdout is not None
        url = service.stdout.readline().split()[-1]
        yield url
    finally:
        service.terminate()
        service.wait()
        Path(file.name).unlink()


@contextmanager
def large() -> Iterator[str]:
    """A service of one run with very many rows."""
    command = [sys.executable, __file__, "--serve"]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert service.stdout is not None
        yield service.stdout.readline().split()[-1]
    finally:
        service.terminate()
        service.wait()


def serve() -> None:
    """Serve the demo's tables with the rates and lumisections of a larger run."""
    import numpy as np
    import pyarrow as pa
    import uvicorn

    from omskit.demo import tables
    from omskit.engine import Engine
    from omskit.server import Service
    from omskit.server.asgi import application

    known = {name: tables()[name] for name in tables()}
    rates = known["hltpathrates"].slice(0, 1)
    size = PATHS * LUMISECTIONS
    every: dict[str, Any] = {
        "run_number": np.full(size, RUN),
        "path_name": pa.DictionaryArray.from_arrays(
            pa.array(np.repeat(np.arange(PATHS, dtype=np.int32), LUMISECTIONS)),
            pa.array([f"HLT_Path{i:03}_v1" for i in range(PATHS)]),
        ).cast(pa.string()),
        "first_lumisection_number": np.tile(np.arange(1, LUMISECTIONS + 1), PATHS),
        "last_lumisection_number": np.tile(np.arange(1, LUMISECTIONS + 1), PATHS),
        "counter": np.arange(size) % 1000,
        "rate": (np.arange(size) % 1000) / 23.310409581,
        "path_number": np.repeat(np.arange(PATHS, dtype=np.int32), LUMISECTIONS),
    }
    columns = {
        field.name: pa.array(every[field.name]).cast(field.type)
        if field.name in every
        else pa.nulls(size, field.type)
        for field in rates.schema
    }
    known["hltpathrates"] = pa.table(columns, schema=rates.schema)
    ours = known["lumisections"]
    row = ours.filter(pa.compute.equal(ours["run_number"], RUN)).slice(100, 1)
    many = pa.concat_tables([row] * LUMISECTIONS)
    at = many.schema.get_field_index("lumisection_number")
    numbers = pa.array(np.arange(1, LUMISECTIONS + 1)).cast(many.schema.field(at).type)
    known["lumisections"] = many.set_column(at, many.schema.field(at), numbers)
    known["hltconfigdata"] = known["hltconfigdata"].slice(0, 0)

    class Announcing(uvicorn.Server):
        """Says the address as soon as it answers."""

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            port = self.servers[0].sockets[0].getsockname()[1]
            say(f"http://127.0.0.1:{port}/agg/api/v1")

    service = Service(Engine(known), base_url="/agg/api/v1")
    config = uvicorn.Config(application(service), port=0, log_level="error")
    Announcing(config).run()


# --- the report -------------------------------------------------------------------


def run_child(name: str, url: str, paths: str) -> dict[str, Any]:
    """One contender in a fresh process."""
    command = [sys.executable, __file__, "--child", name, url, paths]
    # Installed packages are compiled; so is what a checkout imports, by the second run.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    folder = str(Path(tempfile.gettempdir()) / "omskit-benchmarks")
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**kept, "PYTHONPYCACHEPREFIX": folder},
    )
    if ended.returncode:
        raise RuntimeError(ended.stderr[-2000:])
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def compare(paths: str, pairs: int) -> bool:
    """The contenders in turn; whether they agree."""
    agree = True
    ratios: dict[str, list[float]] = {name: [] for name in CONTENDERS if name != "loop"}
    with demo() as url:
        run_child("cube", url, "HLT_ZeroBias_v*")  # the demo makes its tables
        for number in range(pairs):
            found = {name: run_child(name, url, paths) for name in CONTENDERS}
            for name, one in found.items():
                say(
                    f"{number + 1} {name}: {one['requests']} requests, "
                    f"{one['wall_s']:.2f} s ({one['cpu_s']:.2f} s CPU), "
                    f"{one['peak_mb']:.0f} MB"
                )
            agree = agree and len({one["sum"] for one in found.values()}) == 1
            for name, ratio in ratios.items():
                ratio.append(found["loop"]["wall_s"] / found[name]["wall_s"])
    for name, every in ratios.items():
        say(f"{name}, times as fast: {', '.join(f'{ratio:.1f}' for ratio in every)}")
    say("the counts are equal" if agree else "THE COUNTS DIFFER")
    return agree


def main() -> int:
    """Run what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--paths", default="*")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--child", nargs=3)
    given = parser.parse_args()
    if given.serve:
        serve()
        return 0
    if given.child:
        child(*given.child)
        return 0
    if given.memory:
        with large() as url:
            found = run_child("cube", url, "*")
        say(
            f"{PATHS} x {LUMISECTIONS} rows: {found['requests']} requests, "
            f"{found['wall_s']:.1f} s ({found['cpu_s']:.1f} s CPU), "
            f"peak {found['peak_mb']:.0f} MB"
        )
        return 0
    if given.quick:
        return 0 if compare("HLT_PFJet*", 1) else 1
    return 0 if compare(given.paths, given.pairs) else 1


if __name__ == "__main__":
    raise SystemExit(main())
