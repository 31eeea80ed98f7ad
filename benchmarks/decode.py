"""How fast do pages become tables, and does a second thread help?

200 pages lie in memory as bytes; every contender decodes them all in a fresh process,
on one and on two threads, page by page, and joins the parts. Nothing is fetched here:
fetch.py does that. Reading the files and imports are outside of what is timed.

    python benchmarks/decode.py
    python benchmarks/decode.py --threads 2 --contender frame omskit
    python benchmarks/decode.py --quick
"""

from __future__ import annotations

import argparse
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
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
)
from _pages import BENCH, Shape, build

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONTROL = "frame"
CONTENDERS = (CONTROL, "normalize", "msgspec", "arrow", "omskit")
Decoder = tuple["Callable[[bytes], Any]", "Callable[[Sequence[Any]], Any]"]
"""How to decode one page, and how to join the pages."""


def frame() -> Decoder:
    """json.loads and a DataFrame of the attributes."""
    import pandas as pd

    def decode(body: bytes) -> Any:
        return pd.DataFrame([row["attributes"] for row in json.loads(body)["data"]])

    return decode, lambda parts: pd.concat(parts, ignore_index=True)


def normalize() -> Decoder:
    """json.loads and pandas' json_normalize."""
    import pandas as pd

    def join(parts: Sequence[Any]) -> Any:
        table = pd.concat(parts, ignore_index=True)
        table.columns = [name.removeprefix("attributes.") for name in table.columns]
        return table

    return lambda body: pd.json_normalize(json.loads(body)["data"]), join


def msgspec() -> Decoder:
    """Msgspec without types, then Arrow columns from Python values."""
    import msgspec.json
    import pyarrow as pa

    untyped = msgspec.json.Decoder()
    types = {
        f.name: pa.string() if f.kind == "time" else f.arrow_type for f in BENCH.fields
    }

    def decode(body: bytes) -> Any:
        rows = [row["attributes"] for row in untyped.decode(body)["data"]]
        columns = [pa.array([r[n] for r in rows], t) for n, t in types.items()]
        return pa.table(columns, names=list(types))

    return decode, pa.concat_tables


def arrow() -> Decoder:
    """pyarrow.json alone, schema given, nothing checked: the limit of this way."""
    import pyarrow as pa

    decode = unchecked()
    return lambda body: decode(body)[0], pa.Table.from_batches


def omskit() -> Decoder:
    """Omskit's decoder, with everything that it checks."""
    import pyarrow as pa

    from omskit import jsonapi

    def decode(body: bytes) -> Any:
        return jsonapi.decode(body, BENCH).table

    return decode, pa.concat_tables


MAKERS: dict[str, Callable[[], Decoder]] = {
    "frame": frame,
    "normalize": normalize,
    "msgspec": msgspec,
    "arrow": arrow,
    "omskit": omskit,
}


def run_child(options: argparse.Namespace) -> None:
    """All pages by one contender, timed."""
    decode, join = MAKERS[options.child]()
    bodies = [path.read_bytes() for path in sorted(options.folder.glob("*.json"))]
    decode(bodies[0])  # schemas and decoders are made once for all pages
    watch = Stopwatch()
    with watch.running():
        if options.workers == 1:
            parts = list(map(decode, bodies))
        else:
            with ThreadPoolExecutor(options.workers) as pool:
                parts = list(pool.map(decode, bodies))
        result = join(parts)
    finish_child(watch.measured(result))


def run_all(options: argparse.Namespace) -> dict[str, Any]:
    """Every number of threads, every contender."""
    shape = Shape(options.pages, options.rows)
    report: dict[str, Any] = {"machine": machine(), "shape": [shape.pages, shape.rows]}
    show_machine(report["machine"])
    say(f"{shape.pages} pages x {shape.rows} rows x {len(BENCH.fields)} fields")
    with tempfile.TemporaryDirectory(prefix="omskit-bench-") as folder:
        build(Path(folder), shape)
        for workers in options.threads:
            shared = ["--folder", folder, "--workers", str(workers)]
            runs = {name: ["--child", name, *shared] for name in options.contender}
            title = f"{workers} thread{'s' if workers > 1 else ''}"
            lines = summary(paired(runs, options.pairs, shape.total, title), CONTROL)
            show(f"{title}, median of {options.pairs}", lines, CONTROL)
            report[f"threads-{workers}"] = lines
    return report


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument(
        "--contender", nargs="+", choices=CONTENDERS, default=CONTENDERS
    )
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="small, for CI")
    parser.add_argument("--json", type=Path, help="write everything measured there")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.quick:
        options.pages, options.rows, options.pairs = 20, 200, 2
    return options


def main() -> None:
    """Measure, show, write."""
    options = parse()
    if options.child:
        run_child(options)
        return
    report = run_all(options)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
