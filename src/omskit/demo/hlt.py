"""HLT: rates of each path, streams and datasets.

Every rate of a lumisection is a whole counter over 3564 x 2^18 / 40.08 MHz =
23.3104095808 s, as in all 126288 rates of the published exports. The tables end a few
lumisections before the run does. Run 297050 has its 278 recorded paths; the others have
25, so that the demo stays small.
"""

from __future__ import annotations

import re
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo import facts, l1
from omskit.demo.beam import lumisections, sizes_of
from omskit.demo.build import table, times, words
from omskit.demo.dice import by_run, counts, normal, spread, thinned
from omskit.demo.l1 import rows_where
from omskit.demo.schedule import LUMISECTION_S as HLT_S
from omskit.demo.schedule import period_of, periods, runs

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.demo.dice import Floats, Ints
    from omskit.demo.l1 import Rows
    from omskit.demo.schedule import Period, Run

PHYSICS_STREAM = "Physics"
PHYSICS_HZ_PER_LUMI = 0.176
NO_RATES_IN = {386694: (1168,)}
"""Lumisections without HLT rates inside a run: recorded (pixelae @ff5e1a2)."""

WHOLE = (facts.RUN, 386694)
"""Runs whose HLT tables reach the last active lumisection."""

BOOSTED = 1.9
"""HLT_ZeroBias_v5 in column 6 against later ones; read off the notebook's plot."""


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


def _mean(name: str, run: Run, at: Ints) -> Floats:
    """Expected rate of a path in some lumisections of a run, Hz."""
    lumi = lumisections()
    if name == "HLTriggerFirstPath":
        return l1.counters()["l1a_physics"][at] / HLT_S
    inst = lumi.inst[at] / 7000.0
    listed = facts.document("menus")["hlt"]["flat"]
    flat = next((entry for entry in listed if entry["word"] in name), None)
    if name == "HLTriggerFinalPath":
        hz = 1400.0 * inst + 6.0
    elif flat is None:
        draw = zlib.crc32(re.sub(r"_v\d+$", "", name).encode()) / 2**32
        hz = (0.15 + 16.0 * draw * draw * draw * draw) * inst
    else:
        needs_beam = "ZeroBias" in name or "MinimumBias" in name
        idle = 0.0 if needs_beam else 0.3
        hz = flat["hz"] * np.where(lumi.present[at], 1.0, idle)
        if needs_beam and run.number < 300000:
            hz = np.where(lumi.column[at] == l1.PIXELS_COLUMN, hz * BOOSTED, hz)
    return np.asarray(hz * lumi.live[at])


@cache
def _counters() -> dict[int, Ints]:
    """Events accepted, run -> paths x lumisections."""
    kept = rows()
    made = {}
    plan = {run.number: run for run in runs()}
    for number, begin, size in zip(kept.runs, kept.begin, kept.sizes, strict=True):
        run, at = plan[int(number)], kept.at[begin : begin + size]
        mean = np.array([_mean(name, run, at) for name in paths_of(run.number)])
        made[run.number] = counts(mean * HLT_S, run.number, 8)
    return made


def path_rates() -> pa.Table:
    """One row per path and lumisection."""
    lumi, kept, counted = lumisections(), rows(), _counters()
    every = sorted({name for run in counted for name in paths_of(run)})
    code_of = {name: code for code, name in enumerate(every)}
    at, code, place = [], [], []
    for number, begin, size in zip(kept.runs, kept.begin, kept.sizes, strict=True):
        codes = [code_of[name] for name in paths_of(int(number))]
        at.append(np.tile(kept.at[begin : begin + size], len(codes)))
        code.append(np.repeat(codes, size))
        place.append(np.repeat(np.arange(len(codes), dtype=np.int32), size))
    where = np.concatenate(at)
    counter = np.concatenate([values.ravel() for values in counted.values()])
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
        found["sum"] += _counters()[int(number)].sum(axis=1).tolist()
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


def path_info() -> pa.Table:
    """What each path did over a run; the 278 names of run 297050 are recorded."""
    found = _per_path()
    accepted, size = np.array(found["sum"]), np.array(found["size"])
    draw = np.array([zlib.crc32(name.encode()) for name in found["path"]])
    whole = accepted * (1 + draw % 23)
    passed = accepted + (whole - accepted) // (1 + draw % 3)
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


@cache
def physics_events() -> Ints:
    """Events of the physics stream in each lumisection; sums are those recorded."""
    lumi = lumisections()
    noise = by_run(normal, sizes_of(lumi.rows), 9)
    hz = (lumi.inst * PHYSICS_HZ_PER_LUMI + 4.0) * lumi.live
    hz = np.where(lumi.active, hz * (1.0 + 0.01 * noise), 0.0)
    events = np.floor(hz * HLT_S + 0.5).astype(np.int64)
    part = lumi.rows[facts.RUN]
    events[part] = spread(hz[part], facts.run_attributes()["hlt_physics_counter"])
    return events


def _physics_kb() -> float:
    """Size of a physics event, kB: as in run 297050."""
    run = facts.run_attributes()
    return float(run["hlt_physics_size"] / run["hlt_physics_counter"] * 1e6)


def run_summary(run: Run) -> dict[str, Any]:
    """What the runs table says of the physics stream."""
    lumi = lumisections()
    part = lumi.rows[run.number]
    active = int(lumi.active[part].sum())
    total = int(physics_events()[part].sum())
    size = total * _physics_kb() * 1e-6
    row: dict[str, Any] = {"hlt_physics_counter": total}
    if not active:
        names = ("hlt_physics_rate", "hlt_physics_size", "hlt_physics_throughput")
        return {**row, **dict.fromkeys(names)}
    row["hlt_physics_rate"] = round(total / (active * HLT_S), 3)
    row["hlt_physics_size"] = round(size, 3)
    row["hlt_physics_throughput"] = round(size / (active * HLT_S), 8)
    return row


def _shares(kind: str, events: dict[str, Ints], kept: Rows) -> dict[str, Any]:
    """The columns common to tables of named parts of the physics events, by run."""
    lumi = lumisections()
    names = sorted(events)
    pieces = [
        (code, kept.at[begin : begin + size])
        for begin, size in zip(kept.begin, kept.sizes, strict=True)
        for code in range(len(names))
    ]
    at = np.concatenate([where for _, where in pieces])
    code = np.repeat([c for c, _ in pieces], [where.size for _, where in pieces])
    count = np.concatenate([events[names[c]][where] for c, where in pieces])
    return {
        "run_number": lumi.run[at],
        kind: words(names, code),
        "first_lumisection_number": lumi.number[at],
        "last_lumisection_number": lumi.number[at],
        "counter": count,
    }


def _stream_events() -> tuple[dict[str, Ints], dict[str, float]]:
    physics = physics_events()
    listed = facts.document("menus")["stream"]
    events = {
        s["name"]: np.floor(physics * s["share"] + 0.5).astype(np.int64) for s in listed
    }
    events[PHYSICS_STREAM] = physics
    sizes = {s["name"]: s["kb"] for s in listed}
    return events, {**sizes, PHYSICS_STREAM: _physics_kb()}


def _dataset_events() -> dict[str, Ints]:
    shares = facts.document("menus")["datasets"]
    return {name: thinned(physics_events(), share) for name, share in shares.items()}


def streams() -> pa.Table:
    """Events and volume of each stream and lumisection."""
    events, kb = _stream_events()
    columns = _shares("stream_name", events, rows())
    count = columns.pop("counter")
    size = np.array([kb[name] for name in columns["stream_name"].to_pylist()]) * count
    return table("streams", {**columns, **_volumes(count, size, HLT_S)}, count.size)


def _volumes(count: Ints, size_kb: Floats, seconds: Floats | float) -> dict[str, Any]:
    return {
        "n_events": count,
        "rate": count / seconds,
        "file_size": size_kb * 1e-6,
        "bandwidth": size_kb * 1e-3 / seconds,
    }


def run_streams() -> pa.Table:
    """Events and volume of each stream and run."""
    events, kb = _stream_events()
    names, kept = sorted(events), rows()
    total = np.array([kept.sums(events[name][kept.at]) for name in names])
    seconds = np.tile(kept.sizes * HLT_S, len(names))
    size = total * np.array([kb[name] for name in names])[:, None]
    columns = _repeated(kept, len(names))
    columns["stream_name"] = [name for name in names for _ in kept.runs]
    columns |= _volumes(total.ravel(), size.ravel(), seconds)
    return table("streams", columns, total.size)


def _repeated(kept: Rows, times_over: int) -> dict[str, Any]:
    covered = l1.span(kept)
    covered.pop("start_time")
    return {name: np.tile(values, times_over) for name, values in covered.items()}


def dataset_rates() -> pa.Table:
    """Events of each primary dataset and lumisection."""
    columns = _shares("dataset_name", _dataset_events(), rows())
    count = columns.pop("counter")
    columns |= {"events": count, "rate": count / HLT_S}
    return table("datasetrates", columns, count.size)


def run_dataset_rates() -> pa.Table:
    """Events of each primary dataset and run."""
    events, kept = _dataset_events(), rows()
    names = sorted(events)
    total = np.array([kept.sums(events[name][kept.at]) for name in names]).ravel()
    columns = _repeated(kept, len(names))
    columns["dataset_name"] = [name for name in names for _ in kept.runs]
    columns["events"] = total
    columns["rate"] = total / np.tile(kept.sizes * HLT_S, len(names))
    return table("datasetrates", columns, total.size)


def dataset_names() -> pa.Table:
    """The one object of datasetrates/datasets."""
    names = sorted(facts.document("menus")["datasets"])
    return table("datasetrates/datasets", {"datasets": [names]}, 1)


def configurations() -> tuple[tuple[Period, tuple[str, ...]], ...]:
    """The HLT configurations and their paths; that of 2017B is run 297050's."""
    full = period_of(facts.RUN)
    return tuple((p, facts.hlt_paths() if p == full else paths(p)) for p in periods())
