"""The questions that a report asks of a client."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, Unpack

from omskit.errors import (
    NoRowError,
    NotFoundError,
    NotSyncedError,
    OMSWarning,
    UsageError,
)
from omskit.lumi.accounting import COLUMNS
from omskit.query import field
from omskit.reports.building import Evidence, build
from omskit.reports.model import WATCHED, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omskit.client import Client
    from omskit.lumi import LumiMask
    from omskit.reports.report import Report
    from omskit.table import Table

DOWNTIMES = ("downtimes", "downtimesrun3")
"""Of Run 2 and of Run 3. Source: SCHEMA, section 10."""
_SHOWN = ("start_time", "duration", "lost_lumi", "subsystem", "category")
# Not ``details``: it can name people.

PRESCALES = ("prescale_index", "prescale_name")
LUMISECTIONS = tuple(
    dict.fromkeys((*COLUMNS, "init_lumi", "pileup", *PRESCALES, *WATCHED))
)
"""Not ``end_lumi``, which is null where the next lumisection was not asked for."""

DEADTIMES = (
    "run_number",
    "first_lumisection_number",
    "last_lumisection_number",
    "beamactive_total_deadtime_percent",
)

STREAMS = (
    "run_number",
    "first_lumisection_number",
    "last_lumisection_number",
    "stream_name",
    "rate",
)


NEAR = dt.timedelta(hours=1)
"""Lumisections may begin so long after the end that OMS gives their run."""
LONGEST = dt.timedelta(days=30)
"""No run lasts longer; one that has no end and began before was given none."""


class ReportOptions(TypedDict, total=False):
    """What a report can be given beside its subject.

    Attributes:
        masks: Certification files by name.
        paths: HLT paths to look for outliers in, as patterns; None or (): nobody looks.
        now: The time that the report bears, and that 24 h are counted back from.
    """

    masks: Mapping[str, LumiMask]
    paths: str | Iterable[str]
    now: dt.datetime


def report(
    client: Client,
    *,
    run: int | None = None,
    fill: int | None = None,
    since: dt.datetime | dt.timedelta | None = None,
    until: dt.datetime | None = None,
    **options: Unpack[ReportOptions],
) -> Report:
    """A report on one run, one fill, or a stretch of time.

    Args:
        client: Whom to ask.
        run, fill, since: Which; exactly one. A duration counts back from *until*, or
            from now.
        until: The end of the stretch of time, not included.
        options: See `ReportOptions`.

    Returns:
        A value; ``to_html()`` and ``to_markdown()`` write it.

    Raises:
        UsageError: Not exactly one of *run*, *fill*, *since* was given.
        NoRowError: OMS has no such run or fill, or nothing began in that time.

    Cost: 7 requests of a run, a fill or a time, and one for each pattern of *paths*.

    Example:
        >>> import omskit
        >>> with omskit.Client("demo") as oms:
        ...     found = omskit.report(oms, run=297050)
        >>> print(found.sentence.partition(":")[0])
        Run 297050 of fill 5839, stable beams for 5 h 1 min
    """
    if [run, fill, since].count(None) != 2:  # one of three
        message = (
            "A report is of one run, one fill or a time: give run=, fill= or since=."
        )
        raise UsageError(message)
    now = options.get("now") or dt.datetime.now(dt.UTC)
    if run is not None:
        subject = Subject("run", run)
    elif fill is not None:
        subject = Subject("fill", fill)
    else:
        assert since is not None
        end = until
        if isinstance(since, dt.timedelta):
            since = (until or now) - since
        subject = Subject(
            "period", None, _utc(since), None if end is None else _utc(end)
        )
    with warnings.catch_warnings():
        # They are among the notes of the report.
        warnings.simplefilter("ignore", OMSWarning)
        given = _asked(client, subject, options)
    return build(subject, given, made=_utc(now))


def _asked(client: Client, subject: Subject, options: ReportOptions) -> Evidence:
    """All that a report is made from."""
    notes: list[str] = []
    if subject.kind == "period":
        given = _of_period(client, subject, notes)
    else:
        assert subject.number is not None
        of = _of_run if subject.kind == "run" else _of_fill
        given = of(client, subject.number, notes)
    runs = given.runs["run_number"].to_pylist()
    paths = options.get("paths")
    deadtimes = client.query("deadtimes", runs, fields=list(DEADTIMES), audit=False)
    physics = 'stream_name ~ "Physics%"'
    streams = client.query(
        "streams", runs, where=physics, fields=list(STREAMS), audit=False
    )
    return replace(
        given,
        deadtimes=_there(deadtimes.fetch, notes),
        streams=_there(streams.fetch, notes),
        notes=tuple(notes),
        hlt=client.hlt_rates(runs, paths=paths) if paths else None,
        masks=options.get("masks", {}),
    )


def _utc(moment: dt.datetime) -> dt.datetime:
    """A time in UTC; one without a zone is UTC, as OMS's are."""
    zone = moment.tzinfo
    return moment.replace(tzinfo=dt.UTC) if zone is None else moment.astimezone(dt.UTC)


def _of_run(oms: Client, run: int, notes: list[str]) -> Evidence:
    runs = oms.runs(run)
    if not len(runs):
        message = f"There is no run {run}. Is the number right?"
        raise NoRowError(message)
    return Evidence(
        runs,
        oms.lumisections(run, fields=list(LUMISECTIONS)),
        rates=_there(lambda: oms.l1_rates(run, audit=False), notes),
        downtimes=_downtimes(oms, f"start_run_number = {run}", notes),
    )


def _of_fill(oms: Client, fill: int, notes: list[str]) -> Evidence:
    row = oms.fills(fill)
    if not len(row):
        message = f"There is no fill {fill}. Is the number right?"
        raise NoRowError(message)
    lumis = oms.lumisections(fill=fill, fields=list(LUMISECTIONS))
    if not len(lumis):
        message = f"CMS has no lumisection in fill {fill}: there is nothing to report."
        raise NoRowError(message)
    runs = sorted(lumis.arrow["run_number"].unique().to_pylist())
    return Evidence(
        oms.runs(runs),
        lumis,
        fill=row,
        rates=_there(lambda: oms.l1_rates(fill=fill, audit=False), notes),
        downtimes=_downtimes(oms, f"start_fill_number = {fill}", notes),
    )


def _of_period(oms: Client, subject: Subject, notes: list[str]) -> Evidence:
    assert subject.since is not None
    within = [field("start_time") >= subject.since]
    if subject.until is not None:
        within.append(field("start_time") < subject.until)
    # By way of the runs, as a store can say of those whether it has them all.
    near, asked = _runs_near(oms, subject.since, subject.until)
    columns = list(LUMISECTIONS)
    lumis = oms.lumisections(near, where=within, fields=columns) if near else None
    if lumis is None or not len(lumis):
        message = f"{subject.title}: CMS has no lumisection that began then."
        raise NoRowError(message + _age(asked, subject.since))
    runs = sorted(lumis.arrow["run_number"].unique().to_pylist())
    return Evidence(
        oms.runs(runs),
        lumis,
        rates=_there(lambda: oms.l1_rates(runs, where=within, audit=False), notes),
    )


def _age(asked: Table, since: dt.datetime) -> str:
    """What is to be said where a store was asked: it has nothing that came later."""
    receipt = asked.receipt
    source = "" if receipt is None else receipt.service_source or ""
    if receipt is None or "store" not in source.split(", "):
        return ""
    place = receipt.service.removeprefix("store:")
    of = f" --store {place}" if place != receipt.service else ""
    return (
        f" A store answered ({source}), which has nothing that came later. Try: oms "
        f"sync runs,lumisections --since {since:%Y-%m-%d}{of}"
    )


def _runs_near(
    oms: Client, since: dt.datetime, until: dt.datetime | None
) -> tuple[list[int], Table]:
    """The runs that can have lumisections between the two, and some beside them.

    Returns:
        With them an answer, whose receipt says who gave it.
    """
    begun = [] if until is None else [field("start_time") < until]
    number = ["run_number"]
    over = oms.runs(where=[*begun, field("end_time") >= since - NEAR], fields=number)
    endless = [field("end_time").is_null(), field("start_time") >= since - LONGEST]
    going = oms.runs(where=[*begun, *endless], fields=number)
    numbers = {*over["run_number"].to_pylist(), *going["run_number"].to_pylist()}
    return sorted(numbers), over


def _there(ask: Callable[[], Table], notes: list[str]) -> Table | None:
    """A table; None where there is no such resource, or a store does not hold it.

    What a store lacks is noted: a report must not look as if nothing had been there.
    """
    try:
        return ask()
    except NotSyncedError as error:
        notes.append(str(error))
    except NotFoundError:
        pass  # A service of another time has not all resources.
    return None


def _downtimes(oms: Client, which: str, notes: list[str]) -> tuple[Table, ...]:
    """The downtimes that OMS lists; where there is none, nothing."""
    found = []
    for name in DOWNTIMES:
        query = oms.query(name).where(which).select(*_SHOWN).sort("start_time")
        table = _there(query.fetch, notes)
        if table is not None and len(table):
            found.append(table)
    return tuple(found)
