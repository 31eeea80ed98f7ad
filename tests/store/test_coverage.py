"""What is held, and what is final."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from omskit.store.coverage import (
    VOID,
    Coverage,
    Entry,
    Finality,
    entries_from,
    joined,
    spans_text,
    table_of,
)

NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)


def entry(first, last, version=1, rows=0, hash_=""):
    return Entry(first, last, rows, NOW, NOW, final=False, hash=hash_, version=version)


SPANS = st.tuples(st.integers(0, 60), st.integers(0, 15)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)


@given(st.lists(SPANS, max_size=12))
def test_later_entries_hold_as_if_painted_over(spans):
    """Of overlapping entries the higher version holds, number by number."""
    painted = {}
    for version, (first, last) in enumerate(spans):
        painted.update(dict.fromkeys(range(first, last + 1), version))
    entries = [entry(*span, version=n) for n, span in enumerate(spans)]
    found = Coverage(reversed(entries))
    held = {
        number: one.version
        for one in found.entries
        for number in range(one.first, one.last + 1)
    }
    assert held == painted


@given(st.lists(SPANS, max_size=8), SPANS)
def test_what_is_missing_and_what_is_held_make_the_whole(spans, asked):
    """Every number of a span is either held or missing."""
    found = Coverage(entry(*span, version=n) for n, span in enumerate(spans))
    held = {n for first, last in spans for n in range(first, last + 1)}
    wanted = set(range(asked[0], asked[1] + 1))
    missing = {
        n for first, last in found.missing([asked]) for n in range(first, last + 1)
    }
    assert missing == wanted - held


@given(st.lists(SPANS, max_size=8), SPANS)
def test_what_overlaps_a_span_is_found(spans, asked):
    """The entries within a span are those that share a number with it."""
    found = Coverage(entry(*span, version=n) for n, span in enumerate(spans))
    share = [e for e in found.entries if e.first <= asked[1] and e.last >= asked[0]]
    assert list(found.within(asked)) == share


def test_a_void_entry_takes_a_span_away():
    """What is void is not held, and comes back when it is fetched again."""
    entries = [entry(1, 9), entry(3, 4, version=2, rows=VOID)]
    assert Coverage(entries).missing([(1, 9)]) == [(3, 4)]
    again = [*entries, entry(3, 3, version=3)]
    assert Coverage(again).missing([(1, 9)]) == [(4, 4)]


def test_entries_survive_the_table():
    """Entries are read from a table as they were written."""
    made = [entry(1, 1, rows=3, hash_="ab"), entry(2, 9)]
    table = table_of(made, "l1triggerrates@run")
    assert list(entries_from(table)) == made
    assert table["granularity"].to_pylist() == ["run", "run"]


def judged(days, *, ended=True, same=True):
    before = entry(1, 1, rows=3, hash_="ab")
    at = NOW + dt.timedelta(days=days)
    fresh = Entry(1, 1, 3, at, at, final=False, hash="ab" if same else "cd")
    return Finality().judged(fresh, before, ended=ended)


def test_rows_are_final_when_read_twice_a_day_apart_and_alike():
    """Two equal readings a day apart, of what ended long ago, are final."""
    assert judged(1).final
    assert judged(1).same_since == NOW


def test_rows_are_not_final_too_early():
    """Equal readings within a day, of what goes on, or that differ, are not final."""
    assert not judged(0.9).final
    assert judged(0.9).same_since == NOW
    assert not judged(3, ended=False).final
    assert not judged(3, same=False).final
    assert judged(3, same=False).same_since > NOW
    assert not Finality().judged(entry(1, 1), None, ended=True).final


def test_spans_are_said_as_people_write_them():
    """Ends that are open, single numbers and long lists have words of their own."""
    assert spans_text([], end=99) == "none"
    assert spans_text([(0, 99)], end=99) == "all"
    assert spans_text([(5, 99)], end=99) == "from 5"
    many = [(2 * n, 2 * n) for n in range(12)]
    assert spans_text(many, end=99).endswith("18 and 2 more")
    assert joined([]) == []
