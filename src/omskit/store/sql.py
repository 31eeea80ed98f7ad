"""SQL over a store: every resource a view, masks as a table function, nothing else.

What a statement can reach is bounded three times over: it must be one query (no other
kind of statement is run), DuckDB may open the files of this version and nothing else
(no network, no extensions, no settings), and it runs in a read-only transaction.
"""

from __future__ import annotations

import re
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from omskit.engine.sql import quoted
from omskit.errors import UsageError, did_you_mean
from omskit.lumi.files import read_mask
from omskit.store.checking import no_store
from omskit.store.layout import SENT_SUFFIX
from omskit.store.log import files_of, translated
from omskit.store.relation import connected, path_text
from omskit.table import Table
from omskit.table.note import Note, NoteKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

    from omskit.lumi import LumiMask
    from omskit.store.kept import Kept
    from omskit.store.log import StoredFile

_MASK = re.compile(r"\bmask\s*\(\s*'((?:[^']|'')*)'\s*\)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9_@/]+")
_MISSING = re.compile(r"Table with name (\S+) does not exist")

_MACRO = """
CREATE TEMP MACRO mask(name) AS TABLE
SELECT run_number, lumisection_number FROM omskit_masks
WHERE CASE WHEN name IN (SELECT file FROM omskit_masks) THEN file = name
ELSE error('mask() takes the name of a file, written out: mask(''golden.json'')') END
"""


class Asking:
    """A database of views over one state of a store; threads may share it.

    Args:
        files: Mask files may be named in SQL; otherwise only masks that are given.
    """

    def __init__(self, kept: Kept, *, files: bool = True) -> None:
        self._kept = kept
        self._files = files
        self._lock = threading.Lock()
        self._state: tuple[tuple[str, int], ...] | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._views: set[str] = set()
        self._held: dict[str, list[StoredFile]] = {}
        self._columns: dict[str, pa.Schema] = {}

    def ask(self, text: str, masks: Mapping[str, LumiMask]) -> Table:
        """The rows of a query; see `omskit.store.Store.sql`."""
        import duckdb  # not for those who need none: 60 ms

        _check_kind(text)
        with self._lock:
            cursor = self._prepared(text)
        with closing(cursor):
            if "mask" in text.casefold():
                _with_masks(cursor, dict(self._masks(text, masks)))
            try:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                rows = cursor.sql(text).to_arrow_table()
            except duckdb.Error as error:
                raise UsageError(self._why(error)) from error
        notes = []
        if self._kept.mark.get("simulated"):
            note = "The rows of this store are simulated; not for physics."
            notes.append(Note(NoteKind.SIMULATED, note))
        return Table(_plain(rows), warnings=notes)

    def _prepared(self, text: str) -> duckdb.DuckDBPyConnection:
        """A cursor that sees views of all that *text* names."""
        keys = self._kept.held()
        if not keys:
            raise UsageError(no_store(self._kept.path))
        tables = {key: self._kept.table(key) for key in keys}
        state = tuple((k, int(t.version())) for k, t in tables.items() if t is not None)
        if state != self._state or self._connection is None:
            held = {
                key: files_of(table, self._kept.folder(key).path, "")
                for key, table in tables.items()
                if table is not None
            }
            self._connection = _closed_in(held)
            self._held, self._views, self._state = held, set(), state
        words = {word.casefold() for word in _WORD.findall(text)}
        for key in self._held:
            if key not in self._views and words & {key, name_of(key)}:
                self._view(self._connection, key)
                self._views.add(key)
        return self._connection.cursor()

    def _view(self, connection: duckdb.DuckDBPyConnection, key: str) -> None:
        """A view of a table in canonical units, and comments on its columns."""
        layout = self._kept.layout(key)
        schema = self._kept.folder(key).schema()
        shown = [f for f in schema if not f.name.endswith(SENT_SUFFIX)]
        shown = [f for f in shown if f.name != layout.block]
        columns = ", ".join(quoted(f.name) for f in shown)
        paths = ", ".join(path_text(file.path) for file in self._held[key])
        # Of files with the same columns the first is asked for them, not each of them:
        # that is half the time of one run of 2 million lumisections.
        same = "false" if self._are_alike(self._held[key]) else "true"
        rows = f"read_parquet([{paths}], union_by_name={same}, hive_partitioning=false)"
        if not self._held[key]:
            rows = quoted(f"omskit_empty_{name_of(key)}")
            connection.register("omskit_rows", schema.empty_table())
            connection.execute(f"CREATE TABLE {rows} AS FROM omskit_rows")
            connection.unregister("omskit_rows")
        view = quoted(name_of(key))
        connection.execute(f"CREATE VIEW {view} AS SELECT {columns} FROM {rows}")  # noqa: S608  # names of files and of the catalogue
        if name_of(key) != key:
            connection.execute(f"CREATE VIEW {quoted(key)} AS FROM {view}")
        for field in shown:
            said = comment_of(field)
            if said:
                text = said.replace("'", "''")
                name = f"{view}.{quoted(field.name)}"
                connection.execute(f"COMMENT ON COLUMN {name} IS '{text}'")

    def _are_alike(self, files: list[StoredFile]) -> bool:
        """Whether all have the same columns in the same order and types."""
        for file in files:
            if file.path not in self._columns:
                with translated(self._kept.path, "read"):
                    # Files never change.
                    self._columns[file.path] = pq.read_schema(file.path)
        found = [self._columns[file.path] for file in files]
        return all(schema.equals(found[0]) for schema in found)

    def _masks(
        self, text: str, given: Mapping[str, LumiMask]
    ) -> Iterator[tuple[str, LumiMask]]:
        """The masks that a query names: those that are given, else files."""
        for found in dict.fromkeys(_MASK.findall(text)):
            name = found.replace("''", "'")
            if name in given:
                yield name, given[name]
            elif self._files:
                yield name, read_mask(name)
            else:
                message = (
                    f"There is no mask {name!r} here, and files may not be named in "
                    f"SQL.{did_you_mean(name, given)}"
                )
                raise UsageError(message)

    def _why(self, error: duckdb.Error) -> str:
        """One line: what DuckDB says, and what there is where a name is none."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = lines[0] if lines else "it failed"
        missing = _MISSING.search(said)
        if missing is None:
            near = [line for line in lines[1:] if line.startswith("Candidate")]
            return f"This SQL cannot be answered: {' '.join([said, *near])}"
        names = sorted(name_of(key) for key in self._held)
        hint = did_you_mean(missing[1].strip('"'), names)
        return (
            f"This store has no table {missing[1]}.{hint} It has: {', '.join(names)}. "
            "'oms sync' fetches others."
        )


def name_of(key: str) -> str:
    """A name that SQL takes without quotes.

    Example:
        >>> name_of("l1algorithmtriggers/ratemon"), name_of("deadtimes@run")
        ('l1algorithmtriggers_ratemon', 'deadtimes_run')
    """
    return key.replace("/", "_").replace("@", "_")


def comment_of(field: pa.Field) -> str:
    """What is said of a column: its unit in brackets, and its title."""
    said = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    unit = f"[{said['unit']}]" if "unit" in said else ""
    return " ".join(filter(None, [unit, said.get("title", "")]))


def _check_kind(text: str) -> None:
    """Refuse what is not one query.

    Raises:
        UsageError: Several statements, or one that does something.
    """
    import duckdb  # as above

    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        message = f"This is no SQL that DuckDB reads: {said}"
        raise UsageError(message) from error
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        what = ", ".join(kinds) or "nothing"
        message = (
            f"One query is answered, SELECT or FROM; this is: {what}. A store "
            "is written to by 'oms sync' and 'oms store import' only."
        )
        raise UsageError(message)


def _closed_in(held: Mapping[str, list[StoredFile]]) -> duckdb.DuckDBPyConnection:
    """A database in memory that can open these files, and nothing else."""
    connection = connected()
    paths = [file.path for files in held.values() for file in files]
    connection.execute("SET GLOBAL python_enable_replacements = false")
    connection.execute("SET allowed_paths = ?", [paths])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _with_masks(
    cursor: duckdb.DuckDBPyConnection, masks: Mapping[str, LumiMask]
) -> None:
    """A table function ``mask(name)`` with the lumisections of each."""
    columns = "file VARCHAR, run_number BIGINT, lumisection_number BIGINT"
    cursor.execute(f"CREATE TEMP TABLE omskit_masks ({columns})")
    # So there is a row to complain of, where none of the names is a mask.
    cursor.execute("INSERT INTO omskit_masks VALUES (NULL, 0, 0)")
    for name, mask in masks.items():
        runs, numbers = mask.pairs()
        cursor.register("omskit_mask", pa.table({"run": runs, "lumi": numbers}))
        cursor.execute("INSERT INTO omskit_masks SELECT ?, * FROM omskit_mask", [name])
        cursor.unregister("omskit_mask")
    cursor.execute(_MACRO)


def _plain(rows: pa.Table) -> pa.Table:
    """Times in UTC by omskit's name for it, and sums as numbers that all can read."""
    fields = []
    for field in rows.schema:
        kind = field.type
        if pa.types.is_timestamp(kind) and kind.tz:
            kind = pa.timestamp("us", tz="UTC")
        elif pa.types.is_decimal(kind) and kind.scale == 0:
            kind = pa.int64()  # sum() of integers is a HUGEINT
        fields.append(pa.field(field.name, kind))
    try:
        return rows.cast(pa.schema(fields))
    except pa.ArrowInvalid:  # larger than 64 bits
        return rows
