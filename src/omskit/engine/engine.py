"""The engine: holds Arrow tables, answers queries.

A table is copied into DuckDB's memory when a query first needs it, in the order of its
identity: from then on a row's place (``rowid``) is that order, which makes every answer
deterministic and a page of an unsorted query cheap.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from omskit.engine.sql import (
    Statement,
    chosen,
    column_names,
    count_statement,
    quoted,
    rows_statement,
)
from omskit.engine.stopping import holding, stoppable, stopped
from omskit.errors import (
    OperatorError,
    UnknownResourceError,
    UsageError,
    did_you_mean,
)
from omskit.query import Query, bind
from omskit.schema import UNIT_SUFFIX, Field, Resource, bundled, with_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from omskit.schema import Catalogue
    from omskit.schema.model import Kind

_SOURCE = "omskit_source"


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a query.

    Attributes:
        table: The chosen columns, ``X@unit`` after each scaled ``X``.
        total: How many rows match, whatever part of them *table* holds.
    """

    table: pa.Table
    total: int


class Engine:
    """Answers queries from Arrow tables; may be shared by threads.

    Args:
        tables: By resource name; ``"<name>@run"`` holds rows of another granularity
            than the default one. Looked up when first needed, so it may be lazy.
            Columns that the catalogue does not know can be filtered by but are not
            shown; columns that are missing are null. What the catalogue filters by
            without showing it may be a column of lists: each value finds the row, as
            every run that used a configuration finds that configuration. An
            attribute ``source`` of the mapping says where the rows come from.
        catalogue: What the resources are; the bundled one by default.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.query import Query, field
        >>> runs = pa.table({"run_number": [1, 2], "l1_rate": [10.0, None]})
        >>> engine = Engine({"runs": runs})
        >>> query = Query("runs").where(field("l1_rate") > 5).select("run_number")
        >>> engine.execute(query).table["run_number"].to_pylist()
        [1]
    """

    def __init__(
        self, tables: Mapping[str, pa.Table], catalogue: Catalogue | None = None
    ) -> None:
        self._tables = tables
        self.catalogue: Catalogue = bundled() if catalogue is None else catalogue
        # Held for moments; a table that is being loaded has a lock of its own.
        self._lock = threading.Lock()
        self._loading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._connection = duckdb.connect(":memory:")
        # Times are UTC wherever the machine stands.
        self._connection.execute("SET TimeZone = 'UTC'")
        self._loaded: dict[str, Resource] = {}

    @property
    def source(self) -> str:
        """Where the rows come from, in one word: ``simulated``; empty: not known."""
        return str(getattr(self._tables, "source", ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back; the engine answers nothing afterwards."""
        self._connection.close()

    def holds(self, name: str) -> bool:
        """Whether there are rows of the resource *name*."""
        return name in self._tables and name in self.catalogue

    def resource(self, name: str) -> Resource:
        """The resource *name*, as the catalogue describes it.

        Raises:
            UnknownResourceError: The catalogue or the tables do not have it.
        """
        resource = self.catalogue[name]
        if name not in self._tables:
            raise UnknownResourceError(self._not_held(name))
        return resource

    def hidden(self, name: str) -> tuple[Field, ...]:
        """Columns of the table *name* that can be filtered by but are not shown.

        Those that the catalogue names (`Resource.filters`), then any others.
        """
        resource = self.resource(name)
        schema = self._tables[name].schema
        return (*_filters(schema, resource), *_hidden(schema, resource))

    def execute(
        self, query: Query, *, offset: int = 0, limit: int | None = None
    ) -> Result:
        """The rows that match, sorted as asked, ties and the rest by identity.

        Args:
            offset: Rows to leave out at the start.
            limit: At most so many rows; ``query.maximum`` bounds them as well.

        Raises:
            UsageError: The query names what is not there, or cannot be answered here.
            TimedOutError: It was stopped; see `omskit.engine.stopping`.

        Cost: about 1 ms, plus a scan of the columns in the filters; the first query of
        a resource copies its table (0.1 s for 2.5 million rows).
        """
        if offset < 0 or (limit is not None and limit < 0):
            message = f"Rows {offset} to {offset}+{limit} do not exist; count from 0."
            raise UsageError(message)
        key = self._key(query)
        resource = self._load(key, query.resource)
        bound = bind(replace(query, groups=()), resource, whole=False)
        if bound.fields is None:
            shown = self.catalogue[query.resource].names
            bound = replace(bound, fields=shown)
        if query.maximum is not None:
            left = max(query.maximum - offset, 0)
            limit = left if limit is None else min(limit, left)
        source = self._source(key, resource)
        rows = rows_statement(bound, resource, source, offset=offset, limit=limit)
        with closing(self._cursor()) as cursor, stoppable(cursor):
            table = _typed(_run(cursor, rows), chosen(bound, resource))
            count = table.num_rows
            if (limit is None or count < limit) and (count or not offset):
                return Result(table, offset + count)
            counted = _run(cursor, count_statement(bound, resource, source))
        return Result(table, counted.column(0)[0].as_py())

    def _key(self, query: Query) -> str:
        """The name of the table that holds the rows asked for."""
        resource = self.resource(query.resource)
        for name, value in query.groups:
            if name != "granularity":
                message = f"group[{name}]={value} is not supported here; "
                raise UsageError(message + "group[granularity] is, on rates.")
        if query.extras or query.selection:
            message = "Selectors and custom parameters must be planned into conditions."
            raise UsageError(message)
        granularity = dict(query.groups).get("granularity")
        if granularity is None or granularity in resource.granularities[:1]:
            return resource.name
        if granularity not in resource.granularities:
            can = " or ".join(map(repr, resource.granularities)) or "no granularity"
            message = f"{resource.name!r} has {can}, not {granularity!r}."
            raise UsageError(message)
        key = f"{resource.name}@{granularity}"
        if key not in self._tables:
            raise UnknownResourceError(self._not_held(key))
        return key

    def _source(self, key: str, resource: Resource) -> str:
        """What stands in FROM for the rows of *key*; the same for rows and count."""
        del self, resource
        return quoted(key)

    def _not_held(self, name: str) -> str:
        hint = did_you_mean(name, self._tables)
        held = ", ".join(sorted(self._tables))
        return f"There are no rows of {name!r} here.{hint} There are: {held}."

    def _load(self, key: str, name: str) -> Resource:
        """The resource as its table is, once it is in DuckDB's memory.

        Here every column can be filtered and sorted by: what OMS allows is for the
        caller to hold. Once begun, loading is not stopped: others wait for it too, and
        it would have to be begun again.
        """
        with self._lock:
            found, loading = self._loaded.get(key), self._loading[key]
        if found is not None:
            return found
        with holding(loading):
            # Somebody else may have loaded it meanwhile.
            if key not in self._held():
                resource = self._copied(key, self.catalogue[name], self._tables[key])
                with self._lock:
                    self._loaded[key] = resource
        return self._held()[key]

    def _held(self) -> dict[str, Resource]:
        """The tables that are in DuckDB's memory now."""
        with self._lock:
            return dict(self._loaded)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same tables: no two threads share one."""
        with self._lock:
            return self._connection.cursor()

    def _copied(self, key: str, known: Resource, table: pa.Table) -> Resource:
        """The resource as *table* is, which is copied into DuckDB's memory."""
        filters = _filters(table.schema, known)
        fields = (*known.fields, *_hidden(table.schema, known))
        able = (replace(f, filterable=True, sortable=True) for f in fields)
        resource = replace(with_fields(known, able), filters=filters)
        with closing(self._cursor()) as cursor:
            held = conformed(table, fields, filters)
            _copy(cursor, quoted(key), held, resource.identity)
        return resource


def _filters(schema: pa.Schema, resource: Resource) -> tuple[Field, ...]:
    held = set(schema.names)
    return tuple(f for f in resource.filters if f.name in held)


def _hidden(schema: pa.Schema, resource: Resource) -> tuple[Field, ...]:
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
    copy = f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM {_SOURCE}"  # noqa: S608  # names are the catalogue's
    cursor.register(_SOURCE, table)
    try:
        cursor.execute(copy)
        if identity and not _is_sorted(cursor, target, order):
            cursor.execute(f"{copy} ORDER BY {order}")
    finally:
        cursor.unregister(_SOURCE)


def _is_sorted(cursor: duckdb.DuckDBPyConnection, target: str, order: str) -> bool:
    """Whether the rows are in the order of identity: quicker than sorting."""
    steps = f"SELECT row({order}) < lag(row({order})) OVER () AS back FROM {target}"  # noqa: S608  # as above
    found = cursor.sql(f"SELECT count(*) FROM ({steps}) WHERE back")  # noqa: S608  # as above
    return bool(found.to_arrow_table().column(0)[0].as_py() == 0)


def _run(cursor: duckdb.DuckDBPyConnection, statement: Statement) -> pa.Table:
    try:
        found = cursor.sql(statement.text, params=list(statement.values))
        return found.to_arrow_table()
    except duckdb.InterruptException as error:
        raise stopped() from error
    except (duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        # Only a pattern can get here: everything else was checked by bind().
        message = f"A value makes no sense to its operator: {error}"
        raise OperatorError(message) from error


def _typed(table: pa.Table, fields: Iterable[Field]) -> pa.Table:
    """DuckDB's answer in the catalogue's types: it has a name of its own for UTC."""
    types = {}
    for field in fields:
        types[field.name] = field.arrow_type
        if field.scaled:
            types[field.name + UNIT_SUFFIX] = pa.string()
    return table.cast(pa.schema(list(types.items())))


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
