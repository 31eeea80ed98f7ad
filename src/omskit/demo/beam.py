"""What happens in each lumisection: beam, luminosity, pileup, deadtime, columns.

One array per quantity, all lumisections of all runs in one row each, from which every
table is made. Luminosity falls as 1/(1 + t/tau)^2, the law of burn-off, or follows the
nodes of the plan; the sums of a run or fill come out exactly (`dice.spread`). Recorded
is delivered minus deadtime, whose size follows from the recorded sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from omskit.demo import facts
from omskit.demo.dice import by_run, normal, spread, uniform
from omskit.demo.schedule import (
    LUMISECTION_S,
    Budget,
    budgets,
    colliding,
    fills,
    period_of,
    run_fill,
    runs,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omskit.demo.dice import Floats, Ints
    from omskit.demo.schedule import (
        Run,
    )

    Flags = NDArray[np.bool_]

ORBITS_HZ = 11245.5
INJECTION_S = 4500
LIVE_WITHOUT_BEAM = 0.985
EXPORTED = 386694
"""The run whose flags are known from an export."""

FINE = 10**6
"""Parts of 1 /pb above which a period is one of low luminosity."""


@dataclass(frozen=True)
class Lumisections:
    """The lumisections of the demo, sorted by run and number; arrays of equal length.

    Attributes:
        rows: Run -> its rows.
        active: CMS takes data (``cms_active``).
        certified: In the DCS-only certification, or known to have had all voltages on.
        scaled: The service has a unit for the luminosities of the row.
        inst: Luminosity at the start, 10^30 cm^-2 s^-1.
        delivered, recorded: Of the lumisection, in parts of 1 /pb; `parts` of them.
        delivered_sum, recorded_sum: The same from the start of the fill to its end.
        live: Share of the triggers that deadtime leaves.
        column: L1 prescale column, -1 where there is none.
    """

    rows: dict[int, slice]
    run: Ints
    number: Ints
    fill: Ints
    start_s: Ints
    end_s: Ints
    stable: Flags
    present: Flags
    active: Flags
    certified: Flags
    scaled: Flags
    inst: Floats
    delivered: Ints
    recorded: Ints
    delivered_sum: Ints
    recorded_sum: Ints
    parts: Ints
    pileup: Floats
    live: Floats
    column: Ints


@cache
def lumisections() -> Lumisections:
    """All lumisections; computed once.

    Example:
        >>> len(lumisections().run)
        9270
    """
    plan = runs()
    sizes = np.array([run.lumisections for run in plan])
    ends = np.cumsum(sizes)
    rows = {
        run.number: slice(int(end - size), int(end))
        for run, size, end in zip(plan, sizes, ends, strict=True)
    }
    number = np.concatenate([run.numbers for run in plan])
    first_s = np.repeat([run.first_s for run in plan], sizes)
    start_s = np.floor(first_s + (number - 1) * LUMISECTION_S).astype(np.int64)
    end_s = np.floor(first_s + number * LUMISECTION_S).astype(np.int64)
    fill, stable, present = _beams(start_s, end_s)
    active = number < np.repeat([run.inactive for run in plan], sizes)
    scaled = ~np.repeat([run.unscaled for run in plan], sizes)
    smooth = [_smooth(run, stable[rows[run.number]]) for run in plan]
    shape = np.concatenate([_shape(r, s) for r, s in zip(plan, smooth, strict=True)])
    delivered, recorded, live, parts = _luminosity(rows, shape, active)
    sums = _since_fill_start(fill, delivered, recorded)
    # In steps of 1/1024 of the unit that OMS uses; ions need finer ones.
    steps = np.where(parts > FINE, 2.0**40, 1024.0)
    inst = np.round(delivered / parts * 1e6 / LUMISECTION_S * steps) / steps
    first = rows[facts.RUN].start
    inst[first] = facts.lumisection_attributes()["init_lumi"]
    return Lumisections(
        rows=rows,
        run=np.repeat([run.number for run in plan], sizes),
        number=number,
        fill=fill,
        start_s=start_s,
        end_s=end_s,
        stable=stable,
        present=present,
        active=active,
        certified=np.concatenate([_certified(r, stable[rows[r.number]]) for r in plan]),
        scaled=scaled,
        inst=inst,
        delivered=delivered,
        recorded=recorded,
        delivered_sum=sums[0],
        recorded_sum=sums[1],
        parts=parts,
        pileup=_pileup(fill, inst, np.repeat(_cross_sections(), sizes), first),
        live=live,
        column=np.concatenate(
            [_column(r, s) for r, s in zip(plan, smooth, strict=True)]
        ),
    )


def _beams(start_s: Ints, end_s: Ints) -> tuple[Ints, Flags, Flags]:
    """Fill, stable beams and presence of beam, from the times of the fills."""
    entries = sorted(fills(), key=lambda fill: str(fill["start_time"]))
    starts = np.array([facts.seconds(fill["start_time"]) for fill in entries])
    which = np.searchsorted(starts, start_s, side="right") - 1
    begin = np.array([_second(fill, "start_stable_beam") for fill in entries])[which]
    end = np.array([_second(fill, "end_stable_beam") for fill in entries])[which]
    stable = (start_s >= begin) & (end_s <= end) & (begin > 0)
    present = (start_s >= begin - INJECTION_S) & (start_s < end) & (begin > 0)
    fill = np.array([fill["number"] for fill in entries])[which]
    return fill, stable, present


def _second(fill: dict[str, str], name: str) -> int:
    return facts.seconds(fill[name]) if name in fill else 0


def _smooth(run: Run, stable: Flags) -> Floats:
    """Luminosity of each lumisection, /pb, without dips and noise, up to a factor."""
    number = run.numbers
    if run.nodes:
        at, height = np.array(run.nodes).T
        return np.asarray(np.interp(number, at, height), dtype=np.float64)
    budget = next((b for b in budgets() if b.runs[0] <= run.number <= b.runs[1]), None)
    if budget is None:
        return np.zeros(number.size)
    fill = run_fill(budget.fill)
    since = run.first_s - facts.seconds(fill["start_stable_beam"])
    hours = (since + (number - 1) * LUMISECTION_S) / 3600.0
    burned = 1.0 + np.maximum(hours, 0.0) / budget.decay_h
    peak = fill["peak_lumi"] * LUMISECTION_S * 1e-6
    return np.asarray(np.where(stable, peak / (burned * burned), 0.0))


def _shape(run: Run, smooth: Floats) -> Floats:
    """The same with dips and noise."""
    number = run.numbers
    shape = smooth * (1.0 + 0.002 * normal(number.size, run.number, 1))
    for first, last, factor in run.dips:
        shape = np.where((number >= first) & (number <= last), shape * factor, shape)
    return np.asarray(shape)


def _luminosity(
    rows: dict[int, slice], shape: Floats, active: Flags
) -> tuple[Ints, Ints, Floats, Ints]:
    """Delivered and recorded parts of 1 /pb, live share and parts, row by row."""
    delivered, recorded = np.zeros((2, shape.size), dtype=np.int64)
    parts = np.full(shape.size, Budget.__dataclass_fields__["parts"].default)
    live = np.full(shape.size, LIVE_WITHOUT_BEAM)
    live -= 0.01 * by_run(uniform, sizes_of(rows), 2)
    for budget in budgets():
        names = [n for n in rows if budget.runs[0] <= n <= budget.runs[1]]
        part = slice(rows[names[0]].start, rows[names[-1]].stop)
        parts[part] = budget.parts
        loss = np.concatenate([_loss(run) for run in runs() if run.number in names])
        total = [round(value * budget.parts) for value in budget.sums]
        pinned = _pinned(names, budget.parts)
        rest = slice(part.start + len(pinned), part.stop)
        delivered[part.start : rest.start] = [pair[0] for pair in pinned]
        recorded[part.start : rest.start] = [pair[1] for pair in pinned]
        total = [t - sum(p[i] for p in pinned) for i, t in enumerate(total)]
        delivered[rest] = spread(shape[rest], total[0])
        share = _live_share(delivered[rest], loss[len(pinned) :], active[rest], total)
        recorded[rest] = spread(delivered[rest] * share, total[1])
        live[rest] = np.where(delivered[rest] > 0, share, live[rest])
    pinned_row = facts.l1_trigger_rates()
    kept, made = (
        pinned_row[name]
        for name in ("l1a_physics_counter", "physics_generated_fdl_tcds_counter")
    )
    live[rows[facts.RUN].start] = kept / made
    return delivered, recorded, live, parts


def sizes_of(rows: dict[int, slice]) -> dict[int, int]:
    """How many lumisections each run has."""
    return {run: here.stop - here.start for run, here in rows.items()}


def _pinned(names: list[int], parts: int) -> list[tuple[int, int]]:
    """Delivered and recorded of the first lumisection, where both are known."""
    if names[0] != facts.RUN:
        return []
    row = facts.lumisection_attributes()
    return [
        (
            round(row["delivered_lumi_per_lumisection"] * parts),
            round(row["recorded_lumi_per_lumisection"] * parts),
        )
    ]


def _loss(run: Run) -> Floats:
    """How much is lost to deadtime, relative to other lumisections of the budget."""
    size = run.lumisections
    noise = np.maximum(1.0 + 0.3 * normal(size, run.number, 2), 0.3)
    noise = np.where(uniform(size, run.number, 3) < 0.015, noise * 6.0, noise)
    ramp = np.where(run.numbers <= 5, 3.0, 1.0) if run.nodes else 1.0
    return np.asarray(noise * run.loss * ramp)


def _live_share(
    delivered: Ints, loss: Floats, active: Flags, total: list[int]
) -> Floats:
    """The share recorded of each lumisection, such that the sums agree."""
    lost = total[0] - total[1]
    off = ~active
    scale = 0.0
    for _ in range(8):
        full = off | (loss * scale >= 0.98)
        gone = np.where(off, 1.0, np.where(full, 0.98, 0.0))
        fixed = float(np.cumsum(delivered * gone)[-1])
        weight = float(np.cumsum(np.where(full, 0.0, delivered * loss))[-1])
        scale = max(lost - fixed, 0.0) / weight
    share = 1.0 - np.minimum(loss * scale, 0.98)
    return np.where(off, 0.0, share)


def _since_fill_start(fill: Ints, delivered: Ints, recorded: Ints) -> tuple[Ints, Ints]:
    """Cumulative sums over each fill, the lumisection itself included."""
    before = {
        b.fill: [round(value * b.parts) for value in b.before]
        for b in reversed(budgets())
    }
    sums = np.zeros((2, fill.size), dtype=np.int64)
    for number in np.unique(fill):
        here = fill == number
        offset = before.get(int(number), [0, 0])
        sums[0, here] = offset[0] + np.cumsum(delivered[here])
        sums[1, here] = offset[1] + np.cumsum(recorded[here])
    return sums[0], sums[1]


def _cross_sections() -> list[float]:
    return [period_of(run.number).cross_section_cm2 for run in runs()]


def _pileup(fill: Ints, inst: Floats, cross_section: Floats, first: int) -> Floats:
    """Interactions a crossing: luminosity x cross-section / (bunches x orbits)."""
    meeting = {f["number"]: colliding(f) or 1 for f in fills()}
    bunches = np.array([meeting[int(n)] for n in fill])
    pileup = inst * (1e30 * cross_section) / (bunches * ORBITS_HZ)
    pileup = np.round(pileup * 1e8) / 1e8
    pileup[first] = facts.lumisection_attributes()["pileup"]
    return np.asarray(pileup)


def _certified(run: Run, stable: Flags) -> Flags:
    """Lumisections with all voltages on, by the certification files.

    Without a file, those in stable beams; in run 386694 all, as exported.
    """
    period = period_of(run.number)
    if period.run3:
        return stable | (run.number == EXPORTED)
    name = f"DCSONLY_{period.name[:4]}"
    ranges = facts.certification(name).get(run.number, [])
    inside = np.zeros(run.lumisections, dtype=bool)
    for first, last in ranges:
        inside |= (run.numbers >= first) & (run.numbers <= last)
    return inside


def _column(run: Run, smooth: Floats) -> Ints:
    """Prescale columns: as planned, or looser as the luminosity falls."""
    number = run.numbers
    running = number < run.inactive
    if run.columns:
        at = np.array([first for first, _ in run.columns])
        planned = np.array([column for _, column in run.columns])
        column = planned[np.searchsorted(at, number, side="right") - 1]
    else:
        inst = smooth * 1e6 / LUMISECTION_S
        column = np.full(number.size, 1 + run.number % 2)
        for index, least in reversed(period_of(run.number).thresholds):
            column = np.where((inst > 0) & (inst >= least), index, column)
    return np.where(running, column, -1)
