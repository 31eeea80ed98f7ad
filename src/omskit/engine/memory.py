"""Relations over Arrow tables, copied into DuckDB's memory when first needed.

A table is copied in the order of its identity, so the number of a row is its place in
natural order: every answer is deterministic, and a page is found by row numbers. (A
scan of the Arrow table itself would need no copy, but has no row numbers and no
statistics: a page at row 2.4 million of 2.5 million takes 48 ms by ORDER BY and 0.9 ms
by row number.)
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from omskit.engine.sql import column_names, quoted
from omskit.engine.stopping import holding
from omskit.schema import UNIT_SUFFIX, Field, Resource, with_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from omskit.engine.relations import Relations
    from omskit.query import Condition
    from omskit.schema import Catalogue
    from omskit.schema.model import Kind

ROW = "@row"
"""The column that numbers the rows of a table in natural order."""

_ARROW = "omskit_source"
_COMPARISONS = frozenset({"EQ", "NEQ", "LT", "LE", "GT", "GE"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table in DuckDB's memory; see `omskit.engine.relations.Relation`.

    Attributes:
        count: How many rows it has.
        source: The table with its row numbers.
        ordered: A scan gives the rows as they lie, and nothing but a scan is needed.
    """

    resource: Resource
    source: str
    count: int | None
    ordered: bool = False

    @property
    def order(self) -> tuple[str, ...]:
        """The rows are numbered in the order of their identity."""
        return (ROW,)

    def page(self, offset: int, limit: int) -> tuple[Loaded, int]:
        """The rows of those numbers."""
        numbers = f"{quoted(ROW)} >= {offset:d} AND {quoted(ROW)} < {offset + limit:d}"
        rows = f"(SELECT * FROM {self.source} WHERE {numbers})"  # noqa: S608  # numbers
        return replace(self, source=rows, count=None), 0

    def narrowed(self, conditions: Iterable[Condition]) -> Loaded:
        """All rows: they are in memory.

        To sort by row numbers takes 15 of the 20 ms of a page of 20 000 HLT rates.
        """
        return replace(self, ordered=all(map(_is_looked_at_alone, conditions)))


def _is_looked_at_alone(condition: Condition) -> bool:
    """Whether a row is judged by itself, without a join that might mix the rows.

    Long lists become joins, and -1 may stand for the newest lumisection.
    """
    return condition.op in _COMPARISONS and condition.value not in (None, -1)


class MemoryRelations:
    """Relations over Arrow tables; see `omskit.engine.relations.Relations`.

    Args:
        tables: By key; looked up when first needed, so it may be lazy. Columns that
            the catalogue does not know can be filtered by but are not shown; columns
            that are missing are null. What the catalogue filters by without showing it
            may be a column of lists: each value finds the row, as every run that used
            a configuration finds that configuration. An attribute ``source`` of the
            mapping says where the rows come from.

    Cost: the first query of a resource copies its table (0.1 s for 2.5 million rows).
    """

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._tables = tables
        # Held for moments; a table that is being loaded has a lock of its own.
        self._lock = threading.Lock()
        self._loading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        import duckdb  # not for those who need none: 60 ms

        self._connection = duckdb.connect(":memory:")
        # Times are UTC wherever the machine stands.
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._loaded: dict[str, Loaded] = {}

    @property
    def source(self) -> str:
        """Where the rows come from, in one word."""
        return str(getattr(self._tables, "source", ""))

    @property
    def state(self) -> None:
        """Nobody has asked for it yet: tables in memory do not change."""

    def __contains__(self, key: object) -> bool:
        return key in self._tables

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def schema(self, key: str) -> pa.Schema:
        """The columns of a table, which is made for that where it is lazy."""
        return self._tables[key].schema

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same tables: no two threads share one."""
        with self._lock:
            return self._connection.cursor()

    def relation(self, key: str, catalogue: Catalogue) -> Loaded:
        """The table *key*, once it is in DuckDB's memory.

        Once begun, loading is not stopped: others wait for it too, and it would have
        to be begun again.
        """
        with self._lock:
            loaded, loading = self._loaded.get(key), self._loading[key]
        if loaded is not None:
            return loaded
        with holding(loading):
            # Somebody else may have loaded it meanwhile.
            with self._lock:
                loaded = self._loaded.get(key)
            if loaded is None:
                resource = catalogue[key.partition("@")[0]]
                loaded = self._copied(key, resource, self._tables[key])
                with self._lock:
                    self._loaded[key] = loaded
        return loaded

    def _copied(self, key: str, resource: Resource, table: pa.Table) -> Loaded:
        """*table*, copied into DuckDB's memory."""
        filters = filters_in(table.schema, resource)
        fields = (*resource.fields, *beside(table.schema, resource))
        able = (replace(f, filterable=True, sortable=True) for f in fields)
        with closing(self.cursor()) as cursor:
            rows = conformed(table, fields, filters)
            _copy(cursor, quoted(key), rows, resource.identity)
        return Loaded(
            resource=replace(with_fields(resource, able), filters=filters),
            source=f"(SELECT *, rowid AS {quoted(ROW)} FROM {quoted(key)})",  # noqa: S608  # a key of the tables
            count=table.num_rows,
        )


def as_relations(relations: Relations | Mapping[str, pa.Table]) -> Relations:
    """Relations as they are, or those over tables by key."""
    if isinstance(relations, Mapping):
        return MemoryRelations(relations)
    return relations


def filters_in(schema: pa.Schema, resource: Resource) -> tuple[Field, ...]:
    """What the catalogue filters by without showing it, as far as it is there."""
    names = set(schema.names)
    return tuple(f for f in resource.filters if f.name in names)


def beside(schema: pa.Schema, resource: Resource) -> tuple[Field, ...]:
    """Columns that the catalogue does not know."""
    known = set(column_names((*resource.fields, *resource.filters)))
    return tuple(
        Field(f.name, (f.name,), _kind(f.type))
        for f in schema
        if f.name not in known and UNIT_SUFFIX not in f.name
    )


def _copy(
    cursor: duckdb.DuckDBPyConnection,
    target: str,
    table: pa.Table,
    identity: tuple[str, ...],
) -> None:
    order = ", ".join(map(quoted, identity))
    copy = f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM {_ARROW}"  # noqa: S608  # names are the catalogue's
    cursor.register(_ARROW, table)
    try:
        cursor.execute(copy)
        if identity and not _is_sorted(cursor, target, order):
            cursor.execute(f"{copy} ORDER BY {order}")
    finally:
        cursor.unregister(_ARROW)


def _is_sorted(cursor: duckdb.DuckDBPyConnection, target: str, order: str) -> bool:
    """Whether the rows are in the order of identity: quicker than sorting."""
    steps = f"SELECT row({order}) < lag(row({order})) OVER () AS back FROM {target}"  # noqa: S608  # as above
    backwards = cursor.sql(f"SELECT count(*) FROM ({steps}) WHERE back")  # noqa: S608  # as above
    return bool(backwards.to_arrow_table().column(0)[0].as_py() == 0)


def conformed(
    table: pa.Table, fields: Iterable[Field], filters: Iterable[Field] = ()
) -> pa.Table:
    """*table* with the columns of *fields* and their units, null where it has none.

    Those of *filters* become lists of all values that a row is found by.
    Numbers that are not finite become null: JSON has no word for them, and a filter
    must see what the page shows.
    """
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    names = set(table.column_names)
    for field in fields:
        if field.name in names:
            columns[field.name] = _finite(table[field.name].cast(field.arrow_type))
        else:
            columns[field.name] = pa.nulls(table.num_rows, field.arrow_type)
        unit = field.name + UNIT_SUFFIX
        if field.scaled and unit in names:
            columns[unit] = table[unit].cast(pa.string())
        elif field.scaled:
            columns[unit] = pa.nulls(table.num_rows, pa.string())
    for field in filters:
        columns[field.name] = _lists(table[field.name], field.arrow_type)
    return pa.table(columns)


def _lists(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if pa.types.is_list(column.type):
        return column.cast(pa.list_(kind))
    ends = pa.array(range(len(column) + 1), pa.int32())
    return pa.ListArray.from_arrays(ends, column.cast(kind).combine_chunks())


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))


def _kind(kind: pa.DataType) -> Kind:
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_boolean(kind):
        return "bool"
    return "time" if pa.types.is_timestamp(kind) else "str"
