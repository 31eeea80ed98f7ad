"""What the LHC and CMS published over DIP, as far as scripts read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from omskit.demo import facts
from omskit.demo.build import table
from omskit.demo.fills import BUNCHES_OF, bunches
from omskit.demo.schedule import fills

if TYPE_CHECKING:
    import pyarrow as pa

MODE = "dip/acc/LHC/RunControl/BeamMode"
BUNCHES = "dip/acc/LHC/RunControl/CirculatingBunchConfig/Beam{}"
PER_BUNCH = "dip/CMS/LHC/LumiPerBunch"
"""Topics. Source: SCHEMA, section 10 (RM, SW)."""

_MODES = (
    ("start_time", "INJECTION PHYSICS BEAM"),
    ("start_stable_beam", "STABLE BEAMS"),
    ("end_stable_beam", "BEAM DUMP"),
)


def logger() -> pa.Table:
    """Beam modes of every fill, bunches and luminosities per bunch of two."""
    rows = [row for fill in fills() for row in _modes(fill)]
    rows += [
        row for fill in fills() if fill["number"] in BUNCHES_OF for row in _of(fill)
    ]
    order = ("source_dir", "dip_time", "first_dip_time", "value", "lumi_bunch_inst")
    columns = {name: [row.get(name) for row in rows] for name in order}
    return table("diplogger", columns, len(rows))


def _modes(fill: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        _row(MODE, fill[when], value=json.dumps(mode))
        for when, mode in _MODES
        if fill.get(when)
    ]


def _row(topic: str, when: str, **values: Any) -> dict[str, Any]:
    moment = facts.moment(when)
    return {"source_dir": topic, "dip_time": moment, "first_dip_time": moment, **values}


def _of(fill: dict[str, Any]) -> list[dict[str, Any]]:
    """The bunches of both beams, as slot numbers of DIP, and what each delivers."""
    made = bunches()
    mine = made.filter([n == fill["number"] for n in made["fill_number"].to_pylist()])
    found = []
    for beam in (1, 2):
        filled = mine[f"beam_{beam}_configured"].to_pylist()
        # DIP counts in tenths: slot n is 10 (n - 1) + 1.
        slots = [10 * n + 1 for n, there in enumerate(filled) if there]
        value = json.dumps(slots)
        found.append(_row(BUNCHES.format(beam), fill["start_stable_beam"], value=value))
    lumi = mine["initial_lumi"].to_pylist()
    found.append(_row(PER_BUNCH, fill["start_stable_beam"], lumi_bunch_inst=lumi))
    return found
