"""One piece of a sync: what is fetched and committed as one, wherever that is done."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from omskit.errors import DecodeError, IncompleteError, StatusError
from omskit.store.coverage import Coverage
from omskit.store.facts import facts_from
from omskit.store.fetching import Fetched, Judge, commit, entries, fetched

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
    """Who carries out pieces, elsewhere."""

    def __call__(self, pieces: Iterable[Piece]) -> Iterator[Done]:
        """What becomes of them, as they are done, in any order."""


@dataclass(frozen=True, slots=True)
class Came:
    """A piece that was fetched, and is not committed yet.

    Attributes:
        facts: What is known of the runs or fills now: rows of ``runs`` say it.
    """

    piece: Piece
    fetched: Fetched
    facts: Mapping[int, Fact]


def ask(kept: Kept, client: Asks, piece: Piece) -> Came | Done:
    """Fetch a piece; what cannot be had is told, and left for later.

    Raises:
        OMSError: The service is not there at all.
    """
    layout, chunk = kept.layout(piece.key), piece.chunk
    try:
        came = fetched(client, layout, chunk)
    except _OF_ONE_CHUNK as error:
        return Done(failed=[(span, str(error)) for span in chunk.spans])
    facts = piece.facts
    if layout.name in {"runs", "fills"}:
        rows = came.tables[0] if came.tables else None
        facts = {**facts, **facts_from(rows, layout.name)}
    return Came(piece, came, facts)


def put(kept: Kept, came: Came, now: dt.datetime) -> tuple[Done, list[Entry]]:
    """Commit what was fetched.

    Returns:
        With it, what is held now, which is still to be said (`Kept.record`).

    Raises:
        StoreError: The disk cannot be written.
    """
    piece, rows = came.piece, came.fetched
    layout, chunk = kept.layout(piece.key), piece.chunk
    table = rows.tables[0] if rows.tables else None
    judge = Judge(piece.finality, came.facts, now)
    made = entries(table, layout, chunk, judge, piece.before)
    held = commit(kept, layout, chunk, rows, made)
    done = Done(
        fetched=chunk.spans,
        rows=rows.rows,
        requests=rows.requests,
        notes=rows.notes,
        revised=_revised(made, piece.before),
    )
    return done, held


def carry_out(kept: Kept, client: Asks, piece: Piece, now: dt.datetime) -> Done:
    """Fetch and commit a piece; what cannot be had is told and left for later.

    Raises:
        StoreError: The disk cannot be written.
        OMSError: The service is not there at all.
    """
    came = ask(kept, client, piece)
    if isinstance(came, Done):
        return came
    done, held = put(kept, came, now)
    kept.record({piece.key: held})
    return done


def _revised(made: Iterable[Entry], before: Coverage) -> list[tuple[int, int, int]]:
    """What had other rows before."""
    found: list[tuple[int, int, int]] = []
    for entry in made:
        old = before.at((entry.first, entry.last))
        if old is not None and (old.rows, old.hash) != (entry.rows, entry.hash):
            found.append((entry.first, old.rows, entry.rows))
    return found
