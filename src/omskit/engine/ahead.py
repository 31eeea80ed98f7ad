"""Pages that are read one after the other: several are read at once, and kept a while.

Of a page of 1000 rows with 60 columns from files most of the time goes into opening and
planning, not into rows: sixteen pages at once cost as much as three.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import pyarrow as pa

ROWS = 16_000
"""So many are read at once for who reads on and on, half as many at first; with 60
columns they take 4 to 12 MB."""

ROOM = 80 * 1000 * 1000
"""Bytes of the pieces that are kept. Where half of it is taken, pieces are half as
large, so that 64 readers have room; beyond, readers are served page by page."""

PATIENCE = 256
"""A piece from which none of so many pages was taken makes room: its reader has gone.
More than there are readers at once, or each would take the room of the next."""

_READERS = 256


@dataclass(slots=True)
class _Piece:
    """Rows that were read ahead.

    Attributes:
        used: How many pages there had been when one was taken from it last.
    """

    rows: pa.Table
    size: int
    used: int


class Ahead:
    """What was read ahead, of whom it is known that they read on.

    Threads share it. Who asks for a page that follows on one that was asked for gets
    it from a larger piece, which serves the pages after it too.

    Example:
        >>> import pyarrow as pa
        >>> rows = pa.table({"n": range(100)})
        >>> ahead, asked = Ahead(), []
        >>> def read(offset, limit):
        ...     asked.append((offset, limit))
        ...     return rows.slice(offset, limit)
        >>> pages = [ahead.page("rows", n, 10, read)["n"][0].as_py()
        ...          for n in range(0, 50, 10)]
        >>> pages, asked
        ([0, 10, 20, 30, 40], [(0, 10), (10, 8000)])
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        # Where pages ended, and whether they followed on others themselves.
        self._ends: OrderedDict[Hashable, bool] = OrderedDict()
        self._pieces: OrderedDict[tuple[Hashable, int], _Piece] = OrderedDict()
        self._pages = 0

    def page(
        self,
        rows: Hashable,
        offset: int,
        limit: int,
        read: Callable[[int, int], pa.Table],
    ) -> pa.Table:
        """The rows from *offset*, at most *limit*.

        Args:
            rows: Which rows, in which version: what was read of others is not used.
            read: Reads rows from an offset, at most so many.
        """
        with self._lock:
            self._pages += 1
            follows = self._ends.get((rows, offset))
            self._ends[rows, offset + limit] = follows is not None
            while len(self._ends) > _READERS:
                self._ends.popitem(last=False)
        if follows is None or not 0 < limit <= ROWS // 2:
            return read(offset, limit)
        # What is here does not wait for what others read.
        found = self._held(rows, offset, limit)
        if found is not None:
            return found
        with self._reading:
            found = self._held(rows, offset, limit)
            many = self._room(longer=follows) // limit * limit
            if found is None and many:
                piece = read(offset, many)
                if piece.num_rows >= 2 * limit:
                    self._keep((rows, offset), piece)
                found = piece.slice(0, limit)
        return read(offset, limit) if found is None else found

    def _held(self, rows: Hashable, offset: int, limit: int) -> pa.Table | None:
        with self._lock:
            for key, piece in self._pieces.items():
                start = offset - key[1]
                count = piece.rows.num_rows
                # A page that would end with the piece may go on behind it.
                if key[0] != rows or not 0 <= start <= count - limit:
                    continue
                piece.used = self._pages
                self._pieces.move_to_end(key)
                if start + 2 * limit > count:
                    del self._pieces[key]  # It was the last page.
                return piece.rows.slice(start, limit)
        return None

    def _keep(self, key: tuple[Hashable, int], rows: pa.Table) -> None:
        size = rows.get_total_buffer_size()
        with self._lock:
            self._pieces[key] = _Piece(rows, size, self._pages)

    def _room(self, *, longer: bool) -> int:
        """How many rows the next piece may have; 0: there is no room for one."""
        with self._lock:
            taken = sum(piece.size for piece in self._pieces.values())
            while taken >= ROOM:
                key, oldest = next(iter(self._pieces.items()))
                if self._pages - oldest.used <= PATIENCE:
                    return 0
                del self._pieces[key]
                taken -= oldest.size
            return ROWS if longer and 2 * taken < ROOM else ROWS // 2
