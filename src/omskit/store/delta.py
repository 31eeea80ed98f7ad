"""One Delta Lake table: its files, and how rows get into it.

Only this module uses deltalake.

What is not used, and why: ``allow_unsafe_rename`` (the last writer wins), deletion
vectors (``OPTIMIZE`` corrupted them), full vacuum (it deletes what others are about to
commit), a schema that is cast (1.5 and "7" become integers without a word).
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa

from omskit._extras import load
from omskit.errors import StoreError
from omskit.store.log import (
    PURPOSE,
    StoredFile,
    added_in,
    files_of,
    has_commits,
    info_of,
    translated,
)
from omskit.store.probe import sync_path

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

ATTEMPTS = 40
"""Of two processes that replace the same block, each loses every other time."""

_LONGEST_WAIT_S = 0.4
READER, WRITER = 1, 2
"""The protocol versions of the tables: what every reader of Delta Lake understands."""

ROW_GROUP = 8 * 1024
"""Rows that are unpacked together: of a run of 400, with 62 columns, 5 ms less than of
32 * 1024; the files grow by 2 %."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit is to be.

    Attributes:
        schema: What the columns must be, names and types.
        block: The column by which files lie in folders, or "".
        column: The column whose least and largest value are kept for each file.
        replaces: Which rows it replaces, as a predicate of Delta Lake; None: all; "":
            none, it only adds.
        note: Kept in the log beside the commit.
        only_if: Where the rows were made of these files, they must still be of the
            newest version.
    """

    schema: pa.Schema
    block: str = ""
    column: str = ""
    replaces: str | None = ""
    note: str = ""
    only_if: frozenset[str] = frozenset()


class DeltaFolder:
    """A Delta Lake table in a folder; threads may share it.

    Args:
        fsync: Have each commit on the disk before saying that it is done.
    """

    def __init__(self, path: Path, *, fsync: bool = True) -> None:
        self.path = path
        self._fsync = fsync
        self._lock = RLock()
        self._table: Any = None
        self._files: tuple[int, str, list[StoredFile]] | None = None
        self._schema: tuple[int, pa.Schema] | None = None
        self._flushed: set[Path] = set()

    @property
    def exists(self) -> bool:
        """Whether something was committed."""
        return self._table is not None or has_commits(self.path)

    def table(self) -> Any:
        """The newest version, as a ``DeltaTable``.

        Cost: one look for the next entry of the log, 10 us, where there is none.

        Raises:
            StoreError: It cannot be read.
        """
        with self._lock:
            if self._table is None:
                self._table = self._opened()
            elif self._log(self._table.version() + 1).exists():
                with translated(self.path, "read"):
                    self._table.update_incremental()
            return self._table

    def at(self, when: dt.datetime) -> Any:
        """The version of a moment; None where there was none yet."""
        found = self._opened()
        with translated(self.path, "read"):
            history = found.history()
        at_ms = int(when.timestamp() * 1000)
        known = [h["version"] for h in history if h["timestamp"] <= at_ms]
        if not known:
            return None
        with translated(self.path, "read"):
            found.load_as_version(max(known))
        return found

    def fresh(self) -> Any:
        """The newest version, read anew: what follows a conflict."""
        with self._lock:
            self._table = None
        return self.table()

    @property
    def version(self) -> int:
        """The newest version; -1 where nothing was committed yet."""
        return int(self.table().version()) if self.exists else -1

    def _opened(self) -> Any:
        with translated(self.path, "read"):
            found = load("deltalake", PURPOSE).DeltaTable(str(self.path))
            protocol = found.protocol()
        if protocol.min_reader_version > READER:
            message = (
                f"{self.path} was changed by another program: it asks for reader "
                f"version {protocol.min_reader_version} of Delta Lake, and omskit "
                f"reads version {READER}, without deletion vectors."
            )
            raise StoreError(message)
        return found

    def _log(self, version: int) -> Path:
        return self.path / "_delta_log" / f"{version:020d}.json"

    def files(self, column: str) -> list[StoredFile]:
        """The files of the newest version, in the order of *column*."""
        with self._lock:
            table = self.table()
            version = int(table.version())
            if self._files is None or self._files[:2] != (version, column):
                self._files = version, column, files_of(table, self.path, column)
            return self._files[2]

    def schema(self) -> pa.Schema:
        """The columns of the newest version."""
        with self._lock:
            table = self.table()
            version = int(table.version())
            if self._schema is None or self._schema[0] != version:
                self._schema = version, pa.schema(table.schema().to_arrow())
            return self._schema[1]

    def notes(self, after: int) -> list[tuple[int, str]]:
        """The notes of commits later than version *after*, from the oldest on."""
        found: list[tuple[int, str]] = []
        for version in range(after + 1, self.version + 1):
            entry = self._log(version)
            if entry.exists():
                said = info_of(entry).get("omskit", "")
                found += [(version, str(said))] if said else []
        return found

    def commit(self, rows: pa.Table, how: Written) -> int:
        """Put *rows* into the table, all of them or none, and return the version.

        Raises:
            StoreError: They have not the columns that they must have, or could not be
                written; then nothing was.
        """
        _gate(rows, how.schema, self.path)
        delta = load("deltalake", PURPOSE)
        for attempt in range(ATTEMPTS):
            target = self._target(rows)
            if how.only_if - self._paths(target):
                message = f"{self.path}: somebody else changed these rows meanwhile."
                raise StoreError(message)
            try:
                with translated(self.path, "write"):
                    self._write(delta, target, rows, how)
            except StoreError as error:
                if not self._was_second(delta, target, error.__cause__):
                    raise
                # Somebody else was first. Not at the same moment again:
                longest = min(_LONGEST_WAIT_S, 0.01 * 2**attempt)
                time.sleep(random.uniform(0, longest))  # noqa: S311  # jitter
                continue
            version = 0 if target is None else int(target.version())
            self.flush(version)
            with self._lock:
                self._table = None
            return version
        message = (
            f"{self.path}: {ATTEMPTS} times somebody else wrote first. Nothing of this "
            "commit was written; try again when fewer programs write to the store."
        )
        raise StoreError(message)

    def _paths(self, target: Any) -> set[str]:
        """The files of a version; None: of a table that is not there yet."""
        if target is None:
            return set()
        return {file.path for file in files_of(target, self.path, "")}

    def _was_second(self, delta: Any, target: Any, error: BaseException | None) -> bool:
        """Whether a commit failed because somebody else's came before it."""
        if isinstance(error, delta.exceptions.CommitFailedError):
            return True
        # Two make the table: the second is told so in more than one way.
        made = isinstance(error, delta.exceptions.DeltaError) and target is None
        return made and has_commits(self.path)

    def _target(self, rows: pa.Table) -> Any:
        """A fresh handle on the table; None where nothing was committed yet.

        Raises:
            StoreError: A column there is of another type.
        """
        if not has_commits(self.path):
            return None
        target = self._opened()
        have = pa.schema(target.schema().to_arrow())
        for field in rows.schema:
            place = have.get_field_index(field.name)
            if place >= 0 and not same_type(have.field(place).type, field.type):
                message = (
                    f"{self.path} has {field.name} as {have.field(place).type}, and it "
                    f"came as {field.type}: rows of both cannot stand in one table. "
                    "Nothing was written. Keep the new ones in another store."
                )
                raise StoreError(message)
        return target

    def _write(self, delta: Any, target: Any, rows: pa.Table, how: Written) -> None:
        properties = delta.WriterProperties(
            compression="ZSTD", compression_level=3, max_row_group_size=ROW_GROUP
        )
        replaces = how.replaces
        if target is None:
            # The table comes with its first rows, in one commit: of two that make it
            # one fails, and looks again.
            self.path.mkdir(parents=True, exist_ok=True)
            replaces = ""
        note = {"omskit": how.note} if how.note else {}
        adds = replaces == "" and target is not None
        delta.write_deltalake(
            str(self.path) if target is None else target,
            # One piece: of several it writes whichever comes first, and rows that are
            # not in order are sorted at each answer, of three row groups for one run.
            rows.combine_chunks(),
            mode="error" if target is None else "append" if adds else "overwrite",
            predicate=replaces or None,
            schema_mode=None if target is None else "merge",
            partition_by=[how.block] if how.block else None,
            configuration={"delta.dataSkippingStatsColumns": how.column or "first"}
            if target is None
            else None,
            writer_properties=properties,
            commit_properties=delta.CommitProperties(
                custom_metadata=note,
                # Rows are replaced: who comes second must look again.
                max_commit_retries=15 if adds else 0,
            ),
        )

    def leave_out(self, files: Iterable[str]) -> None:
        """Take files that cannot be used out of the newest version.

        They stay beside the others, with ``.damaged`` behind their names.
        """
        bad = [Path(file) for file in files]
        if not bad:
            return
        with translated(self.path, "repair"):
            for file in bad:
                if file.exists():
                    file.rename(file.with_name(f"{file.name}.damaged"))
            self.fresh().repair()
        self.fresh()

    def flush(self, version: int) -> None:
        """Have the files of a commit, its log entry and their folders on the disk.

        Delta Lake itself syncs nothing: after a power cut a commit could be there
        whose files are empty.
        """
        entry = self._log(version)
        if not self._fsync or not entry.exists():
            return
        added = [self.path / unquote(path) for path in added_in(entry)]
        folders = {path.parent for path in added} | {entry.parent}
        # The names of folders themselves change once.
        fresh = folders - self._flushed
        above = {self.path, self.path.parent} if fresh else set()
        with translated(self.path, "write"):
            for path in [*added, entry, *sorted(folders | above)]:
                if path.exists():
                    sync_path(path)
        self._flushed |= fresh


def same_type(one: pa.DataType, other: pa.DataType) -> bool:
    """Whether two types are one to Delta Lake: it has its own name for list items."""
    if pa.types.is_list(one) and pa.types.is_list(other):
        return same_type(one.value_type, other.value_type)
    return bool(one == other)


def _gate(rows: pa.Table, schema: pa.Schema, path: Path) -> None:
    """Refuse rows that Delta Lake would cast without a word.

    Raises:
        StoreError: The message names the column.
    """
    for field in schema:
        place = rows.schema.get_field_index(field.name)
        if place < 0:
            message = f"{path}: the rows have no column {field.name!r}."
            raise StoreError(message)
        kind = rows.schema.field(place).type
        if not same_type(kind, field.type):
            message = (
                f"{path}: {field.name} is {kind}, and must be {field.type}. Nothing "
                "was written."
            )
            raise StoreError(message)
