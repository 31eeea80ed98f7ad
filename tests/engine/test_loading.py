"""Tables that are loaded while other queries go on."""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from omskit.engine import AsOfRelations, Clock, Engine, Stop
from omskit.errors import TimedOutError
from omskit.query import Query
from omskit.schema import bundled

NOON = dt.datetime(2017, 6, 16, 12, tzinfo=dt.UTC)
WAIT_S = 60
PLAIN = {
    "runs": pa.table({"run_number": [5, 6], "start_time": [NOON, NOON]}),
    "fills": pa.table({"fill_number": [2, 1], "start_time": [NOON, NOON]}),
}


class SlowTables(Mapping):
    """Tables of which that of fills is made when the test says so.

    Attributes:
        asked: Counts up when somebody asks whether there are fills.
        making: Set once fills are being made.
        go_on: Set by the test; then they are there.
        made: How often each table was looked up.
    """

    def __init__(self):
        self.asked = threading.Semaphore(0)
        self.making, self.go_on = threading.Event(), threading.Event()
        self.made = Counter()

    def __getitem__(self, name):
        self.made[name] += 1
        if name == "fills":
            self.making.set()
            assert self.go_on.wait(WAIT_S)
        return PLAIN[name]

    def __contains__(self, name):
        if name == "fills":
            self.asked.release()
        return name in PLAIN

    def __iter__(self):
        return iter(PLAIN)

    def __len__(self):
        return len(PLAIN)


def standing(tables):
    """An engine with a clock that stands still."""
    return Engine(AsOfRelations(tables, Clock(NOON, speed=0)))


@pytest.fixture(params=[Engine, standing])
def loading(request):
    """An engine, its tables and threads; one of them is loading the fills."""
    tables = SlowTables()
    with request.param(tables) as engine, ThreadPoolExecutor() as pool:
        try:
            first = pool.submit(engine.execute, Query("fills"))
            assert tables.making.wait(WAIT_S)
            assert tables.asked.acquire(timeout=WAIT_S)
            yield engine, tables, pool
            tables.go_on.set()
            assert first.result(WAIT_S).table["fill_number"].to_pylist() == [1, 2]
            assert tables.made["fills"] == 1
        finally:
            tables.go_on.set()


def test_other_tables_are_answered_from_meanwhile(loading):
    """A table that takes long to load holds up nobody who asks for another one."""
    engine, _, pool = loading
    for _ in range(2):  # the first query loads, the second finds it loaded
        future = pool.submit(engine.execute, Query("runs"))
        assert future.result(WAIT_S / 2).total == 2


def test_who_is_stopped_does_not_wait_for_a_table(loading):
    """A stop ends the wait for what another request is loading, and that goes on."""
    engine, tables, pool = loading
    stop = Stop()

    def asked():
        with stop.watching():
            return engine.execute(Query("fills"))

    future = pool.submit(asked)
    assert tables.asked.acquire(timeout=WAIT_S)
    stop.now()
    assert isinstance(future.exception(WAIT_S / 2), TimedOutError)
    assert not tables.go_on.is_set()


def test_who_waits_for_a_table_has_it_without_another_load(loading):
    """Everybody who asks for a table while it is loaded is answered from that load."""
    engine, tables, pool = loading
    futures = [pool.submit(engine.execute, Query("fills")) for _ in range(3)]
    for _ in futures:
        assert tables.asked.acquire(timeout=WAIT_S)
    tables.go_on.set()
    assert [future.result(WAIT_S).total for future in futures] == [2] * 3


def test_a_load_that_failed_is_begun_again():
    """An error while a table is made is for who asked; the next asks anew."""

    class Once(dict):
        failed = False

        def __getitem__(self, name):
            if not self.failed:
                self.failed = True
                raise ZeroDivisionError
            return super().__getitem__(name)

    with Engine(Once(PLAIN)) as engine:
        with pytest.raises(ZeroDivisionError):
            engine.execute(Query("runs"))
        assert engine.execute(Query("runs")).total == 2


@pytest.mark.parametrize("make", [Engine, standing])
def test_all_tables_may_be_loaded_at_once(make):
    """Threads that load tables side by side get what one that asks in turn gets."""
    columns = {
        name: resource.identity[0]
        for name in bundled()
        if (resource := bundled()[name]).identity
        and resource.field(resource.identity[0]).kind == "int"
    }
    tables = {name: pa.table({c: [3, 1, 2]}) for name, c in columns.items()}
    assert len(tables) > 10
    queries = [Query(name) for name in tables] * 3
    with make(tables) as engine:
        expected = list(map(engine.execute, queries))
    with make(tables) as engine, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(engine.execute, queries))
    assert answers == expected
    runs = answers[[*tables].index("runs")].table
    assert runs["run_number"].to_pylist() == [1, 2, 3]
