"""The engine's clock: recorded data taking, shown as it was at some moment.

At a moment, what begins later is not there, what ends later has no end yet, what the
lumisections of a run or fill say so far grows (`omskit.engine.growing`), and what is
known only at an end is null. Rates come later than their lumisections, as they do in
OMS. A view is text made from the catalogue and the moment; nothing is copied.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omskit.engine.engine import Engine
from omskit.engine.growing import SoFar, growing, sources
from omskit.engine.sql import quoted
from omskit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

    from omskit.schema import Catalogue, Resource

LATE_S = 60.0
"""Rates appear so long after the end of their lumisection; a guess, it varies."""

BEGINS = ("start_time", "change_time", "dip_time")
"""Columns before which a row is not there; the first one that a resource has."""

ENDS = ("start_stable_beam", "end_stable_beam", "end_time", "stop_time")
"""Columns that are null until their time has come."""

AT_END: dict[str, tuple[str, ...]] = {
    "runs": (
        "delivered_lumi",
        "recorded_lumi",
        "end_lumi",
        "beta_star_stop",
        "crossing_angle_stop",
        "beamactive_total_deadtime",
        "l1_rate",
        "l1_triggers_counter",
        "hlt_physics_rate",
        "hlt_physics_counter",
        "hlt_physics_size",
        "hlt_physics_throughput",
    ),
    "lumisections": (
        "end_lumi",
        "delivered_lumi",
        "recorded_lumi",
        "delivered_lumi_per_lumisection",
        "recorded_lumi_per_lumisection",
    ),
    "fills": (
        "delivered_lumi",
        "recorded_lumi",
        "delivered_lumi_stablebeams",
        "recorded_lumi_stablebeams",
        "peak_lumi",
        "peak_specific_lumi",
        "peak_pileup",
        "efficiency_lumi",
        "efficiency_time",
        "downtime",
        "beta_star_stop",
        "dump_ready_to_dump_time",
    ),
}
"""What a row says when it has ended; before, null or what is known so far."""

_NEWEST = {
    "runs": ("last_lumisection_number", "lumisections", "lumisection_number"),
    "fills": ("last_run_number", "runs", "run_number"),
}
"""Columns that grow: what they are the newest of, and by which column."""

_PASSING: dict[str, dict[str, str]] = {
    "runs": {"duration": "date_diff('second', start_time, {now})"},
    # The duration of a fill is that of its stable beams.
    "fills": {
        "duration": "CASE WHEN start_stable_beam <= {now} THEN date_diff('second', "
        "start_stable_beam, least(end_stable_beam, {now})) END",
        "stable_beams": "stable_beams AND coalesce(start_stable_beam <= {now}, false)",
    },
}
"""Columns that only a clock changes while a row goes on."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is in the data.

    Attributes:
        as_of: The moment at which it was started.
        speed: Seconds in the data for one second here; 0 stands still.
        now: Seconds here, from any origin.
        started: What *now* said at the start.

    Example:
        >>> noon = dt.datetime(2017, 6, 16, 12, tzinfo=dt.UTC)
        >>> Clock(noon, 60.0, now=lambda: 7.0, started=5.0).moment().isoformat()
        '2017-06-16T12:02:00+00:00'
    """

    as_of: dt.datetime
    speed: float = 1.0
    now: Callable[[], float] = time.monotonic
    started: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no clock can do."""
        if self.as_of.tzinfo is None:
            message = f"as_of={self.as_of} has no time zone; OMS's times are UTC."
            raise ConfigError(message)
        if not 0 <= self.speed < float("inf"):
            message = f"speed={self.speed} makes no sense; 0 stands still, 1 is real."
            raise ConfigError(message)

    @classmethod
    def running(cls, as_of: dt.datetime, speed: float = 1.0) -> Clock:
        """A clock that starts now."""
        return cls(as_of, speed, started=time.monotonic())

    def moment(self) -> dt.datetime:
        """The present time in the data; it stops at the end of the calendar."""
        passed = (self.now() - self.started) * self.speed
        last = dt.datetime.max.replace(tzinfo=dt.UTC)
        try:
            return self.as_of.astimezone(dt.UTC) + dt.timedelta(seconds=passed)
        except OverflowError:
            return last


class ClockEngine(Engine):
    """An engine whose rows are those of a moment; one answer is of one moment.

    Args:
        tables, catalogue: As for `Engine`.
        clock: What tells the moment.
        late_s: Rates appear so long after their lumisections.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.query import Query
        >>> starts = [dt.datetime(2017, 6, day, tzinfo=dt.UTC) for day in (1, 2)]
        >>> runs = pa.table({"run_number": [1, 2], "start_time": starts})
        >>> clock = Clock(dt.datetime(2017, 6, 1, 12, tzinfo=dt.UTC), speed=0)
        >>> ClockEngine({"runs": runs}, clock).execute(Query("runs")).total
        1
    """

    def __init__(
        self,
        tables: Mapping[str, pa.Table],
        clock: Clock,
        catalogue: Catalogue | None = None,
        *,
        late_s: float = LATE_S,
    ) -> None:
        super().__init__(tables, catalogue)
        self._clock = clock
        self._late = dt.timedelta(seconds=late_s)

    def _source(self, key: str, resource: Resource) -> str:
        for other in needed(key, resource):
            if self.holds(other):
                self._load(other, other)
        held = {k: entry for k, entry in self._held().items() if "@" not in k}
        # OMS has whole seconds.
        moment = self._clock.moment().replace(microsecond=0)
        return view(key, resource, moment, self._late, held)


def engine_at(
    tables: Mapping[str, pa.Table], as_of: dt.datetime | None, speed: float = 1.0
) -> Engine:
    """An engine over *tables*, with a clock that starts now where *as_of* is given.

    Args:
        as_of: A time without a zone is UTC.

    Raises:
        ConfigError: A speed without a moment to start from, or a senseless one.
    """
    if as_of is None:
        if speed != 1.0:
            message = "--speed needs --as-of: the moment at which the clock starts."
            raise ConfigError(message)
        return Engine(tables)
    if as_of.tzinfo is None:
        as_of = as_of.replace(tzinfo=dt.UTC)
    return ClockEngine(tables, Clock.running(as_of, speed))


def needed(key: str, resource: Resource) -> tuple[str, ...]:
    """The tables that the view of *key* looks at besides its own."""
    if key in _NEWEST:
        return tuple(dict.fromkeys((_NEWEST[key][1], "lumisections", *sources(key))))
    if _begin(key, resource):
        return ()
    if "run_number" in resource:
        return ("runs", "lumisections")
    return ("fills",) if "fill_number" in resource else ()


def view(
    key: str,
    resource: Resource,
    moment: dt.datetime,
    late: dt.timedelta,
    held: Mapping[str, Resource],
) -> str:
    """What stands in FROM for the rows of *key* at *moment*.

    Args:
        held: The tables that there are; rows whose run or fill nobody knows stay.
    """
    table = quoted(key)
    now = literal(moment)
    times = now, literal(_minus(moment, late))
    known = growing(key, resource, held, times)
    changed = [
        f"{text} AS {quoted(name)}"
        for name, text in _changes(key, resource, now, held, known)
    ]
    star = f"* REPLACE ({', '.join(changed)})" if changed else "*"
    where = _visible(key, resource, moment, late, held) or "true"
    found = f"SELECT {table}.{star}, {table}.rowid FROM {table}{known.joins}"  # noqa: S608  # made of the catalogue and a time
    return f"({found} WHERE {where}) AS {table}"


def literal(moment: dt.datetime) -> str:
    """A moment as SQL has it.

    Example:
        >>> literal(dt.datetime(2017, 6, 16, tzinfo=dt.UTC))
        "TIMESTAMPTZ '2017-06-16T00:00:00+00:00'"
    """
    return f"TIMESTAMPTZ '{moment.astimezone(dt.UTC).isoformat()}'"


def _begin(key: str, resource: Resource) -> str | None:
    """The column before which a row is not there."""
    if "@" in key or resource.granularities:
        return None
    return next((name for name in BEGINS if name in resource), None)


def _visible(
    key: str,
    resource: Resource,
    moment: dt.datetime,
    late: dt.timedelta,
    held: Mapping[str, Resource],
) -> str | None:
    """The condition for a row to be there; None: it always is."""
    now, before = literal(moment), literal(_minus(moment, late))
    begin = _begin(key, resource)
    if begin is not None:
        return f"({begin} IS NULL OR {begin} <= {now})"
    if "run_number" in resource and "runs" in held:
        if "@" in key:
            return _not_among("run_number", "runs", f"end_time > {before}")
        if resource.lumisection is None:
            return _not_among("run_number", "runs", f"start_time > {now}")
        unfinished = f"end_time IS NULL OR end_time > {before}"
        over = _not_among("run_number", "runs", unfinished)
        done = _finished(resource, before) if "lumisections" in held else "false"
        return f"({done} OR {over})"
    if "fill_number" in resource and "fills" in held:
        return _not_among("fill_number", "fills", f"start_time > {now}")
    return None


def _minus(moment: dt.datetime, late: dt.timedelta) -> dt.datetime:
    try:
        return moment - late
    except OverflowError:
        return dt.datetime.min.replace(tzinfo=dt.UTC)


def _not_among(column: str, table: str, condition: str) -> str:
    found = f"SELECT {column} FROM {quoted(table)} WHERE {condition}"  # noqa: S608  # as above
    return f"{column} IS NULL OR {column} NOT IN ({found})"


def _finished(resource: Resource, before: str) -> str:
    """The last lumisection of a row's rates ended long enough ago."""
    last = "last_lumisection_number"
    last = last if last in resource else str(resource.lumisection)
    done = f"SELECT run_number, lumisection_number FROM lumisections WHERE end_time <= {before}"  # noqa: S608, E501  # as above
    return f"(run_number, {last}) IN ({done})"


def _changes(
    key: str,
    resource: Resource,
    now: str,
    held: Mapping[str, Resource],
    known: SoFar,
) -> Iterator[tuple[str, str]]:
    """The columns that read otherwise while a row goes on, and how."""
    if _begin(key, resource) is None:
        return
    for name in ENDS:
        if name in resource:
            yield name, f"CASE WHEN {name} <= {now} THEN {name} END"
    if "last_update" in resource:
        yield "last_update", f"least(last_update, {now})"
    if "end_time" not in resource:
        return
    ongoing = f"(end_time IS NOT NULL AND end_time > {now})"
    so_far = {name: known.columns.get(name, "NULL") for name in AT_END.get(key, ())}
    so_far |= {n: text.format(now=now) for n, text in _PASSING.get(key, {}).items()}
    for name, text in so_far.items():
        if name in resource:
            yield name, f"CASE WHEN {ongoing} THEN {text} ELSE {quoted(name)} END"
    if key in _NEWEST and _NEWEST[key][1] in held:
        yield _newest(key, resource, now, ongoing)


def _newest(key: str, resource: Resource, now: str, ongoing: str) -> tuple[str, str]:
    name, table, column = _NEWEST[key]
    mine = resource.identity[0]
    found = (
        f"(SELECT max(o.{column}) FROM {quoted(table)} o "  # noqa: S608  # as above
        f"WHERE o.{mine} = {quoted(key)}.{mine} AND o.start_time <= {now})"
    )
    return name, f"CASE WHEN {ongoing} THEN {found} ELSE {name} END"
