from __future__ import annotations

import datetime as dt
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.flow.sorting import (
    Order,
    asked_order,
    compared,
    disorder,
    misplaced,
)
from omskit.query import Query
from omskit.schema import TIME, bundled

NUMBERS = st.one_of(st.none(), st.integers(-3, 3))
TEXTS = st.one_of(
    st.none(), st.text("abAB019_-\u00e9 ", max_size=4), st.sampled_from(["v9", "v10"])
)
COLLATIONS = {
    "by code": lambda text: text,
    "without case": lambda text: (text.casefold(), text),
    "numbers as numbers": lambda text: [
        (part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in re.split(r"(\d+)", text)
    ],
    "punctuation last": lambda text: [(not c.isalnum(), c) for c in text],
    "accents as letters": lambda text: (text.replace("\u00e9", "e"), text),
}


def ordered(rows, keys, collation=COLLATIONS["by code"]):
    """The rows in order, nulls last in both directions: one stable sort for a key."""
    for key in reversed(keys):
        name = key.removeprefix("-")

        def value(row, name=name):
            found = row[name]
            return collation(found) if isinstance(found, str) else found

        full = [row for row in rows if row[name] is not None]
        bare = [row for row in rows if row[name] is None]
        rows = [*sorted(full, key=value, reverse=key[0] == "-"), *bare]
    return rows


def table(rows, **types):
    schema = pa.schema(list(types.items()))
    return pa.Table.from_pylist(rows, schema=schema)


@given(
    st.lists(st.fixed_dictionaries({"a": NUMBERS, "b": NUMBERS}), max_size=12),
    st.sampled_from([["a"], ["-a"], ["a", "b"], ["-b", "a"], ["b", "-a"]]),
)
def test_numbers_are_out_of_order_exactly_where_they_are(rows, keys):
    """A table of numbers is refused if and only if sorting would change the keys."""
    found = misplaced(table(rows, a=pa.int64(), b=pa.int64()), keys)
    names = [key.removeprefix("-") for key in keys]
    sorted_keys = [[row[n] for n in names] for row in ordered(rows, keys)]
    is_sorted = sorted_keys == [[row[n] for n in names] for row in rows]
    assert (found is None) == is_sorted
    if found is not None:
        before = rows[: found.row]
        kept = [[row[n] for n in names] for row in before]
        again = [[row[n] for n in names] for row in ordered(before, keys)]
        assert kept == again, "the first misplaced row is named"


@given(
    st.lists(st.fixed_dictionaries({"t": TEXTS, "n": NUMBERS}), max_size=10),
    st.sampled_from([["t"], ["-t"], ["t", "n"], ["n", "-t"], ["-t", "-n"]]),
    st.sampled_from(list(COLLATIONS)),
)
def test_texts_in_the_order_of_any_collation_pass(rows, keys, name):
    """Whatever the service's collation, what it sorted is in order."""
    rows = ordered(rows, keys, COLLATIONS[name])
    assert misplaced(table(rows, t=pa.string(), n=pa.int64()), keys) is None


@given(st.lists(st.sampled_from(["HLT_A", "HLT_b", "HLT_C-1", None]), max_size=10))
def test_texts_that_come_back_are_out_of_order(texts):
    """Equal texts stand together, or the rows are refused."""
    apart = len([n for n, t in enumerate(texts) if n == 0 or texts[n - 1] != t])
    if apart > len(set(texts)):
        assert misplaced(pa.table({"t": pa.array(texts, pa.string())}), ["t"])


@given(st.lists(NUMBERS, min_size=1, max_size=20), st.integers(1, 6), st.booleans())
def test_the_order_holds_between_pages_as_within(numbers, size, down):
    """However rows are cut into pages, they are sorted, or a page says they are not."""
    keys = ["-n" if down else "n"]
    whole = pa.table({"n": pa.array(numbers, pa.int64())})
    order = Order(keys)
    starts = range(0, len(numbers), size)
    flaws = [order.flaw(whole.slice(start, size)) for start in starts]
    assert any(flaws) == (misplaced(whole, keys) is not None)


def test_texts_come_back_on_a_later_page():
    """A text that was over two pages before is told."""
    order = Order(["t"])
    pages = [["B-1", "B-1"], ["B_2"], ["B-1"]]
    flaws = [order.flaw(pa.table({"t": page})) for page in pages]
    assert flaws[:2] == [None, None]
    assert flaws[2] == "rows are not sorted by t: 'B-1' comes again"


def test_times_and_fractions_that_look_equal_settle_nothing():
    """Shown in whole seconds or 32 bits, values may differ; whole numbers do not."""
    moment = dt.datetime(2017, 6, 16, tzinfo=dt.UTC)
    times = pa.table({"t": pa.array([moment] * 2, TIME), "n": [2, 1]})
    assert misplaced(times, ["t", "n"]) is None
    for value, settled in ((1.5, False), (49130.0, False), (0.0, True), (20.0, True)):
        rows = pa.table({"x": [value] * 2, "n": [2, 1]})
        assert (misplaced(rows, ["x", "n"]) is not None) == settled


def test_times_are_held():
    """Times are compared as times, nulls last."""
    days = [dt.datetime(2017, 6, day, tzinfo=dt.UTC) for day in (2, 1)]
    rows = pa.table({"t": pa.array([*days, None], TIME)})
    assert str(misplaced(rows, ["t"])) == (
        "rows are not sorted by t: 2017-06-02T00:00:00Z comes before "
        "2017-06-01T00:00:00Z"
    )
    assert misplaced(rows, ["-t"]) is None
    nulls_first = pa.table({"t": pa.array([None, *days], TIME)})
    assert "by -t: null comes before 2017" in str(misplaced(nulls_first, ["-t"]))


def test_the_last_digits_of_32_bits_settle_nothing():
    """A number that is written with fewer digits than it has is not out of order."""
    rows = pa.table({"x": [1.0, 1.0 - 1e-8]})
    assert misplaced(rows, ["x"]) is None
    assert misplaced(pa.table({"x": [1.0, 0.99]}), ["x"]) is not None


def test_rows_that_do_not_say_which_they_are_are_told_elsewhere():
    """A null in the identity is no null that is out of order."""
    rows = pa.table({"run_number": [1, None, 2], "l1_rate": [1.0, None, 2.0]})
    assert misplaced(rows, ["run_number"], ["run_number"]) is None
    assert misplaced(rows, ["l1_rate"], ["run_number"]) is not None


def test_pages_of_several_types_are_not_compared():
    """Where one page has numbers and the next texts, joining them names it."""
    pages = [pa.table({"n": [1]}), pa.table({"n": ["x"]})]
    assert disorder(pages, Query("runs").sort("n"), bundled()["runs"]) is None


def test_large_numbers_do_not_overflow():
    """The ends of 64 bits are in their order."""
    ends = pa.table({"n": [-(2**63), 2**63 - 1]})
    assert misplaced(ends, ["n"]) is None
    assert misplaced(ends, ["-n"]) is not None


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("2017A", "2017B", 1),
        ("2017B", "2017A", -1),
        ("HLT_ZeroBias", "HLT_ZeroBias_v5", 2),
        ("v1", "v10", 1),
        ("v10", "v1", -1),
        ("v9", "v10", 2),
        ("a", "B", 2),
        ("e", "\u00e9", 2),
        ("a-b", "ab", 2),
    ],
)
def test_only_what_every_collation_agrees_on_is_told(before, after, told):
    """Letters of one case and numbers of one length are sure; the rest is open."""
    assert compared(before, after) == told


def test_luminosities_are_not_held():
    """OMS sorts a luminosity in one unit and shows it in another, row by row."""
    runs = bundled()["runs"]
    query = Query("runs").sort("-fill_number", "delivered_lumi", "run_number")
    assert asked_order(query, runs) == ("-fill_number",)
    custom = Query("runs").sort("run_number").custom("sort", "-run_number")
    assert asked_order(custom, runs) == ()


def test_columns_that_did_not_come_end_the_comparison():
    """Nothing can be said of a key without a column, nor of those after it."""
    rows = pa.table({"b": [2, 1]})
    assert misplaced(rows, ["a", "b"]) is None
    assert Order(["a"]).flaw(rows) is None
    assert misplaced(pa.table({"a": [[2], [1]]}), ["a"]) is None
