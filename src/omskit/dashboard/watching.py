"""The ongoing run, watched for all viewers at once."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from omskit.errors import OMSError
from omskit.reports.words import plural, spans

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from omskit.dashboard.asking import Asker
    from omskit.reports import Report

EVENTS = 30
"""What changed, at most so many lines."""
EVERY_S = 10.0
_LOG = logging.getLogger("omskit.dashboard")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that changed.

    Attributes:
        at: When it was seen.
        text: What, in words.
        kind: new, late, revised, outage or back.
    """

    at: dt.datetime
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the newest run.

    Attributes:
        report: Of the newest run; None before the first look, or where there is none.
        looked: When OMS last answered.
        failing: What is wrong since then; "" where nothing is.
        events: What changed, the newest first.
        late, revised: Lumisections that came after later ones, or changed afterwards.
    """

    report: Report | None = None
    looked: dt.datetime | None = None
    failing: str = ""
    events: tuple[Event, ...] = ()
    late: frozenset[int] = frozenset()
    revised: frozenset[int] = frozenset()


@dataclass(slots=True)
class _State:
    run: int | None = None
    rows: dict[int, tuple[object, ...]] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)
    revised: set[int] = field(default_factory=set)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS))


class Watcher:
    """Looks at the newest run now and then, and says what changed.

    `look` looks once; `start` looks in a thread of its own, until `stop`.
    """

    def __init__(self, asker: Asker, *, every_s: float = EVERY_S) -> None:
        self._asker = asker
        self._every_s = every_s
        self._state = _State()
        self._seen = Seen()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def seen(self) -> Seen:
        """What the last look saw."""
        return self._seen

    def start(self) -> None:
        """Look in a thread."""
        self._thread = threading.Thread(
            target=self._run, name="omskit-watcher", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception:  # noqa: BLE001  # see below
                # The edge of a thread: without it the page would stand still, and
                # look alive.
                _LOG.exception("the look at the newest run failed")
                self._failed("the dashboard itself failed; its log says more")
            self._stopping.wait(self._every_s)

    def look(self) -> Seen:
        """Ask for the newest run and note what changed; a failure is noted, too."""
        now = self._asker.now()
        state = self._state
        was_failing = bool(self._seen.failing)
        try:
            run = self._asker.newest_run(kept_s=0)
            report = None if run is None else self._asker.report("run", run, anew=True)
        except OMSError as error:
            return self._failed(str(error))
        if was_failing:
            state.events.appendleft(Event(now, "OMS answers again", "back"))
        if report is not None:
            self._note(report, now)
        self._seen = Seen(
            report,
            now,
            "",
            tuple(state.events),
            frozenset(state.late),
            frozenset(state.revised),
        )
        return self._seen

    def _failed(self, why: str) -> Seen:
        """Note that there was no answer; what was seen before stays."""
        before, events = self._seen, self._state.events
        if not before.failing:
            events.appendleft(Event(self._asker.now(), f"no answer: {why}", "outage"))
        self._seen = replace(before, failing=why, events=tuple(events))
        return self._seen

    def _note(self, report: Report, now: dt.datetime) -> None:
        state, run = self._state, report.subject.number
        assert run is not None
        rows = {
            int(row["lumisection_number"]): tuple(row.values())
            for row in report.lumisections.to_records()
        }
        if run != state.run:
            state.events.appendleft(Event(now, f"run {run} is the newest", "new"))
            state.run, state.rows = run, rows
            state.late, state.revised = set(), set()
            return
        newest = max(state.rows, default=0)
        added = sorted(rows.keys() - state.rows.keys())
        late = [n for n in added if n < newest]
        # The newest lumisection is not over when it is first seen.
        revised = sorted(
            n
            for n in rows.keys() & state.rows.keys()
            if n != newest and rows[n] != state.rows[n]
        )
        state.late.update(late)
        state.revised.update(revised)
        for kind, numbers in (
            ("new", [n for n in added if n > newest]),
            ("late", late),
            ("revised", revised),
        ):
            if numbers:
                text = f"{kind}: {plural(len(numbers), 'lumisection')}, {_few(numbers)}"
                state.events.appendleft(Event(now, text, kind))
        state.rows = rows


def _few(numbers: Iterable[int]) -> str:
    """Numbers as ranges."""
    found: list[tuple[int, int, int]] = []
    for number in numbers:
        if found and found[-1][2] == number - 1:
            found[-1] = (0, found[-1][1], number)
        else:
            found.append((0, number, number))
    return spans(found, runs=False)
