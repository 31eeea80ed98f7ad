"""The lumisections table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo import facts
from omskit.demo.beam import lumisections
from omskit.demo.build import nullable, replaced, table, times, words
from omskit.demo.schedule import period_of, runs

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from omskit.demo.beam import Lumisections

PIXELS = ("bpix", "fpix")
STRIPS = ("tibtid", "tob", "tecp", "tecm")
STEADY = [
    "ebp",
    "ebm",
    "eep",
    "eem",
    "esp",
    "esm",
    "hbhea",
    "hbheb",
    "hbhec",
    "hf",
    "ho",
    "dt0",
    "dtp",
    "dtm",
    "cscp",
    "cscm",
    "rpc",
]
OUT = ("castor", "zdc")
RUN3_ONLY = ("gem", "gemp", "gemm", "rp_time", "rp_sect_45", "rp_sect_56")


def build() -> pa.Table:
    """All lumisections, recorded and simulated."""
    lumi = lumisections()
    made = table("lumisections", _columns(lumi), len(lumi.run))
    row = lumi.rows[facts.RUN].start
    recorded = facts.lumisection_attributes()
    for name in ("start_time", "end_time"):
        recorded[name] = facts.moment(recorded[name])
    return replaced(made, row, recorded)


def _columns(lumi: Lumisections) -> dict[str, Any]:
    run3 = _by_run("run3")
    return {
        "run_number": lumi.run,
        "lumisection_number": lumi.number,
        "fill_number": lumi.fill,
        "start_time": times(lumi.start_s),
        "end_time": times(lumi.end_s),
        **_luminosities(lumi),
        "pileup": nullable(lumi.pileup, lumi.scaled),
        "prescale_index": nullable(lumi.column, lumi.column >= 0),
        "prescale_name": prescale_names(lumi),
        "physics_flag": lumi.stable | run3,
        "cms_active": lumi.active,
        "beams_stable": lumi.stable,
        "beam_present": lumi.present,
        "beam1_present": lumi.present,
        "beam2_present": lumi.present,
        "beam1_stable": lumi.stable,
        "beam2_stable": lumi.stable,
        **_voltages(lumi, run3),
    }


def _by_run(attribute: str) -> NDArray[Any]:
    values = [getattr(period_of(run.number), attribute) for run in runs()]
    return np.repeat(values, [run.lumisections for run in runs()])


def _luminosities(lumi: Lumisections) -> dict[str, Any]:
    """Luminosities in the unit of their row; null where the service has no scale."""
    scales = _by_run("scale")
    inst = lumi.inst / [scale.per_instantaneous for scale in scales]
    per_pb = np.array([scale.per_pb for scale in scales])
    following = np.append(inst[1:], 0.0)
    following[np.append(lumi.run[1:] != lumi.run[:-1], True)] = 0.0
    columns: dict[str, Any] = {
        "init_lumi": inst,
        "end_lumi": following,
        "delivered_lumi": lumi.delivered_sum / lumi.parts * per_pb,
        "recorded_lumi": lumi.recorded_sum / lumi.parts * per_pb,
        "delivered_lumi_per_lumisection": lumi.delivered / lumi.parts * per_pb,
        "recorded_lumi_per_lumisection": lumi.recorded / lumi.parts * per_pb,
    }
    rate_unit, sum_unit = (
        nullable(np.array([getattr(scale, kind) for scale in scales]), lumi.scaled)
        for kind in ("instantaneous", "integrated")
    )
    for name in tuple(columns):
        columns[name] = nullable(columns[name], lumi.scaled)
        short = name in {"init_lumi", "end_lumi"}
        columns[f"{name}@unit"] = rate_unit if short else sum_unit
    return columns


def prescale_names(lumi: Lumisections) -> pa.Array[Any]:
    """Name of the prescale column of each lumisection."""
    periods = {run.number: period_of(run.number) for run in runs()}
    names = sorted({name for p in periods.values() for name in p.columns})
    code = np.full(len(lumi.run), -1)
    for number, rows in lumi.rows.items():
        codes = np.array([names.index(name) for name in periods[number].columns])
        column = lumi.column[rows]
        code[rows] = np.where(column >= 0, codes[column], -1)
    return words(names, code)


def _voltages(lumi: Lumisections, run3: NDArray[np.bool_]) -> dict[str, Any]:
    """The DCS flags: pixels and strips follow certification and beams.

    Pixels are off wherever the DCS-only certification is; strips also wherever beams
    are not stable; GEM and Roman pots have no flags before Run 3.
    """
    on = np.ones(len(lumi.run), dtype=bool)
    flags: dict[str, Any] = {f"{name}_ready": lumi.certified for name in PIXELS}
    flags |= {f"{name}_ready": lumi.certified | lumi.stable for name in STRIPS}
    flags |= {f"{name}_ready": on for name in STEADY}
    flags |= {f"{name}_ready": ~on for name in OUT}
    flags |= {f"{name}_ready": nullable(on, run3) for name in RUN3_ONLY}
    return flags
