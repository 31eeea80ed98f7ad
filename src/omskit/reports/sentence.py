"""The first line of a report: what happened, and the one thing to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from omskit.reports.words import duration, number, plural

if TYPE_CHECKING:
    from omskit.lumi import Ledger
    from omskit.lumi.ledgers import Entry
    from omskit.reports.model import Subject
    from omskit.table import Table

SMALL = 0.01
"""A loss below this part of what was delivered is nothing to look at."""


def sentence_of(
    subject: Subject,
    runs: Table,
    lumisections: Table,
    found: Ledger | None,
) -> str:
    """The whole in one or two sentences."""
    head = subject.title
    if subject.kind == "run":
        fill = runs["fill_number"][0]
        head += f" of fill {fill}" if fill is not None else " without a fill"
    elif subject.kind == "period":
        head += f": {plural(len(runs), 'run')}"
    if not len(lumisections):
        return f"{head} has no lumisection."
    told = f"{head}, {beam_of(lumisections)}"
    if found is None or not found.delivered_pb:
        return f"{told}: no luminosity was delivered."
    told += (
        f": {number(found.recorded_pb)} of {number(found.delivered_pb)} /pb recorded"
    )
    assert found.efficiency is not None
    told += f" ({100 * found.efficiency:.1f} %)"
    return f"{told}; {look_at(found, lumisections)}."


def beam_of(lumisections: Table) -> str:
    """How long there were stable beams.

    Example:
        >>> from omskit.table import Table
        >>> beam_of(Table(pa.table({"beams_stable": [True, None]})))
        'stable beams for 23 s'
    """
    column = lumisections.arrow["beams_stable"].cast(pa.bool_())
    stable = pc.sum(column.cast(pa.int64())).as_py()
    if not stable:
        return "no stable beams"
    # 2^18 orbits of 3564 bunches at 40.079 MHz. Source: SCHEMA, section 7.
    return f"stable beams for {duration(stable * 23.3104)}"


def look_at(found: Ledger, lumisections: Table) -> str:
    """The largest loss, or that there is none; a part that was off counts as one."""
    losses = [e for e in found.lost() if e.lumi_pb >= SMALL * found.delivered_pb]
    parts = [p for p in found.parts if p.inclusive_pb >= SMALL * found.delivered_pb]
    told: list[tuple[float, str]] = [(e.lumi_pb, _loss(e)) for e in losses]
    for part in parts:
        name = max(part.flags, key=lambda flag: flag[1])[0]
        lost = f"{part.subsystem} was off for {number(part.inclusive_pb)} /pb"
        told.append((part.inclusive_pb, lost + since(lumisections, name)))
    if not told:
        return "all well"
    told.sort(key=lambda pair: -pair[0])
    return told[0][1]


def since(lumisections: Table, flag: str) -> str:
    """From which lumisection on a flag was off in stable beams, to end a sentence.

    Example:
        >>> from omskit.table import Table
        >>> rows = {"run_number": [7, 7], "lumisection_number": [1, 2]}
        >>> rows |= {"beams_stable": [False, True], "bpix_ready": [False, False]}
        >>> since(Table(pa.table(rows)), "bpix_ready")
        ' from lumisection 2 of run 7'
    """
    arrow = lumisections.arrow
    off = pc.and_(pc.invert(arrow[flag]), arrow["beams_stable"])
    rows = arrow.select(["run_number", "lumisection_number"]).filter(off)
    if not rows.num_rows:
        return ""
    first = min(zip(*(rows.column(i).to_pylist() for i in (0, 1)), strict=True))
    return f" from lumisection {first[1]} of run {first[0]}"


def _loss(entry: Entry) -> str:
    words = {
        "deadtime": "deadtime cost",
        "inactive": "CMS not being active cost",
        "missing": "lumisections that OMS lacks hold",
        "no_value": "lumisections without a value hold",
        "before": "before the first run went",
        "between": "between runs went",
        "after": "after the last run went",
        "unexplained": "running sum and lumisections disagree by",
    }[entry.cause]
    return f"{words} {number(entry.lumi_pb)} /pb"
