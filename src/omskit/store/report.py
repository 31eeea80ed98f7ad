"""What a sync did, or would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omskit.store.coverage import joined, spans_text
from omskit.store.layout import OPEN
from omskit.table.shown import Told

if TYPE_CHECKING:
    from omskit.store.coverage import Span
    from omskit.store.pieces import Done


@dataclass(slots=True)
class Part:
    """What became of one resource.

    Attributes:
        key: The resource, with ``@run`` for that granularity.
        asked: The runs or fills that were asked about.
        fetched: Those that were fetched and committed now.
        rows: How many rows came.
        final: Rows that were there and are final: nobody was asked.
        recent: Rows that were read less than a day ago, after they had all come.
        requests: How many requests the service was sent, or would be.
        revised: What had other rows before: (run or fill, rows then, rows now).
        failed: What could not be fetched, and why.
        notes: What the service sent otherwise than the catalogue says.
    """

    key: str
    asked: list[Span] = field(default_factory=list)
    fetched: list[Span] = field(default_factory=list)
    rows: int = 0
    final: int = 0
    recent: int = 0
    requests: int = 0
    revised: list[tuple[int, int, int]] = field(default_factory=list)
    failed: list[tuple[Span, str]] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, done: Done) -> None:
        """Count what became of a piece."""
        self.fetched += done.fetched
        self.rows += done.rows
        self.requests += done.requests
        self.notes.update(dict.fromkeys(done.notes))
        self.revised += done.revised
        self.failed += done.failed

    def lines(self, *, dry: bool) -> list[str]:
        """What is to be said of it."""
        verb = "would fetch" if dry else "fetched"
        spans = spans_text(joined(self.fetched), OPEN)
        known = f", {self.final} rows are final" if self.final else ""
        known += f", {self.recent} were read within a day" if self.recent else ""
        said = (
            f"{self.key}: {verb} {spans} ({_many(self.rows, 'row')}, "
            f"{_many(self.requests, 'request')}){known}"
        )
        found = [said if self.fetched else f"{self.key}: nothing to fetch{known}"]
        found += [
            f"  revised: {key} had {before} rows, now {now}"
            + ("" if before != now else ", of which some differ")
            for key, before, now in self.revised[:20]
        ]
        if len(self.revised) > 20:
            found.append(f"  and {len(self.revised) - 20} more were revised")
        found += [
            f"  missing: {spans_text([span], OPEN)}: {why}" for span, why in self.failed
        ]
        found += [f"  {note}" for note in self.notes]
        return found


@dataclass(slots=True)
class Report(Told):
    """What a sync did; `print` shows it.

    Attributes:
        dry: Nothing was fetched: it says what would be.
        parts: One for each resource.
        slowed: How often requests at once were halved, as the service was busy.
    """

    dry: bool = False
    parts: list[Part] = field(default_factory=list)
    slowed: int = 0

    @property
    def complete(self) -> bool:
        """All that was asked for is in the store."""
        return not any(part.failed for part in self.parts)

    @property
    def rows(self) -> int:
        """How many rows came."""
        return sum(part.rows for part in self.parts)

    @property
    def requests(self) -> int:
        """How many requests were made, or would be."""
        return sum(part.requests for part in self.parts)

    def part(self, key: str) -> Part:
        """What became of one resource.

        Raises:
            KeyError: It was not asked for.
        """
        for part in self.parts:
            if part.key == key:
                return part
        raise KeyError(key)

    def __str__(self) -> str:
        lines = [line for part in self.parts for line in part.lines(dry=self.dry)]
        if self.slowed:
            lines.append(
                "The service was busy: requests at once were halved "
                f"{_many(self.slowed, 'time')}."
            )
        return "\n".join(lines)


def _many(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
