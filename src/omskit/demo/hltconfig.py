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
    "HLT_Mu50": "L1_SingleMu22 OR L1_SingleMu25",
    "HLT_PFJet500": "L1_SingleJet180",
    "HLT_PFHT1050": "L1_HTT360er",
}
"""L1 seeds of some paths, by the start of their name; the others have none here."""


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
    return next((seed for start, seed in SEEDS.items() if name.startswith(start)), None)


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
    return table("hltprescalesets", columns, len(rows))


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
