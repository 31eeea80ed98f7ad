"""*Trigger*: paths or L1 algorithms along lumisections, as a heat map and as lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.dashboard.heat import Cube, cube_of, picture
from omskit.dashboard.pages.line import STATES, choose, range_words, window
from omskit.dashboard.pages.page import Page, receipt_of
from omskit.errors import UsageError
from omskit.reports import drawing
from omskit.reports.timeline import Curve, Timeline
from omskit.reports.words import number, plural

if TYPE_CHECKING:
    from omskit.dashboard.asking import Asker
    from omskit.dashboard.heat import Cells
    from omskit.dashboard.parameters import Parameters

KINDS = {"hlt": "HLT paths", "l1": "L1 algorithms"}
COLUMNS = {
    ("hlt", "counted"): ("path_name", "rate"),
    ("l1", "counted"): ("name", "post_dt_rate"),
    ("l1", "unprescaled"): ("name", "pre_dt_before_prescale_rate"),
}
"""What is shown of which: OMS knows L1 rates before prescales, and none of paths."""
VALUES = {"counted": "as counted", "unprescaled": "before prescales"}
USUAL = {"hlt": "HLT_ZeroBias*,HLT_*Mu*", "l1": "L1_*"}
LINES = 4
MOST_LINES = 8


def cube(given: Parameters, asker: Asker) -> tuple[int, str, Cube]:
    """The run, the kind and the rates that the address asks for.

    Raises:
        UsageError: It names no run, or what OMS does not know.
    """
    kind = given.choice("kind", tuple(KINDS))
    value = given.choice("value", tuple(VALUES))
    run = given.number("run") or asker.newest_run()
    if run is None:
        message = "OMS has no run yet; name one with run= in the address."
        raise UsageError(message)
    if (kind, value) not in COLUMNS:
        message = "OMS does not know the rates of HLT paths before prescales."
        raise UsageError(message)
    return run, kind, _of_run(run, kind, value, given, asker)


def _of_run(run: int, kind: str, value: str, given: Parameters, asker: Asker) -> Cube:
    pattern = given.text("pattern", USUAL[kind])
    name, column = COLUMNS[kind, value]

    def make() -> Cube:
        table = (asker.hlt if kind == "hlt" else asker.l1)(run, pattern)
        return cube_of(table, name, column, receipt_of(table))

    key = ("cube", run, kind, value, pattern)
    return asker.remembered(key, make, kept_s=lambda _: asker.length_of(run))


def trigger_page(given: Parameters, asker: Asker) -> Page:
    """The heat map, and the lines of some paths."""
    run, kind, found = cube(given, asker)
    values: dict[str, Any] = {
        "given": given,
        "run": run,
        "kind": kind,
        "kinds": KINDS,
        "value": given.choice("value", tuple(VALUES)),
        "value_words": VALUES,
        "pattern": given.text("pattern", USUAL[kind]),
        "names": found.names,
        "empty": not found.names,
        "path": "/trigger",
    }
    noun = "path" if kind == "hlt" else "algorithm"
    if not found.names:
        told = f"Run {run} has no {noun} named {values['pattern']}."
        return Page("trigger.html", "Trigger", told, values)
    found = replace(found, cells=_in_state(run, found, given, asker))
    axis = _axis(run, found)
    first, last = window(axis, given)
    line = axis.between(first, last)
    chosen = _chosen(given, found)
    values |= {
        "window": (first, last),
        "offset": first,
        "states": STATES,
        "state": given.choice("states", tuple(STATES)),
        "total": len(axis),
        "zoomed": (first, last) != (0, len(axis) - 1),
        "range_words": range_words(line),
        "chosen": chosen,
        "drawn": [
            drawing.draw(c) for c in _curves(found, chosen).between(first, last).curves
        ],
        "ticks": drawing.axis_of(line),
        "bounds": [],
        "hover": drawing.hover_data(_curves(found, chosen, run).between(first, last)),
        "rows": _rows(run, kind, found, given, asker),
        "reference": given.number("ref"),
        "unit": found.unit or "",
        "receipt": found.receipt,
    }
    top = found.names[0]
    told = (
        f"Run {run}: {plural(len(found.names), noun)}, the highest {top} with "
        f"{number(float(found.means[0]))} {found.unit or ''} in the mean."
    )
    return Page("trigger.html", "Trigger", told, values, simulated=found.simulated)


def heat_picture(given: Parameters, asker: Asker) -> bytes:
    """The heat map as a PNG."""
    run, _, found = cube(given, asker)
    first, last = window(_axis(run, found), given)
    cells = _in_state(run, found, given, asker)
    return picture(cells[:, first : last + 1], found.medians)


def _in_state(run: int, found: Cube, given: Parameters, asker: Asker) -> Cells:
    """The rates, unknown where lumisections are not in the state that is asked for."""
    if given.choice("states", tuple(STATES)) == "all":
        return found.cells
    whole = asker.line(asker.report("run", run))
    numbers = whole.numbers[choose(whole, given, asker)]
    chosen = np.isin(found.numbers, numbers)
    return np.where(chosen, found.cells, np.float32(np.nan))


def _axis(run: int, found: Cube) -> Timeline:
    runs = np.full(found.numbers.size, run, dtype=np.int64)
    held = np.asarray(np.isfinite(found.cells).any(axis=0))
    return Timeline(runs, found.numbers, held)


def _curves(found: Cube, chosen: list[str], run: int = 0) -> Timeline:
    axis = _axis(run, found)
    curves = tuple(
        Curve(name, found.unit, found.cells[found.names.index(name)].astype(float))
        for name in chosen
    )
    return Timeline(axis.runs, axis.numbers, axis.held, curves)


def _chosen(given: Parameters, found: Cube) -> list[str]:
    """The paths that are drawn as lines: those of the address, or the highest."""
    asked = [name for name in given.text("lines").split(",") if name]
    known = [name for name in dict.fromkeys(asked) if name in found.names]
    return (known or list(found.names[:LINES]))[:MOST_LINES]


def _rows(
    run: int, kind: str, found: Cube, given: Parameters, asker: Asker
) -> list[tuple[str, str, str]]:
    """Each path with its mean rate, and its ratio to a reference run."""
    reference: dict[str, float] = {}
    other = given.number("ref")
    if other is not None and other != run:
        value = given.choice("value", tuple(VALUES))
        before = _of_run(other, kind, value, given, asker)
        before = replace(before, cells=_in_state(other, before, given, asker))
        reference = dict(zip(before.names, before.means.tolist(), strict=True))
    rows = []
    for name, mean in zip(found.names, found.means.tolist(), strict=True):
        usual = reference.get(name)
        ratio = f"{mean / usual:.3f}" if usual else ""
        rows.append((name, number(mean), ratio))
    return rows
