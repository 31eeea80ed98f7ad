"""Columns of few values are written value by value, and their neighbours with them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.jsonapi.few import FEW, TOGETHER, Few, few, gathered
from omskit.jsonapi.texts import piece, texts, together


@pytest.mark.parametrize(
    "array",
    [
        pa.array([True, False, True]),
        pa.array([False, False]),
        pa.array([True, None]),
        pa.array([1, 1, None]),
        pa.array([0.0, -0.0, float("nan"), None]),
        pa.array(['a"', "b", None], pa.large_string()),
        pa.array([10**15 + 1, 10**15], pa.timestamp("us", "UTC")),
        pa.nulls(3),
        pa.array(range(FEW)),
        pa.array(range(FEW + 1)),
        pa.array([0] * 99 + list(range(FEW + 1))),
        pa.array([[1], None]),
        pa.array([], pa.bool_()),
    ],
    ids=["flags", "one", "unknown", "numbers", "floats", "texts", "times", "nulls",
         "few", "many", "many-later", "lists", "empty"],
)  # fmt: skip
def test_pieces_are_the_texts(array):
    """Whatever a piece is, it says of each row what is written of its value."""
    assert together([piece(array)], len(array)).equals(texts(array))
    assert together([piece(array[1:])], len(array[1:])).equals(texts(array)[1:])


def test_many_values_are_not_few():
    """The bound is on the number of different values, null included."""
    assert few(pa.array([*range(FEW - 1), None])) is not None
    assert few(pa.array([*range(FEW), None])) is None


def eight(values):
    return st.lists(values, min_size=8, max_size=8)


columns = st.one_of(
    st.sampled_from(["", "x"]),
    eight(st.integers(0, 1)).map(lambda codes: Few(("0", "1"), np.array(codes))),
    eight(st.text("ab", max_size=1)).map(pa.array),
)


@given(st.lists(columns, max_size=12))
def test_neighbours_say_together_what_they_say_alone(pieces):
    """The text of each row is that of its pieces, in their order."""
    alone = [
        [p] * 8 if isinstance(p, str) else (p.texts() if isinstance(p, Few) else p)
        for p in pieces
    ]
    expected = ["".join(map(str, row)) for row in zip(*alone, strict=True)] or [""] * 8
    assert together(pieces, 8).to_pylist() == expected


def test_neighbours_stay_apart_where_their_pairs_are_many():
    """No column of few has more than so many texts."""
    rows = np.arange(TOGETHER * 2)
    one = Few(("a", "b"), rows % 2)
    other = Few(tuple(map(str, range(TOGETHER))), rows // 2)
    assert [len(p.values) for p in gathered([one, "-", other])] == [2, TOGETHER]
    assert [len(p.values) for p in gathered([one, "-", one])] == [2]
