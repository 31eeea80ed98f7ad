"""What came of a query: the table, what is to be said of it, and its receipt.

A fetch makes one table, a stream makes one for each page; both make it here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omskit._version import __version__
from omskit.query.stored import write_query
from omskit.table import Table
from omskit.table.note import Note, NoteKind
from omskit.table.receipt import Receipt

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from omskit.flow.context import Context
    from omskit.flow.prepare import Prepared
    from omskit.flow.read import Part
    from omskit.flow.service_info import ServiceInfo
    from omskit.query import Query


@dataclass(frozen=True, slots=True)
class Read:
    """Some rows in their final form, and where they came from.

    Attributes:
        table: The rows.
        notes: What is to be said of them.
        urls: The pages that they are of.
        total: How many rows match what was asked for them.
        flaws: Why rows are missing; empty where none are.
        gaps: Lumisections that OMS does not hold.
    """

    table: pa.Table
    notes: Sequence[Note]
    urls: tuple[str, ...]
    total: int
    flaws: Sequence[str] = ()
    gaps: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one query.

    Attributes:
        info: What the service said of itself meanwhile.
        started: When the query was asked.
        said: What earlier tables of a stream have said already.
    """

    prepared: Prepared
    context: Context
    info: ServiceInfo
    started: dt.datetime
    said: set[Note] = field(default_factory=set)

    def table(self, read: Read, finished: dt.datetime, *, whole: bool) -> Table:
        """The table of rows that were read; each thing is said once.

        Args:
            whole: These are all rows of the query, so that its receipt can be asked
                again.
        """
        incomplete = [
            Note(NoteKind.INCOMPLETE, f"Incomplete: {f}.") for f in read.flaws
        ]
        notes = dict.fromkeys([*incomplete, *self.prepared.notes, *read.notes])
        fresh = [note for note in notes if note not in self.said]
        self.said.update(fresh)
        return Table(
            read.table,
            resource=self.prepared.resource.name,
            complete=not read.flaws,
            warnings=fresh,
            gaps=read.gaps,
            receipt=self._receipt(read, finished, whole=whole),
        )

    def _receipt(self, read: Read, finished: dt.datetime, *, whole: bool) -> Receipt:
        return Receipt(
            service=self.context.source.base_url,
            urls=read.urls,
            total=read.total,
            rows=read.table.num_rows,
            started=self.started,
            finished=finished,
            version=__version__,
            service_version=self.info.version,
            service_source=self.info.source,
            resource=self.prepared.resource.name,
            question=self._question() if whole else "",
            identity=self.prepared.resource.identity,
        )

    def _question(self) -> str:
        """The question as a receipt keeps it; empty where JSON cannot say it."""
        query = write_query(self.prepared.query)
        if query is None:
            return ""
        settings = self.context.settings
        how = {"raw": settings.raw, "unchecked": settings.unchecked}
        return json.dumps({"query": query, **how})


def no_row(prepared: Prepared) -> Note:
    """That nothing matches, and why where that is known."""
    reason = f": {prepared.plan.empty}" if prepared.plan.empty else ""
    if not reason and prepared.query.conditions:
        conditions = " and ".join(f"{c!s:.60}" for c in prepared.query.conditions)
        reason = f" {conditions}"
    text = f"No row of {prepared.resource.name!r} matches{reason}."
    return Note(NoteKind.NO_ROW, text)


def without_rows(parts: Iterable[Part], query: Query) -> list[Note]:
    """What was asked for one by one and has no row, beside others that have.

    These are names, and the numbers of a list of runs or fills, where *query* asks for
    nothing else: a run without a row that fulfils a condition is no surprise.
    """
    parts = list(parts)
    alone = [c.field for c in query.conditions if c.op == "IN"]
    numbered = alone[0] if len(query.conditions) == 1 == len(alone) else None
    bare = [
        str(condition)
        for part in parts
        if not part.total
        for condition in part.query.conditions
        if condition.op == "EQ"
        and (isinstance(condition.value, str) or condition.field == numbered)
    ]
    if not bare or all(not part.total for part in parts):
        return []
    shown = ", ".join(dict.fromkeys(bare[:5]))
    more = f" and {len(bare) - 5} more" if len(bare) > 5 else ""
    return [Note(NoteKind.NO_ROW, f"No row matches {shown}{more}.")]
