"""The tables of a report as rows of text, the same in HTML and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit.lumi.ledgers import SHOWN
from omskit.reports.words import cell, duration, identifier, number, spans

if TYPE_CHECKING:
    from omskit.reports.model import Content

RUNS = {
    "run_number": "Run",
    "start_time": "Start",
    "duration": "Duration",
    "last_lumisection_number": "Lumisections",
    "stable_beam": "Stable",
    "delivered_lumi": "Delivered",
    "recorded_lumi": "Recorded",
    "l1_rate": "L1 rate",
    "hlt_physics_rate": "HLT physics",
}


def ledger_rows(report: Content) -> list[tuple[str, str, str, str]]:
    """Cause, luminosity, part and lumisections; the last row is the whole.

    Entries that would show as 0.000 are left out, and their sum is none to see.
    """
    found = report.ledger
    if found is None or not found.delivered_pb:
        return []
    whole = found.delivered_pb
    rows = [
        (
            entry.words,
            f"{entry.lumi_pb:.3f} /pb",
            f"{100 * entry.lumi_pb / whole:.2f} %",
            number(entry.lumisections),
        )
        for entry in found.entries
        if abs(entry.lumi_pb) >= SHOWN or entry.cause == "recorded"
    ]
    counted = sum(e.lumisections for e in found.entries if e.cause in _INSIDE)
    return [*rows, ("delivered", f"{whole:.3f} /pb", "100 %", number(counted))]


_INSIDE = ("recorded", "detector_off", "flag_unknown", "not_stable", "no_value")
"""Causes that count every lumisection once; deadtime and inactive count it again."""


def part_rows(report: Content) -> list[tuple[str, str, str, str]]:
    """Subsystem, luminosity while it was off, while it alone was, and its flags."""
    if report.ledger is None:
        return []
    return [
        (
            part.subsystem,
            f"{part.inclusive_pb:.3f} /pb",
            f"{part.exclusive_pb:.3f} /pb",
            ", ".join(f"{name} {lumi:.3f}" for name, lumi in part.flags),
        )
        for part in report.ledger.parts
    ]


def run_rows(report: Content) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the runs."""
    names = [name for name in RUNS if name in report.runs.columns]
    units = report.runs.units
    rows = []
    for record in report.runs.to_records():
        told = []
        for name in names:
            value = record[name]
            if name in {"run_number", "last_lumisection_number"}:
                told.append(identifier(value))
            elif name == "duration" and value is not None:
                told.append(duration(value))
            else:
                told.append(cell(value, units[name]))
        rows.append(told)
    return [RUNS[name] for name in names], rows


def span_rows(report: Content) -> list[tuple[str, str, str, str]]:
    """Flag, state, how many lumisections, and which."""
    several = len(report.runs) > 1
    return [
        (
            span.flag,
            span.state,
            number(span.lumisections),
            spans(span.gaps, runs=several),
        )
        for span in report.spans
    ]


def downtime_rows(report: Content) -> list[list[str]]:
    """Start, duration, luminosity lost, subsystem and category, as OMS lists them."""
    rows = []
    for table in report.downtimes:
        unit = table.units["lost_lumi"] or "(unit unknown)"
        for row in table.to_records():
            seconds = row["duration"]
            lost = row["lost_lumi"]
            cause = " ".join(c for c in (row["subsystem"], row["category"]) if c)
            rows.append(
                [
                    cell(row["start_time"]),
                    cell(None) if seconds is None else duration(seconds),
                    cell(None) if lost is None else f"{lost:.3f} {unit}",
                    cause or "no cause given",
                ]
            )
    return rows
