"""A service over a store: its tags change with its tables."""

from __future__ import annotations

import logging

import httpx2
import pytest

from omskit import Client
from omskit.cli.app import run
from omskit.demo import tables
from omskit.engine import Engine
from omskit.query import Query
from omskit.server import running

pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")

RUN = "/runs?filter[run_number][EQ]=297050"


def test_an_answer_that_is_known_is_not_sent_again(store, oms):
    """With the tag of its answer a request is a 304, until a table changes."""
    store.sync(oms, "runs", 297050)
    with running(store.engine()) as url, httpx2.Client() as web:
        first = web.get(url + RUN)
        tag = first.headers["etag"]
        again = web.get(url + RUN, headers={"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        other = web.get(url + RUN + "&fields=l1_rate", headers={"if-none-match": tag})
        assert other.status_code == 200
        store.sync(oms, "runs", 297051)
        changed = web.get(url + RUN, headers={"if-none-match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag
        assert "etag" not in web.get(url + "/nothing").headers


def test_the_demo_has_no_tags():
    """Where nobody knows what changes, no tag is sent."""
    with Engine(tables()) as engine, running(engine) as url:
        assert "etag" not in httpx2.get(url + RUN).headers


def test_health_and_metrics_are_told(store, oms, caplog):
    """Whoever runs a service sees that it answers, how much, and no parameter."""
    caplog.set_level("INFO", "omskit.access")
    store.sync(oms, "runs", 297050)
    with running(store.engine()) as url, httpx2.Client() as web:
        top = url.removesuffix("/agg/api/v1")
        assert web.get(top + "/health").text == "ok\n"
        web.get(url + RUN)
        web.get(url + "/nothing")
        text = web.get(top + "/metrics").text
        assert web.post(top + "/metrics").status_code == 405
    assert 'source="store, simulated"' in text
    assert 'omskit_requests_total{status="200"} 1' in text
    assert 'omskit_requests_total{status="404"} 1' in text
    assert "omskit_requests_under_way 0" in text
    mine = [r for r in caplog.records if r.name == "omskit.access"]
    lines = [record.getMessage() for record in mine]
    assert any(line.startswith("GET /agg/api/v1/runs 200 ") for line in lines)
    assert not any("297050" in line for line in lines)


def test_the_access_log_can_be_seen(store, oms, monkeypatch, capsys):
    """``--access-log`` has a line for each request on stderr, without parameters."""
    store.sync(oms, "runs", 297050)
    log = logging.getLogger("omskit.access")
    monkeypatch.setattr(log, "handlers", [])
    before = log.level

    def ended(server, sockets):
        log.info("GET /agg/api/v1/runs 200 1.0 ms")

    monkeypatch.setattr("uvicorn.Server.run", ended)
    command = ["serve", "--store", str(store.path), "--port", "0"]
    assert run(command) == 0
    assert "GET" not in capsys.readouterr().err
    for _ in range(2):
        assert run([*command, "--access-log"]) == 0
        assert capsys.readouterr().err.count("GET /agg/api/v1/runs 200") == 1
    log.setLevel(before)


def test_the_command_serves_a_store(store, oms, monkeypatch):
    """``oms serve --store`` serves what is there, with a clock if wanted."""
    store.sync(oms, "runs,lumisections", (297050, 297056))
    served = []

    def serve(engine, how):
        served.append(how.what)
        with running(engine) as url, Client(url) as client:
            served.append(client.query("runs", (297050, 297056)).count())

    monkeypatch.setattr("omskit.server.serve", serve)
    assert run(["serve", "--store", str(store.path)]) == 0
    moment = "2017-06-16T22:00:00"
    assert run(["serve", "--store", str(store.path), "--as-of", moment]) == 0
    what = f"the store {store.path}"
    assert served[:3] == [what, 7, what]
    assert served[3] < 7


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "one of them"),
        (["--demo", "--store", "x"], 2, "one of them"),
        (["--store", "/nothing/there"], 6, "There is no store"),
    ],
    ids=["none", "both", "no store"],
)
def test_what_cannot_be_served_is_told(options, code, said, capsys):
    """Nothing, two things, or a store that is not there are one line."""
    assert run(["serve", *options]) == code
    assert said in capsys.readouterr().err


def test_when_all_rows_were_read_is_known_anew_after_a_sync(store, oms, clock):
    """What is kept of it for every page changes with what the store holds."""
    engine, query = store.engine(), Query("runs")
    first = clock.now
    store.sync(oms, "runs", 297050)
    for _ in range(2):
        assert engine.read_between(query)[:2] == (first, first)
    clock.pass_days(1)
    store.sync(oms, "runs", 297051)
    for _ in range(2):
        assert engine.read_between(query)[:2] == (first, clock.now)
