"""*Now*: the ongoing run, or the last one, and what changed in the last minutes."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.dashboard.pages.line import STATES, choose
from omskit.dashboard.pages.page import Page, receipt_of
from omskit.dashboard.parameters import Parameters
from omskit.reports import drawing, words
from omskit.reports.timeline import HLT
from omskit.reports.words import duration, number

if TYPE_CHECKING:
    from omskit.dashboard.asking import Asker
    from omskit.dashboard.watching import Seen
    from omskit.reports import Report
    from omskit.reports.timeline import Timeline

TAIL = 160
"""Lumisections that the page shows: about an hour."""
OLD_S = 120.0
"""A run whose last lumisection ended longer ago is not told as if it went on."""


def now_page(seen: Seen, asker: Asker, given: Parameters | None = None) -> Page:
    """What the watcher saw last."""
    given = given or Parameters({})
    values: dict[str, Any] = {"seen": seen, "given": given}
    report = seen.report
    if report is None:
        told = "OMS has no run yet."
        if seen.failing:
            told = f"OMS does not answer: {seen.failing}"
        elif seen.looked is None:
            told = "The first look at OMS is under way."
        values |= {"report": None, "outage": outage(seen)}
        return Page("now.html", "Now", told, values)
    whole = asker.line(report)
    line = whole.between(max(len(whole) - TAIL, 0), len(whole) - 1)
    chosen = whole.only(choose(whole, given, asker))
    shown = chosen.between(max(len(whole) - TAIL, 0), len(whole) - 1)
    last = {c.name: _last(c.values) for c in line.curves}
    units = {c.name: c.unit or "" for c in line.curves}
    off = [f.name for f in line.flags if len(line) and f.values[-1] == 0]
    values |= {
        "report": report,
        "outage": outage(seen),
        "drawn": [drawing.draw(curve) for curve in shown.curves],
        "strips": [drawing.strip(f, line) for f in line.flags if (f.values != 1).any()],
        "ticks": drawing.axis_of(line),
        "bounds": [],
        "receipt": receipt_of(report.lumisections),
        "hover": drawing.hover_data(shown),
        "all_on": all((f.values == 1).all() for f in line.flags),
        "states": STATES,
        "state": given.choice("states", tuple(STATES)),
        "heads": _heads(report, last, units),
        "off": off,
        "marks": _marks(line, seen),
    }
    told = sentence(report, last, off, seen, asker.now())
    return Page("now.html", "Now", told, values, simulated=report.simulated)


def outage(seen: Seen) -> str:
    """What is wrong and since when; "" where OMS answers."""
    if not seen.failing:
        return ""
    since = "the start" if seen.looked is None else f"{seen.looked:%H:%M:%S} UTC"
    told = f"No answer from OMS since {since}; what stands here is from then."
    return f"{told} {seen.failing}"


def sentence(
    report: Report,
    last: dict[str, float],
    off: list[str],
    seen: Seen,
    now: dt.datetime,
) -> str:
    """Run, beam, luminosity, pileup, rate, and whether all is well."""
    row = report.runs.to_records()[0]
    ended = row.get("end_time")
    if seen.failing:
        state = f"OMS does not answer since {seen.looked:%H:%M:%S} UTC"
    elif ended is not None:
        state = f"it ended at {ended:%Y-%m-%d %H:%M} UTC"
    else:
        told = [name for name in off if name.endswith("_ready")]
        state = f"look at {words.listed(told[:4])}: off" if told else "all well"
        if "cms_active" in off:
            state = "CMS is not active"
        age = _age(report, seen.looked or now)
        if age > OLD_S:
            state = f"no lumisection for {duration(age)}"
    beam = "stable beams" if "beams_stable" not in off else "no stable beams"
    parts = [f"Run {row['run_number']} of fill {row['fill_number']}", beam]
    shown = {
        "Luminosity": (
            "luminosity {:.2f} \N{MULTIPLICATION SIGN} "
            + words.unit_text("10^34 cm^-2 s^-1"),
            1e4,
        ),
        "Pileup": ("pileup {:.1f}", 1),
        "L1 physics rate": ("L1 {:.1f} kHz", 1000),
        HLT: ("HLT {:.2f} kHz", 1000),
    }
    for name, (form, unit) in shown.items():
        if math.isfinite(last.get(name, math.nan)):
            parts.append(form.format(last[name] / unit))
    return f"{', '.join(parts)}: {state}."


def _age(report: Report, now: dt.datetime) -> float:
    """Seconds since the last lumisection ended, by the numbers of lumisections."""
    start = report.runs["start_time"][0]
    numbers = report.lumisections["lumisection_number"].to_pylist()
    if start is None or not numbers:
        return 0.0
    # 2^18 orbits of 3564 bunches at 40.079 MHz. Source: SCHEMA, section 7.
    ended = start + dt.timedelta(seconds=23.3104 * max(numbers))
    return (now - ended).total_seconds()


def _last(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """The newest value that is known; NaN where none is."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else float("nan")


def _heads(
    report: Report, last: dict[str, float], units: dict[str, str]
) -> list[tuple[str, str]]:
    """The numbers of the newest lumisections, and of the run so far."""
    row = report.runs.to_records()[0]
    found = [("Fill", words.identifier(row["fill_number"]))]
    found += [
        (
            name,
            words.with_unit(number(value), units[name])
            if math.isfinite(value)
            else "no value",
        )
        for name, value in last.items()
    ]
    if report.ledger is not None:
        found.append(("Recorded so far", f"{number(report.ledger.recorded_pb)} /pb"))
    if HLT not in last and row.get("hlt_physics_rate") is not None:
        found.append(("HLT physics", f"{number(row['hlt_physics_rate'])} Hz"))
    return found


def _marks(line: Timeline, seen: Seen) -> list[tuple[float, str]]:
    """Late and revised lumisections: place in per cent, and which of the two."""
    size = max(len(line), 1)
    return [
        (round(100 * (slot + 0.5) / size, 2), "late" if n in seen.late else "revised")
        for slot, n in enumerate(line.numbers.tolist())
        if n in seen.late or n in seen.revised
    ]
