"""What one service takes at once: hosts, connections, bodies, rows, small answers."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import resource
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from omskit.server import Application, Front, Limits, LoginGate, Registry, Sso, running
from omskit.server.bounds import (
    FEWEST,
    SPARE,
    Budgeted,
    KnownHost,
    most_connections,
)
from omskit.server.sso.service import PREFIX
from omskit.server.threads import rows_of

GET = b"GET /agg/api/v1/eras HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def connect(url):
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), 20)


def status(url, host):
    """The status and the document that a request for *host* gets."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    with closing(connection):
        connection.putrequest("GET", f"{parts.path}/eras", skip_host=True)
        for name in [host] if isinstance(host, str) else host:
            connection.putheader("Host", name)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        is_json = "json" in answer.headers.get("content-type", "")
        return answer.status, json.loads(body) if is_json else {"text": str(body)}


def answered(client):
    """Ask on a connection, read the whole answer, and give its status."""
    client.sendall(GET)
    answer = http.client.HTTPResponse(client)
    answer.begin()
    answer.read()
    return answer.status


@pytest.fixture(scope="module")
def base(engine):
    """A running service."""
    with running(engine, front=Front(hosts=("oms.example.org",))) as url:
        yield url


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8321", "localhost", "LOCALHOST:1", "[::1]:80", "10.0.0.1",
     "oms.example.org", "localhost."],
)  # fmt: skip
def test_its_own_names(base, host):
    """It answers to loopback, to addresses and to the names that it was given."""
    assert status(base, host)[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8321", "localhost.evil.example",
     "127.0.0.1.nip.io", "", "[", "a@localhost@b", ["localhost", "evil.example"]],
)  # fmt: skip
def test_other_names_are_refused(base, host):
    """A page that lets its name lead here reads nothing."""
    found, document = status(base, host)
    if host == "":
        assert found == 200  # nobody's name
        return
    assert found in {400, 421}
    assert "data" not in document
    if found == 421:
        assert "localhost" in str(document)


def test_known_hosts_of_any_case():
    """Names are compared without regard to case, and only whole."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(host):
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"headers": [(b"host", host)]}
        await KnownHost(app, ["OMS.cern.ch"])(scope, None, send)
        return sent[0]["status"]

    hosts = [b"oms.CERN.ch", b"xoms.cern.ch", b"oms.cern.ch.x", b"\xff"]
    assert [asyncio.run(ask(h)) for h in hosts] == [200, 421, 421, 421]


def test_small_answers_are_sent_at_once(engine, monkeypatch):
    """Accepted connections have TCP_NODELAY set, by the socket's own word."""
    seen = []
    from omskit.server import front

    plain = front.send_at_once

    def watched(transport):
        plain(transport)
        raw = transport.get_extra_info("socket")
        seen.append(raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(front, "send_at_once", watched)
    with running(engine) as url, connect(url) as client:
        client.sendall(GET)
        assert client.recv(12) == b"HTTP/1.1 200"
    assert seen
    assert all(seen)


def test_idle_connections_make_room(engine):
    """Beyond the bound the connection that was idle longest is closed, not the busy."""
    limits = Limits(connections=5, head_s=60)
    with running(engine, front=Front(limits=limits)) as url, ExitStack() as stack:
        first = [stack.enter_context(connect(url)) for _ in range(5)]
        for client in first:
            assert answered(client) == 200
        later = [stack.enter_context(connect(url)) for _ in range(3)]
        for client in later:
            assert answered(client) == 200
        # The first three are closed, the others of the first are kept.
        assert [client.recv(10) for client in first[:3]] == [b""] * 3
        assert answered(first[4]) == 200


def test_connections_are_as_many_as_descriptors(monkeypatch):
    """The bound is taken from the limit of the process, less what it needs itself."""
    for soft, wanted in ((64, 64 - SPARE), (10, FEWEST), (10**6, 512), (-1, 512)):
        monkeypatch.setattr(
            resource, "getrlimit", lambda _which, soft=soft: (soft, soft)
        )
        assert most_connections(Limits()) == wanted


SERVE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from omskit.cli.app import run
sys.exit(run(["serve", "--demo", "--port", "0"]))
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads CPU time from /proc")
def test_few_descriptors_and_many_idle_connections(tmp_path):
    """With 64 descriptors and 120 idle clients it answers, and does not spin."""
    log = tmp_path / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-c", SERVE],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as server,
        ExitStack() as stack,
    ):
        try:
            url = server.stdout.readline().split()[-1]
            for _ in range(120):
                stack.enter_context(connect(url))
            assert status(url, "127.0.0.1")[0] == 200
            before = cpu(server.pid)
            time.sleep(1.5)
            assert cpu(server.pid) - before < 0.7
        finally:
            server.terminate()
            server.wait(20)
    assert log.stat().st_size < 2000


def cpu(pid):
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_bodies_that_do_not_come(engine):
    """70 POSTs without their bodies keep nobody out, and end."""
    key = Sso(Registry((Application("app", "s3cret", ("cmsoms-prod",)),)))
    front = Front(LoginGate(key.key), key, limits=Limits(head_s=2.0))
    with running(engine, front=front) as url, ExitStack() as stack:
        path = f"{PREFIX}/api-access/token"
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"
        waiting = [stack.enter_context(connect(url)) for _ in range(70)]
        for client in waiting:
            client.sendall(head.encode())
        # 401: the gate answers, there is room.
        assert status(url, "127.0.0.1")[0] == 401
        for client in waiting:
            assert client.recv(12) == b"HTTP/1.1 408"


def test_large_pages_wait_for_each_other():
    """So many rows are made at once, whoever asks; small pages do not wait."""
    most, now, peak, done = 250_000, 0, 0, []

    async def app(scope, receive, send):
        nonlocal now, peak
        rows = rows_of(scope["query_string"])
        now += rows
        peak = max(peak, now if rows > 2000 else 0)
        await asyncio.sleep(0)
        now -= rows
        done.append(rows)

    async def main():
        budget = Budgeted(app, Limits(rows=most))
        asked = [100_000] * 40 + [1000] * 40 + [10**6]
        scopes = [{"query_string": f"page[limit]={n}".encode()} for n in asked]
        await asyncio.gather(*(budget(s, None, None) for s in scopes[:-1]))
        assert peak <= most + 40 * 1000
        # One page larger than the budget is alone, and is answered.
        await budget(scopes[-1], None, None)

    asyncio.run(main())
    assert len(done) == 81
