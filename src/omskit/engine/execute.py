"""The engine: answers queries from relations, with DuckDB.

What relations are, and what makes a page deep in a resource cheap, is in
`omskit.engine.relations`.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from omskit.engine.ahead import Ahead
from omskit.engine.memory import as_relations, beside, filters_in
from omskit.engine.places import Place, Places
from omskit.engine.relations import Aged, Partial, Quick
from omskit.engine.sql import (
    Statement,
    chosen,
    count_statement,
    following,
    rows_statement,
)
from omskit.engine.stopping import stoppable, stopped
from omskit.errors import (
    OperatorError,
    UnknownResourceError,
    UsageError,
    did_you_mean,
)
from omskit.query import Query, bind
from omskit.query.days import whole_days
from omskit.schema import UNIT_SUFFIX, Field, Resource, bundled

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    import duckdb

    from omskit.engine.relations import Between, Relation, Relations
    from omskit.schema import Catalogue

_MOST = 1 << 62
"""More rows than there can be: larger numbers are none of DuckDB's row numbers."""


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
    """Answers queries from relations; may be shared by threads.

    Args:
        relations: Where the rows are; tables by resource name are `MemoryRelations`.
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
        self,
        relations: Relations | Mapping[str, pa.Table],
        catalogue: Catalogue | None = None,
    ) -> None:
        self._relations = as_relations(relations)
        self.catalogue: Catalogue = bundled() if catalogue is None else catalogue
        self._ahead: Ahead[pa.Table] = Ahead(pa.Table.get_total_buffer_size)
        self._places = Places()
        self._hidden: dict[str, tuple[pa.Schema, Resource, tuple[Field, ...]]] = {}

    @property
    def source(self) -> str:
        """Where the rows come from, in one word: ``simulated``; empty: not known."""
        return self._relations.source

    @property
    def state(self) -> str | None:
        """What changes whenever an answer may; None: not known, or it always does."""
        return self._relations.state

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
        self._relations.close()

    def holds(self, name: str) -> bool:
        """Whether there are rows of the resource *name*."""
        return name in self._relations and name in self.catalogue

    def resource(self, name: str) -> Resource:
        """The resource *name*, as the catalogue describes it.

        Raises:
            UnknownResourceError: The catalogue or the relations do not have it.
        """
        resource = self.catalogue[name]
        if name not in self._relations:
            raise UnknownResourceError(self._not_held(name))
        return resource

    def hidden(self, name: str) -> tuple[Field, ...]:
        """Columns of the rows of *name* that can be filtered by but are not shown.

        Those that the catalogue names (`Resource.filters`), then any others.
        """
        resource = self.resource(name)
        schema = self._relations.schema(name)
        known = self._hidden.get(name)
        if known is None or known[0] is not schema or known[1] is not resource:
            found = (*filters_in(schema, resource), *beside(schema, resource))
            known = self._hidden[name] = schema, resource, found
        return known[2]

    def execute(
        self,
        query: Query,
        *,
        offset: int = 0,
        limit: int | None = None,
    ) -> Result:
        """The rows that match, sorted as asked, ties and the rest by identity.

        Args:
            offset: Rows to leave out at the start.
            limit: At most so many rows; ``query.maximum`` bounds them as well.

        Raises:
            UsageError: The query names what is not there, or cannot be answered here.
            TimedOutError: It was stopped; see `omskit.engine.stopping`.

        Cost: about 1 ms, plus a scan of the columns in the filters; what a relation
        needs when it is first asked for, see `omskit.engine.memory`.
        """
        if offset < 0 or (limit is not None and limit < 0):
            message = f"Rows {offset} to {offset}+{limit} do not exist; count from 0."
            raise UsageError(message)
        if query.maximum is not None:
            left = max(query.maximum - offset, 0)
            limit = left if limit is None else min(limit, left)
        offset, limit = min(offset, _MOST), limit and min(limit, _MOST)
        if query.conditions:
            bound, relation = self._asked(query)
            found = _quick(bound, relation, offset, limit)
            if found is not None:
                return found
        # Before the relation: rows are never older than the state they are kept under.
        state = self.state
        bound, relation = self._asked(query)
        # Groups decide on the relation.
        known = None if state is None else (state, query.groups)
        return self._by_sql(bound, relation, known, (offset, limit))

    def _asked(self, query: Query) -> tuple[Query, Relation]:
        """What is asked for in the terms of a relation, and its rows that may match."""
        relation = self._relations.relation(self._key(query), self.catalogue)
        bound = bind(replace(query, groups=()), relation.resource, whole=False)
        bound = replace(bound, conditions=whole_days(bound.conditions))
        relation = relation.narrowed(bound.conditions)
        if bound.fields is None:
            shown = self.catalogue[query.resource].names
            bound = replace(bound, fields=shown)
        if isinstance(relation, Partial):
            used = [key.removeprefix("-") for key in bound.order]
            used += [c.field for c in bound.conditions]
            shown_ones = chosen(bound, relation.resource)
            relation.refuse([*(f.name for f in shown_ones), *used])
        return bound, relation

    def _by_sql(
        self,
        query: Query,
        relation: Relation,
        known: Hashable | None,
        window: tuple[int, int | None],
    ) -> Result:
        """The rows of a window, and how many there are.

        Args:
            known: What tells these rows of the resource from all others; None: nothing
                does.
        """
        offset, limit = window
        total = None if query.conditions else relation.count
        with closing(self._relations.cursor()) as cursor, stoppable(cursor):

            def read(offset: int, limit: int) -> pa.Table:
                nonlocal total
                run = partial(_run, cursor)
                window = offset, limit
                place = self._places.of(query, relation, window, known, run)
                total = total if place.total is None else place.total
                return _rows(cursor, place, limit)

            searched = query.conditions or query.order
            if limit is None:
                table = _rows(cursor, Place(query, relation, offset), None)
            elif known is None or searched:
                table = read(offset, limit)
            else:
                table = self._ahead.page((known, query), offset, limit, read)
            count = table.num_rows
            if (limit is None or count < limit) and (count or not offset):
                return Result(table, offset + count)
            if total is not None:
                return Result(table, total)
            counted = _run(cursor, count_statement(query, relation))
        return Result(table, counted.column(0)[0].as_py())

    def read_between(self, query: Query) -> Between | None:
        """When the rows that a query can match were fetched, first and last.

        None where the relations do not say, or have none.
        """
        if not isinstance(self._relations, Aged):
            return None
        return self._relations.read_between(self._key(query), query.conditions)

    def _key(self, query: Query) -> str:
        """The key of the rows asked for."""
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
        if key not in self._relations:
            raise UnknownResourceError(self._not_held(key))
        return key

    def _not_held(self, name: str) -> str:
        hint = did_you_mean(name, self._relations)
        held = ", ".join(sorted(self._relations))
        return f"There are no rows of {name!r} here.{hint} There are: {held}."


def _quick(
    query: Query, relation: Relation, offset: int, limit: int | None
) -> Result | None:
    """The answer where no SQL is needed for it."""
    if not isinstance(relation, Quick):
        return None
    found = relation.quick(query, offset, limit)
    if found is None:
        return None
    rows, total = found
    moved = _moved_up(rows, following(query, relation.resource), limit)
    return Result(_typed(moved, chosen(query, relation.resource)), total)


def _rows(
    cursor: duckdb.DuckDBPyConnection, place: Place, limit: int | None
) -> pa.Table:
    """The rows at a place, at most so many."""
    query, relation, offset = place.query, place.relation, place.offset
    if place.is_near:
        found = _quick(query, relation, offset, limit)
        if found is not None:
            return found.table
    rows = rows_statement(query, relation, offset=offset, limit=limit)
    moved = _moved_up(_run(cursor, rows), rows.following, limit)
    return _typed(moved, chosen(query, relation.resource))


def _run(cursor: duckdb.DuckDBPyConnection, statement: Statement) -> pa.Table:
    import duckdb  # not for those who need none: 60 ms

    try:
        answer = cursor.sql(statement.text, params=list(statement.values))
        return answer.to_arrow_table()
    except duckdb.InterruptException as error:
        raise stopped() from error
    except (duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        # Only a pattern can get here: everything else was checked by bind().
        message = f"A value makes no sense to its operator: {error}"
        raise OperatorError(message) from error


def _moved_up(table: pa.Table, following: Iterable[str], limit: int | None) -> pa.Table:
    """Columns that hold the next row's values; after the last row that is 0, as OMS."""
    for name in following:
        place = table.column_names.index(name)
        column = table.column(place)
        end = pa.array(np.zeros(1)).cast(column.type)
        pieces = [*column.slice(1).chunks, *([end] if len(column) else [])]
        moved = pa.chunked_array(pieces, column.type)
        table = table.set_column(place, name, moved)
    return table if limit is None else table.slice(0, limit)


def _typed(table: pa.Table, fields: Iterable[Field]) -> pa.Table:
    """DuckDB's answer in the catalogue's types: it has a name of its own for UTC."""
    types = {}
    for field in fields:
        types[field.name] = field.arrow_type
        if field.scaled:
            types[field.name + UNIT_SUFFIX] = pa.string()
    # Not Table.cast(): that walks through all columns, 1 ms for 60 of them.
    columns = [
        column
        if column.type == kind and not pa.types.is_nested(kind)
        else column.cast(kind)
        for column, kind in zip(table.columns, types.values(), strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(list(types.items())))
