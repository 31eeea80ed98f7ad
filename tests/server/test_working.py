"""Requests that nobody waits for any more stop working, over the loopback."""

import asyncio
import http.client
import socket
import threading
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from tests.server.conftest import make_tables
from tests.support.endless import EndlessEngine

from omskit.engine.stopping import check
from omskit.errors import TimedOutError
from omskit.server import FaultPlan, Front, Limits, Rule, run, running
from omskit.server.threads import Threads
from omskit.server.working import worked

WAIT_S = 60


@pytest.fixture
def engine():
    """The small OMS, whose fills take for ever."""
    with EndlessEngine(make_tables()) as made:
        yield made


def get(url, path):
    """Status of an answer, by the standard library's client."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT_S)
    with closing(connection):
        connection.request("GET", f"{parts.path}/{path}")
        answer = connection.getresponse()
        answer.read()
        return answer.status


def ask(url, path):
    """A connection on which something was asked and nothing is read."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), WAIT_S)
    request = f"GET {parts.path}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connection.sendall(request.encode())
    return connection


def test_a_request_that_takes_too_long(engine, caplog):
    """After the 503 its thread is free: the query was stopped, and it is no bug."""
    front = Front(limits=Limits(request_s=0.3))
    with running(engine, front=front) as url:
        assert get(url, "fills") == 503
        assert engine.ended.acquire(timeout=WAIT_S)
        assert get(url, "runs") == 200
    (outcome,) = engine.outcomes
    assert isinstance(outcome, TimedOutError)
    assert not [r for r in caplog.records if r.name != "omskit.access"]


def test_a_client_that_hangs_up(engine, caplog):
    """Its query is stopped while the answer is being made; nobody else's is."""
    with running(engine) as url:
        first, second = ask(url, "fills"), ask(url, "fills/5839")
        for _ in range(2):
            assert engine.begun.acquire(timeout=WAIT_S)
        first.close()
        assert engine.ended.acquire(timeout=WAIT_S)
        assert get(url, "runs") == 200
        assert not engine.ended.acquire(blocking=False)
        second.close()
        assert engine.ended.acquire(timeout=WAIT_S)
    assert [type(outcome) for outcome in engine.outcomes] == [TimedOutError] * 2
    assert not [r for r in caplog.records if r.name != "omskit.access"]


def test_under_a_fault_plan(engine):
    """It is the same where faults are played, in requests with and without one."""
    plan = FaultPlan((Rule("duplicate", "fills", count=1),))
    front = Front(faults=plan, limits=Limits(request_s=0.3))
    with running(engine, front=front) as url:
        for _ in range(2):
            assert get(url, "fills") == 503
            assert engine.ended.acquire(timeout=WAIT_S)
    assert len(engine.outcomes) == 2


def test_many_more_than_there_are_threads(engine):
    """Requests that wait for a thread are given up too, and no thread stays taken."""
    front = Front(limits=Limits(request_s=1.0, concurrency=200))
    with running(engine, front=front) as url:
        connections = [ask(url, "fills") for _ in range(60)]
        for connection in connections:
            with closing(connection):
                assert b" 503 " in connection.recv(100)
        assert get(url, "runs") == 200
    assert all(isinstance(outcome, TimedOutError) for outcome in engine.outcomes)


def test_a_page_that_waits_its_turn(engine):
    """It is given up as one that is made; a row passes pages that wait."""
    front = Front(limits=Limits(request_s=1.0, pages=1))
    with running(engine, front=front) as url:
        connections = [
            ask(url, "fills?page[limit]=500&sort=fill_number") for _ in range(3)
        ]
        assert engine.begun.acquire(timeout=WAIT_S)
        assert get(url, "runs") == 200
        for connection in connections:
            with closing(connection):
                assert b" 503 " in connection.recv(100)
        assert engine.ended.acquire(timeout=WAIT_S)
        assert get(url, "runs?page[limit]=500&sort=run_number") == 200
    assert all(isinstance(outcome, TimedOutError) for outcome in engine.outcomes)


def test_a_server_that_breaks():
    """An error of the server's own comes out, and what was being made is stopped."""
    begun, stopped = threading.Event(), threading.Event()

    async def receive():
        await asyncio.to_thread(begun.wait, WAIT_S)
        message = "broken"
        raise OSError(message)

    def work():
        begun.set()
        try:
            while True:
                check()
        finally:
            stopped.set()

    with pytest.raises(OSError, match="broken"):
        asyncio.run(worked(receive, work, Threads(1).of({"query_string": b""})))
    assert stopped.wait(WAIT_S)


def test_a_service_that_ends(engine, monkeypatch):
    """It does not wait for an answer that never comes."""
    monkeypatch.setattr(run, "GRACE_S", 0)
    with running(engine) as url:
        connection = ask(url, "fills")
        assert engine.begun.acquire(timeout=WAIT_S)
    connection.close()
    assert engine.ended.acquire(timeout=WAIT_S)
