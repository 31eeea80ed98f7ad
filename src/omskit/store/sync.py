"""Fetching what a store does not hold, or not for good.

Block by block, each committed whole before the next is asked for: a sync can be stopped
anywhere and started again.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from omskit.errors import (
    DecodeError,
    IncompleteError,
    OMSWarning,
    SelectorError,
    StatusError,
    StoreError,
)
from omskit.query import Query
from omskit.query.model import Selection
from omskit.query.selectors import is_mask, numbers
from omskit.store.chunks import Chunk, chunks
from omskit.store.coverage import Finality, joined
from omskit.store.facts import Fact, facts_from, facts_of
from omskit.store.fetching import Judge, commit, entries, fetched, question
from omskit.store.layout import OPEN
from omskit.store.report import Part, Report

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    from omskit.store.asks import Asks
    from omskit.store.coverage import Coverage, Entry, Span
    from omskit.store.kept import Kept
    from omskit.store.layout import Layout

PAGE = 1000
"""Rows of a page over a network; for estimates."""

_OF_ONE_CHUNK = (IncompleteError, DecodeError, StatusError)
"""What other runs may not have: the sync goes on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sync is to do.

    Attributes:
        selector: Runs; None for all.
        selection: Runs by fill, era, time or as the newest.
        dry: Only say what would be fetched.
        recheck: Also fetch what is final and ended since then.
        tell: Called after each chunk: rows so far, rows expected, the resource.
    """

    resources: tuple[str, ...]
    selector: Any = None
    selection: Selection = field(default_factory=Selection)
    dry: bool = False
    recheck: dt.datetime | None = None
    tell: Callable[[int, int, str], None] | None = None


@dataclass(slots=True)
class Sync:
    """One go of a sync."""

    kept: Kept
    client: Asks
    asked: Asked
    finality: Finality
    now: Callable[[], dt.datetime]
    report: Report = field(default_factory=Report)
    facts: dict[int, Fact] = field(default_factory=dict)

    def run(self) -> Report:
        """Fetch and commit.

        Raises:
            OMSError: The service, or the disk, is not there at all; what was committed
                before stays.
        """
        self.report.dry = self.asked.dry
        with warnings.catch_warnings():
            # What pages have to say is in the report.
            warnings.simplefilter("ignore", OMSWarning)
            self._run()
        return self.report

    def _run(self) -> None:
        names = dict.fromkeys(self.asked.resources)
        layouts = [self.kept.layout(name) for name in names]
        by_run = [lay for lay in layouts if lay.column == "run_number"]
        by_fill = [lay for lay in layouts if lay.column == "fill_number"]
        runs: list[Span] = []
        if by_run or (by_fill and self._is_narrowed):
            runs = self._spans_of_runs()
            self._all_of(self.kept.layout("runs"), runs)
            self.facts |= facts_of(self.kept, "runs", runs)
        for layout in by_run:
            if layout.name != "runs":
                self._all_of(layout, runs)
        if by_fill:
            self._fills(by_fill)
        for layout in layouts:
            if not layout.column:
                self._all_of(layout, [(0, OPEN)])

    @property
    def _is_narrowed(self) -> bool:
        return self.asked.selector is not None or bool(self.asked.selection)

    def _fills(self, layouts: list[Layout]) -> None:
        """What is kept by fill, of the fills of the runs."""
        spans = [(0, OPEN)]
        if self._is_narrowed:
            fills = [f.fill for f in self.facts.values() if f.fill is not None]
            if not fills:
                for layout in layouts:
                    self.report.parts.append(Part(layout.name))
                return
            spans = [(min(fills), max(fills))]
        self._all_of(self.kept.layout("fills"), spans)
        self.facts = facts_of(self.kept, "fills", spans)
        for layout in layouts:
            if layout.name != "fills":
                self._all_of(layout, spans)

    def _spans_of_runs(self) -> list[Span]:
        """The runs asked for, as spans without gaps that matter."""
        selector, chosen = self.asked.selector, self.asked.selection
        if is_mask(selector):
            return joined((int(run), int(run)) for run in selector.runs)
        if selector is None and not chosen:
            return [(0, OPEN)]
        if not chosen:
            return spans_of(selector)
        conditions = () if selector is None else numbers(selector, "run_number")
        query = Query("runs", conditions, fields=("run_number",), order=("run_number",))
        query = replace(query, selection=chosen)
        table = self.client.bind(query, progress=False).fetch()
        found = [int(run) for run in table["run_number"].to_pylist()]
        if not found:
            message = "No run matches: there is nothing to sync."
            raise SelectorError(message)
        return joined((run, run) for run in found)

    def _all_of(self, layout: Layout, spans: list[Span]) -> None:
        """One resource, chunk by chunk."""
        part = Part(layout.name, asked=spans)
        self.report.parts.append(part)
        if not self.asked.dry:
            self.kept.heal(layout.name)
        coverage = self.kept.coverage(layout.name)
        wanted = self._wanted(coverage, layout, part)
        facts = self.facts if layout.column else {}
        plan = list(chunks(layout, wanted, facts, self._newest(layout, wanted)))
        expected = sum(chunk.rows for chunk in plan)
        for chunk in plan:
            if self.asked.dry:
                self._counted(layout, chunk, part)
            else:
                self._chunk(layout, chunk, part, coverage)
            if self.asked.tell is not None:
                self.asked.tell(part.rows, max(expected, part.rows), layout.name)

    def _newest(self, layout: Layout, wanted: list[Span]) -> int | None:
        """The largest run, or fill, that there is, where all up to it are asked for."""
        if layout.name not in {"runs", "fills"} or not wanted:
            return None
        if wanted[-1][1] < OPEN:
            return None
        key = layout.column
        query = Query(layout.name, fields=(key,), order=(f"-{key}",), maximum=1)
        found = self.client.bind(query, progress=False).fetch()[key].to_pylist()
        return int(found[0]) if found else None

    def _wanted(self, coverage: Coverage, layout: Layout, part: Part) -> list[Span]:
        """What is not held for good, and what is to be looked at again."""
        spans = part.asked
        facts = self.facts
        if layout.name in {"runs", "fills"}:
            facts = facts_of(self.kept, layout.name, spans)
        now, since = self.now(), self.asked.recheck

        def is_recent(entry: Entry) -> bool:
            fact = facts.get(entry.first) if layout.column else None
            ended = None if fact is None else fact.ended
            return self.finality.is_recent(entry, ended, now)

        wanted = coverage.missing(spans, final=True, also=is_recent)
        held = [e for span in spans for e in coverage.within(span)]
        part.final = sum(e.rows for e in held if e.final)
        part.recent = sum(e.rows for e in held if not e.final and is_recent(e))
        if since is None:
            return wanted
        again = [
            (key, key)
            for key, fact in facts.items()
            if fact.ended is not None and fact.ended >= since
        ]
        return joined([*wanted, *again])

    def _counted(self, layout: Layout, chunk: Chunk, part: Part) -> None:
        """What a chunk would cost: asks for the number only."""
        part.fetched += chunk.spans
        if layout.hidden:
            part.requests += len(chunk.keys)
            return
        for span in chunk.spans:
            query = question(layout, span)
            rows = self.client.bind(query, units="raw", audit=False).count()
            part.rows += rows
            part.requests += max(1, -(-rows // PAGE))

    def _chunk(
        self, layout: Layout, chunk: Chunk, part: Part, before: Coverage
    ) -> None:
        """Fetch and commit a chunk; what cannot be had is told and left for later."""
        now = self.now()
        try:
            came = fetched(self.client, layout, chunk)
        except _OF_ONE_CHUNK as error:
            part.failed += ((span, str(error)) for span in chunk.spans)
            return
        rows = came.tables[0] if came.tables else None
        facts = self.facts
        if layout.name in {"runs", "fills"}:
            facts = {**self.facts, **facts_from(rows, layout.name)}
        judge = Judge(self.finality, facts, now)
        made = entries(rows, layout, chunk, judge, before)
        try:
            commit(self.kept, layout, chunk, came, made)
        except StoreError as error:
            done = self.report.rows
            message = f"{error} {done} rows of this sync are committed and stay."
            raise StoreError(message) from error
        part.fetched += chunk.spans
        part.rows += came.rows
        part.requests += came.requests
        part.notes.update(dict.fromkeys(came.notes))
        part.revised += _revised(made, before)


def _revised(made: Iterable[Entry], before: Coverage) -> list[tuple[int, int, int]]:
    """What had other rows before."""
    found: list[tuple[int, int, int]] = []
    for entry in made:
        old = before.at((entry.first, entry.last))
        if old is not None and (old.rows, old.hash) != (entry.rows, entry.hash):
            found.append((entry.first, old.rows, entry.rows))
    return found


def spans_of(selector: Any, column: str = "run_number") -> list[Span]:
    """The spans of a selector of numbers.

    Raises:
        SelectorError: It is none.

    Example:
        >>> spans_of("297050,315190-315290")
        [(297050, 297050), (315190, 315290)]
    """
    first, last = 0, OPEN
    singles: list[int] = []
    for condition in numbers(selector, column):
        value: Any = condition.value
        if condition.op == "EQ":
            return [(value, value)]
        if condition.op == "IN":
            singles += value
        elif condition.op == "GE":
            first = value
        elif condition.op == "LE":
            last = value
    return joined((n, n) for n in singles) if singles else [(first, last)]
