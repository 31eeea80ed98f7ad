"""One row per path: counts, rates and luminosity of all its lumisections together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.lumi.integral import shown
from omskit.schema.units import INTEGRATED
from omskit.table import Table, with_unit
from omskit.trigger.counting import LUMISECTION_S, UB_PER_PB
from omskit.trigger.menu import STATUSES
from omskit.trigger.prescaling import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omskit.trigger.cube import Cube

_OFF = STATUSES.index(Status.OFF)
_COLUMNS = (
    ("path", pa.string(), None),
    ("run_number", pa.int64(), None),
    ("lumisections", pa.int64(), None),
    ("counts", pa.int64(), None),
    ("rate", pa.float64(), "Hz"),
    ("rate_error", pa.float64(), "Hz"),
    ("prescaled_lumisections", pa.int64(), None),
    ("recorded_lumi", pa.float64(), INTEGRATED),
    ("effective_lumi", pa.float64(), INTEGRATED),
    ("cross_section", pa.float64(), "ub"),
    ("cross_section_error", pa.float64(), "ub"),
    ("status", pa.string(), None),
    ("off", pa.string(), None),
    ("without_counts", pa.string(), None),
)
SCHEMA = pa.schema([with_unit(pa.field(n, kind), unit) for n, kind, unit in _COLUMNS])
"""The columns of `summary`."""


def summary(cube: Cube, *, by_run: bool = False) -> Table:
    """Counts, rates, luminosity and cross-section of each path.

    ``counts`` and ``rate`` are of the lumisections that have a count, ``recorded_lumi``
    and what follows of those that also have a prescale and luminosity: one number each
    for both sides of the division. The cross-section is sum(N p) / sum(recorded), its
    error sqrt(sum(N p^2)) / sum(recorded); for L1 it is counted before prescale and
    dead time, over what was delivered.

    Args:
        cube: From `hlt` or `l1`.
        by_run: One row per path and run.

    Returns:
        Null where nothing is known. ``status`` names every status that counts, ``off``
        and ``without_counts`` the lumisections that do not.

    Cost: O(paths x lumisections).
    """
    whole = [(None, np.ones(len(cube.conditions), dtype=bool))]
    parts: list[tuple[int | None, NDArray[np.bool_]]] = [*whole]
    if by_run:
        parts = [(run, cube.conditions.run == run) for run in cube.runs]
    rows = [
        _row(cube, row, run, here)
        for row in range(len(cube.paths))
        for run, here in parts
    ]
    table = pa.Table.from_pylist(rows, SCHEMA)
    return Table(table, resource="summary", warnings=cube.table_notes())


def _row(
    cube: Cube, row: int, run: int | None, here: NDArray[np.bool_]
) -> dict[str, Any]:
    counts, conditions = cube.counts[row], cube.conditions
    known = here & np.isfinite(counts)
    size, total = int(known.sum()), float(counts[known].sum())
    seconds = size * LUMISECTION_S
    found: dict[str, Any] = {
        "path": cube.paths[row],
        "run_number": run,
        "lumisections": size,
        "counts": int(total) if size else None,
        "rate": total / seconds if size else None,
        "rate_error": float(np.sqrt(total)) / seconds if size else None,
        "without_counts": shown(conditions.mask(here & ~known)) or None,
    }
    if cube.prescales is None:
        return found
    found |= _luminosity(cube, row, known)
    off = here & (cube.prescales.statuses()[row] == _OFF)
    return {**found, "off": shown(conditions.mask(off)) or None}


def _luminosity(cube: Cube, row: int, known: NDArray[np.bool_]) -> dict[str, Any]:
    assert cube.prescales is not None
    conditions, before = cube.conditions, cube.kind == "l1"
    prescale = cube.prescales.matrix("total")[row]
    base = conditions.delivered if before else conditions.recorded
    used = known & np.isfinite(prescale) & np.isfinite(base)
    recorded = conditions.recorded[used]
    status = sorted({int(s) for s in cube.prescales.statuses()[row, used]})
    found: dict[str, Any] = {
        "prescaled_lumisections": int(used.sum()),
        "status": ", ".join(STATUSES[s] for s in status) or None,
    }
    if not used.any():
        return found
    found["recorded_lumi"] = float(recorded.sum())
    found["effective_lumi"] = float((recorded / prescale[used]).sum())
    n, p = cube.counts[row, used], prescale[used]
    if before:
        n, p = cube.counters["pre_dt_before_prescale"][row, used], np.ones(p.size)
    ub = float(base[used].sum()) * UB_PER_PB
    if ub > 0:
        found["cross_section"] = float((n * p).sum()) / ub
        found["cross_section_error"] = float(np.sqrt((n * p * p).sum())) / ub
    return found
