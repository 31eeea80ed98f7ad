"""Membership of very many (run, lumisection) pairs, by a table of one byte a place.

Each run of the mask has a row, each lumisection number a column. Row 0 is all False and
answers for runs outside the mask; column 0 answers for numbers below 1, and the last
column for every number beyond the longest row, so that nothing need be compared:
two look-ups per pair, whatever is asked. For masks that would need too large a table
the edges are searched instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from omskit.lumi.edges import LARGEST, OPEN, SHIFT, BoolArray, IntArray, inside, triples

CELLS = 1 << 26
"""The largest table, in bytes; 2017 golden needs 0.9 MB."""
SPAN = 1 << 22
"""The widest spread of run numbers that gets a table."""
CHUNK = 1 << 16
"""Pairs per step: what a step works on stays in the cache, and memory is bounded."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The table: where a run's row begins, and the cells."""

    lowest: int
    begins: IntArray
    width: int
    cells: BoolArray

    def look(self, runs: Any, lumisections: Any) -> BoolArray:
        """Which pairs are members."""
        rows = np.subtract(runs, self.lowest - 1, dtype=np.int64, casting="unsafe")
        places = self.begins.take(rows, mode="clip")
        columns = np.minimum(
            lumisections, self.width - 1, dtype=np.int64, casting="unsafe"
        )
        np.maximum(columns, 0, out=columns)
        places += columns
        found: BoolArray = self.cells.take(places)
        return found


def build(edges: IntArray) -> Grid | None:
    """The table of a mask, or None where it would be too large.

    Cost: O(runs x longest run).
    """
    runs, first, last = triples(edges)
    if runs.size == 0:
        return None
    lowest, highest = int(runs[0]), int(runs[-1])
    closed = last[last != OPEN]
    longest = max(int(first.max()), int(closed.max()) if closed.size else 0)
    own, row = np.unique(runs, return_inverse=True)
    width = longest + 2
    if highest - lowest >= SPAN or (own.size + 1) * width > CELLS:
        return None
    begins = np.zeros(highest - lowest + 3, dtype=np.int64)
    begins[own - lowest + 1] = np.arange(1, own.size + 1) * width
    steps = np.zeros((own.size + 1) * width + 1, dtype=np.int8)
    start = (row + 1) * width
    steps[start + first] = 1
    steps[start + np.minimum(last, width - 1) + 1] = -1
    cells = np.cumsum(steps[:-1], dtype=np.int8).astype(bool)
    return Grid(lowest, begins, width, cells)


def search(edges: IntArray, runs: Any, lumisections: Any) -> BoolArray:
    """Which pairs are members, by binary search.

    Cost: O(pairs x log ranges).
    """
    run = np.asarray(runs).astype(np.int64)
    lumisection = np.asarray(lumisections).astype(np.int64)
    possible = (run > 0) & (run <= LARGEST) & (lumisection > 0)
    keys = (run << SHIFT) + np.minimum(lumisection, LARGEST)
    found: BoolArray = possible & inside(edges, keys)
    return found


def contains(
    edges: IntArray, grid: Grid | None, runs: Any, lumisections: Any
) -> BoolArray:
    """Which pairs of two integer arrays of one shape are members.

    Cost: O(pairs), in steps of `CHUNK`; apart from the result memory stays as it is.
    """
    out = np.empty(runs.shape, dtype=bool)
    steps = np.nditer(
        [runs, lumisections, out],
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[["readonly"], ["readonly"], ["writeonly"]],
        buffersize=CHUNK,
    )
    with steps:
        for run, lumisection, answer in steps:
            answer[...] = (
                grid.look(run, lumisection) if grid else search(edges, run, lumisection)
            )
    return out
