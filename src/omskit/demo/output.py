"""What the HLT writes: streams and primary datasets.

A dataset is the sum of its paths, a stream that of the paths or datasets in it; each
event belongs to one path. Only run 297050 has a recorded number of physics events:
there the datasets sum to more, as an event of two datasets counts in both.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo import facts, hltmenu, l1
from omskit.demo.beam import lumisections
from omskit.demo.build import table, words
from omskit.demo.dice import normal, spread, thinned
from omskit.demo.hlt import counted, paths_of, rows
from omskit.demo.schedule import LUMISECTION_S as HLT_S
from omskit.demo.truth import dataset_of

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.demo.dice import Floats, Ints
    from omskit.demo.l1 import Rows
    from omskit.demo.schedule import Run

PHYSICS_STREAM = "Physics"
PHYSICS_HZ_PER_LUMI = 0.176
"""Of run 297050, whose physics events are recorded, not summed."""


@cache
def _sums() -> tuple[dict[str, Ints], dict[str, Ints]]:
    """Events of each dataset and of each stream without them, by lumisection."""
    kept = rows()
    empty = np.zeros(lumisections().run.size, dtype=np.int64)
    datasets = {name: empty.copy() for name in datasets_of(facts.RUN)}
    streams: dict[str, Ints] = {}
    for number, begin, size in zip(kept.runs, kept.begin, kept.sizes, strict=True):
        at = kept.at[begin : begin + size]
        for name, events in zip(paths_of(number), counted()[int(number)], strict=True):
            stream = hltmenu.stream(name)
            if name.startswith("HLTrigger"):
                continue
            if stream == PHYSICS_STREAM:
                datasets.setdefault(dataset_of(name), empty.copy())[at] += events
            else:
                streams.setdefault(stream, empty.copy())[at] += events
    return datasets, streams


def datasets_of(run: int) -> tuple[str, ...]:
    """The primary datasets of a run, sorted."""
    seen = {
        dataset_of(name)
        for name in paths_of(run)
        if hltmenu.stream(name) == PHYSICS_STREAM and not name.startswith("HLTrigger")
    }
    return tuple(sorted(seen))


@cache
def physics_events() -> Ints:
    """Events of the physics stream in each lumisection; sums are those recorded."""
    lumi, datasets = lumisections(), _sums()[0]
    events = np.sum(list(datasets.values()), axis=0)
    part = lumi.rows[facts.RUN]
    hz = (lumi.inst[part] * PHYSICS_HZ_PER_LUMI + 4.0) * lumi.live[part]
    hz = np.where(lumi.active[part], hz * (1.0 + 0.01 * normal(hz.size, 9)), 0.0)
    events[part] = spread(hz, facts.run_attributes()["hlt_physics_counter"])
    return np.asarray(events)


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
    physics, own = physics_events(), _sums()[1]
    listed = facts.document("menus")["stream"]
    shares = {s["name"]: s["share"] for s in listed if "share" in s}
    events = {name: thinned(physics * 100, s / 100) for name, s in shares.items()}
    for name, count in own.items():
        events[name] = count if name not in events else events[name] + count
    events[PHYSICS_STREAM] = physics
    sizes = {s["name"]: s["kb"] for s in listed}
    return events, {**sizes, PHYSICS_STREAM: _physics_kb()}


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
    columns = _shares("dataset_name", _sums()[0], rows())
    count = columns.pop("counter")
    columns |= {"events": count, "rate": count / HLT_S}
    return table("datasetrates", columns, count.size)


def run_dataset_rates() -> pa.Table:
    """Events of each primary dataset and run."""
    events, kept = _sums()[0], rows()
    names = sorted(events)
    total = np.array([kept.sums(events[name][kept.at]) for name in names]).ravel()
    columns = _repeated(kept, len(names))
    columns["dataset_name"] = [name for name in names for _ in kept.runs]
    columns["events"] = total
    columns["rate"] = total / np.tile(kept.sizes * HLT_S, len(names))
    return table("datasetrates", columns, total.size)


def dataset_names() -> pa.Table:
    """The one object of datasetrates/datasets."""
    names = sorted(_sums()[0])
    return table("datasetrates/datasets", {"datasets": [names]}, 1)
