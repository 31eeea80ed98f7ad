"""HLT: rates of each path, streams and datasets.

Every rate of a lumisection is a whole counter over 3564 x 2^18 / 40.08 MHz =
23.3104095808 s, as in all 126288 rates of the published exports. The tables end a few
lumisections before the run does. Run 297050 has its 278 recorded paths; the others have
25, so that the demo stays small.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo import facts, hltmenu, l1
from omskit.demo.beam import ORBITS_HZ, lumisections
from omskit.demo.build import table, times, words
from omskit.demo.dice import poisson
from omskit.demo.fills import SLOTS
from omskit.demo.l1 import rows_where
from omskit.demo.names import stem
from omskit.demo.schedule import LUMISECTION_S as HLT_S
from omskit.demo.schedule import fills, period_of, periods, runs
from omskit.demo.truth import disturbances, drawn_hz, frozen, truth_of

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.demo.dice import Floats, Ints
    from omskit.demo.l1 import Rows
    from omskit.demo.schedule import Period, Run

NO_RATES_IN = {386694: (1168,)}
"""Lumisections without HLT rates inside a run: recorded (pixelae @ff5e1a2)."""

WHOLE = (facts.RUN, 386694)
"""Runs whose HLT tables reach the last active lumisection."""


@cache
def paths(period: Period) -> tuple[str, ...]:
    """The paths of the runs of a period other than 297050, sorted."""
    found = facts.document("menus")["hlt"]
    names = [_version(name, period.path_versions) for name in found["paths"]]
    names += found["run3_paths"] if period.run3 else []
    return tuple(sorted([*names, *period.more_paths]))


def paths_of(run: int) -> tuple[str, ...]:
    """The paths of a run.

    Example:
        >>> len(paths_of(297050)), len(paths_of(306458))
        (278, 25)
    """
    return facts.hlt_paths() if run == facts.RUN else paths(period_of(run))


def _version(name: str, more: int) -> str:
    stem, found, version = name.rpartition("_v")
    return f"{stem}_v{int(version) + more}" if found else name


@cache
def rows() -> Rows:
    """Lumisections with HLT rows."""
    lumi = lumisections()
    keep = lumi.active.copy()
    for run in runs():
        here = run.numbers
        cut = run.inactive
        if run.number not in WHOLE and run.lumisections > 20:
            cut -= run.number % 4
        gone = np.isin(here, NO_RATES_IN.get(run.number, ()))
        keep[lumi.rows[run.number]] &= (here < cut) & ~gone
    return rows_where(keep)


@cache
def _crossings() -> Floats:
    """Colliding bunches of each lumisection; 0 where there is no beam."""
    lumi = lumisections()
    colliding = {f["number"]: f.get("bunches", [0, 0, 0, 0])[3] for f in fills()}
    bunches = np.array([colliding[int(n)] for n in lumi.fill], dtype=np.float64)
    return np.asarray(np.where(lumi.present, bunches, 0.0))


@cache
def _live() -> Floats:
    """The live fraction: that of the luminosity where there is any."""
    lumi = lumisections()
    share = lumi.recorded / np.maximum(lumi.delivered, 1)
    return np.asarray(np.where(lumi.delivered > 0, share, lumi.live))


def _mean(name: str, run: Run, at: Ints) -> Floats:
    """Expected rate of a path in some lumisections of a run, Hz."""
    if name == "HLTriggerFirstPath":
        return l1.counters()["l1a_physics"][at] / HLT_S
    truth, period = truth_of(name), period_of(run.number)
    if truth is None and hltmenu.seed(name) is None:
        return _unseeded(name, at) * _live()[at]
    lumi = lumisections()
    column = lumi.column[at]
    prescale = hltmenu.total(period, name)[np.maximum(column, 0)]
    on = (prescale > 0) & (column >= 0)
    share = np.where(on, _live()[at] / np.where(on, prescale, 1.0), 0.0)
    if truth is not None:
        return np.asarray(_crossings()[at] * truth.per_bunch(lumi.pileup[at]) * share)
    return np.asarray((SLOTS - _crossings()[at]) * ORBITS_HZ * share)


def _unseeded(name: str, at: Ints) -> Floats:
    """The rate of a path that sees every L1 accept, Hz: no truth is known of it."""
    lumi = lumisections()
    inst = lumi.inst[at] / 7000.0
    flat = hltmenu.flat_hz(name)
    if name == "HLTriggerFinalPath":
        return np.asarray(1400.0 * inst + 6.0)
    if flat is None:
        return np.asarray(drawn_hz(name) * inst)
    idle = 0.0 if "ZeroBias" in name or "MinimumBias" in name else 0.3
    return np.asarray(flat * np.where(lumi.present[at], 1.0, idle))


@cache
def counted() -> dict[int, Ints]:
    """Events accepted, run -> paths x lumisections."""
    kept = rows()
    made = {}
    plan = {run.number: run for run in runs()}
    for number, begin, size in zip(kept.runs, kept.begin, kept.sizes, strict=True):
        run, at = plan[int(number)], kept.at[begin : begin + size]
        mean = np.array([_mean(name, run, at) for name in paths_of(run.number)])
        drawn = poisson(mean * HLT_S, run.number, 8)
        _disturb(run.number, at, mean, drawn)
        made[run.number] = drawn
    return made


def _disturb(run: int, at: Ints, mean: Floats, drawn: Ints) -> None:
    """Change the counts of what is wrong on purpose, in place."""
    numbers = lumisections().number[at]
    names = [stem(name) for name in paths_of(run)]
    for order, fault in enumerate(disturbances()):
        if fault.run != run:
            continue
        row = names.index(fault.path)
        here = (numbers >= fault.first) & (numbers <= fault.last)
        if fault.stuck:
            drawn[row, here] = drawn[row, here][0]
        else:
            wrong = mean[row, here] * HLT_S * fault.factor
            drawn[row, here] = poisson(wrong, run, 80, order)
    size = frozen().get(run, 0)
    drawn[:, numbers.size - size :] = 0


def path_rates() -> pa.Table:
    """One row per path and lumisection."""
    lumi, kept, drawn = lumisections(), rows(), counted()
    every = sorted({name for run in drawn for name in paths_of(run)})
    code_of = {name: code for code, name in enumerate(every)}
    at, code, place = [], [], []
    for number, begin, size in zip(kept.runs, kept.begin, kept.sizes, strict=True):
        codes = [code_of[name] for name in paths_of(int(number))]
        at.append(np.tile(kept.at[begin : begin + size], len(codes)))
        code.append(np.repeat(codes, size))
        place.append(np.repeat(np.arange(len(codes), dtype=np.int32), size))
    where = np.concatenate(at)
    counter = np.concatenate([values.ravel() for values in drawn.values()])
    columns = {
        "run_number": lumi.run[where],
        "path_name": words(every, np.concatenate(code)),
        "first_lumisection_number": lumi.number[where],
        "last_lumisection_number": lumi.number[where],
        "fill_number": lumi.fill[where],
        "start_time": times(lumi.start_s[where]),
        "counter": counter,
        "rate": counter / HLT_S,
    }
    number = {"path_number": np.concatenate(place)}
    return table("hltpathrates", columns, where.size, unseen=number)


def _per_path() -> dict[str, list[Any]]:
    """One entry per run and path: what was accepted, over how many lumisections."""
    kept, lumi = rows(), lumisections()
    found: dict[str, list[Any]] = {
        name: []
        for name in (
            "run",
            "path",
            "id",
            "sum",
            "size",
            "first",
            "last",
            "fill",
            "start",
        )
    }
    for number, begin, size in zip(kept.runs, kept.begin, kept.sizes, strict=True):
        at = kept.at[begin : begin + size]
        names = paths_of(int(number))
        found["path"] += names
        found["id"] += range(len(names))
        found["sum"] += counted()[int(number)].sum(axis=1).tolist()
        for key, value in (
            ("run", number),
            ("size", size),
            ("first", lumi.number[at[0]]),
            ("last", lumi.number[at[-1]]),
            ("fill", lumi.fill[at[0]]),
            ("start", lumi.start_s[at[0]]),
        ):
            found[key] += [int(value)] * len(names)
    return found


def run_path_rates() -> pa.Table:
    """One row per path and run: events accepted and the mean rate."""
    found = _per_path()
    total, size = np.array(found["sum"]), np.array(found["size"])
    columns = {
        "run_number": found["run"],
        "path_name": found["path"],
        "first_lumisection_number": found["first"],
        "last_lumisection_number": found["last"],
        "fill_number": found["fill"],
        "start_time": times(np.array(found["start"])),
        "counter": total,
        "rate": total / (size * HLT_S),
    }
    number = {"path_number": found["id"]}
    return table("hltpathrates", columns, total.size, unseen=number)


def _tries(name: str) -> int:
    """Events that a path has to look at for one that it accepts; simulated."""
    unbiased = hltmenu.seed(name) in {None, "L1_ZeroBias", "L1_NotBptxOR"}
    return 1 if unbiased else 2 + zlib.crc32(name.encode()) % 22


def _before_prescale() -> Ints:
    """What each path of each run would have accepted without its HLT prescale."""
    kept, lumi, sums = rows(), lumisections(), []
    for number, begin, size in zip(kept.runs, kept.begin, kept.sizes, strict=True):
        column = np.maximum(lumi.column[kept.at[begin : begin + size]], 0)
        names, period = paths_of(int(number)), period_of(int(number))
        factor = np.array([hltmenu.hlt(period, name) for name in names])
        whole = (counted()[int(number)] * factor[:, column]).sum(axis=1)
        sums.append(whole.astype(np.int64))
    return np.concatenate(sums)


def path_info() -> pa.Table:
    """What each path did over a run; the 278 names of run 297050 are recorded."""
    found = _per_path()
    accepted, size = np.array(found["sum"]), np.array(found["size"])
    draw = np.array([_tries(name) for name in found["path"]])
    whole, passed = _before_prescale() * draw, accepted * draw
    columns = {
        "run_number": found["run"],
        "path_name": found["path"],
        "path_id": found["id"],
        "l1_pass": whole,
        "ps_pass": passed,
        "accepted": accepted,
        "rejected": passed - accepted,
        "excepted": np.zeros(accepted.size, dtype=np.int64),
        "rate": accepted / (size * HLT_S),
    }
    return table("hltpathinfo", columns, accepted.size)


def configurations() -> tuple[tuple[Period, tuple[str, ...]], ...]:
    """The HLT configurations and their paths; that of 2017B is run 297050's."""
    full = period_of(facts.RUN)
    return tuple((p, facts.hlt_paths() if p == full else paths(p)) for p in periods())
