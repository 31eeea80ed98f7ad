"""One piece of a sync: what is fetched and committed as one, wherever that is done."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from omskit.errors import DecodeError, IncompleteError, StatusError
from omskit.store.coverage import Coverage
from omskit.store.facts import facts_from
from omskit.store.fetching import Judge, commit, entries, fetched

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping

    from omskit.store.asks import Asks
    from omskit.store.chunks import Chunk
    from omskit.store.coverage import Entry, Finality, Span
    from omskit.store.facts import Fact
    from omskit.store.kept import Kept

_OF_ONE_CHUNK = (IncompleteError, DecodeError, StatusError)
"""What other runs may not have: the sync goes on."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be fetched and committed as one; it pickles.

    Attributes:
        key: The resource, with ``@run`` for that granularity.
        before: What was held of it.
        facts: What is known of the runs or fills.
        finality: When rows are not asked for again.
    """

    key: str
    chunk: Chunk
    before: Coverage
    facts: Mapping[int, Fact]
    finality: Finality

    def alone(self, now: dt.datetime) -> Piece:
        """The same with what concerns these runs only: small, to be sent elsewhere."""
        first, last = self.chunk.hull
        judge = Judge(self.finality, self.facts, now)
        # What does not exist is settled by the newest run that has ended.
        facts = {
            key: fact
            for key, fact in self.facts.items()
            if first <= key <= last or key == judge.settled
        }
        before = Coverage(self.before.within((first, last)))
        return replace(self, before=before, facts=facts)


@dataclass(slots=True)
class Done:
    """What became of a piece.

    Attributes:
        fetched: Runs or fills that are committed now.
        revised: What had other rows before: (run or fill, rows then, rows now).
        failed: What could not be fetched, and why.
    """

    fetched: tuple[Span, ...] = ()
    rows: int = 0
    requests: int = 0
    notes: list[str] = field(default_factory=list)
    revised: list[tuple[int, int, int]] = field(default_factory=list)
    failed: list[tuple[Span, str]] = field(default_factory=list)


class Carries(Protocol):
    """Who carries out pieces: one after the other here, or many elsewhere."""

    def __call__(self, pieces: Iterable[Piece]) -> Iterator[Done]:
        """What becomes of them, as they are done, in any order."""


def carry_out(kept: Kept, client: Asks, piece: Piece, now: dt.datetime) -> Done:
    """Fetch and commit a piece; what cannot be had is told and left for later.

    Raises:
        StoreError: The disk cannot be written.
        OMSError: The service is not there at all.
    """
    layout, chunk = kept.layout(piece.key), piece.chunk
    try:
        came = fetched(client, layout, chunk)
    except _OF_ONE_CHUNK as error:
        return Done(failed=[(span, str(error)) for span in chunk.spans])
    rows = came.tables[0] if came.tables else None
    facts = piece.facts
    if layout.name in {"runs", "fills"}:
        facts = {**facts, **facts_from(rows, layout.name)}
    made = entries(rows, layout, chunk, Judge(piece.finality, facts, now), piece.before)
    commit(kept, layout, chunk, came, made)
    return Done(
        fetched=chunk.spans,
        rows=came.rows,
        requests=came.requests,
        notes=came.notes,
        revised=_revised(made, piece.before),
    )


def _revised(made: Iterable[Entry], before: Coverage) -> list[tuple[int, int, int]]:
    """What had other rows before."""
    found: list[tuple[int, int, int]] = []
    for entry in made:
        old = before.at((entry.first, entry.last))
        if old is not None and (old.rows, old.hash) != (entry.rows, entry.hash):
            found.append((entry.first, old.rows, entry.rows))
    return found
