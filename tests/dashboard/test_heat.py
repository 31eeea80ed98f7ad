"""The heat map: a picture of many rates."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from omskit.dashboard.heat import WIDEST, coarse, cube_of, palette, picture, png


def read_png(data):
    """The indices of a picture that `png` made."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        (crc,) = struct.unpack(">I", data[at + 8 + size : at + 12 + size])
        assert crc == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8)
    return lines.reshape(height, width + 1)[:, 1:]


def test_a_picture_holds_its_indices():
    """A PNG that was written reads back."""
    index = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(read_png(png(index)), index)
    assert len(palette()) == 3 * 256


def test_the_median_is_in_the_middle():
    """A rate at the median of its row has the middle colour, none has none."""
    cells = np.array([[5, 5, 5, 10, 0, np.nan]], dtype=np.float32)
    usual = np.array([5], dtype=np.float32)
    found = read_png(picture(cells, usual))[0]
    assert found.tolist() == [128, 128, 128, 255, 1, 0]


def test_wide_rates_fit_a_screen():
    """Columns are put together, and their means kept."""
    cells = np.ones((3, 1354), dtype=np.float32)
    small = coarse(cells)
    assert small.shape == (3, WIDEST)
    assert (small == 1).all()
    assert coarse(np.full((1, 2000), np.nan, np.float32)).shape == (1, WIDEST)


def test_nothing_is_a_picture():
    """No rates at all are one empty cell."""
    one = np.ones(1, np.float32)
    nothing, unknown = np.empty((0, 0), np.float32), np.full((1, 1), np.nan, np.float32)
    assert read_png(picture(nothing, one[:0])).tolist() == [[0]]
    assert read_png(picture(unknown, one)).tolist() == [[0]]


def test_cells_are_the_rates_of_the_client(demo):
    """Each cell is the rate of its path and lumisection, the highest path first."""
    table = demo.hlt_rates(297050, paths="HLT_IsoMu*", audit=False)
    found = cube_of(table, "path_name", "rate")
    assert found.means.tolist() == sorted(found.means.tolist(), reverse=True)
    first = found.cells[0][found.cells[0] > 0]
    assert found.medians[0] == np.median(first)
    for row in table.to_records()[::997]:
        path = found.names.index(row["path_name"])
        column = row["first_lumisection_number"] - int(found.numbers[0])
        assert found.cells[path, column] == pytest.approx(row["rate"], rel=1e-6)


def test_no_rows_are_an_empty_cube(demo):
    """A table without rows has no names and no cells."""
    table = demo.hlt_rates(297050, paths="HLT_IsoMu27_v*", audit=False)
    found = cube_of(table.part(table.arrow.slice(0, 0)), "path_name", "rate")
    assert (found.names, found.cells.size) == ((), 0)
