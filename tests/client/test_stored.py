"""A store before a service: final runs from disk, the others from the service."""

from __future__ import annotations

import datetime as dt
import pickle

import pytest

from omskit import AsyncClient, Client, Store, field
from omskit.demo import tables
from omskit.drivers import LocalSender
from omskit.drivers.engine_source import demo_service
from omskit.engine import Engine
from omskit.errors import UsageError
from omskit.query import Query
from omskit.server import respond, running

pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")

RUNS = (297050, 297056)


@pytest.fixture(scope="module")
def demo():
    with Client("demo") as client:
        yield client


@pytest.fixture(scope="module")
def store(demo, tmp_path_factory):
    """A store in which five runs of seven are final."""
    made = Store(tmp_path_factory.mktemp("first") / "store", fsync=False)
    now = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    for days in (0, 2):
        made._now = lambda days=days: now + dt.timedelta(days=days)
        made.sync(
            demo, "lumisections,l1triggerrates@run,hltprescalesets", (297050, 297054)
        )
    made._now = lambda: now + dt.timedelta(days=4)
    return made


@pytest.fixture
def heard(demo):
    """Who answers by requests, and what was asked."""
    service = demo_service("https://demo.invalid/agg/api/v1")
    urls = []

    def answer(request):
        urls.append(request.url.removeprefix("https://demo.invalid/agg/api/v1/"))
        return respond(request, service)

    return LocalSender(answer), urls


@pytest.fixture
def mixed(store, heard):
    sender, _ = heard
    with Client("demo", sender=sender, store=store.path) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lumisections", {}),
        ("lumisections", {"where": "pileup > 30", "fields": "run_number,pileup"}),
        ("lumisections", {"units": "raw"}),
        ("lumisections", {"sort": "-pileup", "limit": 9}),
        ("lumisections", {"sort": "-run_number"}),
        ("runs", {"where": "l1_rate > 1"}),
        ("l1triggerrates", {"granularity": "run"}),
        ("eras", None),
    ],
)
def test_rows_are_those_of_the_service(demo, mixed, name, options):
    """Whatever comes from where, the table is that of the service alone."""
    runs = None if options is None else RUNS
    asked = options or {}
    there = demo.query(name, runs, **asked).fetch()
    found = mixed.query(name, runs, **asked).fetch()
    assert found == there
    assert (found.gaps, found.notes) == (there.gaps, there.notes)
    assert mixed.query(name, runs, **asked).count() == len(there)
    pages = [t.arrow for t in mixed.query(name, runs, **asked).pages()]
    assert sum(page.num_rows for page in pages) == len(there)


def test_only_what_is_not_final_is_asked_for(mixed, heard):
    """The service is asked for the runs that the store has not for good."""
    _, urls = heard
    found = mixed.lumisections(RUNS)
    rows = [url for url in urls if url.startswith("lumisections")]
    assert rows
    assert not any("297050" in url or "297054" in url for url in rows)
    assert all("297055" in url for url in rows)
    source = found.receipt.service_source
    assert "rows of lumisections" in source
    assert found.receipt.simulated
    assert found.receipt.service == "https://demo.invalid/agg/api/v1"


def test_what_is_final_needs_no_service(mixed, heard):
    """Of runs that are final nothing is asked, the look for gaps included."""
    _, urls = heard
    assert len(mixed.lumisections((297050, 297053)))
    assert len(mixed.query("hltprescalesets", 297050).fetch())
    assert urls == []


def test_the_async_client_has_a_store_too(store, demo):
    """Both clients take the option."""
    import asyncio

    async def ask():
        async with AsyncClient("demo", store=store.path) as oms:
            return await oms.lumisections(RUNS)

    assert asyncio.run(ask()) == demo.lumisections(RUNS)


def test_many_pieces_are_asked_as_one(mixed, heard, monkeypatch):
    """A request that would become very many stays one."""
    monkeypatch.setattr("omskit.client.stored.MOST_PIECES", 1)
    _, urls = heard
    mixed.query("lumisections", RUNS).fetch()
    assert any("297050" in url for url in urls if url.startswith("lumisections"))


def test_open_questions_ask_the_service_for_the_rest(mixed, demo):
    """A question without an end is cut too: what is final comes from the store."""
    query = Query("lumisections").where(field.run_number >= 297052)
    assert mixed.bind(query).fetch() == demo.bind(query).fetch()


def test_simulated_rows_do_not_stand_for_oms(store):
    """A store of the demo before production is refused."""
    with pytest.raises(UsageError, match="cannot stand for rows of production"):
        Client("production", store=store.path)
    with pytest.raises(UsageError, match="store="):
        Client("demo", store=5)


def test_a_client_with_a_store_pickles(store):
    """It is made anew with its store."""
    with Client("demo", store=store.path) as oms:
        again = pickle.loads(pickle.dumps(oms))
        assert again._store == store.path


def test_a_service_over_http_is_helped_too(store, demo):
    """Over a socket the rows are the same."""
    with (
        Engine(tables()) as engine,
        running(engine) as url,
        Client(url, store=store.path) as oms,
    ):
        assert oms.lumisections(RUNS) == demo.lumisections(RUNS)
