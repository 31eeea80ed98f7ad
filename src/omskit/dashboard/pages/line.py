"""*Run* and *Fill*: facts, curves and flags by lumisection, with one zoom for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.dashboard.asking import LASTING_S
from omskit.dashboard.pages.course import course
from omskit.dashboard.pages.page import Page, receipt_of
from omskit.errors import UsageError
from omskit.lumi import why
from omskit.reports import drawing, words
from omskit.reports.html import SIMULATED, view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omskit.dashboard.asking import Asker
    from omskit.dashboard.parameters import Parameters
    from omskit.reports import Report
    from omskit.reports.timeline import Timeline

STATES = {
    "all": "all",
    "stable": "stable beams",
    "in": "good in the mask",
    "out": "outside the mask",
}


def line_page(kind: str, number: int, given: Parameters, asker: Asker) -> Page:
    """A run or a fill, as far as the address zooms in."""
    report = asker.report(kind, number)
    # The same link is opened by many: curves are drawn once for all of them.
    key = ("shown", kind, number, given.link(""), report.made)
    values = asker.remembered(
        key, lambda: _values(kind, report, given, asker), kept_s=LASTING_S
    )
    return Page(
        "line.html", report.title, report.sentence, values, simulated=report.simulated
    )


def _values(
    kind: str, report: Report, given: Parameters, asker: Asker
) -> dict[str, Any]:
    """What the page shows."""
    whole = asker.line(report)
    chosen = choose(whole, given, asker)
    first, last = window(whole, given)
    line = whole.only(chosen).between(first, last)
    path = f"/{kind}/{report.subject.number}"
    return {
        **view(report, line),
        "kind": kind,
        "course": course(report) if kind == "fill" else None,
        "told": report.sentence + (f" {SIMULATED}" if report.simulated else ""),
        "receipt": receipt_of(report.lumisections),
        "path": path,
        "given": given,
        "states": STATES,
        "state": given.choice("states", tuple(STATES)),
        "window": (first, last),
        "offset": first,
        "total": len(whole),
        "zoomed": (first, last) != (0, len(whole) - 1),
        "range_words": range_words(line),
        "verdict": verdict(report, line, given),
        "heads": heads(report, whole),
        "tables": ("runs", "lumisections", "rates", "deadtimes", "streams"),
    }


def window(line: Timeline, given: Parameters) -> tuple[int, int]:
    """The first and last slot that the address names; all where it names none.

    Raises:
        UsageError: They are in the wrong order, or not there.
    """
    end = len(line) - 1
    first, last = given.number("from"), given.number("to")
    first, last = first or 0, end if last is None else min(last, end)
    if end >= 0 and not 0 <= first <= last:
        message = f"from={first} and to={last} in the address leave nothing to show."
        raise UsageError(message)
    return first, last


def choose(line: Timeline, given: Parameters, asker: Asker) -> NDArray[np.bool_]:
    """The slots in the state that the address names.

    Raises:
        UsageError: It names a mask that is not known.
    """
    state = given.choice("states", tuple(STATES))
    if state == "all":
        return np.ones(len(line), dtype=np.bool_)
    if state == "stable":
        stable = next((f for f in line.flags if f.name == "beams_stable"), None)
        if stable is None:
            return np.zeros(len(line), dtype=np.bool_)
        return np.asarray(stable.values == 1)
    known = asker.dropped(given.text("mask"))
    if known is None:
        message = (
            "Drop a certification file on the page Masks first; its link "
            "'in this mask' leads back here."
        )
        raise UsageError(message)
    inside = np.asarray(known.mask.contains(line.runs, line.numbers))
    return inside if state == "in" else ~inside


def range_words(line: Timeline) -> str:
    """Which lumisections are shown."""
    if not len(line):
        return "no lumisection"
    a, b = (f"{line.runs[i]}:{line.numbers[i]}" for i in (0, -1))
    return f"{words.plural(len(line), 'lumisection')}, {a} to {b}"


def verdict(report: Report, line: Timeline, given: Parameters) -> str:
    """Why a lumisection that the address names is good or not."""
    slot = given.number("at")
    first = given.number("from") or 0
    if slot is None or not 0 <= slot - first < len(line):
        return ""
    run, number = int(line.runs[slot - first]), int(line.numbers[slot - first])
    return str(why(run, number, report.lumisections, {}))


def heads(report: Report, line: Timeline) -> list[tuple[str, Any]]:
    """The numbers that a shifter looks for first."""
    found: list[tuple[str, Any]] = []
    if report.ledger is not None:
        ledger = report.ledger
        found += [
            ("Delivered", f"{words.number(ledger.delivered_pb)} /pb"),
            ("Recorded", f"{words.number(ledger.recorded_pb)} /pb"),
        ]
        if ledger.efficiency is not None:
            found.append(("Efficiency", f"{100 * ledger.efficiency:.1f} %"))
    found += [
        (curve.name, words.with_unit(drawing.span_of(curve), curve.unit))
        for curve in line.curves
        if curve.name != "Prescale column"
    ]
    return found
