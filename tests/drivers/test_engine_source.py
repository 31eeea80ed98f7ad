"""Rows in process are what they would be as JSON, and as JSON over a socket."""

import asyncio
import datetime as dt
import subprocess
import sys
import threading
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.amount import examples
from tests.support.endless import EndlessEngine

from omskit import AsyncClient, Client, drivers, field
from omskit.demo import tables
from omskit.drivers import AsyncDriver, EngineSource, LocalSender, SyncDriver
from omskit.drivers.cancel import CancelToken
from omskit.drivers.tasks import Cancelled
from omskit.engine import Clock, Engine, engine_at
from omskit.errors import OMSError, ServiceError, UsageError
from omskit.flow import Context, HttpSource, Page, Settings, count, fetch, learn, pages
from omskit.login.nobody import Anonymous
from omskit.query import Condition, Query
from omskit.schema import Catalogue, bundled, with_fields
from omskit.server import Service, respond, running
from omskit.transport import HttpSender

BASE = "http://127.0.0.1:8321/agg/api/v1"
EVER = dt.datetime(2017, 6, 16, tzinfo=dt.UTC)
RUNS = [297046, 297047, 297050, 297053, 297054, 386694]
FEW = {
    "runs": 60,
    "lumisections": 2500,
    "fills": 60,
    "eras": 60,
    "l1triggerrates": 2500,
    "l1prescalesets": 60,
    "hltprescalesets": 60,
    "deadtimes": 2500,
    "prescalechanges": 60,
    "streams": 400,
    "hltpathinfo": 400,
    "hltpathrates": 400,
    "l1algorithmtriggers": 400,
    "bunches": 60,
    "daqreadouts": 60,
    "diplogger": 60,
    "datasetrates/datasets": 5,
    "l1algorithmtriggers/ratemon": 5,
}
"""Resources of every kind, and at most so many rows of each."""


class Ways:
    """One service, asked in three ways."""

    def __init__(self, engine, url):
        self.service = Service(engine, base_url=BASE)
        answer = LocalSender(lambda request: respond(request, self.service))
        self.local = SyncDriver(answer, Anonymous(), 2)
        self.socket = SyncDriver(HttpSender(), Anonymous(), 2)
        self.url = url

    def sources(self):
        """Each driver with its source."""
        yield self.local, EngineSource(self.service)
        yield self.local, HttpSource(BASE)
        yield self.socket, HttpSource(self.url)

    def close(self):
        """Let go of connections."""
        self.local.close()
        self.socket.close()

    def ask(self, flow, query, catalogue=None, **options):
        """What a flow gives, in each way."""
        chosen = Settings(
            **{"retries": 0, "concurrency": 2, "page_size": 1000, **options}
        )
        for driver, source in self.sources():
            context = Context(catalogue or bundled(), source, chosen)
            yield driver, flow(query, context), source.base_url


@pytest.fixture(scope="module")
def ways():
    """The demo, in process and over the loopback."""
    with Engine(tables()) as engine, running(engine) as url:
        made = Ways(engine, url)
        yield made
        made.close()


def told(table):
    """All that a table says, but for times and the address."""
    receipt = replace(table.receipt, service="", started=EVER, finished=EVER)
    return {
        "rows": table.arrow,
        "notes": table.notes,
        "complete": table.complete,
        "gaps": table.gaps,
        "receipt": receipt,
    }


def outcome(driver, flow, base):
    """What came of a flow: what a table says, a number, or an error."""
    try:
        result = driver.run(flow)
    except OMSError as error:
        request = (error.request or "").replace(base, "")
        said = str(error).replace(base.split("/")[2], "")
        return type(error), said, request, error.status, error.attempts
    return result if isinstance(result, int) else told(result)


def same(outcomes):
    """The one outcome of all ways."""
    first, *others = outcomes
    for other in others:
        if isinstance(first, dict) and isinstance(other, dict):
            rows, theirs = first["rows"], other["rows"]
            assert rows.schema.equals(theirs.schema, check_metadata=True)
            for name in rows.column_names:
                assert rows[name].equals(theirs[name]), name
            other = {**other, "rows": rows}  # noqa: PLW2901  # compared above
        assert first == other
    return first


@st.composite
def queries(draw):
    """Queries on every kind of resource; some that the service refuses."""
    name = draw(st.sampled_from([*FEW]))
    resource = bundled()[name]
    query = Query(name).limit(draw(st.integers(1, FEW[name])))
    if resource.filtered_by("run_number") is not None and draw(st.booleans()):
        query = query.where(field("run_number") == draw(st.sampled_from(RUNS)))
    able = [f for f in resource.fields if f.filterable and f.kind in {"int", "float"}]
    if able and draw(st.booleans()):
        column = draw(st.sampled_from(able))
        op = draw(st.sampled_from(["GE", "LT", "NEQ"]))
        query = query.where(Condition(column.name, op, draw(st.integers(0, 3000))))
    if draw(st.integers(0, 9)) == 0:
        query = query.where(Condition("no_such_field", "EQ", 1))
    sortable = [f.name for f in resource.fields if f.sortable]
    if sortable:
        keys = draw(st.lists(st.sampled_from(sortable), max_size=2, unique=True))
        query = query.sort(*(draw(st.sampled_from(["", "-"])) + key for key in keys))
    attributes = sorted({f.attribute for f in resource.fields})
    if attributes and draw(st.booleans()):
        names = st.lists(st.sampled_from(attributes), min_size=1, max_size=4)
        query = query.select(*draw(names))
    if resource.granularities and draw(st.booleans()):
        query = query.group(draw(st.sampled_from(resource.granularities)))
    include = draw(st.sampled_from([None, None, "meta", "presentation_timestamp"]))
    return query if include is None else query.include(include)


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    query=queries(),
    units=st.sampled_from(["canonical", "raw"]),
    page_size=st.sampled_from([100, 1000]),
    unchecked=st.booleans(),
)
def test_every_way_gives_the_same(ways, query, units, page_size, unchecked):
    """Rows, types, units, notes, receipt or error: all as through JSON and a socket."""
    options = {"units": units, "page_size": page_size, "unchecked": unchecked}
    same(outcome(*asked) for asked in ways.ask(fetch, query, **options))


@settings(max_examples=examples(15), deadline=None)
@given(query=queries())
def test_every_way_counts_the_same(ways, query):
    """The number of rows does not depend on the way."""
    same(outcome(*asked) for asked in ways.ask(count, query))


@pytest.mark.parametrize(
    "query",
    [
        Query("lumisections").where(field.run_number.between(297050, 297053)),
        Query("lumisections").where(field.run_number.between(297047, 297057)),
        Query("l1triggerrates").where(field.run_number == 297050).group("lumisection"),
    ],
)
def test_pages_are_the_same_in_every_way(ways, query):
    """A stream gives the same tables, page by page, `end_lumi` at their seams too."""
    streams = [
        [told(table) for table in driver.iterate(flow)]
        for driver, flow, _ in ways.ask(pages, query, page_size=100)
    ]
    for tables_of_page in zip(*streams, strict=True):
        same(tables_of_page)


def test_end_lumi_follows_the_filter_in_every_way(ways):
    """Raw, it is the next row that passed, as OMS computes it after its WHERE."""
    query = Query("lumisections").where(
        field.run_number == 297050, field.lumisection_number > 100
    )
    query = query.where(field("cms_active") == True).limit(50)  # noqa: E712
    answer = same(outcome(*asked) for asked in ways.ask(fetch, query, units="raw"))
    init = answer["rows"]["init_lumi"].to_pylist()
    assert answer["rows"]["end_lumi"].to_pylist()[:49] == init[1:]


def test_a_resource_is_described_the_same(ways):
    """What `meta` tells comes from the same document."""
    for name in ("runs", "l1algorithmtriggers"):
        first, *others = [driver.run(flow) for driver, flow, _ in ways.ask(learn, name)]
        assert all(other == first for other in others)
    errors = [outcome(*asked) for asked in ways.ask(learn, "no_such")]
    assert errors[0] == errors[1] == errors[2]
    assert issubclass(errors[0][0], UsageError)


def test_who_takes_rows_for_something_else_is_answered_as_ever(ways):
    """With another catalogue than the service's, columns and types are as from JSON."""
    runs = bundled()["runs"]
    kept = [f for f in runs.fields if f.name not in {"l1_rate", "era"}]
    odd = [replace(f, kind="float") if f.name == "duration" else f for f in kept]
    catalogue = Catalogue({"runs": with_fields(runs, odd)})
    query = Query("runs").where(field("run_number") == 297050)
    answer = same(outcome(*asked) for asked in ways.ask(fetch, query, catalogue))
    assert answer["rows"].schema.field("duration").type == pa.float64()
    assert "does not know" in answer["notes"][0].text


def test_faults_of_a_request_are_those_of_the_service(ways):
    """A page that is too large is refused in words of the service, with its status."""
    service = replace(ways.service, max_limit=10)
    source = EngineSource(service)
    with pytest.raises(ServiceError, match="larger than the maximum") as raised:
        ways.local.run(source.rows(Page(Query("runs"), 0, 11), bundled()["runs"]))
    assert (raised.value.status, raised.value.attempts) == (400, 1)
    assert raised.value.request.startswith(f"GET {BASE}/runs")


def test_a_moving_clock_is_asked_in_process_too():
    """The rows of a moment are the same as they are through JSON."""
    moment = Clock(tables()["runs"]["start_time"][3].as_py(), 0).moment()
    with engine_at(tables(), moment, 0.0) as engine, running(engine) as url:
        ways = Ways(engine, url)
        for name in ("runs", "lumisections", "fills"):
            query = Query(name).limit(200)
            same(outcome(*asked) for asked in ways.ask(fetch, query))
        ways.close()


def test_the_demo_is_asked_in_large_pages_and_says_where_to_find_them():
    """In process a page is the largest that OMS gives, unless another is asked for."""
    with Client("demo") as oms:
        one = oms.lumisections((315190, 315290), audit=False)
        ten = oms.lumisections((315190, 315290), audit=False, page_size=500)
    assert len(one.receipt.urls) == 1
    assert "page[limit]=100000" in one.receipt.urls[0]
    assert len(ten.receipt.urls) == 10
    assert one == ten
    assert one.receipt.sha256 == ten.receipt.sha256
    assert one.simulated


def test_the_demo_can_be_asked_by_requests():
    """Given a sender, or listened to, the demo is asked as over a network."""
    heard = []

    class Listening:
        def __init__(self, inner):
            self.inner = inner

        def send(self, request, headers, waiting=None):
            heard.append(request.url)
            return self.inner.send(request, headers, waiting)

        def __getattr__(self, name):
            return getattr(self.inner, name)

    with Client("demo") as oms:
        quiet = oms.runs(297050)
        assert not heard
        with oms.sending_through(Listening):
            assert oms.runs(297050) == quiet
        assert len(heard) == 1
        oms.runs(297050)
        assert len(heard) == 1


def test_the_event_loop_goes_on_while_the_engine_works():
    """Under asyncio rows are read in a worker thread."""
    seen = set()

    class Watched(Engine):
        def execute(self, query, **bounds):
            seen.add(threading.current_thread())
            return super().execute(query, **bounds)

    async def ask():
        service = Service(Watched(tables()), base_url=BASE)
        driver = AsyncDriver(LocalSender(lambda _: None), Anonymous(), 2)
        context = Context(bundled(), EngineSource(service))
        return await driver.run(fetch(Query("runs"), context))

    async def demo():
        async with AsyncClient("demo") as oms:
            return await oms.query("runs").fetch()

    assert asyncio.run(ask()) == asyncio.run(demo())
    assert threading.main_thread() not in seen


WAIT_S = 60


@pytest.fixture
def endless():
    """An engine whose fills are never all looked at."""
    with EndlessEngine({name: tables()[name] for name in ("fills", "runs")}) as engine:
        yield engine, Context(bundled(), EngineSource(Service(engine, base_url=BASE)))


def test_a_thread_that_gives_up_ends_its_query(endless):
    """Nobody waits for rows any more: DuckDB is interrupted."""
    engine, context = endless
    driver = SyncDriver(LocalSender(lambda _: None), Anonymous(), 2)
    waiting, ended = CancelToken(), []

    def ask():
        try:
            driver.run(fetch(Query("fills"), context), None, waiting)
        except Cancelled:
            ended.append(True)

    thread = threading.Thread(target=ask)
    thread.start()
    assert engine.begun.acquire(timeout=WAIT_S)
    waiting.end()
    driver.close()
    thread.join(WAIT_S)
    assert ended
    assert engine.ended.acquire(timeout=WAIT_S)


def test_a_task_that_is_cancelled_ends_its_query(endless):
    """So it is under asyncio."""
    engine, context = endless

    async def ask():
        driver = AsyncDriver(LocalSender(lambda _: None), Anonymous(), 2)
        task = asyncio.create_task(driver.run(fetch(Query("fills"), context)))
        assert await asyncio.to_thread(engine.begun.acquire, timeout=WAIT_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(ask())
    assert engine.ended.acquire(timeout=WAIT_S)


def test_who_asks_over_a_network_loads_no_engine():
    """A client of a service imports neither DuckDB nor the service: they take time."""
    code = (
        "import sys; from omskit import Client, trigger; "
        "Client('http://127.0.0.1:9/agg/api/v1'); "
        "print({'duckdb', 'omskit.server', 'omskit.engine', 'pandas'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"


def test_drivers_have_no_other_names():
    """Only the engine's source is looked up late."""
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = drivers.Nothing
