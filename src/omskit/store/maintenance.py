"""Keeping a store quick and small: fewer files, rows in order, old versions gone."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omskit.engine.sql import quoted
from omskit.errors import UsageError
from omskit.store.chunks import WIDE
from omskit.store.delta import Written
from omskit.store.layout import BLOCK, OPEN
from omskit.store.log import translated
from omskit.store.relation import path_text

if TYPE_CHECKING:
    from omskit.store.kept import Kept
    from omskit.store.layout import Layout
    from omskit.store.log import StoredFile


@dataclass(frozen=True, slots=True)
class Compacted:
    """What `compact` did; `print` shows it.

    Attributes:
        before, after: Parquet files of the newest versions.
    """

    before: int
    after: int

    def __str__(self) -> str:
        return (
            f"{self.before} files became {self.after}; the old ones stay for readers "
            "that have them open, until 'oms store vacuum'."
        )


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What `vacuum` did; `print` shows it.

    Attributes:
        files: How many files were deleted.
        earliest: What the store was before this moment cannot be read any more.
    """

    files: int
    earliest: dt.datetime

    def __str__(self) -> str:
        return (
            f"{self.files} files deleted. The store can be read as it was at "
            f"{self.earliest:%Y-%m-%d %H:%M} UTC or later."
        )


def compact(kept: Kept) -> Compacted:
    """Put the rows of each block into one run of files, in natural order.

    Each block is one commit; readers see the same rows before and after.

    Raises:
        StoreError: Somebody else does maintenance, or nothing can be written.
    """
    before = after = 0
    with kept.maintained():
        for key in kept.held():
            layout = kept.layout(key)
            before += len(kept.folder(key).files(layout.column))
            for block, files in sorted(_blocks(kept, key).items()):
                most = WIDE // len(layout.schema)
                for group in groups(files, most):
                    _rewrite(kept, layout, block, group)
            after += len(kept.folder(key).fresh().file_uris())
        kept.compact_coverage()
    return Compacted(before, after)


def _blocks(kept: Kept, key: str) -> dict[int, list[StoredFile]]:
    """The files of each block; all in one where there are no blocks."""
    layout = kept.layout(key)
    found: defaultdict[int, list[StoredFile]] = defaultdict(list)
    for file in kept.folder(key).files(layout.column):
        block = 0 if file.first is None or not layout.block else file.first // BLOCK
        found[block].append(file)
    return found


def groups(files: list[StoredFile], most: int) -> list[list[StoredFile]]:
    """Files that are made one, each group with keys of its own.

    Args:
        files: Of one block, in the order of their first keys.
        most: Rows of a group, unless files overlap: so many are in memory at once.
    """
    found: list[list[StoredFile]] = []
    last, rows = -1, 0
    for file in files:
        apart = file.first is not None and file.first > last
        if not found or (apart and rows + file.rows > most):
            found.append([])
            rows = 0
        found[-1].append(file)
        rows += file.rows
        last = max(last, OPEN if file.last is None else file.last)
    return [group for group in found if len(group) > 1]


def _rewrite(kept: Kept, layout: Layout, block: int, files: list[StoredFile]) -> None:
    """One block, sorted, as one commit."""
    folder = kept.folder(layout.name)
    order = [layout.column] if layout.hidden else []
    keys = ", ".join(map(quoted, [*order, *layout.resource.identity]))
    paths = ", ".join(path_text(file.path) for file in files)
    constant = f", {block:d}::BIGINT AS {quoted(layout.block)}" if layout.block else ""
    rows = f"read_parquet([{paths}], union_by_name=true, hive_partitioning=false)"
    schema = folder.schema()
    columns = ", ".join(map(quoted, schema.names))
    text = f"SELECT {columns} FROM (SELECT *{constant} FROM {rows}) ORDER BY {keys}"  # noqa: S608  # names of files and of the catalogue
    how = Written(
        schema=schema,
        block=layout.block,
        column=layout.column,
        replaces=_predicate(layout, block, files),
        only_if=frozenset(file.path for file in files),
    )
    import duckdb  # not for those who need none: 60 ms

    with closing(duckdb.connect(":memory:")) as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        with translated(folder.path, "read"):
            table = connection.sql(text).to_arrow_table()
    folder.commit(table.cast(schema), how)


def _predicate(layout: Layout, block: int, files: list[StoredFile]) -> str | None:
    """The rows of some files of a block; no other file has any of their keys."""
    if not layout.block:
        return None
    first = min(file.first or 0 for file in files)
    last = max(OPEN if file.last is None else file.last for file in files)
    return (
        f"{layout.block} = {block} AND {layout.column} >= {first} "
        f"AND {layout.column} <= {last}"
    )


def vacuum(kept: Kept, keep_days: float, now: dt.datetime) -> Vacuumed:
    """Delete files that only old versions need.

    Raises:
        UsageError: *keep_days* is less than a day: somebody may be reading.
        StoreError: Somebody else does maintenance, or nothing can be written.
    """
    if not keep_days >= 1:
        message = (
            f"keep_days={keep_days}: at least 1, so that nobody loses the files of a "
            "version that is being read or written."
        )
        raise UsageError(message)
    count = 0
    with kept.maintained():
        for folder in kept.folders():
            with translated(folder.path, "clean"):
                gone = folder.fresh().vacuum(
                    retention_hours=int(keep_days * 24),
                    dry_run=False,
                    enforce_retention_duration=False,
                )
            count += len(gone)
            folder.fresh()
    return Vacuumed(count, now - dt.timedelta(days=keep_days))
