"""What is in a store, whether that is what was fetched, and what to do if not."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from omskit.errors import StoreError
from omskit.store.coverage import VOID, Entry, spans_text
from omskit.store.delta import READER, WRITER
from omskit.store.layout import OPEN
from omskit.store.log import translated
from omskit.store.rows import Tally, added, hash_of, tallies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.store.coverage import Coverage, Span
    from omskit.store.kept import Kept

_BATCH = 65_536


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What there is of one resource.

    Attributes:
        rows: Those that are known to be all of their run or fill.
        spans: Runs or fills.
        final: How many of the rows are not asked for again.
        files, size: Parquet files of the newest version, and their bytes.
        oldest, newest: When rows were read last.
    """

    key: str
    rows: int
    spans: tuple[Span, ...]
    final: int
    files: int
    size: int
    oldest: dt.datetime | None
    newest: dt.datetime | None
    version: int

    def __str__(self) -> str:
        when = "" if self.newest is None else f", read {self.oldest:%Y-%m-%d %H:%M}"
        if self.newest is not None and self.newest != self.oldest:
            when += f" to {self.newest:%Y-%m-%d %H:%M}"
        return (
            f"{self.key}: {self.rows} rows ({self.final} final) of "
            f"{spans_text(self.spans, OPEN)}; {self.files} files, "
            f"{self.size / 1e6:.1f} MB{when}"
        )


@dataclass(frozen=True, slots=True)
class Info:
    """What a store is; `print` shows it.

    Attributes:
        file_system: What was found when it was made, see `omskit.store.probe.Probe`.
    """

    path: Path
    simulated: bool
    made: str
    file_system: dict[str, bool]
    tables: tuple[TableInfo, ...]

    def __str__(self) -> str:
        kind = "simulated rows" if self.simulated else "rows of OMS"
        able = ", ".join(
            f"{k} {'yes' if v else 'NO'}" for k, v in self.file_system.items()
        )
        head = f"{self.path}: {kind}, made {self.made[:10]}; file system: {able}"
        return "\n".join([head, *map(str, self.tables)])


def info(kept: Kept) -> Info:
    """What is there.

    Raises:
        StoreError: There is no store.
    """
    mark = kept.mark
    if not mark:
        raise StoreError(no_store(kept.path))
    return Info(
        path=kept.path,
        simulated=bool(mark.get("simulated")),
        made=str(mark.get("made", "")),
        file_system=dict(mark.get("file_system", {})),
        tables=tuple(_table_info(kept, key) for key in kept.held()),
    )


def no_store(path: Path) -> str:
    """The message for a folder that holds none."""
    return (
        f"There is no store at {path}. 'oms sync RESOURCES RUNS --store {path}' makes "
        "one."
    )


def _table_info(kept: Kept, key: str) -> TableInfo:
    coverage = kept.coverage(key)
    files = kept.folder(key).files(kept.layout(key).column)
    times = [entry.fetched for entry in coverage.entries]
    return TableInfo(
        key=key,
        rows=coverage.rows,
        spans=tuple(coverage.spans),
        final=sum(entry.rows for entry in coverage.entries if entry.final),
        files=len(files),
        size=sum(Path(f.path).stat().st_size for f in files if Path(f.path).exists()),
        oldest=min(times, default=None),
        newest=max(times, default=None),
        version=kept.folder(key).version,
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it must be.

    Attributes:
        span: The runs or fills concerned; None: the whole table.
        file: The file that cannot be used, where one is to blame.
    """

    key: str
    span: Span | None
    text: str
    file: str | None = None

    def __str__(self) -> str:
        where = "" if self.span is None else f" {spans_text([self.span], OPEN)}"
        return f"{self.key}{where}: {self.text}"


def verify(kept: Kept) -> list[Problem]:
    """Hold every row against what was said when it was fetched.

    Cost: all rows are read and hashed.
    """
    if not kept.mark:
        raise StoreError(no_store(kept.path))
    return [problem for key in kept.held() for problem in _problems(kept, key)]


def _problems(kept: Kept, key: str) -> Iterator[Problem]:
    folder, layout = kept.folder(key), kept.layout(key)
    protocol = folder.table().protocol()
    found = protocol.min_reader_version, protocol.min_writer_version
    if found != (READER, WRITER):
        text = f"protocol {found} of Delta Lake; omskit writes {(READER, WRITER)}"
        yield Problem(key, None, text)
    held: dict[int, Tally] = {}
    for file in folder.files(layout.column):
        try:
            count = _tally(file.path, layout.column, held)
        except (OSError, pa.ArrowException, StoreError) as error:
            span = (file.first or 0, OPEN if file.last is None else file.last)
            yield Problem(key, span, f"cannot read {file.path}: {error}", file.path)
            continue
        if count != file.rows:
            span = (file.first or 0, OPEN if file.last is None else file.last)
            text = f"{file.path} has {count} rows; the log says {file.rows}"
            yield Problem(key, span, text, file.path)
    yield from _against(key, kept.coverage(key), held, whole=not layout.column)


def _tally(path: str, column: str, held: dict[int, Tally]) -> int:
    """Add what the rows of a file come to, batch by batch."""
    count = 0
    with translated(Path(path), "read"):
        file = pq.ParquetFile(path)
        for batch in file.iter_batches(_BATCH):
            rows = pa.Table.from_batches([batch])
            count += rows.num_rows
            for key, tally in tallies(rows, column).items():
                held[key] = added(held.get(key, (0, 0, 0)), tally)
    return count


def _against(
    key: str, coverage: Coverage, held: dict[int, Tally], *, whole: bool
) -> Iterator[Problem]:
    """What coverage says, against what there is."""
    seen: set[int] = set()
    for entry in coverage.entries:
        number = 0 if whole else entry.first
        if not whole and entry.first != entry.last:
            continue
        seen.add(number)
        tally = held.get(number, (0, 0, 0))
        if tally[0] != entry.rows:
            text = f"{tally[0]} rows, and {entry.rows} were fetched"
            yield Problem(key, (entry.first, entry.last), text)
        elif hash_of(tally) != entry.hash:
            yield Problem(key, (entry.first, entry.last), "rows were changed")
    for number in sorted(held.keys() - seen):
        text = f"{held[number][0]} rows that nobody said are all; sync fetches them"
        yield Problem(key, (number, number), text)


def repair(kept: Kept) -> list[Problem]:
    """Have the next sync fetch again what is not as it must be.

    What cannot be vouched for is not said to be held any more. A file that cannot be
    used is left out of its table, and stays beside it with another name.

    Returns:
        The problems that were found.
    """
    found: list[Problem] = []
    with kept.maintained():
        for key in kept.held():
            kept.heal(key)
            problems = list(_problems(kept, key))
            found += problems
            version = kept.folder(key).version
            now = dt.datetime.now(dt.UTC)
            spans = [p.span for p in problems if p.span is not None]
            void = Entry(0, 0, VOID, now, now, final=False, hash="", version=version)
            folder = kept.folder(key)
            folder.leave_out([p.file for p in problems if p.file is not None])
            if spans:
                entries = (replace(void, first=a, last=b) for a, b in spans)
                kept.record({key: entries})
    return found
