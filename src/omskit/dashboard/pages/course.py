"""The course of a fill: its runs by the clock, and where their luminosity went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from omskit.lumi import ledger
from omskit.lumi.accounting import COLUMNS
from omskit.lumi.ledgers import SHOWN
from omskit.reports.words import duration, number

if TYPE_CHECKING:
    import datetime as dt

    from omskit.lumi import Ledger
    from omskit.reports import Report

CAUSES = {
    "recorded": "recorded, all on",
    "detector_off": "recorded, a detector off",
    "flag_unknown": "recorded, a flag unknown",
    "not_stable": "recorded, not stable",
    "no_value": "no value",
    "deadtime": "deadtime",
    "inactive": "CMS not active",
    "missing": "missing in OMS",
    "unexplained": "unexplained",
}
"""Where luminosity goes within a run, in the order in which it is shown."""
NO_RUN = {
    "before": "before the first run",
    "between": "between runs",
    "after": "after the last run",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A run, or the time without one, along the clock.

    Attributes:
        run: None: no run went on.
        left, width: Parts of the whole, in per cent.
        text: What it is, in words.
        parts: Cause and share of what was delivered meanwhile, in per cent.
    """

    run: int | None
    left: float
    width: float
    text: str
    parts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """The runs of a fill, and where their luminosity went.

    Attributes:
        blocks: Along the clock.
        ends: When it begins and ends, in words.
        heads, rows: A table with one row a run, and the fill below.
    """

    blocks: tuple[Block, ...]
    ends: tuple[str, str]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def course(report: Report) -> Course | None:
    """The course of the runs of a report; None where OMS has no times of them."""
    runs = [row for row in report.runs.to_records() if row.get("start_time")]
    if not runs or report.ledger is None:
        return None
    ledgers = {row["run_number"]: of_run(report, row["run_number"]) for row in runs}
    shown = _causes([*ledgers.values(), report.ledger])
    rows = [
        (str(run), *_cells(found, shown))
        for run, found in ledgers.items()
        if found is not None
    ]
    for entry in report.ledger.entries:
        if entry.cause in NO_RUN and abs(entry.lumi_pb) >= SHOWN:
            blank = ("",) * len(shown)
            rows.append((f"no run, {NO_RUN[entry.cause]}", _pb(entry.lumi_pb), *blank))
    rows.append((report.title.lower(), *_cells(report.ledger, shown)))
    heads = ("run", "delivered", *(CAUSES[cause] for cause in shown))
    blocks, ends = _blocks(runs, ledgers)
    return Course(blocks, ends, heads, tuple(rows))


def of_run(report: Report, run: int) -> Ledger | None:
    """The ledger of one run of a report; None where it has no lumisection or value."""
    arrow = report.lumisections.arrow
    rows = arrow.filter(pc.equal(arrow["run_number"], run)).select(list(COLUMNS))
    if not rows.num_rows or not rows["delivered_lumi"].drop_null():
        return None
    return ledger(report.lumisections.part(rows), run=run)


def _causes(ledgers: list[Ledger | None]) -> list[str]:
    """The causes that are worth a column."""
    there = {
        entry.cause
        for found in ledgers
        if found is not None
        for entry in found.entries
        if abs(entry.lumi_pb) >= SHOWN
    }
    return [cause for cause in CAUSES if cause in there]


def _cells(found: Ledger, causes: list[str]) -> tuple[str, ...]:
    lumi = {entry.cause: entry.lumi_pb for entry in found.entries}
    return (_pb(found.delivered_pb), *(_pb(lumi.get(c, 0.0)) for c in causes))


def _pb(value: float) -> str:
    return f"{value:.3f} /pb" if abs(value) >= SHOWN else "0"


def _blocks(
    runs: list[dict[str, Any]], ledgers: dict[int, Ledger | None]
) -> tuple[tuple[Block, ...], tuple[str, str]]:
    spans = [(r["start_time"], r["end_time"] or r["start_time"], r) for r in runs]
    begin, end = min(s[0] for s in spans), max(s[1] for s in spans)
    whole = max((end - begin).total_seconds(), 1.0)
    blocks = []
    last = begin
    for start, stop, row in sorted(spans, key=lambda span: span[0]):
        gap = (start - last).total_seconds()
        if gap > 0:
            left = 100 * (last - begin).total_seconds() / whole
            text = f"no run for {duration(gap)}, from {last:%H:%M} UTC"
            blocks.append(
                Block(None, round(left, 3), round(100 * gap / whole, 3), text)
            )
        run = int(row["run_number"])
        length = (stop - start).total_seconds()
        text, parts = _told(run, start, length, ledgers[run])
        left = 100 * (start - begin).total_seconds() / whole
        wide = 100 * length / whole
        blocks.append(Block(run, round(left, 3), round(wide, 3), text, parts))
        last = max(last, stop)
    return tuple(blocks), (f"{begin:%Y-%m-%d %H:%M} UTC", f"{end:%Y-%m-%d %H:%M} UTC")


def _told(
    run: int, start: dt.datetime, length: float, found: Ledger | None
) -> tuple[str, tuple[tuple[str, float], ...]]:
    text = f"run {run} from {start:%H:%M} UTC for {duration(length)}"
    if found is None or not found.delivered_pb:
        return f"{text}: no luminosity", ()
    shares = [
        (entry.cause, round(100 * entry.lumi_pb / found.delivered_pb, 2))
        for entry in found.entries
        if entry.cause in CAUSES and entry.lumi_pb >= SHOWN
    ]
    told = ", ".join(f"{CAUSES[cause]} {share:g} %" for cause, share in shares)
    return f"{text}: {number(found.delivered_pb)} /pb, {told}", tuple(shares)
