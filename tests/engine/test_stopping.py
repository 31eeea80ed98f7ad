"""Queries that are stopped from outside."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from tests.support.endless import EndlessEngine

from omskit.engine import Engine, Stop
from omskit.engine.stopping import check
from omskit.errors import TimedOutError
from omskit.query import Query

TABLES = {
    "fills": pa.table({"fill_number": [1, 2]}),
    "runs": pa.table({"run_number": [5]}),
}
WAIT_S = 60


@pytest.fixture
def engine():
    """An engine that never answers what is asked of fills."""
    with EndlessEngine(TABLES) as made:
        yield made


def asked(engine, stop, resource="fills"):
    """What a query under a stop gives."""
    with stop.watching():
        return engine.execute(Query(resource))


def end(stop, *futures):
    """Stop until the work is over: the first interrupt may come too early."""
    over = threading.Event()
    for future in futures:
        future.add_done_callback(lambda _: over.set())
    for _ in range(1000):
        stop.now()
        if over.wait(0.05):
            return


def test_a_query_without_end_is_ended(engine):
    """It raises that it was stopped, and gives no rows."""
    stop = Stop()
    with ThreadPoolExecutor() as pool:
        future = pool.submit(asked, engine, stop)
        assert engine.begun.acquire(timeout=WAIT_S)
        assert not stop.is_over
        end(stop, future)
        with pytest.raises(TimedOutError, match="nobody waits"):
            future.result(WAIT_S)
    assert engine.execute(Query("runs")).total == 1


def test_other_queries_go_on(engine):
    """What another request asks is not touched, on the same engine."""
    mine, other = Stop(), Stop()
    with ThreadPoolExecutor() as pool:
        first, second = (pool.submit(asked, engine, stop) for stop in (mine, other))
        for _ in range(2):
            assert engine.begun.acquire(timeout=WAIT_S)
        end(mine, first)
        assert isinstance(first.exception(WAIT_S), TimedOutError)
        assert not second.done()
        assert asked(engine, other, "runs").total == 1
        end(other, second)
        assert isinstance(second.exception(WAIT_S), TimedOutError)


def test_nothing_begins_after_the_stop():
    """A query that was stopped before it began is not made."""
    stop = Stop()
    stop.now()
    with Engine(TABLES) as engine:
        with pytest.raises(TimedOutError):
            asked(engine, stop, "runs")
        assert engine.execute(Query("runs")).total == 1


def test_a_stop_is_for_its_block():
    """Outside of the block, and inside of another's, nothing is stopped."""
    outer, inner = Stop(), Stop()
    check()
    with outer.watching():
        outer.now()
        with inner.watching():
            check()
        with pytest.raises(TimedOutError):
            check()
    check()


def test_a_finished_query_is_no_longer_watched():
    """Its cursor is closed by then; a late stop meets no cursor at all."""
    stop = Stop()
    with Engine(TABLES) as engine:
        assert asked(engine, stop, "runs").total == 1
        stop.now()
        assert stop._cursors == []
