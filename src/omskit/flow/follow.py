"""Following a run while it goes on: each lumisection once, late ones too.

A lumisection is told of when it is over: a later one is there, or the run has ended.
What OMS adds or mends afterwards (luminosity, flags) is told as a revision.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit._arguments import Wants, check_types
from omskit.effects import Emit, Now, Sleep
from omskit.errors import (
    DecodeError,
    IncompleteError,
    NoRowError,
    OMSError,
    ServiceError,
    StatusError,
    UsageError,
)
from omskit.flow.audit import missing
from omskit.flow.exchange import PASSING
from omskit.flow.fetch import fetch
from omskit.query import Query
from omskit.query import field as column
from omskit.query.model import time_text
from omskit.schema.naming import new_name
from omskit.table import Table
from omskit.table.fingerprint import digests
from omskit.table.note import Note, NoteKind

if TYPE_CHECKING:
    from omskit.effects import Flow
    from omskit.flow.context import Context

NEWS = "news"
"""The column that says why a row is told: new, late or revised."""
_LONGEST_S = 1e9
_SECONDS = (int, float), "a number of seconds"
_COUNT = (int,), "a whole number"
_WANTS: Wants = {
    "every_s": _SECONDS,
    "look_back": _COUNT,
    "whole_every": _COUNT,
    "patience_s": _SECONDS,
    "outage_s": _SECONDS,
}
NEW, LATE, REVISED = "new", "late", "revised"


@dataclass(frozen=True, slots=True)
class Following:
    """How to follow.

    Attributes:
        every_s: Between two looks; a lumisection takes 23.3 s.
        look_back: Lumisections before the newest that are looked at again each time.
        whole_every: Every so many looks, and at the end, the whole run is read.
        patience_s: After the end of the run, so long is waited for lumisections that
            are missing; then they are named in ``gaps``.
        outage_s: A service that fails for so long ends it with its error. One that was
            never there, or refuses for good, ends it at the first look.
    """

    every_s: float = 23.3
    look_back: int = 20
    whole_every: int = 10
    patience_s: float = 600.0
    outage_s: float = 900.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        check_types({name: getattr(self, name) for name in _WANTS}, _WANTS)
        least = {"every_s": 0, "look_back": 0, "whole_every": 1}
        least |= {"patience_s": 0, "outage_s": 0}
        for name, bound in least.items():
            if not getattr(self, name) >= bound:
                message = f"{name}={getattr(self, name)!r}; it is {bound} or more."
                raise UsageError(message)


@dataclass(slots=True)
class _State:
    """What is known of the run so far."""

    told: dict[int, int] = field(default_factory=dict)
    looks: int = 0
    met: bool = False
    ended: dt.datetime | None = None
    failing: dt.datetime | None = None

    def first(self, policy: Following) -> int:
        """The lowest lumisection worth a look."""
        if not self.told or self.ended or self.looks % policy.whole_every == 0:
            return 1
        newest = max(self.told)
        absent = missing(np.array(list(self.told)), newest)
        oldest = absent[0][0] if absent else newest + 1
        return max(1, min(oldest, newest + 1 - policy.look_back))


def follow(run: int, context: Context, policy: Following) -> Flow[None]:
    """Tell of each lumisection of a run as it comes, until the run has ended.

    Tables are emitted, with a column ``news``: ``new``; ``late``, after a later one;
    ``revised``, told before and not the same any more. An outage is told by a table
    without rows and gaps, see `is_notice`, when it begins and when it is over.

    Raises:
        NoRowError: There is no such run.
        OMSError: The first look failed, or the service did for longer than the policy
            allows.
    """
    # Rows that could not be had must not be taken for rows that OMS lacks.
    quiet = context.strict()
    state = _State()
    over = False
    while not over:
        try:
            over = yield from _look(run, quiet, policy, state)
            yield from _back(run, state)
        except (ServiceError, IncompleteError, DecodeError) as error:
            if not state.met and _lasting(error):
                raise
            if not (yield from _waiting(run, error, policy, state)):
                raise
        if not over:
            yield Sleep(policy.every_s)


def _lasting(error: OMSError) -> bool:
    """Nobody has ever answered, or what answers refuses for good."""
    if isinstance(error, StatusError):
        return error.status not in PASSING
    return isinstance(error, ServiceError)


def _waiting(run: int, error: OMSError, policy: Following, state: _State) -> Flow[bool]:
    """Whether to look again after a failure; said once for each outage."""
    now: dt.datetime = yield Now()
    begins = state.failing is None
    state.failing = state.failing or now
    goes_on = (now - state.failing).total_seconds() < policy.outage_s
    if begins and goes_on:
        end = now + dt.timedelta(seconds=min(policy.outage_s, _LONGEST_S))
        until = time_text(end.replace(microsecond=0))
        yield _notice(
            f"Following run {run}: the service fails ({error}). It is asked again "
            f"until {until}, outage_s={policy.outage_s:g}; what comes meanwhile is "
            "told afterwards."
        )
    return goes_on


def _back(run: int, state: _State) -> Flow[None]:
    """Say that an outage is over, where there was one."""
    if state.failing is None:
        return
    now: dt.datetime = yield Now()
    lasted = (now - state.failing).total_seconds()
    state.failing = None
    yield _notice(
        f"Following run {run}: the service answers again, after {lasted:.0f} s."
    )


def _notice(text: str) -> Emit:
    note = Note(NoteKind.OUTAGE, text)
    return Emit(Table(pa.table({}), resource="lumisections", warnings=[note]))


def is_notice(table: Table) -> bool:
    """It tells of no lumisection, only of the service."""
    return any(note.kind is NoteKind.OUTAGE for note in table.notes)


def _look(run: int, context: Context, policy: Following, state: _State) -> Flow[bool]:
    """One look at the service; the result is whether that was the last one."""
    # The run first: once it has ended, every lumisection up to its last is there, or
    # late, when they are asked for afterwards.
    ended, last = yield from _run(run, context)
    state.met = True
    now: dt.datetime = yield Now()
    if ended:
        state.ended = state.ended or now
    conditions = [column("run_number") == run]
    first = state.first(policy)
    if first > 1:
        conditions.append(column("lumisection_number") >= first)
    query = Query("lumisections", tuple(conditions), order=("lumisection_number",))
    table: Table = yield from fetch(query, context)
    state.looks += 1
    news = _news(table.arrow, state, over=ended)
    over, gaps = _over(state, last, now, policy)
    if news.num_rows or gaps:
        ranges = [(run, a, b) for a, b in gaps]
        yield Emit(_told(table, news, ranges))
    return over


def _run(run: int, context: Context) -> Flow[tuple[bool, int | None]]:
    """Whether the run has ended, and its last lumisection so far."""
    names = ("run_number", "end_time", "last_lumisection_number")
    query = Query("runs", (column("run_number") == run,), fields=names)
    table: Table = yield from fetch(query, context)
    if not len(table):
        message = f"OMS has no run {run} (yet): nothing to follow."
        raise NoRowError(message)
    row: dict[str, Any] = table.to_records()[0]
    return row["end_time"] is not None, row["last_lumisection_number"]


def _news(table: pa.Table, state: _State, *, over: bool) -> pa.Table:
    """The rows worth telling, with the reason; they are told from now on."""
    numbers = table.column("lumisection_number").to_pylist()
    prints = digests(table).tolist()
    newest = max(numbers, default=0)
    highest = max(state.told, default=0)
    kept: list[int] = []
    reasons: list[str] = []
    for index, (number, print_) in enumerate(zip(numbers, prints, strict=True)):
        # The end luminosity of the newest is not known yet: it is the next one's start.
        if number >= newest and not over:
            continue
        before = state.told.get(number)
        if before == print_:
            continue
        kept.append(index)
        late = NEW if number > highest else LATE
        reasons.append(late if before is None else REVISED)
        state.told[number] = print_
    found = table.take(pa.array(kept, pa.int64()))
    if NEWS in found.column_names:  # an attribute of the service
        found = found.rename_columns({NEWS: new_name(NEWS, {NEWS})})
    return found.append_column(NEWS, pa.array(reasons, pa.string()))


def _over(
    state: _State, last: int | None, now: dt.datetime, policy: Following
) -> tuple[bool, list[tuple[int, int]]]:
    """Whether all has been told, and what OMS lacks."""
    if state.ended is None:
        return False, []
    end = last or max(state.told, default=0)
    absent = missing(np.array(list(state.told), np.int64), end)
    waited = (now - state.ended).total_seconds() >= policy.patience_s
    over = waited or not absent
    return over, absent if over else []


def _told(table: Table, news: pa.Table, gaps: list[tuple[int, int, int]]) -> Table:
    notes = [note for note in table.notes if note.kind is not NoteKind.NO_ROW]
    if gaps:
        listed = ", ".join(f"{a}-{b}" for _, a, b in gaps[:5])
        text = f"The run has ended and OMS holds no row for lumisections {listed}."
        notes.append(Note(NoteKind.GAPS, text))
    return table.part(news, warnings=notes, gaps=gaps)
