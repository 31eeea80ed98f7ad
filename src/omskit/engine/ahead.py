"""Pages that are read one after the other: several are read at once, and kept a while.

Of a page of 1000 rows with 60 columns from files most of the time goes into opening and
planning, not into rows: sixteen pages at once cost as much as three.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from omskit.engine.stopping import holding

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Self

ROWS = 16_000
"""So many are read at once for who reads on and on; with 60 columns they take 4 to 12
MB."""

GROWTH = 4
"""A piece has so many times the rows of what its reader read before: who takes two
pages and goes has cost little."""

ROOM = 64 * 1000 * 1000
"""Bytes of the pieces that are kept. Where half of it is taken by pieces that somebody
reads, pieces are half as large, so that 64 readers have room; beyond, readers are
served page by page."""

WIDEST = 32 * 1000 * 1000
"""Bytes of the rows of a piece, by those of the pages before it: where rows are large,
pieces have fewer of them."""

PATIENCE = 256
"""A piece from which none of so many pages was taken makes room: its reader has gone.
More than there are readers at once, or each would take the room of the next."""

_READERS = 256


class Readable(Protocol):
    """Rows that can be cut: Arrow's tables are."""

    @property
    def num_rows(self) -> int:
        """How many there are."""

    @property
    def nbytes(self) -> int:
        """What they take where they are used."""

    def slice(self, offset: int = 0, length: int | None = None) -> Self:
        """The rows from *offset*, at most so many."""


T = TypeVar("T", bound=Readable)


@dataclass(slots=True)
class _Piece(Generic[T]):
    """Rows that were read ahead.

    Attributes:
        used: How many pages there had been when one was taken from it last.
        is_read: That was its last page: it makes room before all others.
    """

    rows: T
    size: int
    used: int
    is_read: bool = False


class Ahead(Generic[T]):
    """What was read ahead, of whom it is known that they read on.

    Threads share it. Who asks for a page that follows on one that was asked for gets
    it from a larger piece, which serves the pages after it too.

    Args:
        size: What rows take that are kept, in bytes.
        room: Of the pieces that are kept, in bytes.

    Example:
        >>> import pyarrow as pa
        >>> rows = pa.table({"n": range(100)})
        >>> ahead, asked = Ahead(pa.Table.get_total_buffer_size), []
        >>> def read(offset, limit):
        ...     asked.append((offset, limit))
        ...     return rows.slice(offset, limit)
        >>> pages = [ahead.page("rows", n, 10, read)["n"][0].as_py()
        ...          for n in range(0, 50, 10)]
        >>> pages, asked
        ([0, 10, 20, 30, 40], [(0, 10), (10, 40)])
    """

    def __init__(self, size: Callable[[T], int], room: int | None = None) -> None:
        self._size = size
        self._most = room
        self._lock = threading.Lock()
        # One piece at a time is read, of rows that are searched for one beside it.
        self._reading = (threading.Lock(), threading.Lock())
        # Where pages ended, and how many rows were read at once for their reader.
        self._ends: OrderedDict[Hashable, int] = OrderedDict()
        self._widths: OrderedDict[Hashable, float] = OrderedDict()
        self._pieces: OrderedDict[tuple[Hashable, int], _Piece[T]] = OrderedDict()
        self._pages = 0

    def page(
        self,
        rows: Hashable,
        offset: int,
        limit: int,
        read: Callable[[int, int], T],
        *,
        most: int | None = None,
        searched: bool = False,
    ) -> T:
        """The rows from *offset*, at most *limit*.

        Args:
            rows: Which rows, in which version: what was read of others is not used.
            read: Reads rows from an offset, at most so many.
            most: Rows of the largest piece; by default `ROWS`.
            searched: They take long to find; others do not wait for them.
        """
        with self._lock:
            self._pages += 1
            before = self._ends.get((rows, offset))
            _note(self._ends, (rows, offset + limit), before or limit)
        most = ROWS if most is None else most
        if before is None or not 0 < limit <= most // 2:
            return self._read(rows, offset, limit, read)
        # What is here does not wait for what others read.
        found = self._held(rows, offset, limit)
        if found is not None:
            return found
        with holding(self._reading[searched]):
            found = self._held(rows, offset, limit)
            many = min(self._room(rows), most, GROWTH * before) // limit * limit
            if found is None and many >= 2 * limit:
                piece = self._read(rows, offset, many, read)
                with self._lock:
                    _note(self._ends, (rows, offset + limit), many)
                if piece.num_rows >= 2 * limit:
                    self._keep((rows, offset), piece)
                found = piece.slice(0, limit)
        return self._read(rows, offset, limit, read) if found is None else found

    def _read(
        self, rows: Hashable, offset: int, limit: int, read: Callable[[int, int], T]
    ) -> T:
        found = read(offset, limit)
        with self._lock:
            _note(self._widths, rows, found.nbytes / max(found.num_rows, 1))
        return found

    def _held(self, rows: Hashable, offset: int, limit: int) -> T | None:
        with self._lock:
            for key, piece in self._pieces.items():
                start = offset - key[1]
                count = piece.rows.num_rows
                # A page that would end with the piece may go on behind it.
                if key[0] != rows or not 0 <= start <= count - limit:
                    continue
                piece.used = self._pages
                # Others may come after who takes its last page.
                piece.is_read = start + 2 * limit > count
                self._pieces.move_to_end(key, last=not piece.is_read)
                return piece.rows.slice(start, limit)
        return None

    def _keep(self, key: tuple[Hashable, int], rows: T) -> None:
        size = self._size(rows)
        with self._lock:
            self._pieces[key] = _Piece(rows, size, self._pages)

    def _room(self, rows: Hashable) -> int:
        """How many rows the next piece may have; 0: there is no room for one."""
        most = ROOM if self._most is None else self._most
        with self._lock:
            taken = sum(piece.size for piece in self._pieces.values())
            while taken >= most:
                key, oldest = next(iter(self._pieces.items()))
                if not oldest.is_read and self._pages - oldest.used <= PATIENCE:
                    return 0
                del self._pieces[key]
                taken -= oldest.size
            in_use = sum(p.size for p in self._pieces.values() if not p.is_read)
            count = ROWS if 2 * in_use < most else ROWS // 2
            return min(count, int(WIDEST / max(self._widths.get(rows, 1), 1)))


V = TypeVar("V")


def _note(known: OrderedDict[Hashable, V], key: Hashable, value: V) -> None:
    """Keep what is known of the last few."""
    known[key] = value
    while len(known) > _READERS:
        known.popitem(last=False)
