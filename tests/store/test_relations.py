"""A store answers as the service does that its rows came from."""

from __future__ import annotations

import asyncio
import datetime as dt
import pickle
import re
import warnings
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit import AsyncClient, Client, LumiMask, Store, field
from omskit.effects import Request
from omskit.engine import Clock, Engine, engine_at
from omskit.errors import (
    ConfigError,
    NotSyncedError,
    OMSError,
    UsageError,
)
from omskit.query import Condition, Query
from omskit.schema import bundled
from omskit.server import respond, running
from omskit.store.asking import spans_in
from omskit.store.relations import StoreRelations

pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")

KEYS = (
    "runs", "lumisections", "fills", "eras", "l1triggerrates", "l1triggerrates@run",
    "deadtimes", "deadtimes@run", "prescalechanges", "filldetails", "runkeys",
    "l1configurationkeys", "bunches", "downtimes", "lhcrunconfigurations",
)  # fmt: skip
NAMES = sorted({key.partition("@")[0] for key in KEYS})
EVER = dt.datetime(2017, 6, 16, tzinfo=dt.UTC)
RUNS = (297050, 297056)


def test_what_is_set_holds_in_each_cursor(tmp_path, monkeypatch):
    """UTC wherever one is, and the metadata of a file is read once."""
    monkeypatch.setenv("TZ", "Europe/Zurich")
    asked = "TimeZone", "parquet_metadata_cache"
    words = ", ".join(f"current_setting('{name}')" for name in asked)
    cursor = Store(tmp_path).relations().cursor()
    assert cursor.sql(f"SELECT {words}").fetchall() == [("UTC", True)]


@pytest.fixture(scope="module")
def demo():
    with Client("demo", retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def whole(demo, tmp_path_factory):
    """A store of all that the demo has of some resources."""
    # A path that DuckDB could take for a pattern, and SQL for the end of a text.
    store = Store(tmp_path_factory.mktemp("it's a*b? of #1") / "store", fsync=False)
    assert store.sync(demo, KEYS).complete
    assert store.verify() == []
    return store


@pytest.fixture(scope="module")
def here(whole):
    with Client(f"store:{whole.path}", retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def served(whole):
    with (
        whole.engine() as engine,
        running(engine) as url,
        Client(url, retries=0) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def part(demo, tmp_path_factory):
    """A store of a few runs."""
    store = Store(tmp_path_factory.mktemp("part") / "store", fsync=False)
    store.sync(demo, "lumisections,hltprescalesets,hltpathrates", RUNS)
    return store


@st.composite
def queries(draw):
    name = draw(st.sampled_from(NAMES))
    resource = bundled()[name]
    query = Query(name).limit(draw(st.integers(1, 3000)))
    key = "run_number" if "run_number" in resource else "fill_number"
    if key in resource and draw(st.booleans()):
        low = 5830 if key == "fill_number" else 297040
        numbers = st.integers(low, low + 20)
        op = draw(st.sampled_from(["EQ", "GE", "LT", "IN"]))
        value = (
            draw(numbers)
            if op != "IN"
            else tuple(draw(st.lists(numbers, min_size=1, max_size=3)))
        )
        query = query.where(Condition(key, op, value))
    able = [f for f in resource.fields if f.filterable and f.kind in {"int", "float"}]
    if able and draw(st.booleans()):
        column = draw(st.sampled_from(able))
        op = draw(st.sampled_from(["GE", "LT", "NEQ"]))
        query = query.where(Condition(column.name, op, draw(st.integers(0, 3000))))
    sortable = [f.name for f in resource.fields if f.sortable]
    keys = draw(st.lists(st.sampled_from(sortable), max_size=2, unique=True))
    query = query.sort(*(draw(st.sampled_from(["", "-"])) + key for key in keys))
    if draw(st.booleans()):
        names = sorted({f.attribute for f in resource.fields})
        query = query.select(*draw(st.lists(st.sampled_from(names), min_size=1)))
    if f"{name}@run" in KEYS and draw(st.booleans()):
        query = query.group(draw(st.sampled_from(resource.granularities)))
    return query


def outcome(client, query, **options):
    """All that a table says, but for times and places; or the kind of error."""
    try:
        table = client.bind(query, **options).fetch()
    except OMSError as error:
        return type(error)
    # How digests are packed depends on how rows came; their hash does not.
    receipt = replace(table.receipt, service="", service_source="", prints=b"")
    receipt = replace(receipt, started=EVER, finished=EVER)
    if not receipt.urls:
        # Nothing was asked over the network, so nobody said its version there.
        receipt = replace(receipt, service_version=None)
    return table.arrow, table.notes, table.gaps, table.complete, receipt


def assert_same(one, other):
    if isinstance(one, tuple) and isinstance(other, tuple):
        assert one[0].schema.equals(other[0].schema, check_metadata=True)
        assert one[0].equals(other[0])
        assert one[1:] == other[1:]
    else:
        assert one == other


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    query=queries(),
    units=st.sampled_from(["canonical", "raw"]),
    page_size=st.sampled_from([100, 1000]),
)
def test_a_store_answers_as_the_service(demo, here, served, query, units, page_size):
    """Rows, types, units, notes, gaps and receipts are those of the service.

    In this process, and through a service over the store.
    """
    options = {"units": units, "page_size": page_size}
    there = outcome(demo, query, **options)
    assert_same(there, outcome(here, query, **options))
    assert_same(there, outcome(served, query, **options))


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(query=queries(), units=st.sampled_from(["canonical", "raw"]))
def test_both_drivers_answer_alike(whole, demo, served, query, units):
    """An event loop gets from a store, and a service over it, what a thread gets."""

    async def asked(place):
        async with AsyncClient(place, retries=0) as client:
            try:
                table = await client.bind(query, units=units).fetch()
            except OMSError as error:
                return type(error)
            return table.arrow, table.notes, table.gaps, table.complete

    there = outcome(demo, query, units=units)
    there = there[:4] if isinstance(there, tuple) else there
    for place in (f"store:{whole.path}", served.instance.base_url):
        assert_same(there, asyncio.run(asked(place)))


@settings(max_examples=examples(10), deadline=None)
@given(query=queries())
def test_a_store_counts_and_streams_as_the_service(demo, here, query):
    """The number of rows, and the rows page by page, are those of the service."""
    assert demo.bind(query).count() == here.bind(query).count()
    streams = (c.bind(query, page_size=500).pages() for c in (demo, here))
    for one, other in zip(*streams, strict=True):
        assert one == other


def test_an_async_client_asks_a_store_too(whole, demo):
    """Both clients take a store."""

    async def ask():
        async with AsyncClient(f"store:{whole.path}") as oms:
            return await oms.lumisections(RUNS)

    assert asyncio.run(ask()) == demo.lumisections(RUNS)


@pytest.mark.parametrize(
    "which",
    [
        {"fill": 5839},
        {"era": "2017B"},
        {"since": "2017-06-16", "until": "2017-06-17"},
        {"last": 2},
        {"mask": LumiMask({297050: [(1, 20)], 297056: [(3, 4)]})},
    ],
    ids=lambda which: next(iter(which)),
)
def test_selectors_work_on_a_store(demo, here, which):
    """Fills, eras, times, the newest and masks are looked up in the store."""
    there = demo.query("l1triggerrates", **which).fetch()
    found = here.query("l1triggerrates", **which).fetch()
    assert found == there
    assert len(found)


def test_the_receipt_names_the_store(here, whole):
    """A receipt says that the rows came from a store, and that they are simulated."""
    receipt = here.runs(297050).receipt
    assert receipt.service.startswith("store:/")
    assert re.fullmatch(r"store, simulated, read 20\S+Z", receipt.service_source)
    assert receipt.simulated
    assert here.replay(receipt).same


def test_the_receipt_says_how_old_the_rows_are(store, oms, clock):
    """Those that were asked for, in this process and through a service."""
    store.sync(oms, "runs", 297050)
    clock.pass_days(1)
    store.sync(oms, "runs", 297056)
    first, last = (e.fetched for e in store._kept.coverage("runs").entries)
    days = [f"{time:%Y-%m-%dT%H:%MZ}" for time in (first, last)]
    with (
        running(store.engine()) as url,
        Client(url) as there,
        Client(f"store:{store.path}") as here,
    ):
        for client in (here, there):
            one = client.runs(297056).receipt.service_source
            both = client.runs([297050, 297056]).receipt.service_source
            assert one == f"store, simulated, read {days[1]}"
            assert days[0] in both
            assert days[1] in both


def test_pages_deep_in_a_store_are_right(whole, demo):
    """A page in natural order is found through the rows of each run."""
    engine = whole.engine()
    there = demo._service.engine
    query = Query("lumisections")
    total = there.execute(query, limit=1).total
    for offset in (0, 1, 777, total // 2, total - 3, total, total + 5):
        one = engine.execute(query, offset=offset, limit=50)
        other = there.execute(query, offset=offset, limit=50)
        assert one.total == other.total
        assert one.table.equals(other.table)
    relation = StoreRelations(whole._kept).relation("lumisections", bundled())
    page, skipped = relation.page(total - 5, 5)
    assert page.span is not None
    assert skipped < total // 2


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda c: c.runs(315190), "does not hold 'runs' of run 315190"),
        (lambda c: c.runs((297050, 297060)), "of run 297057-297060; it holds 297050"),
        (lambda c: c.runs(), "This question is about all runs"),
        (lambda c: c.query("deadtimes", 297050).fetch(), "'deadtimes': none"),
        (lambda c: c.eras("2017B"), "does not hold 'eras'. Try: oms sync eras"),
        (lambda c: c.fills(5839), "This question is about all fills"),
        (lambda c: c.l1_rates(297050, granularity="run"), "l1triggerrates@run"),
        (lambda c: c.query("lumisections", fill=5839).fetch(), "about all runs"),
    ],
    ids=["run", "range", "all", "resource", "whole", "fill", "granularity", "by fill"],
)
def test_what_was_never_synced_is_an_error(part, ask, text):
    """No empty table: the message says what is held, and the command that fetches."""
    with Client(f"store:{part.path}") as oms:
        with pytest.raises(NotSyncedError) as caught:
            ask(oms)
        assert text in str(caught.value)
        assert f"--store {part.path}" in str(caught.value)


def test_runs_that_do_not_exist_are_an_empty_table(part):
    """What OMS was asked for, and does not have, is known: no error."""
    with Client(f"store:{part.path}") as oms:
        assert len(oms.query("runs", where="run_number = 297055").fetch()) == 1
        none = oms.query("runs", where=["run_number = 297055", "l1_rate < 0"]).fetch()
        assert len(none) == 0


def test_what_is_kept_run_by_run_wants_its_run(part, demo):
    """Prescale sets are found by their run, which they do not show."""
    with Client(f"store:{part.path}") as oms:
        found = oms.query("hltprescalesets", 297050).fetch()
        assert found == demo.query("hltprescalesets", 297050).fetch()
        with pytest.raises(UsageError):
            oms.query("hltprescalesets", (297050, 297051)).options(
                unchecked=True
            ).fetch()


def test_rates_of_a_whole_run_come_from_a_store(part, demo):
    """The largest table of a run is the same, page by page, sorted or not."""
    with Client(f"store:{part.path}") as oms:
        assert oms.hlt_rates(297055) == demo.hlt_rates(297055)


def test_a_service_over_a_store_says_what_is_not_synced(part):
    """Over HTTP it is a 404 whose document says why, and the same error again."""
    service = part.service("http://127.0.0.1:1/agg/api/v1")
    url = f"{service.base_url}/runs?filter[run_number][EQ]=1"
    answer = respond(Request("GET", url), service)
    assert answer.status == 404
    assert b"NOT_SYNCED" in answer.body
    assert b"oms sync runs 1 " in answer.body
    with (
        running(part.engine()) as there,
        Client(there) as oms,
        pytest.raises(NotSyncedError, match="does not hold 'runs'") as caught,
    ):
        oms.runs(1)
    assert str(caught.value).endswith(f"Try: oms sync runs 1 --store {part.path}")
    assert caught.value.status == 404


def test_a_store_that_fails_is_told(part, monkeypatch):
    """What cannot be read is an error document, not the end of the connection."""
    service = part.service("http://127.0.0.1:1/agg/api/v1")
    monkeypatch.setattr(type(part._kept), "table", _broken)
    answer = respond(Request("GET", f"{service.base_url}/runs/297050"), service)
    assert (answer.status, b"STORE_FAILED" in answer.body) == (500, True)


def _broken(self, key):
    from omskit.errors import StoreError

    message = "the disk is gone"
    raise StoreError(message)


def test_new_rows_are_seen_at_once(store, oms):
    """A client that has answered sees what is synced afterwards."""
    store.sync(oms, "runs", 297050)
    with Client(f"store:{store.path}") as here:
        assert len(here.runs(297050)) == 1
        with pytest.raises(NotSyncedError):
            here.runs(297051)
        store.sync(oms, "runs", 297051)
        assert len(here.runs(297051)) == 1


def test_a_clock_plays_a_store(whole, demo):
    """What has not happened yet at a moment is hidden, as over tables in memory."""
    moment = Clock(dt.datetime(2017, 6, 17, tzinfo=dt.UTC), 0)
    tables = demo._service.engine._relations._tables
    from omskit.engine import AsOfRelations

    relations = StoreRelations(whole._kept, only_held=True)
    query = Query("runs").select("run_number", "end_time", "recorded_lumi")
    with (
        Engine(AsOfRelations(relations, moment)) as played,
        Engine(AsOfRelations(tables, moment)) as there,
    ):
        found, other = played.execute(query), there.execute(query)
        assert found.table.equals(other.table)
        assert found.total < demo.query("runs").count()


def test_a_clock_over_part_of_a_store_knows_what_lacks(part):
    """A question about runs that are not held is an error under a clock too."""
    relations = StoreRelations(part._kept, only_held=True)
    engine = engine_at(relations, dt.datetime(2017, 6, 17, tzinfo=dt.UTC))
    with pytest.raises(NotSyncedError):
        engine.execute(Query("runs").where(field.run_number == 1))


def test_a_client_of_a_store_pickles(whole):
    """It is made anew where it is used."""
    with Client(f"store:{whole.path}") as oms:
        again = pickle.loads(pickle.dumps(oms.query("runs", 297050)))
        assert len(again.fetch()) == 1


def test_the_default_store_comes_from_the_environment(whole, monkeypatch, tmp_path):
    """``store:`` alone takes OMSKIT_STORE, else the configuration file."""
    with pytest.raises(ConfigError, match="Which store"):
        Client("store:")
    monkeypatch.setenv("OMSKIT_STORE", str(whole.path))
    with Client("store:") as oms:
        assert len(oms.runs(297050)) == 1
    monkeypatch.delenv("OMSKIT_STORE")
    config = tmp_path / "config.toml"
    config.write_text(f'store = "{whole.path}"\n')
    monkeypatch.setenv("OMSKIT_CONFIG", str(config))
    with Client("store:") as oms:
        assert len(oms.runs(297050)) == 1


def test_columns_that_came_later_are_null_in_older_rows(store, oms):
    """A field that the table does not have yet is there, and null."""
    catalogue = bundled()
    runs = catalogue["runs"]
    fewer = replace(runs, fields=tuple(f for f in runs.fields if f.name != "l1_rate"))
    older = Store(store.path, catalogue=catalogue.with_resource(fewer), fsync=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        older.sync(oms, "runs", 297050)
    query = Query("runs").where(field.run_number == 297050)
    table = store.engine().execute(query).table
    assert table["l1_rate"].null_count in {0, 1}
    assert table["run_number"].to_pylist() == [297050]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], [(0, 1 << 62)]),
        ([field.run_number == 5], [(5, 5)]),
        ([field.run_number > 5, field.run_number <= 9], [(6, 9)]),
        ([field.run_number.is_in([9, 5, 1]), field.run_number > 4], [(5, 5), (9, 9)]),
        ([field.run_number == 5, field.run_number == 6], []),
        ([field.run_number > 9, field.run_number < 5], []),
        ([field.run_number != 5, field.l1_rate > 2], [(0, 1 << 62)]),
        ([field.run_number.is_null()], [(0, 1 << 62)]),
    ],
    ids=["none", "one", "range", "list", "two", "empty", "other", "null"],
)
def test_conditions_say_which_runs(conditions, expected):
    """The runs that conditions leave are found without looking at rows."""
    assert spans_in(conditions, "run_number") == expected
