"""Pages that are read one after the other: several are read at once, and kept a while.

Of a page of 1000 rows with 60 columns from files most of the time goes into opening and
planning, not into rows: eight pages at once cost little more than one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import pyarrow as pa

ROWS = 8000
"""So many are read at once; with 60 columns they take about 6 MB."""

KEPT = 16
"""So many pieces are kept: as many readers are served at once, others page by page."""

_PATIENCE = 4 * KEPT
"""A piece whose reader has gone is dropped when so many others had no room."""

_READERS = 256


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
        self._ends: OrderedDict[Hashable, None] = OrderedDict()
        self._pieces: OrderedDict[tuple[Hashable, int], pa.Table] = OrderedDict()
        self._refused = 0

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
            follows = (rows, offset) in self._ends
            self._ends[rows, offset + limit] = None
            while len(self._ends) > _READERS:
                self._ends.popitem(last=False)
        if not follows or not 0 < limit <= ROWS // 2:
            return read(offset, limit)
        with self._reading:
            found = self._held(rows, offset, limit)
            if found is None and self._has_room():
                piece = read(offset, ROWS // limit * limit)
                if piece.num_rows >= 2 * limit:
                    with self._lock:
                        self._pieces[rows, offset] = piece
                found = piece.slice(0, limit)
        return read(offset, limit) if found is None else found

    def _held(self, rows: Hashable, offset: int, limit: int) -> pa.Table | None:
        with self._lock:
            for key, piece in self._pieces.items():
                start = offset - key[1]
                # A page that would end with the piece may go on behind it.
                if key[0] != rows or not 0 <= start <= piece.num_rows - limit:
                    continue
                self._pieces.move_to_end(key)
                if start + 2 * limit > piece.num_rows:
                    del self._pieces[key]  # It was the last page.
                return piece.slice(start, limit)
        return None

    def _has_room(self) -> bool:
        """Whether one more piece may be kept."""
        with self._lock:
            if len(self._pieces) < KEPT:
                return True
            self._refused += 1
            if self._refused < _PATIENCE:
                return False
            self._refused = 0
            self._pieces.popitem(last=False)
            return True
