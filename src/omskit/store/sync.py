"""Fetching what a store does not hold, or not for good.

Block by block, each committed whole while the next is asked for: a sync can be stopped
anywhere and started again.
"""

from __future__ import annotations

import warnings
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from omskit.errors import OMSWarning, SelectorError, StoreError
from omskit.query import Query
from omskit.query.model import Selection
from omskit.query.selectors import is_mask, numbers
from omskit.store.behind import Behind
from omskit.store.chunks import chunks
from omskit.store.coverage import Finality, joined
from omskit.store.facts import facts_of
from omskit.store.fetching import question
from omskit.store.layout import OPEN
from omskit.store.pieces import Done, Piece, ask
from omskit.store.report import Part, Report

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from omskit.store.asks import Asks
    from omskit.store.chunks import Chunk
    from omskit.store.coverage import Coverage, Entry, Span
    from omskit.store.facts import Fact
    from omskit.store.kept import Kept
    from omskit.store.layout import Layout
    from omskit.store.pieces import Carries

PAGE = 1000
"""Rows of a page over a network; for estimates."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sync is to do.

    Attributes:
        selector: Runs; None for all.
        selection: Runs by fill, era, time or as the newest.
        dry: Only say what would be fetched.
        recheck: Also fetch what is final and ended since then.
        tell: Called after each chunk: rows so far, rows expected, the resource.
        carry: Who fetches and commits; None: this process.
    """

    resources: tuple[str, ...]
    selector: Any = None
    selection: Selection = field(default_factory=Selection)
    dry: bool = False
    recheck: dt.datetime | None = None
    tell: Callable[[int, int, str], None] | None = None
    carry: Carries | None = None


@dataclass(slots=True)
class Listed:
    """What rows of ``runs`` or ``fills`` that came just now say.

    They may not be committed yet.
    """

    spans: list[Span] = field(default_factory=list)
    facts: dict[int, Fact] = field(default_factory=dict)

    def __contains__(self, key: int) -> bool:
        return any(first <= key <= last for first, last in self.spans)


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
    _listed: dict[str, Listed] = field(default_factory=dict)

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
            with self._counting(), Behind(self.kept) as behind:
                self._run(behind)
                behind.rest()
        return self.report

    def _run(self, behind: Behind) -> None:
        names = dict.fromkeys(self.asked.resources)
        layouts = [self.kept.layout(name) for name in names]
        by_run = [lay for lay in layouts if lay.column == "run_number"]
        by_fill = [lay for lay in layouts if lay.column == "fill_number"]
        runs: list[Span] = []
        if by_run or (by_fill and self._is_narrowed):
            runs = self._spans_of_runs()
            self._all_of(self.kept.layout("runs"), runs, behind)
            self.facts |= self._facts("runs", runs)
        for layout in by_run:
            if layout.name != "runs":
                self._all_of(layout, runs, behind)
        if by_fill:
            self._fills(by_fill, behind)
        for layout in layouts:
            if not layout.column:
                self._all_of(layout, [(0, OPEN)], behind)

    @property
    def _is_narrowed(self) -> bool:
        return self.asked.selector is not None or bool(self.asked.selection)

    def _fills(self, layouts: list[Layout], behind: Behind) -> None:
        """What is kept by fill, of the fills of the runs."""
        spans = [(0, OPEN)]
        if self._is_narrowed:
            fills = [f.fill for f in self.facts.values() if f.fill is not None]
            if not fills:
                for layout in layouts:
                    self.report.parts.append(Part(layout.name))
                return
            spans = [(min(fills), max(fills))]
        self._all_of(self.kept.layout("fills"), spans, behind)
        self.facts = self._facts("fills", spans)
        for layout in layouts:
            if layout.name != "fills":
                self._all_of(layout, spans, behind)

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

    def _all_of(self, layout: Layout, spans: list[Span], behind: Behind) -> None:
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

        def done(piece: Done) -> None:
            part.add(piece)
            if self.asked.tell is not None:
                self.asked.tell(part.rows, max(expected, part.rows), layout.name)

        pieces = (Piece(layout.name, c, coverage, facts, self.finality) for c in plan)
        if self.asked.dry:
            for chunk in plan:
                done(self._counted(layout, chunk))
        elif self.asked.carry is not None:
            for piece in self.asked.carry(pieces):
                done(piece)
        else:
            for one in pieces:
                self._here(one, behind, done)

    def _here(self, piece: Piece, behind: Behind, then: Callable[[Done], None]) -> None:
        """Fetch a piece in this thread, and have it committed behind."""
        came = ask(self.kept, self.client, piece)
        if isinstance(came, Done):
            then(came)
            return
        listed = self._listed.setdefault(piece.key, Listed())
        listed.spans += piece.chunk.spans
        listed.facts |= came.facts
        behind.put(came, self.now(), then)

    def _facts(self, name: str, spans: list[Span]) -> dict[int, Fact]:
        """What is known of runs or fills, those included that came just now."""
        listed = self._listed.get(name, Listed())
        known = facts_of(self.kept, name, spans)
        return {k: f for k, f in known.items() if k not in listed} | listed.facts

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """A block in which an error of the disk says how much is committed."""
        try:
            yield
        except StoreError as error:
            done = self.report.rows
            message = f"{error} {done} rows of this sync are committed and stay."
            raise StoreError(message) from error

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

        over = sorted(key for key, fact in facts.items() if fact.ended is not None)

        def is_recent(entry: Entry) -> bool:
            if not layout.column:
                return False
            fact = facts.get(entry.first)
            # A number that no run has was passed by when a later run was made.
            place = bisect_left(over, entry.last)
            if fact is None and place < len(over):
                fact = facts[over[place]]
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

    def _counted(self, layout: Layout, chunk: Chunk) -> Done:
        """What a chunk would cost: asks for the number only."""
        found = Done(fetched=chunk.spans)
        if layout.hidden:
            found.requests = len(chunk.keys)
            return found
        for span in chunk.spans:
            query = question(layout, span)
            rows = self.client.bind(query, units="raw", audit=False).count()
            found.rows += rows
            found.requests += max(1, -(-rows // PAGE))
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
