"""A window of lumisections at the resolution of a screen."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit import Client
from omskit.errors import UsageError
from omskit.exploring.window import USUAL, line_of_table, numeric, shown, worst
from omskit.table import Table


def table_of(**columns):
    """A table of one run, from its first lumisection on."""
    size = len(next(iter(columns.values())))
    places = {"run_number": [7] * size, "lumisection_number": list(range(1, size + 1))}
    return Table(pa.table(places | columns))


def sides(found):
    """The lowest and highest of each curve and pixel."""
    pixels = found.head["pixels"]
    return np.frombuffer(found.values, np.float32).reshape(-1, 2, pixels)


@settings(max_examples=examples(60))
@given(
    st.lists(st.none() | st.floats(-1e6, 1e6, width=32), min_size=1, max_size=200),
    st.integers(1, 60),
)
def test_extremes_are_kept(values, width):
    """The highest and lowest value are seen, however few pixels there are."""
    column = pa.array(values, pa.float64())
    found = shown(line_of_table(table_of(x=column), (), None), 0, 199, width)
    low, high = sides(found)[0]
    known = [v for v in values if v is not None]
    assert found.head["pixels"] <= width
    if known:
        assert (np.nanmin(low), np.nanmax(high)) == (min(known), max(known))
    else:
        assert np.isnan(low).all()
        assert found.head["curves"][0]["span"] == "no value"


@settings(max_examples=examples(60))
@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=200))
def test_a_flag_that_is_off_is_seen(flags):
    """A pixel is off where one of its lumisections is, unknown before on."""
    line = line_of_table(table_of(bpix_ready=pa.array(flags, pa.bool_())), (), None)
    states = np.frombuffer(shown(line, 0, 199, 1).states, np.int8)
    wanted = [0] if False in flags else [-1] if None in flags else []
    assert states.tolist() == wanted
    assert shown(line, 0, 199, 1).head["on"] == ([] if wanted else ["bpix_ready"])


def test_a_window_has_its_own_numbers():
    """A narrower window is exact: each pixel is a lumisection."""
    values = np.arange(1000.0)
    line = line_of_table(table_of(x=values), (), None)
    found = shown(line, 500, 509, 800)
    assert found.head["pixels"] == 10
    assert sides(found)[0].tolist() == [list(range(500, 510))] * 2
    assert (found.head["first"], found.head["last"]) == (500, 509)
    assert found.head["starts"] == [[0, 7, 1]]
    outside = shown(line, -5, 10**9, 10).head
    assert (outside["first"], outside["last"]) == (0, 999)


def test_little_is_sent_of_a_long_table():
    """Of 200 000 lumisections no more is sent than the screen has pixels."""
    size = 200_000
    long = table_of(x=np.arange(size, dtype=float), ready=np.arange(size) != 5)
    found = shown(line_of_table(long, (), None), 0, size - 1, 900)
    assert (len(found.values), len(found.states)) == (900 * 2 * 4, 900)


def test_usual_columns_come_first():
    """Of the demo's lumisections the usual curves are shown, with their units."""
    with Client("demo") as oms:
        lumis, rates = oms.lumisections(297050), oms.l1_rates(297050)
    line = line_of_table(lumis, (rates,), None)
    names = [curve.name for curve in line.curves]
    assert names == [name for name in USUAL if name in names]
    assert {"pileup", "l1a_physics_rate"} <= set(names)
    assert next(c for c in line.curves if c.name == "l1a_physics_rate").unit == "Hz"
    assert "beams_stable" in {flag.name for flag in line.flags}
    chosen = line_of_table(lumis, (), ["pileup"])
    assert [curve.name for curve in chosen.curves] == ["pileup"]


def test_a_column_that_is_not_there():
    """A name that no table has is refused with those that there are."""
    with pytest.raises(UsageError, match="called 'y'; there are: x"):
        line_of_table(table_of(x=[1.0]), (), ["y"])
    assert numeric(table_of(x=[1.0], word=["a"], on=[True])) == ["x"]


def test_several_rows_of_a_lumisection():
    """Rows of several paths are refused: none of them would be the curve."""
    rows = {"run_number": [7, 7], "lumisection_number": [3, 3], "rate": [1.0, 2.0]}
    with pytest.raises(UsageError, match=r"several rows .*run 7, lumisection 3"):
        line_of_table(Table(pa.table(rows)), (), None)


def test_nothing_is_a_window():
    """A table without rows has a window without anything."""
    found = shown(line_of_table(table_of(x=[1.0]), (), None).between(1, 0), 0, 0, 10)
    assert found.head["curves"][0]["span"] == "no value"
    assert worst(np.empty(0, np.int8), 2).tolist() == [-2, -2]
