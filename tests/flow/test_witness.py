"""What an answer shows of what was asked for."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omskit.flow.witness import disorder, ends_early, strangers
from omskit.schema import Field, Resource, bundled

THINGS = Resource(
    "things",
    (
        Field("n", ("n",), "int"),
        Field("x", ("x",), "float"),
        Field("t", ("t",), "time"),
        Field("b", ("b",), "bool"),
        Field("s", ("s",), "str"),
        Field("l", ("l",), "list", items="int"),
        Field("lumi", ("lumi",), "float", scaled=True, unit="/pb"),
    ),
    identity=("n",),
)
VALUES = {
    "n": st.integers(-3, 3),
    "x": st.sampled_from([-1.5, 0.0, 0.25, 7.0]),
    "t": st.sampled_from([dt.datetime(2017, 6, d, tzinfo=dt.UTC) for d in (1, 2, 3)]),
    "b": st.booleans(),
    "s": st.sampled_from(["a", "B", "c"]),
}
ROW = st.fixed_dictionaries({k: st.none() | v for k, v in VALUES.items()})
SCHEMA = pa.schema([(f.name, f.arrow_type) for f in THINGS.fields])


def table(rows):
    return pa.Table.from_pylist([{"l": None, "lumi": None, **r} for r in rows], SCHEMA)


def pages(rows, sizes):
    """The rows in pages."""
    found, at = [], 0
    for size in sizes:
        found.append(table(rows[at : at + size]))
        at += size
    return [*found, table(rows[at:])]


def in_order(rows, keys, nulls_last, collation):
    """The rows as some service might sort them."""
    rows = list(rows)
    for key in reversed(keys):
        name, back = key.removeprefix("-"), key.startswith("-")
        value = collation if name == "s" else (lambda v: v)
        known = sorted(
            (r for r in rows if r[name] is not None),
            key=lambda r, n=name, v=value: v(r[n]),
            reverse=back,
        )
        unknown = [r for r in rows if r[name] is None]
        rows = known + unknown if nulls_last else unknown + known
    return rows


KEYS = st.lists(
    st.sampled_from([*VALUES, *(f"-{k}" for k in VALUES)]),
    unique_by=lambda k: k.removeprefix("-"),
    min_size=1,
    max_size=3,
)


@settings(max_examples=300)
@given(
    st.lists(ROW, max_size=12),
    KEYS,
    st.booleans(),
    st.sampled_from([str, str.lower, lambda s: -ord(s)]),
    st.lists(st.integers(0, 4), max_size=4),
)
def test_what_is_sorted_passes(rows, keys, nulls_last, collation, sizes):
    """Sorted rows pass in any pages, wherever nulls go and however text is sorted."""
    rows = in_order(rows, keys, nulls_last, collation)
    assert disorder(pages(rows, sizes), keys, THINGS) is None


def is_sorted(rows, keys):
    """Whether any service could have meant this order: by brute force."""
    ways = [(n, c) for n in (True, False) for c in (str, str.lower)]
    names = [k.removeprefix("-") for k in keys]
    shown = [[r[n] for n in names] for r in rows]
    return any(
        shown == [[r[n] for n in names] for r in in_order(rows, keys, *way)]
        for way in ways
    )


@settings(max_examples=300)
@given(
    st.lists(ROW, min_size=2, max_size=8),
    st.lists(
        st.sampled_from(["n", "-n", "x", "-x", "t", "-t", "b", "-b"]),
        unique_by=lambda k: k.removeprefix("-"),
        min_size=1,
        max_size=2,
    ),
    st.lists(st.integers(0, 4), max_size=3),
)
def test_what_is_not_sorted_is_found(rows, keys, sizes):
    """Without text and nulls, exactly the rows in another order are refused."""
    full = [r for r in rows if all(r[k.removeprefix("-")] is not None for k in keys)]
    found = disorder(pages(full, sizes), keys, THINGS)
    assert (found is None) == is_sorted(full, keys)


@pytest.mark.parametrize(
    ("rows", "keys", "said"),
    [
        ([1, 2, 3], ["-n"], "not sorted by -n: 1 comes before 2"),
        ([3, None, 1], ["-n"], "not sorted by -n: null comes before 1"),
        ([None, 1, None], ["n"], "null"),
    ],
)
def test_the_first_pair_is_told(rows, keys, said):
    """The message has the key and the first two rows in the wrong order."""
    assert said in disorder([table([{"n": n} for n in rows])], keys, THINGS)


def test_text_that_comes_again():
    """Equal texts that do not stand together show that nothing was sorted."""
    rows = [{"s": s} for s in "abab"]
    assert "'b' comes before 'a'" in disorder([table(rows)], ["s"], THINGS)
    assert disorder([table([{"s": s} for s in "bbaa"])], ["s"], THINGS) is None
    # Within one value of the key before it, text may come again in the next.
    rows = [{"n": n, "s": s} for n, s in ((1, "a"), (1, "b"), (2, "a"))]
    assert disorder([table(rows)], ["n", "s"], THINGS) is None


def test_swapped_pages():
    """Two pages that a service swapped are out of order, each one alone is not."""
    first, second = table([{"n": 1}, {"n": 2}]), table([{"n": 3}, {"n": 4}])
    assert disorder([first, second], ["n"], THINGS) is None
    assert "4 comes before 1" in disorder([second, first], ["n"], THINGS)


def test_what_says_nothing_of_the_order():
    """Scaled numbers, lists, columns that did not come and rounding are let through."""
    rows = table([{"n": 2, "x": 1.0}, {"n": 1, "x": 1.0 - 1e-8}])
    assert disorder([rows], ["lumi", "n"], THINGS) is None
    assert disorder([rows], ["l", "n"], THINGS) is None
    assert disorder([rows.select(["l"])], ["n"], THINGS) is None
    assert disorder([rows], ["x"], THINGS) is None
    assert disorder([rows], ["unknown"], THINGS) is None
    assert disorder([], ["n"], THINGS) is None
    mixed = [pa.table({"n": [1]}), pa.table({"n": ["x"]})]
    assert disorder(mixed, ["n"], THINGS) is None


def test_ids_and_columns_agree():
    """An id is made of the identity, or the row is a stranger."""
    lumis = bundled()["lumisections"]
    rows = pa.table(
        {"run_number": [1] * 3, "lumisection_number": [1, 2, 3],
         "@id": ["1_1", "1_2", None]}
    )  # fmt: skip
    assert strangers([rows], lumis) is None
    shifted = rows.set_column(1, "lumisection_number", [[2, 3, 4]])
    assert strangers([rows, shifted], lumis) == (
        "2 rows have another id than their columns say: '1_1' for run_number 1, "
        "lumisection_number 2"
    )
    assert strangers([shifted.drop_columns(["run_number"])], lumis) is None
    assert strangers([shifted], bundled()["hltpathrates"]) is None


@settings(max_examples=100)
@given(st.integers(0, 10**9), st.integers(1, 1000), st.integers(0, 20))
def test_a_page_that_ends_early(total, limit, number):
    """Full pages and the last one do not end early, any shorter page does."""
    offset = number * limit
    due = max(min(limit, total - offset), 0)
    assert not ends_early(due, offset, limit, total)
    if due:
        assert ends_early(due - 1, offset, limit, total)
