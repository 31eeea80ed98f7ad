"""Words for runs and times are known, and clash where they say the same."""

from __future__ import annotations

import datetime as dt

import pytest

from omskit.errors import SelectorError
from omskit.query import Query, Selection
from omskit.query.selectors import selection
from omskit.query.spoken import is_spoken, moment_of, word_of
from omskit.query.stored import read_query, write_query
from omskit.query.words import query_text

NOW = dt.datetime(2017, 6, 16, 20, 50, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("today", "today"), (" Yesterday ", "yesterday"), ("latest", "latest"),
        ("last", "latest"), ("last fill", "last fill"), ("last-fill", "last fill"),
        ("297050", None), ("2017B", None), (297050, None), (None, None), ("", None),
    ],
)  # fmt: skip
def test_words_for_runs_are_known(given, word):
    """However they are written; anything else is left to others."""
    assert word_of(given) == word


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("now", NOW),
        ("today", dt.date(2017, 6, 16)),
        ("yesterday", dt.date(2017, 6, 15)),
        ("-90min", NOW - dt.timedelta(minutes=90)),
        ("-1w", NOW - dt.timedelta(weeks=1)),
    ],
)
def test_times_are_counted_from_now(said, found):
    """A day is the whole of it."""
    assert is_spoken(said)
    assert moment_of(said, NOW) == found
    assert not is_spoken("2017-06-16")
    assert not is_spoken(NOW)


@pytest.mark.parametrize(
    "which",
    [
        {"runs": "today", "since": "2017-06-01"},
        {"runs": "latest", "last": 3},
        {"runs": "last fill", "fill": 5839},
        {"runs": "today", "fill": "last"},
    ],
    ids=str,
)
def test_two_words_for_one_thing_are_refused(which):
    """Nobody could say which of them is meant."""
    with pytest.raises(SelectorError, match="give one of them"):
        selection(**which)


def test_what_is_said_is_kept_and_shown():
    """Until it is asked, a query has the word; JSON and people see it."""
    chosen = selection(runs="today", era="2017B")
    assert chosen == Selection(era="2017B", said=(("runs", "today"),))
    assert selection(fill="last").said == (("runs", "last fill"),)
    assert selection(since=" -8h ").said == (("since", "-8h"),)
    query = Query("runs", selection=chosen)
    assert read_query(write_query(query), str) == query
    assert "runs = today" in query_text(query)
    assert bool(selection(runs="today"))
