"""The runs table, and the resources with one row a run."""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor
from typing import TYPE_CHECKING, Any

from omskit.demo import facts, l1, output
from omskit.demo.beam import lumisections
from omskit.demo.build import replaced, table
from omskit.demo.fills import era_of
from omskit.demo.schedule import LUMISECTION_S, SETUP_S, period_of, run_fill, runs

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.demo.beam import Lumisections
    from omskit.demo.schedule import Run

MICRORADIAN = r"{\mu}rad"
COMPONENTS = [
    "CSC",
    "CTPPS",
    "CTPPS_TOT",
    "DAQ",
    "DCS",
    "DQM",
    "DT",
    "ECAL",
    "ES",
    "HCAL",
    "HF",
    "PIXEL",
    "RPC",
    "SCAL",
    "TCDS",
    "TRACKER",
    "TRG",
]
RUN3_COMPONENTS = [
    "CSC",
    "CTPPS",
    "CTPPS_TOT",
    "DAQ",
    "DCS",
    "DQM",
    "DT",
    "ECAL",
    "ES",
    "GEM",
    "HCAL",
    "HF",
    "PIXEL",
    "RPC",
    "SCAL",
    "TCDS",
    "TRACKER",
    "TRG",
]


def build() -> pa.Table:
    """All runs; that of run 297050 is recorded in every attribute."""
    rows = [_row(run) for run in runs()]
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    made = table("runs", columns, len(rows))
    numbers = made["run_number"].to_pylist()
    for number, rate in facts.l1_rates().items():
        made = replaced(made, numbers.index(number), {"l1_rate": rate})
    return replaced(made, numbers.index(facts.RUN), _recorded())


def _recorded() -> dict[str, Any]:
    row = facts.run_attributes()
    for name in ("start_time", "end_time", "last_update"):
        row[name] = facts.moment(row[name])
    return {**row, **{f"{name}@unit": unit for name, unit in facts.run_units().items()}}


def start_s(run: Run) -> int:
    """Start of a run, seconds since 1970; 54 s before its first lumisection."""
    return run.first_s - SETUP_S


def _row(run: Run) -> dict[str, Any]:
    lumi = lumisections()
    rows = lumi.rows[run.number]
    period = period_of(run.number)
    fill = int(lumi.fill[rows.start])
    end = floor(run.first_s + run.last * LUMISECTION_S) + 7
    column = int(lumi.column[rows.start])
    return {
        "run_number": run.number,
        "fill_number": fill,
        "era": era_of(fill),
        "start_time": _moment(start_s(run)),
        "end_time": _moment(end),
        "duration": end - start_s(run),
        "last_lumisection_number": run.last,
        "last_update": _moment(end + 1800 + run.number % 600),
        "sequence": "GLOBAL-RUN",
        "clock_type": "LHC",
        "stable_beam": bool(lumi.stable[rows].any()),
        **_machine(fill, scaled=not run.unscaled),
        **_luminosity(lumi, run),
        **l1.run_summary(run),
        **output.run_summary(run),
        "initial_prescale_index": column if column >= 0 else None,
        **keys(run),
        "hlt_key": period.hlt_key,
        "cmssw_version": period.cmssw_version,
        "components": RUN3_COMPONENTS if period.run3 else COMPONENTS,
        "components_out": list(period.components_out),
        "tier0_transfer": not run.unscaled,
    }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _machine(number: int, *, scaled: bool) -> dict[str, Any]:
    """What the fill gives: particles, energy, optics with their units.

    A run without a scale has neither luminosity nor optics.
    """
    fill = run_fill(number)
    particles = fill.get("type", ["PROTONS", "PROTON", "PROTON"])
    row: dict[str, Any] = dict(
        zip(
            ("fill_type_runtime", "fill_type_party1", "fill_type_party2"),
            particles,
            strict=True,
        )
    )
    row["energy"] = float(round(fill.get("energy", 6499.0)))
    row["b_field"] = round(fill.get("b_field", 3.8), 3)
    for end in ("start", "stop"):
        row[f"beta_star_{end}"] = fill.get("beta_star") if scaled else None
        row[f"crossing_angle_{end}"] = fill.get("crossing_angle") if scaled else None
        row[f"beta_star_{end}@unit"] = "cm" if scaled else None
        row[f"crossing_angle_{end}@unit"] = MICRORADIAN if scaled else None
    return row


def _luminosity(lumi: Lumisections, run: Run) -> dict[str, Any]:
    """Sums and ends of the luminosity, all null where OMS has no scale for the run."""
    rows = lumi.rows[run.number]
    parts = int(lumi.parts[rows.start])
    scale = period_of(run.number).scale
    inst = lumi.inst[rows] / scale.per_instantaneous
    seen = inst[inst > 0]
    ends = (float(seen[0]), float(seen[-1])) if seen.size else (0.0, 0.0)
    delivered = int(lumi.delivered[rows].sum())
    recorded = int(lumi.recorded[rows].sum())
    lost = 100.0 * (1.0 - recorded / delivered) if delivered else None
    row: dict[str, Any] = {
        "delivered_lumi": delivered / parts * scale.per_pb,
        "recorded_lumi": recorded / parts * scale.per_pb,
        "init_lumi": ends[0],
        "end_lumi": ends[1],
    }
    units = [scale.integrated] * 2 + [scale.instantaneous] * 2
    for name, unit in zip(tuple(row), units, strict=True):
        row[f"{name}@unit"] = None if run.unscaled else unit
    if run.unscaled:
        row |= dict.fromkeys(
            ("delivered_lumi", "recorded_lumi", "init_lumi", "end_lumi")
        )
    row["beamactive_total_deadtime"] = None if lost is None else round(lost, 2)
    return row


def keys(run: Run) -> dict[str, str]:
    """The trigger keys of a run, as runs and l1configurationkeys show them."""
    period = period_of(run.number)
    return {
        "trigger_mode": f"l1_hlt_{period.sample}/{period.mode}",
        "l1_menu": period.l1_menu,
        "l1_key": f"l1_trg_{period.sample}/{period.l1_key}",
        "l1_key_stripped": f"{period.sample}/{period.l1_key}",
        "l1_hlt_mode": period.sample,
        "l1_hlt_mode_stripped": f"{period.sample}/{period.mode}",
    }


def configuration_keys() -> pa.Table:
    """The l1configurationkeys of every run; all but the names in runs are simulated."""
    rows = [_configuration(run) for run in runs()]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return table("l1configurationkeys", columns, len(rows))


def _configuration(run: Run) -> dict[str, Any]:
    period = period_of(run.number)
    named = keys(run)
    shown = ("l1_menu", "l1_key", "l1_key_stripped", "l1_hlt_mode_stripped")
    row: dict[str, Any] = {"run_number": run.number}
    row |= {name: named[name] for name in shown}
    row["l1_menu_key"] = f"{period.l1_menu}/v1"
    row["gt_key"] = f"ugt_{period.sample}/{period.l1_key}"
    row["run_settings_key"] = f"l1_rs_{period.sample}/{period.mode}"
    row["run_settings_key_stripped"] = f"{period.sample}/{period.mode}"
    parts = {
        "calo_trigger_keys": ("calol1", "calol2", "ecal", "hcal"),
        "muon_trigger_keys": (
            "ugmt",
            "bmtf",
            "emtf",
            "omtf",
            "twinmux",
            "rpc",
            "dt",
            "cppf",
        ),
    }
    for attribute, names in parts.items():
        for name in names:
            row[f"{attribute}_{name}"] = f"{name}_{period.sample}/{period.l1_key}"
    return row


def run_keys() -> pa.Table:
    """The runkeys resource, of which only the run number is known."""
    numbers = [run.number for run in runs()]
    return table("runkeys", {"run_number": numbers}, len(numbers))
