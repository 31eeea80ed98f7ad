"""How long does it take to fetch 200 pages of 1000 rows, and what does it cost?

A service of pre-built pages runs in a process of its own; every fetch runs in a fresh
process too, contenders in turn (A B A B ...), so that each has its own wall time,
CPU time and peak memory. Imports are outside of what is timed; making the client is
inside. The results are compared value by value, outside.

    python benchmarks/fetch.py                        # everything, half an hour
    python benchmarks/fetch.py --scenario tls-0 --pairs 3
    python benchmarks/fetch.py --quick                # does it still run?
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _bench import (
    Stopwatch,
    finish_child,
    machine,
    paired,
    say,
    show,
    show_machine,
    summary,
    unchecked,
    urllib3_is_urllib3,
)
from _pages import BENCH, RESOURCE, Shape, build, catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

CONTROL = "official"
SCENARIOS = ("tls-0", "tls-20", "tls-100", "plain-0", "plain-20", "plain-100")
FIELDS = ",".join(BENCH.names)


# --- contenders: import what you need, return what is to be timed ------------------


def official(url: str, ca: str | None, page: int) -> Callable[[], Any]:
    """The official client as people use it: page after page, a list of attributes."""
    import pandas as pd
    from omsapi import OMSAPI

    def run() -> Any:
        base, version = url.rsplit("/", 1)
        api = OMSAPI(base, version, verbose=False, cert_verify=ca or True)
        query = api.query(RESOURCE)
        query.attrs(list(BENCH.names))
        rows: list[dict[str, Any]] = []
        number = 1
        while True:
            query.paginate(number, page)
            answer = query.data().json()
            rows += [row["attributes"] for row in answer["data"]]
            if len(rows) >= answer["meta"]["totalResourceCount"]:
                return pd.DataFrame(rows)
            number += 1

    return run


def threads(url: str, ca: str | None, page: int, workers: int) -> Callable[[], Any]:
    """What people write next: a pool of threads around requests.get."""
    import pandas as pd
    import requests

    def get(offset: int) -> Any:
        parameters = {
            "fields": FIELDS,
            "page[offset]": str(offset),
            "page[limit]": str(page),
        }
        answer = requests.get(
            f"{url}/{RESOURCE}", params=parameters, verify=ca or True, timeout=60
        )
        answer.raise_for_status()
        return answer.json()

    def frame(offset: int) -> Any:
        return pd.json_normalize(get(offset)["data"])

    def run() -> Any:
        first = get(0)
        total = first["meta"]["totalResourceCount"]
        with ThreadPoolExecutor(workers) as pool:
            rest = pool.map(frame, range(page, total, page))
            frames = [pd.json_normalize(first["data"]), *rest]
        return pd.concat(frames, ignore_index=True)

    def renamed() -> Any:
        table = run()
        table.columns = [name.removeprefix("attributes.") for name in table.columns]
        return table

    return renamed


def omskit(
    url: str, ca: str | None, page: int, workers: int, *, frame: bool = False
) -> Callable[[], Any]:
    """omskit, completeness checks on; *frame*: a DataFrame as the others bring."""
    # Lazy names: what the first request would import belongs to the imports. Arrow
    # imports pandas, where it is installed, to make its first scalar.
    import pandas  # noqa: F401, ICN001

    from omskit import Client

    def run() -> Any:
        with Client(
            url,
            catalogue=catalogue(),
            verify=ca,
            page_size=page,
            concurrency=workers,
        ) as oms:
            table = oms.query(RESOURCE).select(*BENCH.names).fetch()
        if not table.complete:
            raise RuntimeError(table.warnings)
        return table.to_pandas() if frame else table.arrow

    return run


def limit(url: str, ca: str | None, page: int, workers: int) -> Callable[[], Any]:
    """What httpx2, zlib and pyarrow.json allow: a prototype that checks nothing.

    Bodies are read raw and inflated in one go, which costs less than httpx2's own way;
    *workers* requests are always under way, for two other threads decode.
    """
    import ssl
    import threading
    import zlib

    import httpx2
    import pyarrow as pa

    parse = unchecked()

    def decode(body: bytes, *, packed: bool) -> tuple[pa.RecordBatch, int]:
        return parse(zlib.decompress(body, 31) if packed else body)

    def run() -> Any:
        verify: Any = ssl.create_default_context(cafile=ca) if ca else False
        room = threading.Semaphore(2 * workers)
        with (
            httpx2.Client(verify=verify, timeout=60) as http,
            ThreadPoolExecutor(workers) as fetching,
            ThreadPoolExecutor(2) as decoding,
        ):

            def get(offset: int) -> Future[Any]:
                address = (
                    f"{url}/{RESOURCE}?fields={FIELDS}"
                    f"&page[offset]={offset}&page[limit]={page}"
                )
                room.acquire()
                with http.stream("GET", address) as answer:
                    answer.raise_for_status()
                    packed = answer.headers.get("content-encoding") == "gzip"
                    body = b"".join(answer.iter_raw())
                future = decoding.submit(decode, body, packed=packed)
                future.add_done_callback(lambda _: room.release())
                return future

            first, total = get(0).result()
            rest = fetching.map(get, range(page, total, page))
            return pa.Table.from_batches([first, *(f.result()[0] for f in rest)])

    return run


def contender(name: str, url: str, ca: str | None, page: int) -> Callable[[], Any]:
    """The contender of that name, e.g. `omskit-4` or `omskit-4-pandas`."""
    kind, *rest = name.split("-")
    if kind == "official":
        return official(url, ca, page)
    workers = int(rest[0])
    if kind == "omskit":
        return omskit(url, ca, page, workers, frame="pandas" in rest)
    return {"threads": threads, "limit": limit}[kind](url, ca, page, workers)


CONTENDERS = (
    CONTROL,
    "omskit-4",
    "omskit-8",
    "omskit-4-pandas",
    "threads-8",
    "limit-8",
)


# --- running them ------------------------------------------------------------------


def certificates(folder: Path) -> tuple[Path, Path]:
    """A server's certificate, and certifi's bundle with the CA that signed it."""
    import certifi
    import trustme

    authority = trustme.CA()
    server = folder / "server.pem"
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(server)
    bundle = folder / "bundle.pem"
    bundle.write_text(certifi.contents(), encoding="ascii")
    authority.cert_pem.write_to_path(bundle, append=True)
    return server, bundle


@contextmanager
def service(
    folder: Path, shape: Shape, server: Path, options: argparse.Namespace
) -> Iterator[dict[str, int]]:
    """The service of pre-built pages; gives its ports by scenario."""
    latencies = sorted({s.split("-")[1] for s in options.scenario})
    script = Path(__file__).with_name("_service.py")
    command = [sys.executable, str(script), str(folder), str(shape.pages)]
    command += [str(shape.rows), "--tls", str(server), "--latency", *latencies]
    command += ["--no-gzip"] if options.no_gzip else []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()  # which ends it
            process.wait(timeout=30)


def run_child(options: argparse.Namespace) -> None:
    """One fetch by one contender, timed."""
    fetch = contender(options.child, options.url, options.ca, options.rows)
    watch = Stopwatch()
    with watch.running():
        result = fetch()
    finish_child(watch.measured(result))


def run_all(options: argparse.Namespace) -> dict[str, Any]:
    """Every scenario, every contender."""
    shape = Shape(options.pages, options.rows)
    report: dict[str, Any] = {"machine": machine(), "shape": [shape.pages, shape.rows]}
    show_machine(report["machine"])
    say(f"{shape.pages} pages x {shape.rows} rows x {len(BENCH.fields)} fields")
    with tempfile.TemporaryDirectory(prefix="omskit-bench-") as name:
        folder = Path(name)
        build(folder, shape)
        server, bundle = certificates(folder)
        with service(folder, shape, server, options) as ports:
            for scenario in options.scenario:
                report[scenario] = run_scenario(
                    scenario, ports[scenario], bundle, options
                )
    return report


def run_scenario(
    scenario: str, port: int, bundle: Path, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """All contenders against one listener."""
    scheme, latency = scenario.split("-")
    tls = scheme == "tls"
    shared = ["--url", f"{'https' if tls else 'http'}://127.0.0.1:{port}/agg/api/v1"]
    shared += ["--rows", str(options.rows), *(["--ca", str(bundle)] if tls else [])]
    runs = {name: ["--child", name, *shared] for name in options.contender}
    total = Shape(options.pages, options.rows).total
    results = paired(runs, options.pairs, total, scenario)
    lines = summary(results, CONTROL)
    packed = "as it is" if options.no_gzip else "gzip"
    title = f"{'TLS' if tls else 'plain HTTP'}, {packed}, {latency} ms, "
    show(title + f"median of {options.pairs}", lines, CONTROL)
    return lines


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenario", nargs="+", choices=SCENARIOS, default=SCENARIOS)
    parser.add_argument(
        "--contender",
        nargs="+",
        default=CONTENDERS,
        metavar="NAME",
        help=f"of {' '.join(CONTENDERS)}; the number is how many at once",
    )
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--no-gzip", action="store_true")
    parser.add_argument("--quick", action="store_true", help="small, for CI")
    parser.add_argument("--json", type=Path, help="write everything measured there")
    for hidden in ("--child", "--url", "--ca"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.quick:
        options.pages, options.rows, options.pairs = 20, 200, 2
        options.scenario = ("tls-0", "plain-20")
    return options


def main() -> None:
    """Measure, show, write."""
    options = parse()
    if not urllib3_is_urllib3():
        message = (
            "urllib3 here is not urllib3 (niquests overwrites its files), so the "
            "official client would be another one. Use a fresh environment."
        )
        raise SystemExit(message)
    if options.child:
        run_child(options)
        return
    report = run_all(options)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
