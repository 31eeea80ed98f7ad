"""Flags that are not known everywhere, in pandas."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest

from omskit.table import Table

pd = pytest.importorskip("pandas")
plt = pytest.importorskip("matplotlib.pyplot")

FLAGS = [None, True, False, None, True]


@pytest.fixture
def frame():
    """A frame with a flag that is missing twice, first of all in the first row."""
    return Table(pa.table({"x": [1.0, 2.0, 3.0, 4.0, 5.0], "flag": FLAGS})).to_pandas()


WAYS = {
    "as it is": lambda d: d.flag,
    "chosen": lambda d: d[d.x > 0].flag,
    "merged": lambda d: d.merge(d, on="x").flag_x,
    "joined": lambda d: pd.concat([d, d.head(0)]).flag,
    "sorted": lambda d: d.sort_values("x").flag,
    "copied": lambda d: d.copy().flag,
    "turned twice": lambda d: ~~d.flag,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_flag_with_nulls_plots(frame, way):
    """What is not known is a gap in the line, whatever was done to the frame before."""
    figure, axis = plt.subplots()
    (line,) = axis.plot(way(frame))
    np.testing.assert_array_equal(line.get_ydata(orig=False), [np.nan, 1, 0, np.nan, 1])
    plt.close(figure)


@pytest.mark.parametrize(
    "draw",
    [
        lambda axis, d: axis.scatter(d.x, d.flag),
        lambda axis, d: axis.scatter(d.x, d.x, c=d.flag),
        lambda axis, d: axis.step(d.x, d.flag),
        lambda axis, d: axis.errorbar(d.x, d.flag),
        lambda axis, d: d.flag.plot(include_bool=True, ax=axis),
        lambda axis, d: d.plot("x", "flag", include_bool=True, ax=axis),
    ],
    ids=["scatter", "colours", "step", "errorbar", "pandas", "pandas x and y"],
)
def test_other_figures_take_it_too(frame, draw):
    """What matplotlib and pandas draw of known flags, they draw of these."""
    figure, axis = plt.subplots()
    draw(axis, frame)
    figure.canvas.draw()
    plt.close(figure)


def test_what_is_not_known_is_never_on_or_off(frame):
    """Numpy refuses to choose by such a flag; its number is nan."""
    for flag in (frame.flag, frame.flag.to_numpy(), np.asarray(frame.flag, object)):
        with pytest.raises(TypeError, match="neither on nor off"):
            np.where(flag, 1, 0)
    found = frame.flag.to_numpy()
    assert str(found[0]) == "<NA>"
    assert pd.isna(found).tolist() == [flag is None for flag in FLAGS]
    np.testing.assert_array_equal(found.astype(float), [np.nan, 1, 0, np.nan, 1])
    assert len(frame[frame.flag]) == 2


def test_everything_else_is_as_in_pandas(frame, tmp_path):
    """Type, lists, JSON, pickles and files are those of pandas' own booleans."""
    own = pd.Series(pd.array(FLAGS, "boolean"), name="flag")
    assert frame.flag.dtype == own.dtype
    pd.testing.assert_series_equal(frame.flag, own)
    assert frame.flag.tolist() == own.tolist()
    assert frame.flag.to_json() == own.to_json()
    assert frame.flag.to_numpy(float, na_value=np.nan)[1] == 1
    assert frame.flag.astype(object)[0] is pd.NA
    again = pickle.loads(pickle.dumps(frame))
    assert type(again.flag.array) is type(own.array)
    frame.to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), again)
    assert frame.dropna().flag.to_numpy().dtype == bool
