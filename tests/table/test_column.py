"""One column of a table."""

from __future__ import annotations

import copy
import datetime as dt
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import UsageError
from omskit.table import Column

DASH = "\N{EN DASH}"


def column(values, kind=None, name="x", unit=None):
    """A column of values."""
    return Column(pa.chunked_array([pa.array(values, kind)]), name, unit)


def test_a_column_prints_its_values():
    """The repr has name, unit, size, nulls and values, the ends of a long one."""
    assert (
        repr(column([31.5, None], unit="Hz")) == f"x [Hz], 2 rows, 1 null: 31.5, {DASH}"
    )
    assert repr(column(["a"])) == "x, 1 row: a"
    assert repr(column([], pa.int64())) == "x, 0 rows"
    long = repr(column(list(range(1000))))
    assert long.startswith("x, 1000 rows: 0, 1, 2, 3, 4, \N{HORIZONTAL ELLIPSIS}, 995")
    assert long.endswith("995, 996, 997, 998, 999")


def test_values_are_plain():
    """Iteration, positions and lists give Python values; slices give columns."""
    found = column([1, None, 3])
    assert list(found) == found.to_pylist() == [1, None, 3]
    assert (found[0], found[-1], found[np.int64(1)]) == (1, 3, None)
    assert found[1:].to_pylist() == [None, 3]
    assert found[[2, 0]].to_pylist() == [3, 1]
    assert found[found > 1].to_pylist() == [3]
    assert 3 in found
    assert len(found) == 3


def test_what_arrow_has_works_as_well():
    """Methods of ChunkedArray are at hand, and Arrow takes a column for its own."""
    found = column([1, 1, None])
    assert found.null_count == 1
    assert found.type == pa.int64()
    assert found.unique().to_pylist() == [1, None]
    assert pc.sum(found.arrow).as_py() == 2
    assert pa.array(found).to_pylist() == [1, 1, None]
    assert pa.chunked_array(found).to_pylist() == [1, 1, None]
    assert pa.array(found, pa.float64()).type == pa.float64()
    assert not hasattr(found, "__dataframe__")
    assert pl.Series(found).to_list() == [1, 1, None]
    assert pd.Series(found).isna().to_list() == [False, False, True]


def test_nulls_are_unknown_in_comparisons():
    """A null is neither above nor below: comparisons and logic have three values."""
    found = column([20.0, None, 40.0])
    assert (found > 30).to_pylist() == [False, None, True]
    assert (found >= 40).to_pylist() == [False, None, True]
    assert (found < 30).to_pylist() == [True, None, False]
    assert (found <= 20).to_pylist() == [True, None, False]
    assert (found == 20).to_pylist() == [True, None, False]
    assert (found != 20).to_pylist() == [False, None, True]
    assert (~(found > 30)).to_pylist() == [True, None, False]
    assert ((found > 30) & (found < 50)).to_pylist() == [False, None, True]
    assert ((found > 30) | [True, True, True]).to_pylist() == [True, True, True]
    assert ([True, False, True] & (found > 30)).to_pylist() == [False, False, True]
    assert (False | (found > 30)).to_pylist() == [False, None, True]
    assert (found > column([10.0, 1.0, 50.0])).to_pylist() == [True, None, False]
    assert (found > np.float64(30)).to_pylist() == [False, None, True]
    assert (found > pa.scalar(30.0)).to_pylist() == [False, None, True]


def test_times_compare_with_text():
    """A text beside times is a time, UTC where it does not say."""
    moments = [dt.datetime(2017, 6, 16, hour, tzinfo=dt.UTC) for hour in (20, 22)]
    found = column(moments, pa.timestamp("us", tz="UTC"))
    assert (found > "2017-06-16 21:00").to_pylist() == [False, True]
    assert (found > "2017-06-16T23:30:00+02:00").to_pylist() == [False, True]
    assert (found == moments[0]).to_pylist() == [True, False]
    with pytest.raises(UsageError, match="'yesterdy' is no time"):
        _ = found > "yesterdy"


def test_what_cannot_be_compared_is_named():
    """A number beside texts is an error with the column and what it holds."""
    with pytest.raises(
        UsageError, match="Column 'x' holds string: it cannot be compared"
    ):
        _ = column(["a"]) > 5
    with pytest.raises(UsageError, match="compared with <object"):
        _ = column(["a"]) == object()


def test_a_column_is_neither_true_nor_false():
    """``if column`` says what to ask instead."""
    with pytest.raises(ValueError, match=r"\.any\(\), \.all\(\) or len"):
        bool(column([1]))
    with pytest.raises(TypeError):
        hash(column([1]))


def test_sums_leave_nulls_out():
    """Sums, means and extremes are of what is there, also through numpy."""
    found = column([1.0, None, 4.0])
    assert (found.sum(), found.mean(), found.min(), found.max()) == (5.0, 2.5, 1.0, 4.0)
    assert (found.std(), found.median()) == (1.5, 2.5)
    assert (np.mean(found), np.sum(found), np.max(found), np.min(found)) == (
        2.5,
        5,
        4,
        1,
    )
    assert np.std(found) == 1.5
    assert np.std(found, ddof=1) == pytest.approx(2.1213203)
    assert (found > 2).any()
    assert not (found > 2).all()
    assert np.all(found > 0)
    nothing = column([None], pa.float64())
    assert nothing.sum() is nothing.mean() is nothing.median() is None
    with pytest.raises(UsageError, match="Column 'x' holds string: no numbers"):
        column(["a"]).mean()


def test_arithmetic_gives_arrays():
    """Arithmetic is numpy's, from either side; null is nan."""
    found = column([1, 2, 4])
    assert (found + 1).tolist() == (1 + found).tolist() == [2, 3, 5]
    assert (found - 1).tolist() == [0, 1, 3]
    assert (1 - found).tolist() == [0, -1, -3]
    assert (found * found).tolist() == (found**2).tolist() == [1, 4, 16]
    assert (2 * found).tolist() == [2, 4, 8]
    assert (found / 2).tolist() == [0.5, 1.0, 2.0]
    assert (4 / found).tolist() == [4.0, 2.0, 1.0]
    assert (found // 2).tolist() == [0, 1, 2]
    assert (found % 2).tolist() == [1, 0, 0]
    assert (-found).tolist() == [-1, -2, -4]
    assert abs(-found).tolist() == [1, 2, 4]
    assert np.isnan((column([None, 1.0]) * 2)[0])
    assert np.log2(found).tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "kind", "dtype"),
    [
        ([1, 2], pa.int64(), "int64"),
        ([1, None], pa.int64(), "float64"),
        ([2**60 + 1, None], pa.int64(), "object"),
        ([None], pa.int64(), "float64"),
        ([1.5, None], pa.float64(), "float64"),
        ([True, False], pa.bool_(), "bool"),
        ([True, None], pa.bool_(), "float64"),
        (["a", None], pa.string(), "object"),
        ([["a"], None], pa.list_(pa.string()), "object"),
        ([None], pa.null(), "float64"),
        ([0, None], pa.timestamp("us", tz="UTC"), "datetime64[us]"),
    ],
    ids=str,
)
def test_types_in_numpy(values, kind, dtype):
    """Each type has its numpy type, with nan, NaT or None for null."""
    found = column(values, kind).to_numpy()
    assert str(found.dtype) == dtype
    assert len(found) == len(values)
    assert pd.isna(pd.Series(list(found))).to_list() == [v is None for v in values]


def test_numpy_may_ask_for_a_type():
    """A type and a copy are given where numpy asks for them."""
    found = column([1, 2])
    assert np.asarray(found, dtype=float).dtype == float
    assert np.array(found, copy=True).flags.writeable


def test_columns_travel():
    """Pickled and copied columns have the same values, name and unit."""
    found = column([1, None], unit="Hz")
    for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert again.to_pylist() == [1, None]
        assert (again.name, again.unit) == ("x", "Hz")


@given(
    values=st.lists(st.none() | st.integers(-(2**62), 2**62), max_size=8),
    other=st.integers(-5, 5),
)
def test_every_digit_is_kept(values, other):
    """Whatever the numbers, numpy gets them as they are, and nulls stay unknown."""
    found = column(values, pa.int64())
    back = [None if pd.isna(v) else int(v) for v in found.to_numpy().tolist()]
    assert back == values
    assert (found > other).to_pylist() == [
        None if v is None else v > other for v in values
    ]
