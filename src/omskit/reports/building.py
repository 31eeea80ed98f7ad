"""From typed tables to a report: a pure function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omskit.errors import NoRowError
from omskit.lumi import ledger
from omskit.lumi.accounting import COLUMNS
from omskit.reports.model import Fact, Subject
from omskit.reports.outliers import outliers_of
from omskit.reports.report import Report
from omskit.reports.sentence import sentence_of
from omskit.reports.spans import agreements_of, spans_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from omskit.lumi import Ledger, LumiMask
    from omskit.table import Table

RUN_FACTS = {
    "fill_number": "Fill",
    "era": "Era",
    "start_time": "Start",
    "end_time": "End",
    "duration": "Duration",
    "last_lumisection_number": "Last lumisection",
    "sequence": "Sequence",
    "stable_beam": "Stable beams",
    "energy": "Beam energy",
    "b_field": "Magnetic field",
    "fill_type_runtime": "Beams",
    "delivered_lumi": "Delivered",
    "recorded_lumi": "Recorded",
    "init_lumi": "Luminosity at the start",
    "end_lumi": "Luminosity at the end",
    "beamactive_total_deadtime": "Deadtime with beam",
    "l1_rate": "L1 rate",
    "l1_triggers_counter": "L1 triggers",
    "hlt_physics_rate": "HLT physics rate",
    "hlt_physics_counter": "HLT physics events",
    "hlt_physics_throughput": "HLT throughput",
    "initial_prescale_index": "First prescale column",
    "l1_menu": "L1 menu",
    "l1_hlt_mode": "Trigger mode",
    "hlt_key": "HLT key",
    "cmssw_version": "CMSSW",
    "components": "Components",
    "components_out": "Components out",
}
"""The fields of a run that a report shows, and what it calls them."""

FILL_FACTS = {
    "era": "Era",
    "start_time": "Start",
    "start_stable_beam": "Stable beams from",
    "end_stable_beam": "Stable beams until",
    "end_time": "End",
    "duration": "Duration",
    "first_run_number": "First run",
    "last_run_number": "Last run",
    "fill_type_runtime": "Beams",
    "injection_scheme": "Injection scheme",
    "energy": "Beam energy",
    "b_field": "Magnetic field",
    "bunches_colliding": "Colliding bunches",
    "intensity_beam1": "Intensity of beam 1",
    "intensity_beam2": "Intensity of beam 2",
    "peak_lumi": "Peak luminosity",
    "peak_pileup": "Peak pileup",
    "delivered_lumi": "Delivered",
    "recorded_lumi": "Recorded",
    "efficiency_lumi": "Efficiency by luminosity",
    "efficiency_time": "Efficiency by time",
    "downtime": "Downtime",
}
"""The same for a fill."""

NUMBERS = frozenset(
    {
        "fill_number",
        "run_number",
        "first_run_number",
        "last_run_number",
        "last_lumisection_number",
        "initial_prescale_index",
    }
)
"""Integers that name something; their digits stay together."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The tables that a report is made from.

    Attributes:
        runs: Rows of ``runs``, ascending.
        lumisections: All of the run, of the fill, or of the period, every field.
        fill: The row of ``fills``, for a report of a fill.
        rates: ``l1triggerrates`` per lumisection; None: not asked for.
        deadtimes: ``deadtimes`` per lumisection; None: not asked for.
        streams: ``streams`` of physics per lumisection; None: not asked for.
        hlt: ``hltpathrates`` per lumisection, to look for outliers; None: not.
        downtimes: Tables of ``downtimes`` and ``downtimesrun3``.
        masks: Certification files by name.
        notes: What could not be had.
    """

    runs: Table
    lumisections: Table
    fill: Table | None = None
    rates: Table | None = None
    deadtimes: Table | None = None
    streams: Table | None = None
    hlt: Table | None = None
    downtimes: tuple[Table, ...] = ()
    masks: Mapping[str, LumiMask] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def tables(self) -> Iterator[Table]:
        """All that were asked for."""
        named = (self.fill, self.rates, self.deadtimes, self.streams, self.hlt)
        yield from (self.runs, self.lumisections)
        yield from (table for table in named if table is not None)
        yield from self.downtimes


def build(subject: Subject, given: Evidence, *, made: dt.datetime) -> Report:
    """The report on *subject* that the tables give.

    Args:
        subject: What the tables are of.
        given: The tables; nothing else is asked.
        made: The time that the report bears, in UTC.

    Raises:
        NoRowError: There is no run, or no such fill.
    """
    if not len(given.runs) or (given.fill is not None and not len(given.fill)):
        message = f"{subject.title}: OMS has no such row. Is the number right?"
        raise NoRowError(message)
    found = _ledger(subject, given)
    spans = spans_of(given.lumisections)
    return Report(
        subject=subject,
        sentence=sentence_of(subject, given.runs, given.lumisections, found),
        facts=tuple(_facts(subject, given)),
        ledger=found,
        runs=given.runs,
        lumisections=given.lumisections,
        rates=given.rates,
        deadtimes=given.deadtimes,
        streams=given.streams,
        spans=spans,
        gaps=given.lumisections.gaps,
        agreements=agreements_of(given.lumisections, given.masks),
        outliers=(
            None if given.hlt is None else outliers_of(given.hlt, given.lumisections)
        ),
        downtimes=given.downtimes,
        notes=_notes(given),
        receipts=tuple(t.receipt for t in given.tables() if t.receipt is not None),
        simulated=any(t.simulated for t in given.tables()),
        made=made,
    )


def _notes(given: Evidence) -> tuple[str, ...]:
    """What the tables warn of, and what could not be had; each once."""
    warnings = (words for table in given.tables() for words in table.warnings)
    return tuple(dict.fromkeys([*warnings, *given.notes]))


def _ledger(subject: Subject, given: Evidence) -> Ledger | None:
    """The ledger; None where there is no lumisection, or none with a luminosity."""
    lumis = given.lumisections
    if not len(lumis) or not lumis.arrow["delivered_lumi"].drop_null():
        return None
    lumis = lumis.part(lumis.arrow.select(list(COLUMNS)), warnings=lumis.notes)
    if subject.kind == "run":
        return ledger(lumis, run=subject.number)
    if subject.kind == "fill":
        assert given.fill is not None
        whole = given.fill["delivered_lumi"][0]
        return ledger(lumis, fill=subject.number, fill_delivered_pb=whole)
    return ledger(lumis, whole=subject.title)


def _facts(subject: Subject, given: Evidence) -> Iterator[Fact]:
    if subject.kind == "period":
        yield Fact("Runs", len(given.runs))
        fills = given.runs.arrow["fill_number"].drop_null().unique()
        yield Fact("Fills", len(fills))
        yield Fact("Lumisections", len(given.lumisections))
        return
    names, table = RUN_FACTS, given.runs
    if subject.kind == "fill":
        assert given.fill is not None
        names, table = FILL_FACTS, given.fill
    row = table.to_records()[0]
    for name, words in names.items():
        if name in row:
            yield Fact(words, _plain(row[name], name), table.units[name], name)


def _plain(value: object, name: str) -> str | int | float | bool | dt.datetime | None:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value is not None and name in NUMBERS:
        return str(value)
    return value  # type: ignore[return-value]  # what Arrow makes of plain columns
