"""Deadtime by cause, and which front-end drivers were read out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo import facts, l1
from omskit.demo.beam import lumisections
from omskit.demo.build import table
from omskit.demo.dice import by_run, uniform
from omskit.demo.fills import SLOTS
from omskit.demo.schedule import colliding, fills, runs

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.demo.dice import Floats, Ints

CROSSINGS = SLOTS * 2**18
"""Crossings in a lumisection."""

CAUSES = {
    "tts": 0.22,
    "trigger_rules": 0.46,
    "bunch_mask": 0.02,
    "re_tri": 0.09,
    "apve": 0.12,
    "daq_backpressure": 0.05,
    "calibration": 0.03,
    "software_pause": 0.008,
    "firmware_pause": 0.002,
}
"""Share of each cause in the total, simulated."""


def _dead() -> tuple[Ints, dict[str, Ints]]:
    """Crossings to count in, and dead ones by cause, for each L1 row."""
    lumi, at = lumisections(), l1.rows().at
    bunches = {f["number"]: colliding(f) for f in fills()}
    meeting = np.array([bunches[int(n)] for n in lumi.fill[at]])
    beam = np.where(lumi.present[at], meeting * 2**18, 0)
    dead: dict[str, Ints] = {}
    fraction = np.where(lumi.active[at], 1.0 - lumi.live[at], 0.0)
    kept = l1.rows()
    sizes = dict(zip(kept.runs.tolist(), kept.sizes.tolist(), strict=True))
    drawn = [by_run(uniform, sizes, 10, cause) for cause in range(len(CAUSES))]
    noise = 0.8 + 0.4 * np.array(drawn)
    weights = noise * np.array(list(CAUSES.values()))[:, None]
    weights = weights / np.cumsum(weights, axis=0)[-1]
    whole = {"overall": np.full(at.size, CROSSINGS), "beamactive": beam}
    for kind, crossings in whole.items():
        parts = np.floor(weights * fraction * crossings).astype(np.int64)
        dead[f"{kind}_total_deadtime"] = parts.sum(axis=0)
        dead |= {f"{kind}_{name}": parts[i] for i, name in enumerate(CAUSES)}
    return beam, dead


def _columns(dead: dict[str, Ints], whole: dict[str, Ints]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, counter in dead.items():
        total = whole[name.partition("_")[0]]
        columns[f"{name}_counter"] = counter
        columns[f"{name}_percent"] = 100.0 * counter / np.maximum(total, 1)
    return columns


def deadtimes() -> pa.Table:
    """One row per lumisection; the total is the sum of the causes."""
    lumi, at = lumisections(), l1.rows().at
    beam, dead = _dead()
    whole = {"overall": np.full(at.size, CROSSINGS), "beamactive": beam}
    columns = _columns(dead, whole)
    columns["run_number"] = lumi.run[at]
    columns["first_lumisection_number"] = lumi.number[at]
    columns["last_lumisection_number"] = lumi.number[at]
    return table("deadtimes", columns, at.size)


def run_deadtimes() -> pa.Table:
    """One row per run; the percentage of run 297050 is that of its runs row."""
    kept = l1.rows()
    beam, dead = _dead()
    whole = {"overall": kept.sizes * CROSSINGS, "beamactive": kept.sums(beam)}
    columns = _columns(
        {name: kept.sums(values) for name, values in dead.items()}, whole
    )
    percent: Floats = columns["beamactive_total_deadtime_percent"]
    recorded = facts.run_attributes()["beamactive_total_deadtime"]
    percent[kept.runs == facts.RUN] = recorded
    covered = l1.span(kept)
    covered.pop("start_time")
    return table("deadtimes", {**columns, **covered}, kept.runs.size)


def readouts() -> pa.Table:
    """Front-end drivers by partition: few partitions lack one."""
    found = facts.document("menus")["partitions"]
    rows = [
        _partition(run.number, name, first, size)
        for run in runs()
        for name, (first, size) in found.items()
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return table("daqreadouts", columns, len(rows))


def _partition(run: int, name: str, first: int, size: int) -> dict[str, Any]:
    out = [first + run % size] if (run + first) % 29 == 0 else []
    every = range(first, first + size)
    return {
        "run_number": run,
        "partition": name,
        "feds_included": [fed for fed in every if fed not in out],
        "feds_excluded": out,
    }
