"""Rows of some runs, or fills, read from the files without SQL.

Most questions name runs and nothing else. DuckDB takes 12 ms for one run of
lumisections with all columns, 5 of which are for planning; the rows alone take 5. So
the pieces of files that hold them are found through the statistics in the files, and
no more is read than is wanted.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omskit.engine.stopping import check
from omskit.store.layout import SENT_SUFFIX, has_sent
from omskit.store.log import follow, translated

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from pathlib import Path

    from omskit.schema import Field, Resource
    from omskit.store.coverage import Span
    from omskit.store.log import StoredFile

_METADATA = 8
"""Of so many files all metadata are kept: a megabyte each, with 65 columns."""

_FILES = 4096
"""Of so many it is kept where their keys are."""

_KEYS = 1024
"""Of so many row groups it is kept where each key begins: 16 bytes a key."""


_LONGEST = 32
"""Of texts longer than that a file may say only how they begin."""


_Alike: TypeAlias = tuple[tuple[str, str | None], ...]


class _Group(NamedTuple):
    """What a file says of a row group.

    Attributes:
        rows: How many there are.
        least, most: Their smallest and largest key.
        alike: Columns that are null in all rows, and texts that are the same in all:
            units mostly.
    """

    rows: int
    least: int
    most: int
    alike: _Alike = ()


_Groups: TypeAlias = tuple[_Group, ...]


class _Piece(NamedTuple):
    """Rows of one row group that follow each other."""

    path: str
    group: int
    start: int
    rows: int
    alike: _Alike = ()


class _Keys(NamedTuple):
    """The keys of sorted rows.

    Attributes:
        values: Each once.
        starts: Their first rows, and at last how many rows there are.
    """

    values: np.ndarray
    starts: np.ndarray


class Window(NamedTuple):
    """Which of the rows: so many are left out, and so many taken, None: all."""

    offset: int
    limit: int | None


class Files:
    """What is known of files, which never change; threads share it."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._metadata: OrderedDict[str, pq.FileMetaData] = OrderedDict()
        self._known: OrderedDict[str, _Groups | None] = OrderedDict()
        self._begins: OrderedDict[tuple[str, int], _Keys | None] = OrderedDict()

    def rows(
        self,
        files: Sequence[StoredFile],
        column: str,
        spans: Sequence[Span],
        resource: Resource,
        names: Sequence[str],
    ) -> Rows | None:
        """The rows of some keys, still on disk; None where they are not found so.

        Args:
            files: In the order of their keys.
            names: Columns, ``X@unit`` among them.

        Cost: reads the keys of row groups that have others as well.
        """
        if not follow(files):
            return None
        found: list[_Piece] = []
        for stored in files:
            groups = self._groups(stored.path, column)
            if groups is None:
                return None
            for number, (count, least, most, alike) in enumerate(groups):
                meets = [s for s in spans if s[0] <= most and s[1] >= least]
                whole = _Piece(stored.path, number, 0, count, alike)
                if any(first <= least and most <= last for first, last in meets):
                    found.append(whole)
                elif meets:
                    keys = self._keys(whole, column)
                    if keys is None:
                        return None
                    found += _within(whole, keys, meets)
        return Rows(self, found, resource, names)

    def _groups(self, path: str, column: str) -> _Groups | None:
        """What a file says; None where it does not say where the keys are."""
        with self._lock:
            if path in self._known:
                return self._known[path]
        with translated(self._place, "read"):
            said = _described(self._metadata_of(path), column)
        with self._lock:
            self._known[path] = said
            while len(self._known) > _FILES:
                self._known.popitem(last=False)
        return said

    def _keys(self, whole: _Piece, column: str) -> _Keys | None:
        """Where the keys of a row group begin; None where they are not sorted."""
        which = whole.path, whole.group
        with self._lock:
            if which in self._begins:
                self._begins.move_to_end(which)
                return self._begins[which]
        with self._opened(whole.path) as opened:
            every = _columns(opened, whole, [column])[column].to_numpy()
        found = None
        if not (every[1:] < every[:-1]).any():
            values, starts = np.unique(every, return_index=True)
            found = _Keys(values, np.append(starts, len(every)))
        with self._lock:
            self._begins[which] = found
            while len(self._begins) > _KEYS:
                self._begins.popitem(last=False)
        return found

    def _metadata_of(self, path: str) -> pq.FileMetaData:
        with self._lock:
            found = self._metadata.get(path)
        if found is None:
            found = pq.read_metadata(path)
        with self._lock:
            self._metadata[path] = found
            self._metadata.move_to_end(path)
            while len(self._metadata) > _METADATA:
                self._metadata.popitem(last=False)
        return found

    @contextmanager
    def _opened(self, path: str) -> Iterator[pq.ParquetFile]:
        with (
            translated(self._place, "read"),
            pq.ParquetFile(path, metadata=self._metadata_of(path)) as file,
        ):
            yield file


class Rows:
    """Rows in files, in the order of their keys."""

    def __init__(
        self,
        files: Files,
        pieces: Sequence[_Piece],
        resource: Resource,
        names: Sequence[str],
    ) -> None:
        self._files, self._pieces = files, pieces
        self._resource, self._names = resource, names
        self.count = sum(piece.rows for piece in pieces)

    def read(self, window: Window) -> pa.Table:
        """The rows of a window into them, as OMS sent them."""
        made: list[pa.Table] = []
        wanted = list(self._in(window))
        for path, pieces in groupby(wanted, key=lambda piece: piece.path):
            with self._files._opened(path) as file:  # noqa: SLF001  # they are one
                there = frozenset(file.schema_arrow.names)
                for piece in pieces:
                    check()
                    made.append(self._sent(file, piece, there))
        if made:
            return pa.concat_tables(made)
        kinds = [(n, _kind(n, self._resource)) for n in self._names]
        return pa.schema(kinds).empty_table()

    def _in(self, window: Window) -> Iterator[_Piece]:
        begin = window.offset
        end = self.count if window.limit is None else begin + window.limit
        offset = 0
        for piece in self._pieces:
            first = max(begin - offset, 0)
            last = min(end - offset, piece.rows)
            offset += piece.rows
            if first < last:
                yield piece._replace(start=piece.start + first, rows=last - first)

    def _sent(
        self, file: pq.ParquetFile, piece: _Piece, there: frozenset[str]
    ) -> pa.Table:
        sent = {f.name for f in self._resource.fields if has_sent(f)}
        wanted = [*self._names, *(n + SENT_SUFFIX for n in self._names if n in sent)]
        # What is the same in all rows is known without reading it; of a number that is
        # null another may have been sent.
        alike = {name: one for name, one in piece.alike if name not in sent}
        came = _columns(file, piece, [n for n in wanted if n in there - alike.keys()])
        columns: list[pa.ChunkedArray | pa.Array] = []
        for name in self._names:
            kind = _kind(name, self._resource)
            if name not in there:
                column = pa.nulls(piece.rows, kind)
            elif name in alike:
                column = _repeated(alike[name], piece.rows, kind)
            elif name in sent:
                column = _as_sent(came, name, self._resource.field(name))
            else:
                column = came[name]
            columns.append(column if column.type == kind else column.cast(kind))
        return pa.Table.from_arrays(columns, names=list(self._names))


def _columns(file: pq.ParquetFile, piece: _Piece, names: list[str]) -> pa.Table:
    found = file.read_row_group(piece.group, columns=names)
    if piece.rows == found.num_rows:
        return found
    if 2 * piece.rows > found.num_rows:
        return found.slice(piece.start, piece.rows)
    # A copy: a slice of 400 rows would keep all 8192 of them.
    rows = np.arange(piece.start, piece.start + piece.rows)
    return found.take(pa.array(rows))


def _described(metadata: pq.FileMetaData, column: str) -> _Groups | None:
    if not metadata.num_rows:
        return ()
    first = metadata.row_group(0)
    paths = (first.column(i).path_in_schema for i in range(first.num_columns))
    places = [place for place, path in enumerate(paths) if path == column]
    plain = {*metadata.schema.to_arrow_schema().names}
    shared: dict[_Alike, _Alike] = {}
    groups: list[_Group] = []
    for number in range(metadata.num_row_groups if places else 0):
        group = metadata.row_group(number)
        said = group.column(places[0]).statistics
        if said is None or not said.has_min_max or said.null_count:
            return None
        alike = tuple(_alike(group, plain))
        # Kept once: it is the same for most groups of a file.
        alike = shared.setdefault(alike, alike)
        groups.append(_Group(group.num_rows, int(said.min), int(said.max), alike))
    if not places or any(a.most > b.least for a, b in pairwise(groups)):
        return None
    return tuple(groups)


def _alike(
    group: pq.RowGroupMetaData, names: Container[str]
) -> Iterator[tuple[str, str | None]]:
    """The columns, null or texts, with one value in all rows, as the file says."""
    for place in range(group.num_columns):
        column = group.column(place)
        name, said = column.path_in_schema, column.statistics
        if name not in names or said is None or not said.has_null_count:
            continue
        if said.null_count == group.num_rows:
            yield name, None
        elif not said.null_count and said.has_min_max and said.min == said.max:
            value = said.min
            if isinstance(value, str) and len(value) < _LONGEST:
                yield name, value


def _within(whole: _Piece, keys: _Keys, spans: Iterable[Span]) -> Iterator[_Piece]:
    """The rows of a row group, sorted by their keys, that are of *spans*."""
    for first, last in spans:
        start = int(keys.starts[np.searchsorted(keys.values, first, "left")])
        stop = int(keys.starts[np.searchsorted(keys.values, last, "right")])
        if start < stop:
            yield whole._replace(start=start, rows=stop - start)


@lru_cache(maxsize=64)
def _repeated(text: str | None, count: int, kind: pa.DataType) -> pa.Array:
    """One text, or nothing, for many rows; all who ask for as many share it."""
    if text is None:
        return pa.nulls(count, kind)
    return pa.repeat(pa.scalar(text, pa.string()), count)


def _kind(name: str, resource: Resource) -> pa.DataType:
    field = resource.get(name)
    return pa.string() if field is None else field.arrow_type


def _as_sent(rows: pa.Table, name: str, field: Field) -> pa.ChunkedArray:
    """The number that OMS sent, where the one that is stored is another."""
    column = rows[name]
    sent = name + SENT_SUFFIX
    if sent in rows.column_names and rows[sent].null_count < len(column):
        column = pc.coalesce(rows[sent].cast(column.type), column)
    if field.kind == "int":
        return pc.round(column, round_mode="half_to_even").cast(pa.int64())
    return column.cast(pa.float64())
