"""HLT configurations, prescale sets, and what else a configuration holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from omskit.demo.build import table
from omskit.demo.hlt import configurations
from omskit.demo.schedule import numbers_of

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.demo.schedule import Period

SEEDS = {
    "AlCa_LumiPixels_ZeroBias": "L1_ZeroBias",
    "HLT_ZeroBias": "L1_ZeroBias",
    "HLT_L1NotBptxOR": "L1_NotBptxOR",
    "HLT_IsoMu2": "L1_SingleMu22",
    "HLT_IsoTkMu": "L1_SingleMu22 OR L1_SingleMu25",
    "HLT_Mu50": "L1_SingleMu22 OR L1_SingleMu25",
    "HLT_TkMu": "L1_SingleMu22 OR L1_SingleMu25",
    "HLT_Mu17": "L1_DoubleMu_15_7 OR L1_DoubleMu9_SQ",
    "HLT_DoubleMu": "L1_DoubleMu_15_7",
    "HLT_TripleMu": "L1_TripleMu_5_3_3 AND L1_DoubleMu_15_7",
    "HLT_Mu": "L1_SingleMu7 OR L1_SingleMu18 OR L1_SingleMu22",
    "HLT_Dimuon": "L1_DoubleMu4p5_SQ_OS_dR_Max1p2 OR L1_DoubleMu9_SQ",
    "HLT_Ele": "L1_SingleEG36er2p5 OR L1_SingleEG40er2p5 OR L1_SingleIsoEG32er2p5",
    "HLT_Photon": "L1_SingleEG26er2p5 OR L1_SingleEG40er2p5",
    "HLT_Diphoton": "L1_DoubleEG_25_12_er2p5",
    "HLT_DoubleEle": "L1_DoubleEG_25_12_er2p5 OR L1_DoubleEG_LooseIso25_12_er2p5",
    "HLT_DoubleMediumCharged": "L1_DoubleIsoTau34er2p1 OR L1_DoubleIsoTau36er2p1",
    "HLT_PFJet40": "L1_SingleJet60",
    "HLT_PFJet60": "L1_SingleJet60",
    "HLT_PFJet80": "L1_SingleJet60 OR L1_SingleJet90",
    "HLT_PFJet500": "L1_SingleJet180",
    "HLT_PFJet": "L1_SingleJet120 OR L1_SingleJet180",
    "HLT_AK8PFJet": "L1_SingleJet180 OR L1_SingleJet200",
    "HLT_PFHT1050": "L1_HTT360er",
    "HLT_PFHT": "L1_HTT280er OR L1_HTT360er",
    "HLT_PFMET": "L1_ETMHF100 OR L1_ETMHF110 OR (L1_ETMHF90 AND L1_HTT280er)",
    "HLT_L1SingleMu": "L1_SingleMu18",
}
"""L1 seeds of paths by the start of their name, longer ones first where both fit.

Simulated; real expressions are like these: names of algorithms with OR, AND, NOT and
brackets. Paths without an entry have no seed.
"""


def config_data() -> pa.Table:
    """The paths of each HLT configuration, with their stream."""
    rows = [
        (period.hlt_key, name, _seed(name), _stream(name), numbers_of(period))
        for period, names in configurations()
        for name in names
    ]
    order = (
        *("config_name", "path_name", "l1_prerequisite", "stream_name"),
        "run_number",
    )
    columns = {name: [row[i] for row in rows] for i, name in enumerate(order)}
    return table("hltconfigdata", columns, len(rows))


def _seed(name: str) -> str | None:
    fitting = [start for start in SEEDS if name.startswith(start)]
    return SEEDS[max(fitting, key=len)] if fitting else None


def _stream(name: str) -> str:
    if "Calibration" in name:
        return "Calibration"
    if name.startswith("AlCa_LumiPixels"):
        return "ALCALUMIPIXELS"
    return "DQM" if name.startswith("DQM_") else "Physics"


def config_names() -> pa.Table:
    """The HLT configurations."""
    found = [period for period, _ in configurations()]
    columns = {
        "config_name": [period.hlt_key for period in found],
        "run_number": [numbers_of(period) for period in found],
    }
    return table("hltconfig", columns, len(found))


def prescale_sets() -> pa.Table:
    """The prescales of each path of a run's configuration, run by run."""
    rows: list[tuple[int, str, str]] = []
    for period, names in configurations():
        made = [(name, _prescales(period, name)) for name in names]
        rows += [(run, *row) for run in numbers_of(period) for row in made]
    order = ("run_number", "path_name", "prescales")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(order)}
    # Ids are made of it: without the run, rows of two runs would have the same.
    run = {"set": columns["run_number"]}
    return table("hltprescalesets", columns, len(rows), unseen=run)


def _prescales(period: Period, name: str) -> str:
    base = 10.0 if "ZeroBias" in name or "HLT_Physics" in name else 1.0
    entries = [
        {
            "prescale": base if index else 0.0,
            "prescale_index": index,
            "prescale_name": column,
        }
        for index, column in enumerate(period.columns)
    ]
    return json.dumps(entries)
