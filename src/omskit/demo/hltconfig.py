"""HLT configurations, prescale sets, and what else a configuration holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from omskit.demo import hltmenu
from omskit.demo.build import table
from omskit.demo.hlt import configurations
from omskit.demo.schedule import numbers_of

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.demo.schedule import Period


def config_data() -> pa.Table:
    """The paths of each HLT configuration, with their stream."""
    rows = [
        (
            period.hlt_key,
            name,
            hltmenu.seed(name),
            hltmenu.stream(name),
            numbers_of(period),
        )
        for period, names in configurations()
        for name in names
    ]
    order = (
        *("config_name", "path_name", "l1_prerequisite", "stream_name"),
        "run_number",
    )
    columns = {name: [row[i] for row in rows] for i, name in enumerate(order)}
    return table("hltconfigdata", columns, len(rows))


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
    prescales = zip(period.columns, hltmenu.hlt(period, name), strict=True)
    entries = [
        {"prescale": prescale, "prescale_index": index, "prescale_name": column}
        for index, (column, prescale) in enumerate(prescales)
    ]
    return json.dumps(entries)
