"""`Store`: a folder with rows of OMS, and what can be done with it.

Whatever writes or checks is imported by the method that does it, for who only reads.
"""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from omskit._arguments import names_in
from omskit.engine import Engine
from omskit.errors import UsageError
from omskit.query.selectors import moment, selection
from omskit.query.spoken import is_spoken, moment_of, word_of
from omskit.schema import bundled
from omskit.server.service import Service
from omskit.store.coverage import Finality
from omskit.store.kept import Kept
from omskit.store.layout import KEEP_DAYS
from omskit.store.relations import StoreRelations

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from omskit.lumi import LumiMask
    from omskit.query import MaskLike, Query
    from omskit.schema import Catalogue
    from omskit.store.asks import Asks
    from omskit.store.checking import Info, Problem
    from omskit.store.importing import Imported
    from omskit.store.maintenance import Compacted, Vacuumed
    from omskit.store.parts import Part
    from omskit.store.pieces import Carries, Done, Piece
    from omskit.store.report import Report
    from omskit.store.sql import Asking
    from omskit.table import Table


_NOT_IN_PATHS = set("[]%^|\\")
"""deltalake panics, or writes to another folder."""


class SyncOptions(TypedDict, total=False):
    """What a sync can be narrowed by, besides runs.

    Attributes:
        fill: One fill, or first and last.
        era: Name of an era.
        since, until: Bounds on the start time, ends included.
        last: The newest n runs.
        mask: The runs of a set of lumisections.
    """

    fill: Any
    era: str | None
    since: Any
    until: Any
    last: int | None
    mask: MaskLike | None


class Store:
    """OMS on your disk: a folder of Delta Lake tables, made when first written to.

    Threads may share one, and processes may write to one folder at once.

    Args:
        path: The folder; ``~`` is the home folder.
        fsync: Have each commit on the disk before it is said to be done: then it
            outlives a power cut. Without, it outlives only the end of the program.
        finality: When rows are not asked for again.

    Example:
        >>> import tempfile
        >>> from omskit import Client
        >>> store = Store(tempfile.mkdtemp())
        >>> with Client("demo") as oms:
        ...     report = store.sync(oms, "lumisections", (297050, 297056))
        >>> report.part("runs").rows, report.complete
        (7, True)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fsync: bool = True,
        finality: Finality | None = None,
        catalogue: Catalogue | None = None,
    ) -> None:
        self._path = Path(path).expanduser().absolute()
        wrong = _NOT_IN_PATHS & set(str(self._path))
        if wrong:
            message = (
                f"A store cannot be at {self._path}: Delta Lake takes no "
                f"{min(wrong)!r} in the name of a folder."
            )
            raise UsageError(message)
        self._fsync = fsync
        self._finality = finality or Finality()
        self._catalogue = catalogue or bundled()
        self._kept = Kept(self._path, self._catalogue, fsync=fsync)
        self._now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path

    def __repr__(self) -> str:
        return f"Store({str(self._path)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what it was made with: files are opened where they are read."""
        said = {
            "fsync": self._fsync,
            "finality": self._finality,
            "catalogue": None if self._catalogue is bundled() else self._catalogue,
        }
        return _remade, (str(self._path), said, self._kept.when)

    def at(self, when: Any) -> Store:
        """The store as it was at a moment, to be read only.

        Args:
            when: A time, e.g. ``"2024-10-03T10:00"``; a date is its beginning.
        """
        found = Store(self._path, fsync=self._fsync, catalogue=self._catalogue)
        found._kept = Kept(self._path, self._catalogue, when=_start(when, "when"))
        return found

    def info(self) -> Info:
        """What is there: rows, runs, sizes, ages, and what the file system can do.

        Raises:
            StoreError: There is no store.
        """
        from omskit.store.checking import info

        return info(self._kept)

    def verify(self) -> list[Problem]:
        """Hold every row against what was said when it was fetched; empty: all is well.

        Cost: all rows are read and hashed.
        """
        from omskit.store.checking import verify

        return verify(self._kept)

    def repair(self) -> list[Problem]:
        """Have the next sync fetch again what `verify` finds; no row is deleted."""
        from omskit.store.checking import repair

        return repair(self._kept)

    def import_file(
        self,
        resource: str,
        path: str | os.PathLike[str],
        *,
        columns: Mapping[str, str] | None = None,
        simulated: bool = False,
    ) -> Imported:
        """Put the rows of a file here, in place of all rows of their runs.

        Reads CSV, JSON (rows, columns, pages of OMS), Parquet and what omskit wrote;
        gzip too. Numbers are in the units of the catalogue where no column ``X@unit``
        or ``X_unit`` says otherwise.

        Args:
            resource: What the rows are of, as for `sync`.
            columns: Their names for columns, and OMS's: ``{"run": "run_number"}``.
            simulated: They were made up.

        Raises:
            StoreError: The file has no such rows, or cannot be read.
        """
        from omskit.store.importing import import_file

        return import_file(
            self._kept, resource, Path(path), columns or {}, simulated=simulated
        )

    def compact(self) -> Compacted:
        """Fewer files, rows in order: quicker to read.

        After many small syncs; a sync of many runs makes few files by itself.
        """
        from omskit.store.maintenance import compact

        return compact(self._kept)

    def vacuum(self, keep_days: float = KEEP_DAYS) -> Vacuumed:
        """Delete files that only versions older than *keep_days* need.

        What it returns says since when the store can still be read `at`.
        """
        from omskit.store.maintenance import vacuum

        return vacuum(self._kept, keep_days, self._now())

    def sql(self, query: str, *, masks: Mapping[str, LumiMask] | None = None) -> Table:
        """The rows of a query in DuckDB's SQL.

        Every resource that was synced is a view, in canonical units, which are in the
        comments of its columns; what has no plain name has underscores instead:
        ``l1triggerrates_run``. ``mask('golden.json')`` is a table of run_number and
        lumisection_number. It sees what there is, all of it or not: `info` says which
        runs are held. Nothing but a query is answered, and no file is opened but those
        of the store and masks.

        Args:
            masks: Masks by the name that ``mask('name')`` has in the query.

        Raises:
            UsageError: It is no query, or names what is not there.
            MaskError: A mask cannot be read, or has open ends.

        Example:
            >>> import tempfile
            >>> from omskit import Client
            >>> store = Store(tempfile.mkdtemp())
            >>> with Client("demo") as oms:
            ...     _ = store.sync(oms, "runs", (297050, 297056))
            >>> store.sql("select count(*) as n from runs")["n"].to_pylist()
            [7]
        """
        return self._asking.ask(query, masks or {})

    @cached_property
    def _asking(self) -> Asking:
        from omskit.store.sql import Asking

        return Asking(self._kept)

    def engine(self, *, only_held: bool = False) -> Engine:
        """What answers queries from it; see `omskit.engine.Engine`.

        Args:
            only_held: What was never synced is no resource; else it is an error that
                says how to fetch it.
        """
        return Engine(self.relations(only_held=only_held), self._catalogue)

    @property
    def simulated(self) -> bool:
        """Its rows were made up."""
        return bool(self._kept.mark.get("simulated"))

    def holds_final(self, query: Query) -> bool:
        """Whether all rows that a query can match are here, and final."""
        from omskit.store.finals import holds_final

        return holds_final(self._kept, query)

    def final_pieces(self, query: Query, column: str) -> list[tuple[int, int | None]]:
        """The runs of a query, cut where what is final begins or ends."""
        from omskit.store.finals import final_pieces

        return final_pieces(self._kept, query, column)

    def relations(self, *, only_held: bool = False) -> StoreRelations:
        """What an engine reads; see `engine`."""
        return StoreRelations(self._kept, only_held=only_held)

    def parts(
        self, resource: str, runs: Any = None, columns: Sequence[str] | None = None
    ) -> list[Part]:
        """Its rows in parts, a file each, to be read elsewhere; see `omskit.cluster`.

        Raises:
            NotSyncedError: There are no such rows.
        """
        from omskit.store.parts import parts_of

        return parts_of(self._kept, resource, runs, columns)

    def carry_out(self, client: Asks, piece: Piece) -> Done:
        """Fetch and commit a piece of somebody's `sync`; see `omskit.cluster`.

        Raises:
            StoreError: The disk cannot be written.
            OMSError: The service is not there at all.
        """
        from omskit.store.pieces import carry_out

        return carry_out(self._kept, client, piece, self._now())

    def service(self, base_url: str) -> Service:
        """A service in this process over it."""
        return Service(self.engine(), base_url=base_url)

    def sync(
        self,
        client: Asks,
        resources: str | Iterable[str],
        runs: Any = None,
        *,
        dry_run: bool = False,
        recheck: Any = None,
        tell: Callable[[int, int, str], None] | None = None,
        carry: Carries | None = None,
        **which: Unpack[SyncOptions],
    ) -> Report:
        """Fetch what is not here yet, or not for good, and commit it chunk by chunk.

        It can be stopped anywhere and started again. Requests at once are as many as
        the service likes, see `Client.paced`, and never more than the client's
        ``concurrency``. ``runs`` come along with whatever
        belongs to runs, ``fills`` with whatever belongs to fills: they say what exists
        and when it ended.

        Args:
            client: Who is asked, e.g. ``Client("production")``.
            resources: Names, also with commas; ``"hltpathrates@run"`` for rows per
                run.
            runs: ``297050``; ``(first, last)``, ends included; a list; a mask; text
                such as ``"297050,315190-315290"``; None for all there are.
            dry_run: Only say what would be fetched; rows are counted by the service.
            recheck: A time: what ended since then is fetched again though it is final,
                and the report says what changed.
            tell: Called after each commit with rows so far, rows expected, resource.
            carry: Who fetches and commits the pieces, see `omskit.cluster`; None: this
                thread, one after the other.
            which: ``fill=, era=, since=, until=, last=, mask=``.

        Raises:
            StoreError: The disk cannot be written; what was committed stays.
            OMSError: The service is not there, or a name is none.
        """
        from omskit.store.sync import Asked, Sync

        mask, word = which.pop("mask", None), word_of(runs)
        asked = Asked(
            resources=tuple(names_in((resources,), "resources")),
            selector=(None if word else runs) if mask is None else mask,
            selection=selection(**which, runs=word),
            dry=dry_run,
            recheck=None if recheck is None else _start(recheck, "recheck"),
            tell=tell,
            carry=carry,
        )
        with client.paced() as paced:
            made = Sync(self._kept, client, asked, self._finality, self._now).run()
        made.slowed = paced.pace.halved
        return made


def _remade(path: str, said: dict[str, Any], when: dt.datetime | None) -> Store:
    """A store that was pickled."""
    found = Store(path, **said)
    return found if when is None else found.at(when)


def _start(value: Any, name: str) -> dt.datetime:
    """The beginning of a time that may be a whole day."""
    if is_spoken(value):
        found = moment_of(value, dt.datetime.now(dt.UTC))
    else:
        found = moment(value, name)
    if isinstance(found, dt.datetime):
        return found
    return dt.datetime.combine(found, dt.time(), dt.UTC)
