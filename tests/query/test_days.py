"""Dates without a time of day are whole days, wherever people write them."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit import Client, field
from omskit.engine import Engine
from omskit.errors import OperatorError, SelectorError
from omskit.query import Condition, Query, bind
from omskit.query.days import end_of, parse_day, start_of, whole_days
from omskit.query.plan import plan
from omskit.query.selectors import selection
from omskit.query.stored import read_query, write_query
from omskit.query.text import parse_condition
from omskit.query.url import encode, parse
from omskit.schema import bundled

RUNS = bundled()["runs"]
DAY = dt.date(2017, 6, 16)
COLUMN = field("start_time")
OPERATORS = {
    "GE": lambda moment, day: moment.date() >= day,
    "LE": lambda moment, day: moment.date() <= day,
    "GT": lambda moment, day: moment.date() > day,
    "LT": lambda moment, day: moment.date() < day,
    "EQ": lambda moment, day: moment.date() == day,
}


def sent(query):
    """The URL of the only request of a query on runs."""
    (request,) = plan(bind(query, RUNS), RUNS).requests
    return encode(request)


@given(
    st.integers(-2 * 86400, 3 * 86400),
    st.sampled_from([*OPERATORS]),
)
def test_a_day_is_compared_as_a_whole(seconds, op):
    """A moment is in, before or after a day as its own date is."""
    moment = start_of(DAY) + dt.timedelta(seconds=seconds)
    compare = {
        "GE": moment.__ge__,
        "LT": moment.__lt__,
    }
    bounds = whole_days([Condition("start_time", op, DAY)])
    assert all(compare[b.op](b.value) for b in bounds) is OPERATORS[op](moment, DAY)


@pytest.mark.parametrize("day", ["2017-06-16", DAY, np.datetime64("2017-06-16")])
def test_every_way_to_write_a_day_is_one(day):
    """Text, dates and numpy's days mean the same, as bounds and as selectors."""
    url = "runs?filter[start_time][LT]=2017-06-17T00:00:00Z"
    assert sent(Query("runs").where(day >= COLUMN)).startswith(url)
    assert selection(until=day).until == DAY
    assert selection(since=day).since == DAY


def test_conditions_as_text_know_days_too():
    """What is typed on the command line is read alike."""
    query = Query("runs").where(parse_condition("start_time = 2017-06-16", RUNS))
    assert sent(query).startswith(
        "runs?filter[start_time][GE]=2017-06-16T00:00:00Z"
        "&filter[start_time][LT]=2017-06-17T00:00:00Z"
    )
    later = Query("runs").where(parse_condition("start_time > 2017-06-16", RUNS))
    assert "[GE]=2017-06-17T00:00:00Z" in sent(later)


def test_between_takes_in_both_days():
    """Both ends of a range of days are in it."""
    url = sent(Query("runs").where(COLUMN.between("2017-06-15", "2017-06-16")))
    assert "[GE]=2017-06-15T00:00:00Z" in url
    assert "[LT]=2017-06-17T00:00:00Z" in url


@pytest.mark.parametrize(
    "condition",
    [COLUMN != DAY, COLUMN != "2017-06-16", COLUMN.is_in(["2017-06-16"])],
)
def test_what_cannot_be_said_of_a_day_is_refused(condition):
    """Two spans, or a list of days, are no pair of bounds."""
    with pytest.raises(OperatorError, match="whole day"):
        bind(Query("runs").where(condition), RUNS)


def test_one_day_may_begin_and_end_a_selection():
    """since= and until= of the same day select it; the other way round is refused."""
    assert selection(since="2017-06-16", until="2017-06-16").until == DAY
    assert selection(since="2017-06-16T23:59:59Z", until="2017-06-16").until == DAY
    with pytest.raises(SelectorError, match="no time lies between"):
        selection(since="2017-06-17", until="2017-06-16")
    with pytest.raises(SelectorError, match="no time lies between"):
        selection(since="2017-06-16", until="2017-06-15T23:00")


def test_the_last_day_of_all_has_an_end():
    """The calendar's ends are no accident."""
    assert start_of(dt.date.min) == dt.datetime.min.replace(tzinfo=dt.UTC)
    assert end_of(dt.date.max) == dt.datetime.max.replace(tzinfo=dt.UTC)
    assert parse_day("2017-02-31") is None


def test_on_the_wire_a_date_is_what_it_was():
    """What a service is sent is not reinterpreted: a date in a URL is its midnight."""
    query, _ = parse("runs?filter[start_time][LE]=2017-06-16", bundled())
    assert query.conditions[0].value == start_of(DAY)


def test_a_receipt_keeps_days():
    """A question with days is written and read back as it was."""
    query = Query("runs", (COLUMN <= DAY,), selection=selection(until="2017-06-16"))
    assert read_query(write_query(query), str) == query


def test_the_engine_knows_days():
    """A query that goes to the engine as it is means the same."""
    times = [start_of(DAY), end_of(DAY) - dt.timedelta(seconds=1), end_of(DAY)]
    runs = pa.table({"run_number": [1, 2, 3], "start_time": times})
    with Engine({"runs": runs}) as engine:
        assert engine.execute(Query("runs").where(COLUMN <= DAY)).total == 2
        assert engine.execute(Query("runs").where(COLUMN == "2017-06-16")).total == 2


def test_until_a_day_takes_that_day_in():
    """The runs that began on the last day are there, and explain() says so."""
    with Client("demo") as oms:
        with_day = oms.runs(since="2017-06-16", until="2017-06-16")
        days = {moment.date() for moment in with_day["start_time"].to_pylist()}
        assert days == {DAY}
        query = oms.query("runs", until="2017-06-16")
        assert "whole day (UTC): start_time < 2017-06-17T00:00:00Z" in query.explain()
        lumis = oms.query("lumisections", since="2017-06-16", until="2017-06-16")
        assert "start_time < 2017-06-17T00:00:00Z" in lumis.explain()
