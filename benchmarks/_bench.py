"""What both benchmarks share: measuring a process, checking results, reporting."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from _pages import BENCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PACKAGES = (
    "omskit",
    "omsapi",
    "requests",
    "urllib3",
    "httpx2",
    "pyarrow",
    "deltalake",
    "duckdb",
    "msgspec",
    "pandas",
    "numpy",
)


COLUMNS = ("wall_s", "cpu_s", "user_s", "system_s", "others_s", "peak_mb")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one contender, in a process of its own.

    Attributes:
        others_s: CPU time that the rest of the machine used meanwhile, the service
            included: much more than the service needs means a disturbed run.
        imported_mb: Peak memory before the timed part, that is, of the imports.
    """

    wall_s: float
    cpu_s: float
    user_s: float
    system_s: float
    others_s: float
    peak_mb: float
    imported_mb: float
    digest: str
    rows: int


def say(text: str = "") -> None:
    """A line for the reader."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def peak_mb() -> float:
    """Peak resident memory of this process, in MB.

    VmHWM and not ru_maxrss where there is a choice: on Linux ru_maxrss of a fresh
    process starts from what its parent had when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    scale = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def busy_s() -> float:
    """CPU time that the whole machine has used since it started; 0 if not known."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _idle, _wait, irq, soft, steal, *_ = map(
        int, stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    )
    ticks = user + nice + system + irq + soft + steal
    return ticks / os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """Wall and CPU time of a block, and what memory peaked at."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the block."""
        imported = peak_mb()
        busy = busy_s()
        before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        yield
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
        user = after.ru_utime - before.ru_utime
        system = after.ru_stime - before.ru_stime
        others = busy_s() - busy - user - system
        self.times = {
            "wall_s": wall,
            "cpu_s": user + system,
            "user_s": user,
            "system_s": system,
            "others_s": max(others, 0.0),
            "peak_mb": peak_mb(),
            "imported_mb": imported,
        }

    def measured(self, result: Any) -> Measured:
        """What was measured, with the digest of the result."""
        table = canonical(result)
        return Measured(**self.times, digest=digest(table), rows=table.num_rows)


def canonical(result: Any) -> pa.Table:
    """Any contender's result as the Arrow table that the catalogue describes.

    Args:
        result: An Arrow table, or a DataFrame with columns named as on the wire.
    """
    columns = []
    for field in BENCH.fields:
        column: Any
        if isinstance(result, pa.Table):
            column = result[field.name].combine_chunks()
        else:
            column = pa.Array.from_pandas(result[field.name])
        if column.__class__ is pa.ChunkedArray:
            column = column.combine_chunks()
        if field.kind == "time" and not pa.types.is_timestamp(column.type):
            column = pc.strptime(column, format="%Y-%m-%dT%H:%M:%SZ", unit="us")
            column = pc.assume_timezone(column, "UTC")
        columns.append(column.cast(field.arrow_type))
    return pa.table(columns, names=list(BENCH.names))


def digest(table: pa.Table) -> str:
    """A hash of every value and every null, in row order."""
    sha = hashlib.sha256()
    for name in table.column_names:
        column: Any = table[name].combine_chunks()
        sha.update(name.encode())
        sha.update(column.is_null().to_numpy(zero_copy_only=False).tobytes())
        if pa.types.is_string(column.type):
            sha.update("\0".join(column.fill_null("").to_pylist()).encode())
            continue
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        filler = False if pa.types.is_boolean(column.type) else 0
        filled = column.fill_null(filler)
        sha.update(filled.to_numpy(zero_copy_only=False).tobytes())
    return sha.hexdigest()


def unchecked() -> Callable[[bytes], tuple[pa.RecordBatch, int]]:
    """A decoder on pyarrow.json that checks nothing: page -> rows and total."""
    import pyarrow.json as pj

    row = pa.struct([(f.name, f.arrow_type) for f in BENCH.fields])
    meta = pa.struct([("totalResourceCount", pa.int64())])
    data = pa.list_(pa.struct([("attributes", row)]))
    parse = pj.ParseOptions(
        explicit_schema=pa.schema([("data", data), ("meta", meta)]),
        unexpected_field_behavior="ignore",
    )

    def decode(body: bytes) -> tuple[pa.RecordBatch, int]:
        read = pj.ReadOptions(use_threads=False, block_size=len(body) + 1)
        source: Any = pa.BufferReader(body)
        page: Any = pj.read_json(source, read, parse)
        attributes = page["data"].chunk(0).flatten().field("attributes")
        total = page["meta"].chunk(0).field("totalResourceCount")[0].as_py()
        return pa.RecordBatch.from_struct_array(attributes), total

    return decode


def child(arguments: Sequence[str]) -> Measured:
    """Run this script again in a fresh process and read what it measured.

    Raises:
        RuntimeError: The process failed; the message ends with what it wrote.
    """
    done = subprocess.run(
        [sys.executable, sys.argv[0], *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"{' '.join(arguments)} failed:\n{done.stderr[-4000:]}"
        raise RuntimeError(message)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def finish_child(measured: Measured) -> None:
    """The last line of a child: what it measured."""
    say(json.dumps(asdict(measured)))


def paired(
    runs: Mapping[str, Sequence[str]], pairs: int, total: int, progress: str
) -> dict[str, list[Measured]]:
    """Run all contenders in turn, *pairs* times, and check that they agree.

    Raises:
        RuntimeError: Two contenders brought different values, or not *total* rows.
    """
    results: dict[str, list[Measured]] = {name: [] for name in runs}
    digests: dict[str, str] = {}
    for number in range(pairs):
        for name, arguments in runs.items():
            if sys.stderr.isatty():
                sys.stderr.write(f"\r\033[K{progress} {number + 1}/{pairs} {name}")
                sys.stderr.flush()
            measured = child(arguments)
            results[name].append(measured)
            digests[name] = measured.digest
            if len(set(digests.values())) > 1 or measured.rows != total:
                message = f"{name}: {measured.rows} of {total} rows, {digests}"
                raise RuntimeError(message)
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    return results


def summary(
    results: Mapping[str, list[Measured]], control: str
) -> list[dict[str, Any]]:
    """Medians and minima of each contender, and its ratios to *control*, by pair."""
    lines = []
    for name, runs in results.items():
        line: dict[str, Any] = {"contender": name, "rows": runs[0].rows}
        for key in COLUMNS:
            values = [getattr(run, key) for run in runs]
            line[key] = statistics.median(values)
            line[f"{key}_min"] = min(values)
            if control in results:
                ratios = [
                    getattr(theirs, key) / max(getattr(ours, key), 1e-9)
                    for theirs, ours in zip(results[control], runs, strict=True)
                ]
                line[f"{key}_ratio"] = statistics.median(ratios)
                line[f"{key}_ratio_min"] = min(ratios)
        line["runs"] = [asdict(run) for run in runs]
        lines.append(line)
    return lines


def show(title: str, lines: Sequence[Mapping[str, Any]], control: str) -> None:
    """One scenario as a table; 'x' columns are *control* over contender."""
    say(f"\n{title}")
    say(
        f"  {'contender':<18}{'wall s':>8}{'min':>7}{'x':>7}{'x min':>7}"
        f"{'cpu s':>9}{'min':>7}{'x':>6}{'peak MB':>10}{'share':>7}{'others s':>10}"
    )
    for line in lines:
        text = (
            f"  {line['contender']:<18}{line['wall_s']:>8.2f}{line['wall_s_min']:>7.2f}"
        )
        nothing = float("nan")
        share = 1 / line.get("peak_mb_ratio", nothing)
        say(
            f"{text}{line.get('wall_s_ratio', nothing):>7.2f}"
            f"{line.get('wall_s_ratio_min', nothing):>7.2f}"
            f"{line['cpu_s']:>9.2f}{line['cpu_s_min']:>7.2f}"
            f"{line.get('cpu_s_ratio', nothing):>6.2f}"
            f"{line['peak_mb']:>10.0f}{share:>7.2f}{line['others_s']:>10.2f}"
        )
    say(f"  x: {control} / contender, median of the pairs; share: of its peak memory")
    say("  others: CPU time of the rest of the machine, the service included")


def machine() -> dict[str, Any]:
    """What ran this: packages, Python and machine."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load": os.getloadavg()[0],
        "packages": versions,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def show_machine(about: Mapping[str, Any]) -> None:
    """Versions and machine, before the numbers."""
    packages = ", ".join(f"{k} {v}" for k, v in about["packages"].items())
    say(f"Python {about['python']}; {packages}")
    say(f"{about['processor']}, {about['cpus']} CPUs, {about['system']}")
    say(f"load {about['load']:.2f} before the start")


def urllib3_is_urllib3() -> bool:
    """Whether requests talks through urllib3 itself.

    niquests installs its own fork over the files of urllib3, which would make the
    official client another client.
    """
    import urllib3

    try:
        importlib.metadata.version("urllib3-future")
    except importlib.metadata.PackageNotFoundError:
        return not hasattr(urllib3, "ConnectionInfo")
    return False
