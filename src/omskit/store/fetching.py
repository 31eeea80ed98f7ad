"""Chunks of a sync: rows of some runs, fetched, judged and committed as one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from omskit.query import Condition, Query
from omskit.store.coverage import Coverage, Entry, Finality
from omskit.store.delta import Written
from omskit.store.kept import note_of
from omskit.store.layout import BLOCK, OPEN
from omskit.store.rows import hashes, stored
from omskit.table.note import NoteKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from omskit.store.asks import Asks
    from omskit.store.chunks import Chunk
    from omskit.store.coverage import Span
    from omskit.store.facts import Fact
    from omskit.store.kept import Kept
    from omskit.store.layout import Layout
    from omskit.table import Table


@dataclass(slots=True)
class Fetched:
    """The rows of a chunk, as they came.

    Attributes:
        at: When the first question was asked.
        total: How many rows the service counted.
        requests: How many pages came.
    """

    tables: list[pa.Table] = field(default_factory=list)
    at: dt.datetime | None = None
    total: int = 0
    requests: int = 0
    simulated: bool = False
    receipt: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(table.num_rows for table in self.tables)


def question(layout: Layout, span: Span) -> Query:
    """The query for the rows of a span."""
    query = Query(layout.resource.name)
    first, last = span
    if layout.column and first == last:
        query = query.where(Condition(layout.column, "EQ", first))
    elif layout.column:
        if first > 0:
            query = query.where(Condition(layout.column, "GE", first))
        if last < OPEN:
            query = query.where(Condition(layout.column, "LE", last))
    return query.group(layout.granularity)


def fetched(client: Asks, layout: Layout, chunk: Chunk) -> Fetched:
    """All rows of a chunk, in the form in which they are stored.

    Raises:
        OMSError: They could not all be had.
    """
    found = Fetched()
    spans = chunk.spans
    if layout.hidden:
        # OMS gives them for one run at a time.
        spans = tuple((key, key) for key in chunk.keys)
    for span in spans:
        # Whole: pages that are looked at one by one take five times the processor's
        # time, and what does not add up is read again.
        query = question(layout, span)
        table = client.bind(query, units="raw", audit=False, progress=False).fetch()
        _hear(table, found)
        if len(table):
            run = span[0] if layout.hidden else None
            found.tables.append(stored(table.arrow, layout, run))
    if len(found.tables) > 1:
        found.tables = [pa.concat_tables(found.tables, promote_options="default")]
    return found


_TOLD = {NoteKind.SERVICE, NoteKind.UNIT}
"""Notes that a report repeats."""


def _hear(table: Table, found: Fetched) -> None:
    """Keep what an answer says of itself."""
    # The rows are not hashed for that: Table.receipt would.
    receipt = table._receipt  # noqa: SLF001
    found.notes += (n.text for n in table.notes if n.kind in _TOLD)
    if receipt is None:
        found.requests += 1
        found.total += len(table)
        return
    found.requests += max(1, len(receipt.urls))
    found.total += receipt.total
    found.simulated = found.simulated or receipt.simulated
    if found.at is None or receipt.started < found.at:
        found.at = receipt.started
    if not found.receipt:
        said = {
            "service": receipt.service,
            "service_version": receipt.service_version,
            "service_source": receipt.service_source,
            "started": receipt.started.isoformat(),
            "omskit": receipt.version,
            "url": receipt.urls[0] if receipt.urls else "",
        }
        found.receipt = json.dumps(said)


@dataclass(frozen=True, slots=True)
class Judge:
    """Who says what is final.

    Attributes:
        now: The present.
        settled: The largest key that ended long enough ago: what does not exist below
            it never will.
    """

    finality: Finality
    facts: Mapping[int, Fact]
    now: dt.datetime

    @property
    def settled(self) -> int:
        """Below it, numbers that do not exist never will."""
        keys = (key for key in self.facts if self.has_ended(key))
        return max(keys, default=-1)

    def has_ended(self, key: int) -> bool:
        """Whether it ended long enough ago."""
        fact = self.facts.get(key)
        if fact is None or fact.ended is None:
            return False
        return self.now - fact.ended > self.finality.settle


def entries(
    rows: pa.Table | None, layout: Layout, chunk: Chunk, judge: Judge, before: Coverage
) -> list[Entry]:
    """What is held of a chunk once these rows are committed."""
    at = judge.now
    if not layout.column:
        found = {} if rows is None else hashes(rows, "")
        count, number = found.get(0, (0, ""))
        fresh = Entry(0, OPEN, count, at, at, final=False, hash=number)
        return [judge.finality.judged(fresh, before.at((0, OPEN)), ended=False)]
    found = {} if rows is None else hashes(rows, layout.column)
    made: list[Entry] = []
    settled = judge.settled
    for first, last in chunk.spans:
        begin = first
        known = {*judge.facts, *found}
        for key in sorted(key for key in known if first <= key <= last):
            if key > begin:
                made.append(_gap((begin, key - 1), judge, before, settled))
            count, number = found.get(key, (0, ""))
            fresh = Entry(key, key, count, at, at, final=False, hash=number)
            ended, old = judge.has_ended(key), before.at((key, key))
            made.append(judge.finality.judged(fresh, old, ended=ended))
            begin = key + 1
        if begin <= last:
            made.append(_gap((begin, last), judge, before, settled))
    return made


def _gap(span: Span, judge: Judge, before: Coverage, settled: int) -> Entry:
    """Numbers that no run has."""
    fresh = Entry(*span, 0, judge.now, judge.now, final=False, hash="")
    parts = before.within(span)
    held = not before.missing([span]) and all(not part.rows for part in parts)
    if not held:
        return fresh
    since = max(part.same_since for part in parts)
    old = replace(fresh, same_since=since)
    return judge.finality.judged(fresh, old, ended=span[1] < settled)


def commit(
    kept: Kept, layout: Layout, chunk: Chunk, came: Fetched, made: list[Entry]
) -> list[Entry]:
    """Put the rows of a chunk in place of those that are there.

    Returns:
        What is held now, to be said after that: data, then coverage.
    """
    kept.prepare(simulated=came.simulated)
    schema = layout.schema
    rows = came.tables[0] if came.tables else schema.empty_table()
    made = [replace(e, receipt=came.receipt, total=came.total) for e in made]
    how = Written(
        schema=schema,
        block=layout.block,
        column=layout.column,
        replaces=predicate(layout, chunk.spans),
        # A receipt for each run would swell the log.
        note=note_of(replace(entry, receipt="") for entry in made),
    )
    version = kept.folder(layout.name).commit(rows, how)
    return [replace(entry, version=version) for entry in made]


def predicate(layout: Layout, spans: Sequence[Span]) -> str | None:
    """The rows of spans, as Delta Lake takes it; None: all.

    Example:
        >>> from omskit.schema import bundled
        >>> from omskit.store.layout import layout_of
        >>> predicate(layout_of("runs", bundled()), [(5, 6)])
        'run_block >= 0 AND run_block <= 0 AND (run_number >= 5 AND run_number <= 6)'
    """
    if not layout.column:
        return None
    # The blocks are named too: so two writers of different blocks do not meet.
    first, last = spans[0][0] // BLOCK, spans[-1][1] // BLOCK
    blocks = f"{layout.block} >= {first} AND {layout.block} <= {last}"
    parts = (f"({layout.column} >= {a} AND {layout.column} <= {b})" for a, b in spans)
    return f"{blocks} AND {_either(list(parts))}"


def _either(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"
