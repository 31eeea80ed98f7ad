"""The rows of one resource in one version of a store: which files have them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.engine.sql import (
    chosen,
    column_names,
    following,
    is_natural,
    quoted,
)
from omskit.errors import NotSyncedError, UsageError
from omskit.schema import UNIT_SUFFIX
from omskit.store.asking import lacks, spans_in
from omskit.store.keys import FEW, exact_spans, in_order, within
from omskit.store.layout import OPEN
from omskit.store.quick import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import duckdb

    from omskit.query import Condition, Query
    from omskit.schema import Resource
    from omskit.store.coverage import Coverage, Span
    from omskit.store.layout import Layout
    from omskit.store.log import StoredFile
    from omskit.store.quick import Files

_SQL_TYPES = {
    "int": "BIGINT",
    "float": "DOUBLE",
    "str": "VARCHAR",
    "bool": "BOOLEAN",
    "time": "TIMESTAMPTZ",
    "json": "VARCHAR",
}
_GLOB = re.compile(r"([*?\[])")


@dataclass(frozen=True, slots=True)
class StoreRelation:
    """Rows of one resource in one version; see `omskit.engine.relations.Relation`.

    Attributes:
        columns: SQL for the columns, as OMS sent them.
        files: Those that may have the rows.
        span: Only rows of these runs or fills; None: all in the files.
        coverage: What is held.
        place: Where the store is, for messages.
        known: What is known of the files.
        sorts: Whether the rows of its files are in natural order.
    """

    resource: Resource
    layout: Layout
    columns: str
    files: tuple[StoredFile, ...]
    coverage: Coverage
    place: str
    known: Files
    span: Span | None = None
    sorts: Callable[[StoreRelation], bool] = lambda _: False
    _ends: list[np.ndarray] = field(default_factory=list, compare=False)

    @property
    def source(self) -> str:
        """The files, read by DuckDB."""
        if not self.files:
            return f"(SELECT {_empty(self.resource, self.layout)} WHERE false)"
        paths = ", ".join(path_text(file.path) for file in self.files)
        rows = f"read_parquet([{paths}], union_by_name=true, hive_partitioning=false)"
        where = ""
        if self.span is not None:
            key, (first, last) = quoted(self.layout.column), self.span
            where = f" WHERE {key} >= {first:d} AND {key} <= {last:d}"
        return f"(SELECT {self.columns} FROM {rows}{where})"  # noqa: S608  # names of files and of the catalogue

    @property
    def order(self) -> tuple[str, ...]:
        """The identity."""
        return self.resource.identity

    @property
    def ordered(self) -> bool:
        """The files follow each other, and the rows in each of them."""
        return self.sorts(self)

    @property
    def count(self) -> int | None:
        """How many rows there are, as the log says."""
        return None if self.span else sum(file.rows for file in self.files)

    def page(self, offset: int, limit: int) -> tuple[StoreRelation, int] | None:
        """The runs, or fills, whose rows these are, found through rows per run."""
        column = self.layout.column
        if not column or self.layout.hidden or self.resource.identity[0] != column:
            return None
        if not self._ends:
            self._ends.append(np.cumsum([e.rows for e in self.coverage.entries]))
        ends, entries = self._ends[0], self.coverage.entries
        if not len(ends) or int(ends[-1]) != self.count:
            return None  # Rows that nobody vouches for: where they are is not known.
        start = min(int(np.searchsorted(ends, offset, "right")), len(ends) - 1)
        stop = min(int(np.searchsorted(ends, offset + limit)), len(ends) - 1)
        before = int(ends[start]) - entries[start].rows
        span = entries[start].first, entries[stop].last
        return replace(self._of([span]), span=span), offset - before

    def quick(
        self, query: Query, offset: int, limit: int | None
    ) -> tuple[pa.Table, int] | None:
        """The rows of a query that names runs, or fills, and which rows of them.

        See `omskit.engine.relations.Quick`.
        """
        resource, column = self.resource, self.layout.column
        if self.layout.hidden or not column or not is_natural(query, resource):
            return None
        spans = self._named(query.conditions)
        if spans is None:
            return None
        moved = following(query, resource)
        shown = column_names(chosen(query, resource))
        wanted = [moved.get(name, name) for name in shown]
        names = list(dict.fromkeys([*wanted, *resource.identity]))
        rows = self.known.rows(self.files, column, spans.pop(column), resource, names)
        if rows is None or (spans and rows.count > FEW):
            return None
        # Where a next row is wanted, one more.
        most = None if limit is None else limit + bool(moved)
        is_whole = bool(spans) or (not offset and (most is None or most >= rows.count))
        if not is_whole and not self.ordered:
            return None
        found = rows.read(Window(0, None) if is_whole else Window(offset, most))
        if is_whole and not in_order(found, resource.identity):
            return None
        total = rows.count
        if spans:
            found = within(found, spans)
            total = found.num_rows
            found = found.slice(offset, most)
        columns = [found[name] for name in wanted]
        return pa.Table.from_arrays(columns, names=shown), total

    def _named(self, conditions: Sequence[Condition]) -> dict[str, list[Span]] | None:
        """Which values of the identity are asked for; None: more is, or no run."""
        found: dict[str, list[Span]] = {}
        if self.span:
            return {self.layout.column: [self.span]}
        for name in {self.layout.column, *(c.field for c in conditions)}:
            of = [c for c in conditions if c.field == name]
            spans = exact_spans(of, name)
            known = name == self.layout.column or name in self.resource.identity
            if not of or spans is None or not known:
                return None
            found[name] = spans
        return found

    def narrowed(self, conditions: Iterable[Condition]) -> StoreRelation:
        """The files that may have rows for which *conditions* hold.

        Raises:
            NotSyncedError: Not all such rows are held; the message says which lack,
                and what fetches them.
        """
        column = self.layout.column
        if not column:
            if self.coverage.missing([(0, OPEN)]):
                raise NotSyncedError(self._lacks([(0, OPEN)]))
            return self
        spans = spans_in(conditions, column)
        missing = self.coverage.missing(spans)
        if missing:
            raise NotSyncedError(self._lacks(missing))
        if self.layout.hidden and any(first != last for first, last in spans):
            message = (
                f"{self.layout.name!r} is kept run by run: name one {column}, as in "
                f"where={column} = 297050."
            )
            raise UsageError(message)
        return self._of(spans)

    def _of(self, spans: list[Span]) -> StoreRelation:
        files = tuple(f for f in self.files if any(f.meets(*span) for span in spans))
        return replace(self, files=files)

    def _lacks(self, missing: list[Span]) -> str:
        return lacks(self.layout, self.coverage, missing, self.place)


def null_of(one: Any) -> str:
    """SQL for a column that has no values, in its type."""
    kind = _SQL_TYPES.get(one.items or "str") if one.kind == "list" else None
    word = f"{kind}[]" if kind else _SQL_TYPES[one.kind]
    return f"CAST(NULL AS {word})"


def _empty(resource: Resource, layout: Layout) -> str:
    """Columns of no rows."""
    parts = [f"{null_of(one)} AS {quoted(one.name)}" for one in resource.fields]
    parts += [
        f"CAST(NULL AS VARCHAR) AS {quoted(one.name + UNIT_SUFFIX)}"
        for one in resource.fields
        if one.scaled
    ]
    if layout.hidden:
        parts.append(f"CAST(NULL AS BIGINT[]) AS {quoted(layout.column)}")
    return ", ".join(parts)


def path_text(path: str) -> str:
    """A path as DuckDB takes it: what would be a pattern stands for itself."""
    return "'" + _GLOB.sub(r"[\1]", path).replace("'", "''") + "'"


_FLUSH = "SET GLOBAL allocator_bulk_deallocation_flush_threshold = '8MB'"
"""What a query used goes back to the system: 30 MB less after a join with a mask."""


def connected() -> duckdb.DuckDBPyConnection:
    """A database in memory that reads files which never change."""
    import duckdb  # runs are read without: 60 ms

    found = duckdb.connect(":memory:")
    found.execute("SET GLOBAL TimeZone = 'UTC'")
    found.execute("SET GLOBAL parquet_metadata_cache = true")
    found.execute(_FLUSH)
    return found
