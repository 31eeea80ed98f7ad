"""The engine's clock: recorded data taking, shown as it was at some moment.

At a moment, what begins later is not there, what ends later has no end yet, what the
lumisections of a run or fill say so far grows (`omskit.engine.growing`), and what is
known only at an end is null. Rates come later than their lumisections, as they do in
OMS. A view is text made from the catalogue and the moment, over the relations below it,
whatever those are; nothing is copied.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omskit.engine.execute import Engine
from omskit.engine.growing import SoFar, growing, sources
from omskit.engine.memory import as_relations
from omskit.engine.sql import quoted
from omskit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import duckdb
    import pyarrow as pa

    from omskit.engine.relations import Relation, Relations
    from omskit.query import Condition
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
        as_of: The moment of its start.
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


@dataclass(frozen=True, slots=True)
class Shown:
    """The rows of a relation *below* that are there at a moment, as they are then."""

    resource: Resource
    source: str
    order: tuple[str, ...]
    below: Relation | None = None

    @property
    def ordered(self) -> bool:
        """Joins do not keep the order of rows."""
        return False

    @property
    def count(self) -> None:
        """Not known without a scan."""

    def page(self, offset: int, limit: int) -> None:
        """No short cut: which rows are there is only known by looking."""

    def narrowed(self, conditions: Iterable[Condition]) -> Shown:
        """All rows; what the relation below does not hold is its error."""
        _ = self.below and self.below.narrowed(conditions)
        return self


class AsOfRelations:
    """Relations as they are at the moment of a clock.

    Args:
        relations: What there is in the end; tables are `MemoryRelations`.
        clock: What tells the moment; a relation is of the moment at which it was asked
            for.
        late_s: Rates appear so long after their lumisections.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.query import Query
        >>> starts = [dt.datetime(2017, 6, day, tzinfo=dt.UTC) for day in (1, 2)]
        >>> runs = pa.table({"run_number": [1, 2], "start_time": starts})
        >>> clock = Clock(dt.datetime(2017, 6, 1, 12, tzinfo=dt.UTC), speed=0)
        >>> Engine(AsOfRelations({"runs": runs}, clock)).execute(Query("runs")).total
        1
    """

    def __init__(
        self,
        relations: Relations | Mapping[str, pa.Table],
        clock: Clock,
        *,
        late_s: float = LATE_S,
    ) -> None:
        self._relations = as_relations(relations)
        self._clock = clock
        self._late = dt.timedelta(seconds=late_s)

    @property
    def source(self) -> str:
        """Where the rows come from, in one word."""
        return self._relations.source

    @property
    def state(self) -> None:
        """Time changes every answer."""

    def __contains__(self, key: object) -> bool:
        return key in self._relations

    def __iter__(self) -> Iterator[str]:
        return iter(self._relations)

    def schema(self, key: str) -> pa.Schema:
        """The columns: time changes rows only."""
        return self._relations.schema(key)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor of the relations below."""
        return self._relations.cursor()

    def close(self) -> None:
        """Close the relations below."""
        self._relations.close()

    def relation(self, key: str, catalogue: Catalogue) -> Relation:
        """The rows of *key* that are there now."""
        whole = self._relations.relation(key, catalogue)
        relations = {
            other: self._relations.relation(other, catalogue)
            for other in needed(key, whole.resource)
            if other in self._relations and other in catalogue
        }
        relations[key] = whole
        # OMS has whole seconds.
        moment = self._clock.moment().replace(microsecond=0)
        seen = view(key, relations, moment, self._late)
        return Shown(whole.resource, seen, whole.order, whole)


def engine_at(
    relations: Relations | Mapping[str, pa.Table],
    as_of: dt.datetime | None,
    speed: float = 1.0,
) -> Engine:
    """An engine, with a clock that starts now where *as_of* is given.

    Args:
        as_of: A time without a zone is UTC.

    Raises:
        ConfigError: A speed without a moment to start from, or a senseless one.
    """
    if as_of is None:
        if speed != 1.0:
            message = "--speed needs --as-of: the moment at which the clock starts."
            raise ConfigError(message)
        return Engine(relations)
    if as_of.tzinfo is None:
        as_of = as_of.replace(tzinfo=dt.UTC)
    clock = Clock.running(as_of, speed)
    return Engine(AsOfRelations(as_relations(relations), clock))


def needed(key: str, resource: Resource) -> tuple[str, ...]:
    """The keys of what the view of *key* looks at besides its own rows."""
    if key in _NEWEST:
        return tuple(dict.fromkeys((_NEWEST[key][1], "lumisections", *sources(key))))
    if _begin(key, resource):
        return ()
    if "run_number" in resource:
        return ("runs", "lumisections")
    return ("fills",) if "fill_number" in resource else ()


def view(
    key: str,
    relations: Mapping[str, Relation],
    moment: dt.datetime,
    late: dt.timedelta,
) -> str:
    """The rows of *key* at *moment*, as a table expression.

    Args:
        relations: That of *key* and those that it `needed`, as far as they are there;
            rows whose run or fill nobody knows stay.
    """
    resource, table = relations[key].resource, quoted(key)
    now = literal(moment)
    times = now, literal(_minus(moment, late))
    known = growing(key, relations, times)
    changed = [
        f"{text} AS {quoted(name)}"
        for name, text in _changes(key, resource, now, relations, known)
    ]
    star = f"* REPLACE ({', '.join(changed)})" if changed else "*"
    where = _visible(key, resource, moment, late, relations) or "true"
    rows = f"{relations[key].source} AS {table}{known.joins}"
    return f"(SELECT {table}.{star} FROM {rows} WHERE {where})"  # noqa: S608  # made of the catalogue and a time


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
    held: Mapping[str, Relation],
) -> str | None:
    """The condition for a row to be there; None: it always is."""
    now, before = literal(moment), literal(_minus(moment, late))
    begin = _begin(key, resource)
    if begin is not None:
        return f"({begin} IS NULL OR {begin} <= {now})"
    if "run_number" in resource and "runs" in held:
        if "@" in key:
            return _not_among("run_number", held["runs"], f"end_time > {before}")
        if resource.lumisection is None:
            return _not_among("run_number", held["runs"], f"start_time > {now}")
        unfinished = f"end_time IS NULL OR end_time > {before}"
        over = _not_among("run_number", held["runs"], unfinished)
        done = _finished(resource, before, held.get("lumisections"))
        return f"({done} OR {over})"
    if "fill_number" in resource and "fills" in held:
        return _not_among("fill_number", held["fills"], f"start_time > {now}")
    return None


def _minus(moment: dt.datetime, late: dt.timedelta) -> dt.datetime:
    try:
        return moment - late
    except OverflowError:
        return dt.datetime.min.replace(tzinfo=dt.UTC)


def _not_among(column: str, relation: Relation, condition: str) -> str:
    among = f"SELECT {column} FROM {relation.source} AS o WHERE {condition}"  # noqa: S608  # as above
    return f"{column} IS NULL OR {column} NOT IN ({among})"


def _finished(resource: Resource, before: str, lumisections: Relation | None) -> str:
    """The last lumisection of a row's rates ended long enough ago."""
    if lumisections is None:
        return "false"
    last = "last_lumisection_number"
    last = last if last in resource else str(resource.lumisection)
    rows = f"{lumisections.source} AS o WHERE end_time <= {before}"
    done = f"SELECT run_number, lumisection_number FROM {rows}"  # noqa: S608  # as above
    return f"(run_number, {last}) IN ({done})"


def _changes(
    key: str,
    resource: Resource,
    now: str,
    held: Mapping[str, Relation],
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
        name, table, column = _NEWEST[key]
        mine = resource.identity[0]
        newest = (
            f"(SELECT max(o.{column}) FROM {held[table].source} AS o "  # noqa: S608  # as above
            f"WHERE o.{mine} = {quoted(key)}.{mine} AND o.start_time <= {now})"
        )
        yield name, f"CASE WHEN {ongoing} THEN {newest} ELSE {name} END"
