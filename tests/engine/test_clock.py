"""The engine's clock: what is there at a moment, and what is known of it."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit.engine import (
    AsOfRelations,
    Clock,
    Engine,
    MemoryRelations,
    clock,
    engine_at,
)
from omskit.engine.memory import ROW
from omskit.engine.sql import quoted, rows_statement
from omskit.errors import ConfigError
from omskit.query import Query, field
from omskit.schema import TIME, bundled

START = dt.datetime(2017, 6, 16, 20, 0, tzinfo=dt.UTC)


def at(seconds):
    """A moment after the start."""
    return START + dt.timedelta(seconds=seconds)


def times(*seconds):
    """A column of moments."""
    return pa.array([None if s is None else at(s) for s in seconds], TIME)


NUMBERS = [1, 2, 3, 1, 2]
RUNS = [10, 10, 10, 11, 11]


def make_tables():
    """Two runs of a fill, their lumisections of 20 s, rates and the rest."""
    rates = {
        "run_number": [*RUNS, 10],
        "first_lumisection_number": [*NUMBERS, 9],
        "last_lumisection_number": [*NUMBERS, 9],
    }
    names = ["HLT_A"] * 6
    return {
        "runs": pa.table(
            {
                "run_number": [10, 11],
                "fill_number": [5, 5],
                "start_time": times(0, 100),
                "end_time": times(65, 150),
                "last_update": times(400, 500),
                "last_lumisection_number": [3, 2],
                "duration": [65, 50],
                "l1_rate": [1.0, 2.0],
                "delivered_lumi": [3.0, 4.0],
                "delivered_lumi@unit": ["pb^{-1}", "pb^{-1}"],
            }
        ),
        "fills": pa.table(
            {
                "fill_number": [5, 6],
                "start_time": times(-100, 1000),
                "end_time": times(900, 2000),
                "start_stable_beam": times(50, 1050),
                "end_stable_beam": times(800, 1900),
                "last_run_number": [11, 12],
                "duration": [750, 850],
            }
        ),
        "lumisections": pa.table(
            {
                "run_number": RUNS,
                "lumisection_number": NUMBERS,
                "start_time": times(0, 20, 40, 100, 120),
                "end_time": times(20, 40, 60, 120, 140),
                "recorded_lumi": [1.0, 2.0, 3.0, 4.0, 5.0],
                "init_lumi": [9.0, 8.0, 7.0, 6.0, 5.0],
            }
        ),
        "l1triggerrates": pa.table(rates),
        "hltpathrates": pa.table({**rates, "path_name": names}),
        "l1triggerrates@run": pa.table({"run_number": [10, 11]}),
        "runkeys": pa.table({"run_number": [10, 11, 99]}),
        "prescalechanges": pa.table(
            {
                "run_number": [10, 10],
                "lumisection_number": [1, 2],
                "change_time": times(5, None),
            }
        ),
        "bunches": pa.table({"fill_number": [5, 6], "bunch_number": [1, 1]}),
        "downtimes": pa.table(
            {
                "start_time": times(10),
                "stop_time": times(30),
                "subsystem": ["X"],
                "category": ["Y"],
            }
        ),
        "eras": pa.table({"name": ["2017B"]}),
    }


TABLES = make_tables()


def shown(seconds, resource, late_s=30.0, group=None, **where):
    """The rows that are there at a moment, as dictionaries."""
    query = Query(resource).where(*(field(k) == v for k, v in where.items()))
    query = query.group(group) if group else query
    moment = Clock(at(seconds), 0)
    with Engine(AsOfRelations(TABLES, moment, late_s=late_s)) as engine:
        found = engine.execute(query)
    assert found.total == found.table.num_rows
    return found.table.to_pylist()


def test_rows_of_the_future_are_not_there():
    """Before it begins a run, a fill or a lumisection is not there."""
    assert [len(shown(s, "runs")) for s in (-1, 0, 99, 100)] == [0, 1, 1, 2]
    assert [len(shown(s, "fills")) for s in (-101, 0, 1000)] == [0, 1, 2]
    assert [len(shown(s, "lumisections")) for s in (0, 20, 119, 120)] == [1, 2, 4, 5]


def test_an_ongoing_run():
    """It has no end, its lumisections and its duration grow, so does last_update."""
    for seconds, last in ((0, 1), (25, 2), (64, 3)):
        (run,) = shown(seconds, "runs")
        assert (run["end_time"], run["delivered_lumi"]) == (None, None)
        assert (run["l1_rate"], run["last_lumisection_number"]) == (None, last)
        assert (run["duration"], run["last_update"]) == (seconds, at(seconds))
        assert len(shown(seconds, "lumisections")) == last


def test_a_run_that_has_ended():
    """Everything is known of it; last_update still grows up to what was recorded."""
    (run,) = shown(65, "runs")
    assert (run["end_time"], run["duration"], run["l1_rate"]) == (at(65), 65, 1.0)
    assert (run["delivered_lumi"], run["last_update"]) == (3.0, at(65))
    assert shown(9999, "runs")[0]["last_update"] == at(400)


def test_an_ongoing_lumisection():
    """What its end would tell is null; what its start told is there."""
    last = shown(25, "lumisections")[-1]
    assert (last["init_lumi"], last["recorded_lumi"], last["end_time"]) == (
        8.0,
        None,
        None,
    )
    assert shown(40, "lumisections")[1]["recorded_lumi"] == 2.0


def test_an_ongoing_fill():
    """Its times come one by one, and its last run is the newest that there is."""
    (fill,) = shown(60, "fills")
    assert (fill["start_stable_beam"], fill["end_stable_beam"]) == (at(50), None)
    assert (fill["end_time"], fill["last_run_number"]) == (None, 10)
    assert shown(900, "fills")[0]["last_run_number"] == 11


@pytest.mark.parametrize("resource", ["l1triggerrates", "hltpathrates"])
def test_rates_are_late(resource):
    """They appear some time after their lumisection, the strays with the run."""
    counts = [len(shown(s, resource)) for s in (20, 49, 50, 70, 90, 94, 95, 150, 9999)]
    assert counts == [0, 0, 1, 2, 3, 3, 4, 5, 6]
    assert len(shown(20, resource, late_s=0.0)) == 1


def test_rates_of_whole_runs():
    """They are there when the run has ended, and a while after."""
    counts = [len(shown(s, "l1triggerrates", group="run")) for s in (94, 95, 179, 180)]
    assert counts == [0, 1, 1, 2]


def test_what_belongs_to_runs_and_fills():
    """Keys come with their run, bunches with their fill; strangers are always there."""
    assert [len(shown(s, "runkeys")) for s in (-1, 0, 100)] == [1, 2, 3]
    assert [len(shown(s, "bunches")) for s in (0, 1000)] == [1, 2]
    assert [len(shown(s, "prescalechanges")) for s in (0, 5)] == [1, 2]
    assert shown(20, "downtimes")[0]["stop_time"] is None
    assert shown(30, "downtimes")[0]["stop_time"] == at(30)
    assert len(shown(-9999, "eras")) == 1


def test_filters_see_what_is_shown():
    """Who looks for what goes on finds it, though it has ended since."""
    assert len(shown(25, "runs", end_time=None)) == 1
    assert len(shown(65, "runs", end_time=None)) == 0
    newest = shown(70, "l1triggerrates", last_lumisection_number=-1)
    assert newest[0]["first_lumisection_number"] == 2


@pytest.fixture(scope="module")
def movable():
    """A time that is set by hand, and an engine that goes by it."""
    now = [0.0]
    ticking = Clock(START, 1.0, now=lambda: now[0])
    with Engine(AsOfRelations(TABLES, ticking)) as engine:
        yield now, engine


@settings(max_examples=examples(12))
@given(seconds=st.integers(-200, 2200), later=st.integers(0, 500))
def test_rows_stay(movable, seconds, later):
    """What is there once stays: no row vanishes as time goes on."""
    now, engine = movable
    for name in ("runs", "lumisections", "l1triggerrates", "fills"):
        counts = []
        for now[0] in (seconds, seconds + later):
            counts.append(engine.execute(Query(name), limit=1).total)
        assert counts == sorted(counts)
        assert counts[1] <= TABLES[name].num_rows


def test_in_the_end_it_is_the_engine():
    """When all is over, the view shows exactly what the tables hold."""
    end = Clock(dt.datetime.max.replace(tzinfo=dt.UTC), 1.0)
    with Engine(AsOfRelations(TABLES, end)) as late, Engine(TABLES) as plain:
        for key in TABLES:
            name, _, group = key.partition("@")
            query = Query(name).group(group) if group else Query(name)
            assert late.execute(query).table.equals(plain.execute(query).table)


def test_at_the_beginning_of_time():
    """No moment is too early."""
    moment = dt.datetime.min.replace(tzinfo=dt.UTC)
    with Engine(AsOfRelations(TABLES, Clock(moment, 0))) as engine:
        assert engine.execute(Query("l1triggerrates")).total == 0


def test_tables_that_are_not_held():
    """Without runs and lumisections nothing tells when a rate was: it is there."""
    held = {"l1triggerrates": TABLES["l1triggerrates"], "bunches": TABLES["bunches"]}
    held["runkeys"] = TABLES["runkeys"]
    with Engine(AsOfRelations(held, Clock(START, 0))) as engine:
        assert engine.execute(Query("l1triggerrates")).total == 6
        assert engine.execute(Query("bunches")).total == 2
    with_runs = {**held, "runs": TABLES["runs"]}
    with Engine(AsOfRelations(with_runs, Clock(at(94), 0))) as engine:
        assert engine.execute(Query("l1triggerrates")).total == 0
        ongoing = engine.execute(Query("runs")).table
        assert ongoing["last_lumisection_number"].to_pylist() == [3]


def test_one_answer_is_of_one_moment():
    """Rows and their number agree although time passes between the two questions."""
    ticks = iter(range(0, 10_000, 20))
    moving = Clock(START, 1.0, now=lambda: next(ticks))
    with Engine(AsOfRelations(TABLES, moving)) as engine:
        found = [engine.execute(Query("lumisections"), limit=1) for _ in range(3)]
    assert [one.total for one in found] == [1, 2, 3]


def test_the_clock():
    """Time passes at its speed from the moment it was started at."""
    assert Clock(START, 60, now=lambda: 12.0, started=10.0).moment() == at(120)
    assert Clock(START, 0).moment() == START
    running = Clock.running(START, 0.0)
    assert (running.moment(), running.started > 0) == (START, True)


def test_clocks_that_make_no_sense():
    """A moment needs its zone, and time does not run backwards."""
    with pytest.raises(ConfigError, match="no time zone"):
        Clock(START.replace(tzinfo=None))
    for speed in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match="makes no sense"):
            Clock(START, speed)


def test_an_engine_for_the_command():
    """With a moment there is a clock; a speed alone has none to speed up."""
    assert type(engine_at(TABLES, None)) is Engine
    naive = START.replace(tzinfo=None)
    with engine_at(TABLES, naive, 0.0) as engine:
        assert engine.execute(Query("runs")).total == 1
    with pytest.raises(ConfigError, match="needs --as-of"):
        engine_at(TABLES, None, 60.0)


def test_the_text_of_a_view_has_nothing_of_a_request():
    """A view is made of the catalogue and a moment: values of a query are bound."""
    seen = AsOfRelations(TABLES, Clock(START, 0)).relation("runs", bundled())
    query = Query("runs").where(field("era") == "'; DROP TABLE runs; --")
    statement = rows_statement(query, seen, offset=0, limit=None)
    assert "DROP" not in statement.text
    assert "DROP" in statement.values[0]


class Reading:
    """Relations over anything that DuckDB reads: no row numbers, no copy, no names."""

    source = "files"

    def __init__(self, tables):
        self._memory = MemoryRelations(tables)

    def relation(self, key, catalogue):
        """The table as a plain subquery, in the order of its identity."""
        loaded = self._memory.relation(key, catalogue)
        rows = f"(SELECT * EXCLUDE ({quoted(ROW)}) FROM {loaded.source})"
        return clock.Shown(loaded.resource, rows, loaded.resource.identity)

    def __getattr__(self, name):
        return getattr(self._memory, name)

    def __contains__(self, key):
        return key in self._memory

    def __iter__(self):
        return iter(self._memory)


@pytest.mark.parametrize("seconds", [-1, 25, 70, 94, 9999])
def test_the_clock_is_composed_over_any_relations(seconds):
    """What has no table of its own and no row numbers is shown as tables are."""
    moment = Clock(at(seconds), 0)
    with (
        Engine(AsOfRelations(Reading(TABLES), moment)) as read,
        Engine(AsOfRelations(TABLES, moment)) as held,
    ):
        assert read.source == "files"
        for name in ("runs", "fills", "lumisections", "hltpathrates", "runkeys"):
            query = Query(name).sort(f"-{bundled()[name].identity[0]}").limit(3)
            assert read.execute(query) == held.execute(query)
            assert read.execute(Query(name), offset=1) == held.execute(
                Query(name), offset=1
            )
