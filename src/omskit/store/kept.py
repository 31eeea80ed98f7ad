"""The folder of a store: its tables, what is known of them, and who may write."""

from __future__ import annotations

import datetime as dt
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omskit.errors import StoreError
from omskit.store.coverage import SCHEMA, Coverage, Entry, entries_from, table_of
from omskit.store.delta import DeltaFolder, Written
from omskit.store.layout import FORMAT, MARK, folder_of, key_of_folder, layout_of
from omskit.store.log import files_of, has_commits, translated
from omskit.store.probe import Probe, probe, sync_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from omskit.schema import Catalogue
    from omskit.store.layout import Layout

_LOCK = "maintenance.lock"


class Kept:
    """The folder of a store; threads and processes may share it.

    Args:
        path: It need not exist: it is made when first written to.
        when: Show it as it was then; nothing can be written.
    """

    def __init__(
        self,
        path: Path,
        catalogue: Catalogue,
        *,
        fsync: bool = True,
        when: dt.datetime | None = None,
    ) -> None:
        self.path = path
        self.catalogue = catalogue
        self.when = when
        self._fsync = fsync
        self._folders: dict[str, DeltaFolder] = {}
        self._coverage = DeltaFolder(path / "coverage", fsync=fsync)
        self._known: dict[str, tuple[int, Coverage]] = {}

    @property
    def mark(self) -> dict[str, Any]:
        """What the store says of itself; empty where there is none.

        Raises:
            StoreError: Another omskit made it, or it cannot be read.
        """
        try:
            found = json.loads((self.path / MARK).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            message = f"Cannot read {self.path / MARK}: {error}."
            raise StoreError(message) from error
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            message = (
                f"{self.path} is a store of another omskit: its format is "
                f"{found.get('format') if isinstance(found, dict) else found!r:.20}, "
                f"and this one reads {FORMAT}."
            )
            raise StoreError(message)
        return found

    def layout(self, key: str) -> Layout:
        """How the rows of *key* are kept."""
        return layout_of(key, self.catalogue)

    def folder(self, key: str) -> DeltaFolder:
        """The table of *key*, which need not be there."""
        if key not in self._folders:
            path = self.path / "tables" / folder_of(key)
            self._folders[key] = DeltaFolder(path, fsync=self._fsync)
        return self._folders[key]

    def held(self) -> list[str]:
        """What there are tables of."""
        place = self.path / "tables"
        if not place.is_dir():
            return []
        names = sorted(entry.name for entry in place.iterdir())
        return [key_of_folder(n) for n in names if has_commits(place / n)]

    def folders(self) -> list[DeltaFolder]:
        """All tables, coverage among them."""
        found = [self.folder(key) for key in self.held()]
        return [*found, self._coverage] if self._coverage.exists else found

    def compact_coverage(self) -> None:
        """Put the rows of the coverage table into fewer files."""
        if self._coverage.exists:
            with translated(self._coverage.path, "compact"):
                self._coverage.fresh().optimize.compact()
            self._coverage.fresh()

    def table(self, key: str) -> Any:
        """The ``DeltaTable`` of *key*, of the moment that is shown; None: not yet."""
        folder = self.folder(key)
        if not folder.exists:
            return None
        return folder.table() if self.when is None else folder.at(self.when)

    def coverage(self, key: str) -> Coverage:
        """What is held of *key*.

        Cost: one look where nothing has changed since the last one.
        """
        if not self._coverage.exists:
            return Coverage()
        if self.when is not None:
            return Coverage(self._entries(key, self._coverage.at(self.when)))
        table = self._coverage.table()
        version = int(table.version())
        known = self._known.get(key)
        if known is None or known[0] != version:
            known = version, Coverage(self._entries(key, table))
            self._known[key] = known
        return known[1]

    def _entries(self, key: str, table: Any) -> Iterator[Entry]:
        if table is None:
            return
        resource, _, granularity = key.partition("@")
        for file in files_of(table, self._coverage.path, "first", resource):
            with translated(self._coverage.path, "read"):
                rows = pq.ParquetFile(file.path).read()
            chosen = pc.equal(rows["granularity"], pa.scalar(granularity))
            rows = rows.filter(chosen)
            yield from entries_from(rows)

    def record(self, held: Mapping[str, Iterable[Entry]]) -> None:
        """Say what is held, in one commit; the rows are committed before."""
        how = Written(schema=SCHEMA, block="resource", column="first")
        tables = [table_of(entries, key) for key, entries in held.items()]
        self._coverage.commit(pa.concat_tables(tables), how)

    def heal(self, key: str) -> int:
        """Say what is held of commits whose coverage was never written.

        A process that dies between the two leaves that behind; what it would have
        said is kept in the log of the commit.

        Returns:
            Of how many commits.
        """
        folder = self.folder(key)
        if not folder.exists:
            return 0
        covered = max((e.version for e in self.coverage(key).entries), default=-1)
        lost = folder.notes(after=covered)
        for version, note in lost:
            self.record({key: entries_of_note(note, version)})
        return len(lost)

    def prepare(self, *, simulated: bool) -> None:
        """Make the folder a store that can be written to.

        Args:
            simulated: The rows that are about to come were made up.

        Raises:
            StoreError: The file system cannot hold one, or data and simulation would
                be mixed.
        """
        if self.when is not None:
            message = (
                f"{self.path} as of {self.when} is the past: it cannot be written."
            )
            raise StoreError(message)
        mark = self.mark or self._made(simulated=simulated)
        if bool(mark.get("simulated")) != simulated:
            kinds = ("simulated rows", "rows of OMS")
            have, come = kinds if mark.get("simulated") else kinds[::-1]
            message = (
                f"{self.path} holds {have}; {come} do not go into the same store: "
                "nobody could tell them apart. Use another folder."
            )
            raise StoreError(message)

    def _made(self, *, simulated: bool) -> dict[str, Any]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"Cannot make {self.path}: {error.strerror}."
            raise StoreError(message) from error
        strangers = [p.name for p in self.path.iterdir() if p.name not in _OURS]
        strangers = [name for name in strangers if not name.startswith(".omskit")]
        if strangers:
            message = (
                f"{self.path} is no store, and not empty: it has {strangers[0]!r}. "
                "Name a folder of its own, which is made where it is not there."
            )
            raise StoreError(message)
        found = probe(self.path)
        refuse_unsafe(self.path, found)
        mark = {
            "format": FORMAT,
            "made": dt.datetime.now(dt.UTC).isoformat(),
            "simulated": simulated,
            "file_system": found.as_dict(),
        }
        return self._marked(mark)

    def _marked(self, mark: dict[str, Any]) -> dict[str, Any]:
        """Write the mark, unless another process was first: then that one's."""
        part = self.path / f".omskit-{os.urandom(6).hex()}"
        try:
            part.write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")
            sync_path(part)
            os.link(part, self.path / MARK)
        except FileExistsError:
            return self.mark
        except OSError as error:
            message = f"Cannot write {self.path / MARK}: {error.strerror}."
            raise StoreError(message) from error
        finally:
            part.unlink(missing_ok=True)
        return mark

    @contextmanager
    def maintained(self) -> Iterator[None]:
        """A block in which this process alone does maintenance.

        Raises:
            StoreError: Another one does, or died while it did.
        """
        lock = self.path / _LOCK
        try:
            with lock.open("x", encoding="utf-8") as stream:
                stream.write(f"{os.getpid()}\n")
        except FileExistsError as error:
            message = (
                f"{lock} is there: somebody compacts or repairs this store. Where "
                "nobody does, delete that file."
            )
            raise StoreError(message) from error
        except OSError as error:
            message = f"Cannot write {lock}: {error.strerror}."
            raise StoreError(message) from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


_OURS = frozenset({MARK, "tables", "coverage", _LOCK, "lost+found"})


def refuse_unsafe(path: Path, found: Probe) -> None:
    """Go on only where no writer overwrites another.

    Raises:
        StoreError: The message says what was found and what to do.
    """
    if found.holds:
        return
    why = "a name that is taken can be taken again"
    if not found.reads_back:
        why = "what was written is not what is read"
    elif not found.links:
        why = "it has no hard links"
    message = (
        f"The file system at {path} cannot hold a store that is written to: {why}, so "
        "of two writers one would overwrite the other without a word. Write to a local "
        "disk and copy the folder here: it can be read anywhere."
    )
    raise StoreError(message)


def note_of(entries: Iterable[Entry]) -> str:
    """Entries, to be kept in the log of the commit that they are of."""
    rows = table_of(entries, "").drop_columns(["resource", "granularity", "version"])
    records = rows.to_pylist()
    for record in records:
        for name in ("fetched", "same_since"):
            record[name] = record[name].isoformat()
    return json.dumps(records)


def entries_of_note(note: str, version: int) -> list[Entry]:
    """What `note_of` wrote."""
    found: list[Entry] = []
    for record in json.loads(note):
        for name in ("fetched", "same_since"):
            record[name] = dt.datetime.fromisoformat(record[name])
        found.append(Entry(**record, version=version))
    return found
