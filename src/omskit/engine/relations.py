"""What the engine reads: the rows of each resource, as something DuckDB can scan.

An `Engine` knows nothing of where rows are. It asks its `Relations` for one `Relation`
per query and writes SQL over it. There are three kinds: tables in memory
(`omskit.engine.memory`), what of any of them was there at a moment
(`omskit.engine.clock`), and files on disk (the store). A new kind implements the two
protocols below and needs no change here or in `omskit.engine.execute`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    import duckdb
    import pyarrow as pa

    from omskit.query import Condition, Query
    from omskit.schema import Catalogue, Resource


class Relation(Protocol):
    """One state of the rows of one resource.

    The engine asks for a relation once per query and reads both the rows and their
    number from it, so the two must not differ: a relation over files names the files
    of one version, one over a clock names one moment.
    """

    @property
    def resource(self) -> Resource:
        """The resource as these rows have it.

        Its fields are the columns that can be selected, filtered and sorted by: those
        of the catalogue, in the catalogue's Arrow types, with ``X@unit`` of type text
        after each scaled ``X``, then columns that only these rows have. Its
        ``filters`` are columns of *lists*: all values by which a row is found. Every
        field is filterable and sortable: what OMS allows is checked by others.
        """

    @property
    def source(self) -> str:
        """A table expression in DuckDB's SQL, which is used as ``FROM source AS name``.

        A quoted table name, ``read_parquet([...])`` or a subquery in parentheses, with
        the columns of `resource`, their units, and those of `order`. It must hold no
        text of a request. Floating-point columns have no NaN and no infinity: JSON has
        no word for them, and a filter must see what a page shows.
        """

    @property
    def order(self) -> tuple[str, ...]:
        """The natural order: names of columns of `source`, ascending, nulls last.

        It decides between rows that a query's own sort keys leave equal, so it must
        tell any two rows apart, and it must be the order of the resource's identity:
        lumisection by lumisection, as scripts expect of OMS. Names may be columns
        that the resource does not show, such as ``"@row"`` for tables in memory.
        """

    @property
    def ordered(self) -> bool:
        """Whether rows come out of `source` in natural order by themselves.

        They are not sorted then: 0.1 s for each page of a run of HLT rates.
        """

    @property
    def count(self) -> int | None:
        """How many rows there are, where that is known without a scan."""

    def page(self, offset: int, limit: int) -> tuple[Relation, int] | None:
        """Where rows *offset* to *offset* + *limit* in natural order are.

        A page of a query without conditions and without sort keys is read through
        this. It is what makes a page deep in a large resource as cheap as the first
        one, instead of ``ORDER BY .. OFFSET`` over all rows: tables in memory have row
        numbers; files find the run, or the row group, through row counts per run.

        Returns:
            A relation over at least these rows, without gaps, and how many of its
            rows come before *offset*; None where there is no short cut.
        """

    def narrowed(self, conditions: Iterable[Condition]) -> Relation:
        """A relation with at least all rows for which *conditions* hold.

        Files that cannot have any are not opened then. It may be this one.

        Raises:
            NotSyncedError: Not all such rows are here.
        """


class Relations(Protocol):
    """The rows of several resources, in one DuckDB database.

    Threads share it. Keys are names of the catalogue, or ``"<name>@run"`` for rows of
    another granularity than the default one.
    """

    @property
    def source(self) -> str:
        """Where the rows come from, in one word: ``simulated``; empty: not known."""

    @property
    def state(self) -> str | None:
        """What changes whenever an answer may; None: not known, or it always does."""

    def __contains__(self, key: object) -> bool:
        """Whether there are rows of that key; an empty table counts."""

    def __iter__(self) -> Iterator[str]:
        """The keys that there are."""

    def schema(self, key: str) -> pa.Schema:
        """The columns of the rows of *key*, without reading any rows where possible."""

    def relation(self, key: str, catalogue: Catalogue) -> Relation:
        """The present state of the rows of *key*.

        What must be loaded or listed first is done here, under
        `omskit.engine.stopping.holding`, so that nobody waits whose request is over.

        Args:
            key: One that there is.
            catalogue: What the resources are.
        """

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor for one query, in the database that the sources refer to.

        It is used by one thread and closed afterwards. Its TimeZone must be UTC.
        """

    def close(self) -> None:
        """Give memory and files back; nothing is answered afterwards."""


class Between(NamedTuple):
    """When rows were fetched, and what was made of them.

    Attributes:
        first, last: The times.
        derived: They were fetched by lumisection, and made rows by run here.
    """

    first: dt.datetime
    last: dt.datetime
    derived: bool = False


@runtime_checkable
class Partial(Protocol):
    """A relation some of whose columns cannot be had."""

    def refuse(self, names: Iterable[str]) -> None:
        """Refuse those that are used.

        Raises:
            NotSyncedError: The message names them.
        """


@runtime_checkable
class Quick(Protocol):
    """A relation some of whose rows are had without SQL."""

    def quick(
        self, query: Query, offset: int, limit: int | None
    ) -> tuple[pa.Table, int] | None:
        """The chosen columns of the rows from *offset*, and how many match in all.

        A column that takes the next row's value has that of its own row still, and
        one row more than *limit* comes where there is such a column, see
        `omskit.engine.sql.following`.

        Returns:
            None where SQL has to be asked.
        """


@runtime_checkable
class Aged(Protocol):
    """Relations whose rows were fetched from somewhere, and may have changed there."""

    def read_between(self, key: str, conditions: Iterable[Condition]) -> Between | None:
        """When rows of *key* for which *conditions* can hold were read, first and last.

        None where it is not known, or there are none.
        """
