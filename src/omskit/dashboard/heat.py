"""Rates of many paths along lumisections, as a picture of the size of a screen.

A million cells are never sent: columns are put together until they fit, and the picture
is a PNG with a palette, some kilobytes.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omskit.table import Table

    Cells = NDArray[np.float32]

WIDEST = 900
"""Columns of a picture."""
TWICE = 2.0
"""The value, in medians of its path, that has the brightest colour."""
_NONE = 0
"""The entry of the palette for cells without a value, which is transparent."""

# Dark blue to yellow, even in brightness, and told apart by the colour-blind: points
# on the line of cividis (J. Nunez et al., PLoS ONE 13 (2018) e0199239), by eye.
_POINTS = (
    (0, 34, 78),
    (36, 60, 110),
    (87, 93, 109),
    (124, 123, 120),
    (166, 156, 117),
    (210, 193, 98),
    (254, 232, 56),
)


@dataclass(frozen=True, eq=False)
class Cube:
    """Rates of paths along the lumisections of one run.

    Attributes:
        names: Of the paths, the one with the highest mean rate first.
        numbers: The lumisections, ascending, without gaps.
        cells: Rates, shape (paths, lumisections); NaN where OMS has none.
        unit: Of the rates.
        simulated: They were made up.
        receipt: The start of the fingerprint of the rows.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.int64]
    cells: Cells
    unit: str | None
    simulated: bool
    receipt: str = ""

    @cached_property
    def medians(self) -> Cells:
        """The usual rate of each path: the median of its rates above zero, or 1."""
        found = (row[row > 0] for row in self.cells)
        usual = [float(np.median(rates)) if rates.size else 1.0 for rates in found]
        return np.array(usual, dtype=np.float32)

    @cached_property
    def means(self) -> Cells:
        """The mean rate of each path, over the lumisections that have one."""
        known = np.isfinite(self.cells)
        count = np.maximum(known.sum(axis=1), 1)
        sums = np.where(known, self.cells, 0).sum(axis=1)
        return np.asarray(sums / count, dtype=np.float32)


def cube_of(table: Table, name: str, value: str, receipt: str = "") -> Cube:
    """The rates of a table of one run, one row per path.

    Args:
        table: Rows per path and lumisection.
        name: The column with the path, or the algorithm.
        value: The column with the rate.
        receipt: How the rows are found again.

    Cost: O(rows).
    """
    arrow = table.arrow.combine_chunks()
    empty = np.empty((0, 0), dtype=np.float32)
    if not arrow.num_rows:
        none = np.empty(0, dtype=np.int64)
        return Cube((), none, empty, table.units[value], table.simulated)
    coded = arrow.column(name).combine_chunks().dictionary_encode()
    rows = coded.indices.to_numpy()
    numbers = arrow.column("first_lumisection_number").to_numpy()
    first, last = int(numbers.min()), int(numbers.max())
    cells = np.full((len(coded.dictionary), last - first + 1), np.nan, np.float32)
    values = arrow.column(value).cast("float32").to_numpy(zero_copy_only=False)
    cells[rows, numbers - first] = values
    names = [str(n) for n in coded.dictionary.to_pylist()]
    found = Cube(
        tuple(names),
        np.arange(first, last + 1, dtype=np.int64),
        cells,
        table.units[value],
        table.simulated,
        receipt,
    )
    order = np.argsort(-found.means, kind="stable")
    return Cube(
        tuple(names[i] for i in order),
        found.numbers,
        cells[order],
        found.unit,
        found.simulated,
        receipt,
    )


def coarse(cells: Cells, columns: int = WIDEST) -> Cells:
    """The means of stretches of columns, so that at most *columns* are left.

    Example:
        >>> coarse(np.array([[1, 3, 5, 7]], dtype=np.float32), 2).tolist()
        [[2.0, 6.0]]
    """
    width = cells.shape[1]
    if width <= columns:
        return cells
    edges = np.linspace(0, width, columns + 1).astype(np.int64)[:-1]
    known = np.isfinite(cells)
    sums = np.add.reduceat(np.where(known, cells, 0), edges, axis=1)
    count = np.add.reduceat(known, edges, axis=1, dtype=np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / count, dtype=np.float32)


def picture(cells: Cells, usual: Cells) -> bytes:
    """Cells as a PNG: each row in parts of its usual rate, from 0 to twice.

    Args:
        cells: Rates, shape (paths, lumisections).
        usual: The usual rate of each path (`Cube.medians`): that of the whole run, so
            that a zoom keeps its colours.

    Cost: O(cells); 600 paths x 1354 lumisections take some 30 ms.
    """
    shown = coarse(cells)
    if not shown.size:
        return png(np.zeros((1, 1), dtype=np.uint8))
    share = shown / usual[:, None] / TWICE
    index = 1 + np.clip(np.nan_to_num(share, nan=0.0) * 254, 0, 254)
    return png(np.where(np.isfinite(share), index, _NONE).astype(np.uint8))


def palette() -> bytes:
    """256 colours, the first for cells without a value."""
    points = np.array(_POINTS, dtype=float)
    at = np.linspace(0, len(points) - 1, 255)
    bands = [np.interp(at, np.arange(len(points)), points[:, i]) for i in range(3)]
    colours = np.stack(bands, axis=1).round().astype(np.uint8)
    return bytes(3) + colours.tobytes()


def png(index: NDArray[np.uint8]) -> bytes:
    """Indices into the palette as a PNG.

    Source: the PNG specification, third edition, sections 5 and 11.
    """
    height, width = index.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), index], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [
        (b"IHDR", head),
        (b"PLTE", palette()),
        (b"tRNS", b"\x00"),
        (b"IDAT", zlib.compress(lines.tobytes(), 1)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body
