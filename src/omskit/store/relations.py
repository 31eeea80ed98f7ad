"""Relations over the files of a store: what the engine reads.

A relation names the files of one version, so an answer never mixes two. What a query
asks of runs or fills decides which files are opened, and whether all of it is held:
what was never synced is an error, not an empty table.
"""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from omskit.engine.memory import beside, filters_in
from omskit.engine.relations import Between
from omskit.engine.sql import quoted
from omskit.errors import NotSyncedError
from omskit.schema import UNIT_SUFFIX, with_fields
from omskit.store.asking import lacks, spans_in
from omskit.store.derived import DerivedRelation
from omskit.store.layout import OPEN, SENT_SUFFIX
from omskit.store.log import StoredFile, files_of, follow
from omskit.store.quick import Files
from omskit.store.relation import StoreRelation, connected, null_of, path_text
from omskit.store.rows import expressions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from omskit.query import Condition
    from omskit.schema import Catalogue
    from omskit.store.coverage import Coverage
    from omskit.store.kept import Kept
    from omskit.store.layout import Layout

_FEW = 8
"""Files of which it is found out whether their rows are in order."""


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
        self._connection: duckdb.DuckDBPyConnection | None = None
        # Files never change, so what is found of one stays true.
        self._files = Files(kept.path)
        self._sorted: dict[str, bool] = {}
        self._mark: dict[str, Any] = {}
        self._schemas: dict[str, tuple[int, pa.Schema]] = {}
        self._between: dict[str, tuple[Coverage, Between | None]] = {}
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
        base = self._stored(name)
        return DerivedRelation(base, key, base.layout.column, base.place, direct)

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

        Cost: O(runs that they can be of); of all of them it is known after the first
        time.
        """
        conditions = tuple(conditions)
        if conditions or "@" in key:  # Those of another granularity may decide.
            return self._read_between(key, conditions)
        coverage = self._kept.coverage(key)
        known = self._between.get(key)
        if known is None or known[0] is not coverage:
            known = self._between[key] = coverage, self._read_between(key, ())
        return known[1]

    def _read_between(
        self, key: str, conditions: tuple[Condition, ...]
    ) -> Between | None:
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
                columns.append(f"{null_of(one)} AS {quoted(one.name)}")
                unit = quoted(one.name + UNIT_SUFFIX)
                columns += [f"CAST(NULL AS VARCHAR) AS {unit}"] if one.scaled else []
        return StoreRelation(
            resource=shown,
            layout=layout,
            columns=", ".join(columns),
            files=tuple(files),
            coverage=coverage,
            place=str(self._kept.path),
            known=self._files,
            sorts=self._is_sorted,
        )

    def _is_sorted(self, relation: StoreRelation) -> bool:
        """Whether rows come in natural order; of many files nobody asks.

        Cost: the columns of the identity are read, once for each file.
        """
        files = relation.files
        if len(files) > _FEW or not follow(files) or relation.layout.hidden:
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
            if self._connection is None:
                self._connection = connected()
            return self._connection.cursor()

    def close(self) -> None:
        """Let the caches go."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
