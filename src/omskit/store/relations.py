"""Relations over the files of a store: what the engine reads.

A relation names the files of one version, so an answer never mixes two. What a query
asks of runs or fills decides which files are opened, and whether all of it is held:
what was never synced is an error, not an empty table.
"""

from __future__ import annotations

import re
import threading
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from omskit.engine.memory import beside, filters_in
from omskit.engine.relations import Between
from omskit.engine.sql import quoted
from omskit.errors import NotSyncedError, UsageError
from omskit.schema import UNIT_SUFFIX, with_fields
from omskit.store.asking import lacks, spans_in
from omskit.store.derived import DerivedRelation
from omskit.store.layout import OPEN, SENT_SUFFIX
from omskit.store.log import StoredFile, files_of
from omskit.store.rows import expressions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omskit.query import Condition
    from omskit.schema import Catalogue, Resource
    from omskit.store.coverage import Coverage, Span
    from omskit.store.kept import Kept
    from omskit.store.layout import Layout

_SQL_TYPES = {
    "int": "BIGINT",
    "float": "DOUBLE",
    "str": "VARCHAR",
    "bool": "BOOLEAN",
    "time": "TIMESTAMPTZ",
    "json": "VARCHAR",
}
_FEW = 8
"""Files of which it is found out whether their rows are in order."""

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
        sorts: Whether the rows of its files are in natural order.
    """

    resource: Resource
    layout: Layout
    columns: str
    files: tuple[StoredFile, ...]
    coverage: Coverage
    place: str
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


class StoreRelations:
    """Relations over a store; see `omskit.engine.relations.Relations`.

    Args:
        only_held: There is only what was synced; otherwise whatever could be, and what
            was not is a `NotSyncedError`.
    """

    def __init__(self, kept: Kept, *, only_held: bool = False) -> None:
        self._kept = kept
        self._only_held = only_held
        self._lock = threading.Lock()
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._connection.execute("SET GLOBAL parquet_metadata_cache = true")
        # Files never change, so what is found of one stays true.
        self._sorted: dict[str, bool] = {}
        self._mark: dict[str, Any] = {}
        self._schemas: dict[str, tuple[int, pa.Schema]] = {}
        self._made: dict[str, tuple[int, Coverage, StoreRelation]] = {}

    @property
    def kept(self) -> Kept:
        """The folder."""
        return self._kept

    @property
    def source(self) -> str:
        """``store``, and whether its rows were made up."""
        if not self._mark:  # Once it is there, it says the same for good.
            self._mark = self._kept.mark
        return "store, simulated" if self._mark.get("simulated") else "store"

    @property
    def state(self) -> str:
        """The versions of all tables."""
        versions = (
            f"{folder.path.name}:{folder.version}" for folder in self._kept.folders()
        )
        return " ".join(versions)

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str):
            return False
        if self._only_held:
            return key in self._kept.held()
        name, _, granularity = key.partition("@")
        if name not in self._kept.catalogue:
            return False
        return not granularity or granularity in (
            self._kept.catalogue[name].granularities
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept.held())

    def schema(self, key: str) -> pa.Schema:
        """The columns, those of the catalogue where nothing was synced yet."""
        folder = self._kept.folder(key)
        version = folder.version
        known = self._schemas.get(key)
        if known is None or known[0] != version:
            layout = self._kept.layout(key)
            found = layout.schema if version < 0 else folder.schema()
            shown = (f for f in found if f.name != layout.block)
            plain = [f for f in shown if not f.name.endswith(SENT_SUFFIX)]
            known = self._schemas[key] = version, pa.schema(plain)
        return known[1]

    def relation(
        self,
        key: str,
        catalogue: Catalogue,  # noqa: ARG002  # the protocol's
    ) -> StoreRelation | DerivedRelation:
        """The newest version of the rows of *key*.

        Raises:
            NotSyncedError: Nothing of it was ever synced.
        """
        name, _, granularity = key.partition("@")
        if granularity != "run" or self._kept.table(name) is None:
            return self._stored(key)
        there = self._kept.table(key) is not None
        direct = self._stored(key) if there else None
        return DerivedRelation(self._stored(name), key, direct)

    def _stored(self, key: str) -> StoreRelation:
        layout = self._kept.layout(key)
        # Coverage first: what it says of a version is then there.
        coverage = self._kept.coverage(key)
        table = self._kept.table(key)
        place = str(self._kept.path)
        if table is None:
            raise NotSyncedError(lacks(layout, coverage, [(0, OPEN)], place))
        version = int(table.version())
        with self._lock:
            made = self._made.get(key)
        if made is not None and made[0] == version and made[1] is coverage:
            return made[2]
        path = self._kept.folder(key).path
        fresh = self._related(layout, coverage, files_of(table, path, layout.column))
        with self._lock:
            self._made[key] = version, coverage, fresh
        return fresh

    def read_between(self, key: str, conditions: Iterable[Condition]) -> Between | None:
        """When what is held of such rows was read; whether they are made of others.

        Cost: O(runs that they can be of).
        """
        layout, coverage = self._kept.layout(key), self._kept.coverage(key)
        column = layout.column
        spans = spans_in(conditions, column) if column else [(0, OPEN)]
        name, _, granularity = key.partition("@")
        derived = granularity == "run" and bool(coverage.missing(spans))
        if derived:
            coverage = self._kept.coverage(name)
        held = [e for span in spans for e in coverage.within(span)]
        times = [e.fetched for e in held if e.rows] or [e.fetched for e in held]
        return Between(min(times), max(times), derived) if times else None

    def _related(
        self, layout: Layout, coverage: Coverage, files: list[StoredFile]
    ) -> StoreRelation:
        schema = self.schema(layout.name)
        resource = layout.resource
        fields = (*resource.fields, *beside(schema, resource))
        able = (replace(f, filterable=True, sortable=True) for f in fields)
        shown = replace(
            with_fields(resource, able), filters=filters_in(schema, resource)
        )
        names = dict.fromkeys(self._kept.folder(layout.name).schema().names)
        columns = [expressions(layout, names)]
        for one in resource.fields:
            if one.name not in names:  # A field that omskit learnt later.
                columns.append(f"{_null(one)} AS {quoted(one.name)}")
                unit = quoted(one.name + UNIT_SUFFIX)
                columns += [f"CAST(NULL AS VARCHAR) AS {unit}"] if one.scaled else []
        return StoreRelation(
            resource=shown,
            layout=layout,
            columns=", ".join(columns),
            files=tuple(files),
            coverage=coverage,
            place=str(self._kept.path),
            sorts=self._is_sorted,
        )

    def _is_sorted(self, relation: StoreRelation) -> bool:
        """Whether rows come in natural order; of many files nobody asks.

        Cost: the columns of the identity are read, once for each file.
        """
        files = relation.files
        follow = all(
            a.last is not None and b.first is not None and a.last < b.first
            for a, b in pairwise(files)
        )
        if len(files) > _FEW or not follow or relation.layout.hidden:
            return False
        return all(self._is_file_sorted(file.path, relation) for file in files)

    def _is_file_sorted(self, path: str, relation: StoreRelation) -> bool:
        found = self._sorted.get(path)
        if found is None:
            row = f"row({', '.join(map(quoted, relation.resource.identity))})"
            rows = f"read_parquet([{path_text(path)}], hive_partitioning=false)"
            steps = f"SELECT {row} < lag({row}) OVER () AS back FROM {rows}"  # noqa: S608  # as in source
            with closing(self.cursor()) as cursor:
                count = f"SELECT count(*) FROM ({steps}) WHERE back"  # noqa: S608  # as above
                back = cursor.sql(count).to_arrow_table().column(0)[0].as_py()
            found = self._sorted[path] = back == 0
        return found

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same caches."""
        with self._lock:
            return self._connection.cursor()

    def close(self) -> None:
        """Let the caches go."""
        self._connection.close()


def _null(one: Any) -> str:
    kind = _SQL_TYPES.get(one.items or "str") if one.kind == "list" else None
    word = f"{kind}[]" if kind else _SQL_TYPES[one.kind]
    return f"CAST(NULL AS {word})"


def _empty(resource: Resource, layout: Layout) -> str:
    """Columns of no rows."""
    parts = [f"{_null(one)} AS {quoted(one.name)}" for one in resource.fields]
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
