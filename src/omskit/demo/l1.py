"""L1 trigger: accepted, generated and lost triggers of each lumisection and run.

In every row: total = physics + calibration + random, generated = physics + lost, and
physics and lost are each split into crossings with and without beam, as in the
recorded row of lumisection 297050_1. Rates are counters over 23.30998 s, the constant
of that row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo import facts
from omskit.demo.beam import lumisections, sizes_of
from omskit.demo.build import nullable, replaced, table, times
from omskit.demo.dice import by_run, normal, spread, thinned, uniform
from omskit.demo.schedule import period_of, runs

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.demo.beam import Flags, Lumisections
    from omskit.demo.dice import Floats, Ints
    from omskit.demo.schedule import Run

L1_S = 23.30998
"""Seconds by which OMS divides its L1 counters: 557503 / 23916.926 Hz."""

CALIBRATION_HZ = 100.0
RANDOM_HZ = 567.0
FIRST_COLUMN_SHARE = 0.57
"""What column 6 of 2017 (Pixels1200b) lets through; read off the notebook's plot."""

PIXELS_COLUMN = 6


@dataclass(frozen=True)
class Rows:
    """The rows of a rate table: lumisections as positions, and where each run begins.

    Attributes:
        at: Positions in `lumisections()`.
        runs: Run numbers that have rows.
        begin: Position in *at* of the first row of each of these runs.
    """

    at: Ints
    runs: Ints
    begin: Ints

    def sums(self, values: Ints) -> Ints:
        """Sums over each run, along the last axis."""
        return np.asarray(np.add.reduceat(values, self.begin, axis=-1))

    @property
    def sizes(self) -> Ints:
        """Rows of each run."""
        return np.diff(self.begin, append=self.at.size)

    @property
    def ends(self) -> Ints:
        """Position in *at* of the last row of each run."""
        return self.begin + self.sizes - 1


def rows_where(keep: Flags) -> Rows:
    """The rows of a rate table that has the lumisections in *keep*."""
    at = np.flatnonzero(keep)
    numbers, begin = np.unique(lumisections().run[at], return_index=True)
    return Rows(at=at, runs=numbers, begin=begin)


@cache
def rows() -> Rows:
    """Lumisections with L1 rows: up to two fewer than the run has, at its end."""
    lumi = lumisections()
    keep = np.ones(len(lumi.run), dtype=bool)
    for run in runs():
        if run.number != facts.RUN and run.lumisections > 5:
            keep[lumi.rows[run.number]] = run.numbers <= run.last - run.number % 3
    return rows_where(keep)


@cache
def totals() -> Ints:
    """L1 accepts of every kind, for each lumisection; sums are those recorded."""
    lumi = lumisections()
    counted = np.zeros(len(lumi.run), dtype=np.int64)
    for run in runs():
        part = lumi.rows[run.number]
        shape = _shape(run, lumi)
        target = _target(run, shape)
        if run.number == facts.RUN:
            first = facts.l1_trigger_rates()["l1a_total_counter"]
            counted[part.start] = first
            part = slice(part.start + 1, part.stop)
            shape, target = shape[1:], target - first
        counted[part] = spread(shape, target)
    return counted


def _shape(run: Run, lumi: Lumisections) -> Floats:
    """Accepted rate of each lumisection of a run, Hz, before it meets its sum."""
    part = lumi.rows[run.number]
    hz = lumi.inst[part] * period_of(run.number).l1_per_lumi
    pixels = (lumi.column[part] == PIXELS_COLUMN) & (run.number < 300000)
    hz = np.where(pixels, hz * FIRST_COLUMN_SHARE, hz) * lumi.live[part]
    hz = hz + 300.0 + run.number * 37 % 900
    return np.where(
        lumi.active[part], hz * (1.0 + 0.01 * normal(hz.size, run.number, 4)), 0
    )


def _target(run: Run, shape: Floats) -> int:
    """Triggers of the run: recorded, from its recorded mean rate, or as simulated."""
    if run.number == facts.RUN:
        return int(facts.run_attributes()["l1_triggers_counter"])
    rate = facts.l1_rates().get(run.number)
    if rate is not None:
        return round(rate * L1_S * int((shape > 0).sum()))
    return round(float(np.cumsum(shape)[-1]) * L1_S)


@cache
def counters() -> dict[str, Ints]:
    """Every counter of l1triggerrates, for each lumisection."""
    lumi, total = lumisections(), totals()
    live = np.where(lumi.active, lumi.live, 0.0)
    calibration = np.minimum(_steady(CALIBRATION_HZ * live, 5), total // 8)
    random = np.minimum(_steady(RANDOM_HZ * live, 6), total // 4)
    physics = total - calibration - random
    lost = _lost(physics, live)
    inside = np.where(lumi.present, 0.925, 0.0)
    kept_beam = thinned(physics, inside)
    lost_beam = thinned(lost, inside * 0.978)
    return {
        "l1a_total": total,
        "l1a_physics": physics,
        "l1a_calibration": calibration,
        "l1a_random": random,
        "total_before_deadtime": physics
        + lost
        + calibration
        + random
        + _lost(calibration + random, live),
        "physics_generated_fdl_tcds": physics + lost,
        "trigger_physics_beam_active": kept_beam,
        "trigger_physics_beam_inactive": physics - kept_beam,
        "trigger_physics_lost": lost,
        "trigger_physics_lost_beam_active": lost_beam,
        "trigger_physics_lost_beam_inactive": lost - lost_beam,
    }


def _steady(hz: Floats, key: int) -> Ints:
    drawn = by_run(uniform, sizes_of(lumisections().rows), key)
    noise = 1.0 + 0.004 * (drawn - 0.5)
    return np.floor(hz * L1_S * noise + 0.5).astype(np.int64)


def _lost(kept: Ints, live: Floats) -> Ints:
    """What deadtime took where *kept* is what it left."""
    share = np.divide(1.0 - live, live, out=np.zeros(live.size), where=live > 0)
    return np.asarray(np.floor(kept * share + 0.5).astype(np.int64))


def _percentages(counted: dict[str, Ints]) -> dict[str, pa.Array[Any]]:
    lost = "trigger_physics_lost"
    whole = {
        "": counted["physics_generated_fdl_tcds"],
        "_beam_active": counted["trigger_physics_beam_active"]
        + counted[f"{lost}_beam_active"],
        "_beam_inactive": counted["trigger_physics_beam_inactive"]
        + counted[f"{lost}_beam_inactive"],
    }
    made = {}
    for end, total in whole.items():
        share = 100.0 * counted[f"{lost}{end}"] / np.maximum(total, 1)
        made[f"percentage_physics_triggers_lost{end}"] = nullable(share, total > 0)
    return made


def _columns(counted: dict[str, Ints], seconds: Floats | float) -> dict[str, Any]:
    columns: dict[str, Any] = dict(_percentages(counted))
    for name, counter in counted.items():
        columns[f"{name}_counter"] = counter
        columns[f"{name}_rate"] = counter / seconds
    return columns


def trigger_rates() -> pa.Table:
    """One row per lumisection; that of 297050_1 is recorded."""
    lumi, kept = lumisections(), rows()
    counted = {name: values[kept.at] for name, values in counters().items()}
    columns = _columns(counted, L1_S)
    columns |= {
        "run_number": lumi.run[kept.at],
        "first_lumisection_number": lumi.number[kept.at],
        "last_lumisection_number": lumi.number[kept.at],
        "start_time": times(lumi.start_s[kept.at]),
    }
    made = table("l1triggerrates", columns, kept.at.size)
    row = int(np.searchsorted(kept.at, lumi.rows[facts.RUN].start))
    recorded = facts.l1_trigger_rates()
    recorded["start_time"] = facts.moment(recorded["start_time"])
    return replaced(made, row, recorded)


def run_trigger_rates() -> pa.Table:
    """One row per run: sums of the counters and mean rates over the active part."""
    lumi, kept = lumisections(), rows()
    counted = {n: kept.sums(values[kept.at]) for n, values in counters().items()}
    active = kept.sums(lumi.active[kept.at].astype(np.int64))
    columns = _columns(counted, L1_S * np.maximum(active, 1))
    columns |= span(kept)
    return table("l1triggerrates", columns, kept.runs.size)


def span(kept: Rows) -> dict[str, Any]:
    """The columns that say which run and lumisections a run-level row covers."""
    lumi = lumisections()
    return {
        "run_number": kept.runs,
        "first_lumisection_number": lumi.number[kept.at[kept.begin]],
        "last_lumisection_number": lumi.number[kept.at[kept.ends]],
        "start_time": times(lumi.start_s[kept.at[kept.begin]]),
    }


def run_summary(run: Run) -> dict[str, Any]:
    """What the runs table says of L1: the mean over samples above zero, and the sum."""
    counted = totals()[lumisections().rows[run.number]]
    seen = counted[counted > 0]
    mean = int(seen.sum()) / seen.size / L1_S if seen.size else None
    return {
        "l1_rate": None if mean is None else round(mean, 3),
        "l1_triggers_counter": int(seen.sum()),
    }
