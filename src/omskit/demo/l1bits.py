"""L1 algorithms: rates of each bit, prescale sets and changes of column."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo import facts
from omskit.demo.beam import ORBITS_HZ, lumisections
from omskit.demo.build import nullable, table, times, words
from omskit.demo.dice import counts, thinned
from omskit.demo.fills import SLOTS
from omskit.demo.l1 import L1_S, Rows, rows, span
from omskit.demo.lumitable import prescale_names
from omskit.demo.schedule import colliding, fills, numbers_of, period_of, periods, runs

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.demo.beam import Lumisections
    from omskit.demo.dice import Floats, Ints
    from omskit.demo.schedule import Period, Run

UGT_S = 2**18 / ORBITS_HZ
"""Seconds by which OMS divides the counters of algorithms: not those of its totals.

Source: boundino/omstools readme, rates of run 373710, see `omskit.trigger.DIVISOR_S`.
"""

REFERENCE_LUMI = 2.0e4
"""The luminosity, in 10^30 cm^-2 s^-1, of the rates in ``data/menus.toml``."""

RUN3_ONLY = "L1_ETT2000"
"""A bit without rows in older runs: OMS has such, too."""

SEEN_BY_HLT = 0.9985


@cache
def menu(*, run3: bool) -> tuple[tuple[int, str, float, float], ...]:
    """Bit, name, prescale of the tightest column and Hz before prescale, by bit."""
    found = facts.document("menus")
    rest = [
        (bit, name, float(prescale), float(hz))
        for bit, name, prescale, hz in found["algorithms"]
        if (run3 or name != RUN3_ONLY) and (run3 or bit not in {18, 19})
    ]
    scheme = found["scheme"]["run3" if run3 else "run2"]
    rest += [(bit, name, float(ps), 0.0) for name, (bit, ps) in scheme.items()]
    return tuple(sorted(rest))


def prescales(period: Period) -> Floats:
    """Prescale of each bit of the menu (rows) in each column of the period; 0 is off.

    Looser columns divide the prescales, emergency (column 0) turns all off.
    """
    tightest = period.thresholds[0][0]
    column = np.arange(len(period.columns))
    factor = np.clip(1.0 - 0.2 * (column - tightest), 0.3, 1.0)
    base = np.array([row[2] for row in menu(run3=period.run3)])
    made = np.where(base[:, None] > 1, np.floor(base[:, None] * factor), base[:, None])
    recorded = facts.document("menus")["columns"].get(period.name, {})
    for row, (_, name, *_) in enumerate(menu(run3=period.run3)):
        if name in recorded:
            made[row, tightest:] = recorded[name]
    made[:, 0] = 0.0
    return np.asarray(made)


def masked(period: Period) -> frozenset[str]:
    """The algorithms of a period that are masked, by name."""
    return frozenset(facts.document("menus")["masked"].get(period.name, ()))


def _before(names: list[str], hz: Floats, at: Ints, lumi: Lumisections) -> Floats:
    """Rates before prescale, Hz: bits x lumisections."""
    rates = hz[:, None] * (lumi.inst[at] / REFERENCE_LUMI + 0.002)
    present = lumi.present[at]
    meeting_in = {f["number"]: colliding(f) for f in fills()}
    filled_in = {f["number"]: 2 * f["bunches"][0] for f in fills() if "bunches" in f}
    meeting = np.array([meeting_in[int(n)] for n in lumi.fill[at]])
    filled = np.array([filled_in.get(int(n), 0) for n in lumi.fill[at]]) - meeting
    scheme = {
        "L1_ZeroBias": np.where(present, meeting, 0) * ORBITS_HZ,
        "L1_NotBptxOR": (SLOTS - np.where(present, filled, 0)) * ORBITS_HZ,
    }
    for name, rate in scheme.items():
        rates[names.index(name)] = rate
    return rates


def _block(period: Period) -> dict[str, Any]:
    """Counters and prescales of one period: arrays of bits x lumisections."""
    lumi, kept = lumisections(), rows()
    at = kept.at[
        (lumi.run[kept.at] >= period.runs[0]) & (lumi.run[kept.at] <= period.runs[1])
    ]
    entries = menu(run3=period.run3)
    names = [row[1] for row in entries]
    hz = np.array([row[3] for row in entries])
    column = lumi.column[at]
    prescale = prescales(period)[:, np.maximum(column, 0)]
    prescale = np.where(column >= 0, prescale, np.nan)
    on = np.array([name not in masked(period) for name in names])
    share = np.where(prescale > 0, 1.0 / np.maximum(prescale, 1.0), 0.0) * on[:, None]
    before = counts(_before(names, hz, at, lumi) * L1_S, period.runs[0], 7)
    kept_pre = thinned(before, share * lumi.active[at])
    kept_post = thinned(kept_pre, np.broadcast_to(lumi.live[at], share.shape))
    return {
        "at": at,
        "bits": np.array([row[0] for row in entries]),
        "names": names,
        "on": on,
        "prescale": prescale,
        "pre_dt_before_prescale": before,
        "pre_dt": kept_pre,
        "post_dt": kept_post,
        "post_dt_hlt": thinned(kept_post, SEEN_BY_HLT),
    }


COUNTERS = ("pre_dt_before_prescale", "pre_dt", "post_dt", "post_dt_hlt")


@cache
def _blocks() -> tuple[dict[str, Any], ...]:
    return tuple(_block(period) for period in periods())


def _order(run: Ints, blocks: tuple[dict[str, Any], ...]) -> list[Ints]:
    """For each block, the order of its cells by run, bit and lumisection."""
    orders = []
    for block in blocks:
        width = run[block["at"]].size
        cells = np.arange(block["bits"].size * width).reshape(-1, width)
        edges = np.flatnonzero(np.diff(run[block["at"]])) + 1
        parts = np.split(cells, edges, axis=1)
        orders.append(np.concatenate([part.ravel() for part in parts]))
    return orders


def algorithms() -> pa.Table:
    """One row per bit and lumisection."""
    lumi, blocks = lumisections(), _blocks()
    orders = _order(lumi.run, blocks)
    every = sorted({name for block in blocks for name in block["names"]})

    def cells(make: Any) -> Any:
        pieces = [
            np.broadcast_to(make(block), block["prescale"].shape).ravel()[order]
            for block, order in zip(blocks, orders, strict=True)
        ]
        return np.concatenate(pieces)

    at = cells(lambda block: block["at"])
    codes = [np.array([every.index(n) for n in block["names"]]) for block in blocks]
    by_block = {id(block): code for block, code in zip(blocks, codes, strict=True)}
    columns: dict[str, Any] = {
        "run_number": lumi.run[at],
        "bit": cells(lambda block: block["bits"][:, None]),
        "name": words(every, cells(lambda block: by_block[id(block)][:, None])),
        "first_lumisection_number": lumi.number[at],
        "last_lumisection_number": lumi.number[at],
        "start_time": times(lumi.start_s[at]),
        "mask": cells(lambda block: block["on"][:, None]),
        **_prescale_columns(at, cells(lambda block: block["prescale"])),
    }
    for name in COUNTERS:
        counter = cells(lambda block, name=name: block[name])
        columns[f"{name}_counter"] = counter
        columns[f"{name}_rate"] = counter / UGT_S
    return table("l1algorithmtriggers", columns, at.size)


def _prescale_columns(at: Ints, prescale: Floats) -> dict[str, Any]:
    """Prescale at start and end of each row; they differ in no simulated row."""
    lumi = lumisections()
    valid = lumi.column[at] >= 0
    value = nullable(prescale, valid)
    index = nullable(lumi.column[at], valid)
    name = prescale_names(lumi).take(at)
    return {
        f"{end}_prescale_{part}": column
        for end in ("initial", "final")
        for part, column in (
            ("prescale", value),
            ("prescale_index", index),
            ("prescale_name", name),
        )
    }


def run_algorithms() -> pa.Table:
    """One row per bit and run: sums of the counters and mean rates."""
    pieces = [_run_columns(block) for block in _blocks()]
    columns = {
        name: [value for piece in pieces for value in piece[name]] for name in pieces[0]
    }
    return table("l1algorithmtriggers", columns, len(columns["run_number"]))


def _run_columns(block: dict[str, Any]) -> dict[str, list[Any]]:
    lumi = lumisections()
    at = block["at"]
    numbers, begin = np.unique(lumi.run[at], return_index=True)
    kept = Rows(at=at, runs=numbers, begin=begin)
    height = block["bits"].size
    covered = span(kept)
    active = np.maximum(kept.sums(lumi.active[at].astype(np.int64)), 1)
    columns: dict[str, list[Any]] = {
        name: list(values.tolist()) * height
        for name, values in covered.items()
        if name != "start_time"
    }
    columns["start_time"] = covered["start_time"].to_pylist() * height
    columns["bit"] = np.repeat(block["bits"], numbers.size).tolist()
    columns["name"] = [name for name in block["names"] for _ in numbers]
    columns["mask"] = np.repeat(block["on"], numbers.size).tolist()
    for name in COUNTERS:
        total = kept.sums(block[name])
        columns[f"{name}_counter"] = total.ravel().tolist()
        columns[f"{name}_rate"] = (total / (UGT_S * active)).ravel().tolist()
    for end, positions in (("initial", kept.begin), ("final", _last_running(kept))):
        columns |= _run_prescales(block, end, positions)
    return columns


def _last_running(kept: Rows) -> Ints:
    """Position of the last row with a prescale column, in each run; else its first."""
    column = lumisections().column[kept.at]
    place = np.where(column >= 0, np.arange(column.size), -1)
    return np.maximum(np.maximum.reduceat(place, kept.begin), kept.begin)


def _run_prescales(block: dict[str, Any], end: str, positions: Ints) -> dict[str, Any]:
    lumi = lumisections()
    column = lumi.column[block["at"][positions]]
    names = prescale_names(lumi).take(block["at"][positions]).to_pylist()
    height = block["bits"].size
    prescale = block["prescale"][:, positions].ravel()
    indices = [int(c) if c >= 0 else None for c in column]
    return {
        f"{end}_prescale_prescale": [
            None if np.isnan(p) else float(p) for p in prescale
        ],
        f"{end}_prescale_prescale_index": indices * height,
        f"{end}_prescale_prescale_name": names * height,
    }


def prescale_sets() -> pa.Table:
    """The prescales of each algorithm of a run's menu, run by run."""
    rows: list[tuple[int, int, str, bool, str]] = []
    for period in periods():
        entries = zip(menu(run3=period.run3), prescales(period), strict=True)
        made = [
            (bit, name, name not in masked(period), _prescale_list(period, values))
            for (bit, name, _, _), values in entries
        ]
        rows += [(run, *row) for run in numbers_of(period) for row in made]
    order = ("run_number", "algo_index", "algo_name", "algo_mask", "prescales")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(order)}
    return table("l1prescalesets", columns, len(rows))


def ratemon() -> pa.Table:
    """All algorithms of a run in parallel lists: what OMS's ratemon gives, by run.

    Lists are parallel to the bits from 0 on; lumisection n is element n, and what is
    not there is an empty object.
    """
    lumi = lumisections()
    found: dict[str, list[Any]] = {name: [] for name in _RATEMON}
    for block in _blocks():
        height = int(block["bits"].max()) + 1
        names: list[str | None] = [None] * height
        for bit, name in zip(block["bits"].tolist(), block["names"], strict=True):
            names[bit] = name
        for run in np.unique(lumi.run[block["at"]]):
            columns = np.flatnonzero(lumi.run[block["at"]] == run)
            found["run_number"].append(int(run))
            found["names"].append(names)
            prescales: list[dict[str, float] | None] = [None] * height
            first = block["prescale"][:, columns]
            lasting = first[:, np.argmax(np.isfinite(first[0]))]
            for bit, value in zip(block["bits"].tolist(), lasting, strict=True):
                shown = None if np.isnan(value) else {"value": float(value)}
                prescales[bit] = shown
            found["prescales"].append(json.dumps(prescales))
            found["lumisections"].append(json.dumps(_parallel(block, columns, height)))
    return table("l1algorithmtriggers/ratemon", found, len(found["run_number"]))


_RATEMON = ("run_number", "names", "prescales", "lumisections")


def _parallel(block: dict[str, Any], columns: Ints, height: int) -> list[Any]:
    """The rates before prescale and deadtime of each lumisection, by bit."""
    numbers = lumisections().number[block["at"][columns]]
    rates = np.round(block["pre_dt_before_prescale"][:, columns] / UGT_S, 3)
    made: list[Any] = [{} for _ in range(int(numbers.max()) + 1)]
    for place, number in enumerate(numbers.tolist()):
        values: list[float | None] = [None] * height
        for row, bit in enumerate(block["bits"].tolist()):
            values[bit] = float(rates[row, place])
        made[number] = {"pre_dt_before_prescale_rate": values}
    return made


def _prescale_list(period: Period, values: Floats) -> str:
    entries = [
        {"prescale_index": i, "prescale": float(value), "prescale_name": name}
        for i, (name, value) in enumerate(zip(period.columns, values, strict=True))
    ]
    return json.dumps(entries)


def prescale_changes() -> pa.Table:
    """One row per change of the column, the first column of a run included."""
    rows = [row for run in runs() for row in _changes(run)]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return table("prescalechanges", columns, len(rows))


def _changes(run: Run) -> list[dict[str, Any]]:
    lumi = lumisections()
    part = lumi.rows[run.number]
    column = lumi.column[part]
    names = period_of(run.number).columns
    before = np.append(-1, column[:-1])
    return [
        {
            "run_number": run.number,
            "lumisection_number": int(run.numbers[i]),
            "new_prescale_index": int(column[i]),
            "new_prescale_name": names[column[i]],
            "old_prescale_index": int(before[i]) if before[i] >= 0 else None,
            "change_time": datetime.fromtimestamp(int(lumi.start_s[part][i]), UTC),
            "physics_declared": bool(lumi.stable[part][i]),
        }
        for i in np.flatnonzero(column != before)
        if column[i] >= 0
    ]
