"""How fast are masks: look-ups, loading and set operations.

Look-ups of (run, lumisection) pairs in the 2017 golden mask, beside coffea's LumiMask
(numba, warmed up) and a loop over a dict; loading and the four set operations on 2017
golden and DCS-only, beside WMCore's LumiList. Every answer is checked against omskit's
own reference, a binary search; where another tool is wrong, how wrong is counted.

    python benchmarks/masks.py --json masks.json

The certification files are read from the folder ``certification`` in OMSKIT_RECORDED.
coffea and WMCore's LumiList.py (``--lumilist FILE``) are left out where they are not.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _bench import peak_mb, say

from omskit.lumi import LumiMask
from omskit.lumi.files import read_mask, write_mask

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = "Cert_294927-306462_13TeV_UL2017_Collisions17_GoldenJSON.txt"
DCS = "json_DCSONLY_2017.txt"
FILES = {2017: DCS, 2018: "json_DCSONLY_2018.txt"}
LOOP = 10**5
"""Pairs of the dict loop, which is scaled up: all of them would take minutes."""


def listed(figures: dict[str, Any], style: str) -> str:
    """Figures in one line."""
    return ", ".join(f"{name} {value:{style}}" for name, value in figures.items())


def folder() -> Path:
    """Where the certification files are."""
    if not (found := os.environ.get("OMSKIT_RECORDED")):
        sys.exit("OMSKIT_RECORDED names no folder; see benchmarks/README.md")
    return Path(found) / "certification"


def pairs(mask: LumiMask, count: int, order: str) -> tuple[Any, Any]:
    """Runs and lumisections, one in ten of them of runs outside the mask."""
    random = np.random.default_rng(2017)
    runs = random.choice(mask.runs, count).astype(np.uint32)
    runs[random.random(count) < 0.1] += 1
    numbers = random.integers(1, 2000, count, dtype=np.uint32)
    if order == "sorted":
        at = np.lexsort((numbers, runs))
        return runs[at], numbers[at]
    return runs, numbers


def timed(work: Callable[[], Any], repeat: int) -> tuple[float, float, Any]:
    """Median and minimum of the wall time, and the last result."""
    times, result = [], None
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return statistics.median(times), min(times), result


def searched(mask: LumiMask, runs: Any, numbers: Any) -> Any:
    """The reference: where each pair falls among the ends of all ranges."""
    first, last = np.array([(r << 32 | a, r << 32 | b) for r, a, b in mask.ranges()]).T
    keys = (runs.astype(np.int64) << 32) + numbers
    at = np.searchsorted(first, keys, side="right") - 1
    return (at >= 0) & (keys <= last[at])


def dict_loop(mask: LumiMask) -> Callable[[Any, Any], Any]:
    """What people write: a dict of ranges and a loop over the pairs."""
    good = {int(run): spans for run, spans in mask.to_dict().items()}

    def look(runs: Any, numbers: Any) -> Any:
        out = []
        for run, number in zip(runs, numbers, strict=True):
            out.append(any(a <= number <= b for a, b in good.get(run, ())))
        return np.array(out)

    return look


def coffea_mask(path: Path) -> Any:
    """Coffea's reader on a file, or None where it is not installed."""
    try:
        from coffea.lumi_tools import LumiMask as Coffea
    except ImportError:
        return None
    return Coffea(str(path))


def lookups(count: int, repeat: int) -> dict[str, Any]:
    """Every contender, on random and on sorted pairs."""
    path = folder() / GOLDEN
    mask = read_mask(path)
    theirs = coffea_mask(path)
    loop = dict_loop(mask)
    report: dict[str, Any] = {}
    for order in ("random", "sorted"):
        runs, numbers = pairs(mask, count, order)
        truth = searched(mask, runs, numbers)
        start = time.perf_counter()
        first = read_mask(path).contains(runs, numbers)
        cold = time.perf_counter() - start
        median, least, found = timed(
            lambda r=runs, n=numbers: mask.contains(r, n), repeat
        )
        assert (first == truth).all()
        assert (found == truth).all()
        line: dict[str, Any] = {"omskit_s": median, "omskit_min_s": least,
                                "omskit_with_load_s": cold}  # fmt: skip
        if theirs is not None:
            start = time.perf_counter()
            theirs(runs[:10], numbers[:10])
            line["coffea_first_call_s"] = time.perf_counter() - start
            median, least, found = timed(lambda r=runs, n=numbers: theirs(r, n), repeat)
            assert (found == truth).all()
            line |= {"coffea_s": median, "coffea_min_s": least}
            line["coffea_over_omskit"] = median / line["omskit_s"]
            line["coffea_over_omskit_min"] = least / line["omskit_min_s"]
        some = slice(None, None, max(count // LOOP, 1))
        few = runs[some], numbers[some]
        scale = count / len(few[0])
        # Over Python's integers, and over numpy's as when one loops over arrays.
        for kind, columns in (
            ("dict", tuple(column.tolist() for column in few)),
            ("dict_numpy", few),
        ):
            _, least, found = timed(lambda c=columns: loop(*c), 3)
            assert (found == truth[some]).all()
            line[f"{kind}_s"] = least * scale
            line[f"{kind}_over_omskit_min"] = least * scale / line["omskit_min_s"]
        report[order] = line
        say(f"{count:.0e} {order} pairs: {listed(line, '.3f')}")
    return report


def correctness() -> dict[str, Any]:
    """What coffea finds of unsorted files, read by itself and handed over by us."""
    report: dict[str, Any] = {}
    for year, name in FILES.items():
        mask = read_mask(folder() / name)
        runs, numbers = (part.astype(np.uint32) for part in mask.pairs())
        line = {
            "lumisections": len(mask),
            "omskit": int(mask.contains(runs, numbers).sum()),
        }
        theirs = coffea_mask(folder() / name)
        if theirs is not None:
            line["coffea"] = int(theirs(runs, numbers).sum())
            handed = mask.to_coffea()
            line["to_coffea"] = int(handed(runs, numbers).sum())
            wide = np.repeat(mask.runs, 4000).astype(np.uint32)
            every = np.tile(np.arange(1, 4001), mask.runs.size).astype(np.uint32)
            same = handed(wide, every) == mask.contains(wide, every)
            line["to_coffea_agrees_on"] = int(same.sum())
            assert same.all()
        report[str(year)] = line
        say(f"{name}: {line}")
    return report


def lumilist(path: Path) -> Any:
    """WMCore's class out of its file, without the rest of WMCore."""
    spec = importlib.util.spec_from_file_location("LumiList", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.LumiList


def set_operations(path: Path | None, repeat: int) -> dict[str, Any]:
    """Load and the four operations, beside LumiList."""
    files = folder() / GOLDEN, folder() / DCS
    a, b = (read_mask(file) for file in files)
    ours: dict[str, Callable[[], Any]] = {
        "load": lambda: [read_mask(file) for file in files],
        "and": lambda: a & b,
        "or": lambda: a | b,
        "sub": lambda: b - a,
        "xor": lambda: a ^ b,
    }
    report = {}
    for name, work in ours.items():
        median, least, _ = timed(work, repeat)
        report[name] = {"omskit_s": median, "omskit_min_s": least}
    if path is not None:
        _against_lumilist(path, files, ours, report, repeat)
    for name, line in report.items():
        say(f"{name}: " + listed(line, ".5f"))
    return report


def _against_lumilist(
    path: Path, files: Any, ours: Any, report: Any, repeat: int
) -> None:
    kind = lumilist(path)

    def fresh() -> list[Any]:
        # Its | changes its operands, so each call gets new ones, outside of the time.
        return [kind(filename=str(file)) for file in files]

    work = {
        "and": lambda x, y: x & y,
        "or": lambda x, y: x | y,
        "sub": lambda x, y: y - x,
        "xor": lambda x, y: (x - y) | (y - x),
    }
    median, least, _ = timed(fresh, repeat)
    report["load"] |= {"lumilist_s": median, "lumilist_min_s": least}
    for name, operation in work.items():
        times = []
        for _ in range(repeat):
            operands = fresh()
            start = time.perf_counter()
            found = operation(*operands)
            times.append(time.perf_counter() - start)
        report[name]["lumilist_s"] = statistics.median(times)
        report[name]["lumilist_min_s"] = min(times)
        same = LumiMask.from_json(found.getCompactList()).good == ours[name]().good
        assert same, f"LumiList's {name} is another set"
    lines = list(report.values())
    keys = lines[0].keys()
    report["all"] = {key: sum(line[key] for line in lines) for key in keys}
    for line in report.values():
        line["lumilist_over_omskit"] = line["lumilist_s"] / line["omskit_s"]
        least = line["lumilist_min_s"] / line["omskit_min_s"]
        line["lumilist_over_omskit_min"] = least


def differential(path: Path | None, cases: int) -> dict[str, Any]:
    """Random masks: is LumiList's answer the same set as ours? And as Python's sets?"""
    if path is None:
        return {}
    kind, random = lumilist(path), np.random.default_rng(4)
    differ = {"and": 0, "or": 0, "sub": 0, "omskit": 0}
    operations = {"and": "__and__", "or": "__or__", "sub": "__sub__"}
    for _ in range(cases):
        made = []
        for _ in range(2):
            first = random.integers(1, 30, 5)
            ranges = np.column_stack((random.integers(1, 4, 5), first,
                                      first + random.integers(0, 9, 5)))  # fmt: skip
            made.append(LumiMask.from_ranges(ranges))
        sets = [set(mask) for mask in made]
        for name, method in operations.items():
            theirs = [kind(compactList=mask.to_dict()) for mask in made]
            expected = getattr(sets[0], method)(sets[1])
            differ["omskit"] += set(getattr(made[0], method)(made[1])) != expected
            found = getattr(theirs[0], method)(theirs[1])
            differ[name] += {tuple(p) for p in found.getLumis()} != expected
    say(f"{cases} random pairs of masks, answers unlike Python's sets: {differ}")
    return {"cases": cases, "differ": differ}


def memory(count: int) -> dict[str, Any]:
    """Peak memory of a look-up, in a fresh process, beyond operands and answer."""
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "import masks, numpy as np\n"
        "mask = masks.read_mask(masks.folder() / masks.GOLDEN)\n"
        "count = int(sys.argv[2])\n"
        "runs = np.resize(mask.runs.astype(np.uint32), count)\n"
        "numbers = np.resize(np.arange(1, 2000, dtype=np.uint32), count)\n"
        "mask.contains(runs[:9], numbers[:9])\n"
        "before = masks.peak_mb()\n"
        "start = masks.time.perf_counter()\n"
        "found = mask.contains(runs, numbers)\n"
        "wall = masks.time.perf_counter() - start\n"
        "print(masks.json.dumps({'pairs': count, 'wall_s': wall, 'answer_mb':\n"
        "    found.nbytes / 2**20, 'operands_mb': 2 * runs.nbytes / 2**20,\n"
        "    'rise_mb': masks.peak_mb() - before}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(count)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    line: dict[str, Any] = json.loads(done.stdout)
    say("memory: " + listed(line, ".4g"))
    return line


def spread(ranges: int, per_run: int) -> tuple[Any, Any]:
    """Run and first lumisection of very many ranges."""
    runs = np.repeat(np.arange(1, ranges // per_run + 1), per_run)
    return runs, np.tile(np.arange(1, 4 * per_run, 4), ranges // per_run)


def loading(path: Path | None, ranges: int, repeat: int) -> dict[str, Any]:
    """Files of very many ranges, beside LumiList."""
    report: dict[str, Any] = {"ranges": ranges}
    for per_run in (1000, 20):
        runs, first = spread(ranges, per_run)
        mask = LumiMask.from_ranges(np.column_stack((runs, first, first + 1)))
        with tempfile.TemporaryDirectory() as place:
            file = write_mask(mask, Path(place) / "many.json")
            _, least, found = timed(lambda f=file: read_mask(f), repeat)
            assert found == mask
            line = {"omskit_min_s": least}
            if path is not None:
                kind = lumilist(path)
                _, theirs, _ = timed(lambda f=file, k=kind: k(filename=str(f)), repeat)
                line |= {"lumilist_min_s": theirs, "over": theirs / least}
        report[f"{per_run}_a_run"] = line
        say(f"load {ranges:.0e} ranges, {per_run} a run: {listed(line, '.3g')}")
    return report


def large(ranges: int) -> dict[str, Any]:
    """Masks of very many ranges: making, combining, looking up."""
    runs, first = spread(ranges, 1000)
    report: dict[str, Any] = {"ranges": ranges}
    start = time.perf_counter()
    a = LumiMask.from_ranges(np.column_stack((runs, first, first + 1)))
    report["make_s"] = time.perf_counter() - start
    b = LumiMask.from_ranges(np.column_stack((runs, first + 1, first + 2)))
    for name, work in {
        "and": lambda: a & b,
        "or": lambda: a | b,
        "sub": lambda: a - b,
    }.items():
        start = time.perf_counter()
        found = work()
        report[f"{name}_s"] = time.perf_counter() - start
        assert len(found) == {"and": 1, "or": 3, "sub": 1}[name] * ranges
    random = np.random.default_rng(1)
    run, number = (random.integers(1, high, 10**6) for high in (ranges // 1000, 4000))
    start = time.perf_counter()
    found = a.contains(run, number)
    report["contains_1e6_s"] = time.perf_counter() - start
    assert (found == np.isin(number % 4, (1, 2))).all()
    report["peak_mb"] = peak_mb()
    say(f"{ranges:.0e} ranges: " + listed(report, ".3g"))
    return report


def versions() -> dict[str, str]:
    """Packages, Python and machine."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("omskit", "numpy", "coffea", "numba"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    found["load"] = f"{os.getloadavg()[0]:.2f}"
    return found


def main() -> None:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10**7)
    parser.add_argument("--many", type=int, default=10**8, help="pairs for the memory")
    parser.add_argument("--ranges", type=int, default=10**7)
    parser.add_argument("--load", type=int, default=10**6, help="ranges in a file")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--cases", type=int, default=2000, help="random pairs of masks")
    parser.add_argument("--quick", action="store_true", help="small, for CI")
    parser.add_argument("--lumilist", type=Path, help="WMCore's LumiList.py")
    parser.add_argument("--json", type=Path, help="write everything measured there")
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.many, options.ranges = 10**5, 10**6, 10**5
        options.repeat, options.cases, options.load = 2, 50, 10**4
    report = {"versions": versions()}
    say(", ".join(f"{k} {v}" for k, v in report["versions"].items()))
    report["correctness"] = correctness()
    report["lookups"] = lookups(options.pairs, options.repeat)
    report["set_operations"] = set_operations(options.lumilist, options.repeat)
    report["differential"] = differential(options.lumilist, options.cases)
    report["loading"] = loading(options.lumilist, options.load, options.repeat)
    report["memory"] = memory(options.many)
    report["large"] = large(options.ranges)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
