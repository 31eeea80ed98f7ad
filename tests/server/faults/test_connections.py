"""Faults on the wire, over the loopback."""

import asyncio
import gzip
import http.client
import socket
import threading
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from omskit import Client
from omskit.errors import IncompleteError, TransportError
from omskit.server import FaultPlan, Front, Rule, running
from omskit.server.faults.connections import CONNECTION, _reset
from omskit.server.threads import Threads


def faulty(engine, fault, **parameters):
    """A running service with one fault on every page of runs."""
    rule = Rule(fault, "runs", count=1, parameters=tuple(parameters.items()))
    return running(engine, front=Front(faults=FaultPlan((rule,))))


def get(url, path="/runs", **headers):
    """Status, headers and body, by the standard library's client."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        connection.request("GET", parts.path + path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("fault", ["reset", "refused"])
def test_reset_before_the_answer(engine, fault, caplog):
    """The connection is reset; afterwards all is well, and nothing is logged."""
    with faulty(engine, fault) as url:
        with pytest.raises(ConnectionResetError):
            get(url)
        while True:
            try:
                status = get(url)[0]
                break
            except ConnectionRefusedError:
                assert fault == "refused"
        assert status == 200
    # The access log has its own say.
    assert not [r for r in caplog.records if r.name != "omskit.access"]


def test_refused_means_refused(engine):
    """For a while nobody listens at all; ending the service meanwhile is no trouble."""
    with faulty(engine, "refused", seconds=30.0) as url:
        with pytest.raises(ConnectionResetError):
            get(url)
        with pytest.raises(ConnectionRefusedError):
            get(url)


def test_reset_in_the_body(engine):
    """Some of the body arrives, then a reset."""
    with faulty(engine, "reset_body") as url:
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            get(url)
        assert get(url)[0] == 200


def test_a_body_that_ends_early(engine):
    """Half of the announced bytes come, and the connection ends in order."""
    with faulty(engine, "short_body") as url:
        with pytest.raises(http.client.IncompleteRead) as raised:
            get(url)
        whole = get(url)[2]
    assert raised.value.partial == whole[: len(whole) // 2]


def test_a_gigabyte_is_announced(engine):
    """The length says 1 GB, a little comes, and the connection ends."""
    with faulty(engine, "huge", seconds=0.01) as url:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        connection.request("GET", f"{parts.path}/runs")
        answer = connection.getresponse()
        assert answer.headers["content-length"] == str(2**30)
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        connection.close()


@pytest.mark.parametrize("fault", ["latency", "drip"])
def test_slow_answers_are_right(engine, fault):
    """What comes late or in pieces is the same in the end."""
    with faulty(engine, fault, seconds=0.001) as url:
        assert get(url) == get(url)


def test_a_head_in_drops_never_ends(engine):
    """What comes of the head is no whole line; another request is answered."""
    with faulty(engine, "drip_head", seconds=0.001) as url:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        connection.request("GET", f"{parts.path}/runs")
        raw = b""
        while raw.count(b"x") < 40:
            raw += connection.sock.recv(100)
        assert raw.startswith(b"HTTP/1.1 200 OK\r\nx-endless: xx")
        assert b"\r\n\r\n" not in raw
        connection.close()
        assert get(url)[0] == 200


def test_headers_of_the_client_are_heeded(engine):
    """A damaged page is packed for who can read that; others get it as it is."""
    with faulty(engine, "total", by=5) as url:
        packed = get(url, **{"Accept-Encoding": "gzip"})
        plain = get(url)
    assert packed[1]["content-encoding"] == "gzip"
    assert b'"totalResourceCount":8' in gzip.decompress(packed[2])
    assert b'"totalResourceCount":3' in plain[2]


def test_truncated_gzip_over_the_wire(engine):
    """The answer is whole, its content is not."""
    with faulty(engine, "truncated_gzip") as url:
        headers, body = get(url)[1:]
    assert int(headers["content-length"]) == len(body)
    with pytest.raises(EOFError):
        gzip.decompress(body)


def test_what_is_not_below_the_base_url(engine):
    """Other paths have no faults: the service itself says that nothing is there."""
    with faulty(engine, "reset") as url:
        base = url.removesuffix("/agg/api/v1")
        assert get(base, "/elsewhere")[0] == 404
        assert get(url, "/nothing")[0] == 404


def test_the_edge_knows_no_resource_that_is_not_there(engine):
    """A fault on a resource that nobody knows leaves its 404 alone."""
    rule = Rule("null_identity", "nothing")
    with running(engine, front=Front(faults=FaultPlan((rule,)))) as url:
        assert get(url, "/nothing")[0] == 404


def test_a_client_survives_a_reset_and_names_a_wrong_total(engine):
    """Our client asks again after a reset; a total that stays wrong is an error."""
    with faulty(engine, "reset_body") as url, Client(url) as oms:
        assert len(oms.query("runs").fetch()) == 3
    rule = Rule("total", "runs", parameters=(("by", 1),))
    with (
        running(engine, front=Front(faults=FaultPlan((rule,)))) as url,
        Client(url) as oms,
        pytest.raises(IncompleteError),
    ):
        oms.query("runs").fetch()


def test_a_huge_body_is_no_answer(engine):
    """A body that is announced and does not come is a TransportError in the end."""
    rule = Rule("huge", "runs", parameters=(("seconds", 0.01),))
    with (
        running(engine, front=Front(faults=FaultPlan((rule,)))) as url,
        Client(url, retries=0) as oms,
        pytest.raises(TransportError),
    ):
        oms.query("runs").fetch()


def test_many_at_once(engine):
    """Counters are right under threads: of 40 requests exactly ten are hit."""
    rule = Rule("status", "runs", count=10)
    found = []
    with running(engine, front=Front(faults=FaultPlan((rule,)))) as url:

        def ask():
            found.append(get(url)[0])

        threads = [threading.Thread(target=ask) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [200] * 30 + [500] * 10


def test_refused_without_a_way_to_refuse(engine):
    """Under another server than ours it is a reset."""
    import asyncio

    from omskit.server import Service
    from omskit.server.faults.connections import Faulty

    class Transport:
        aborted = False

        def get_extra_info(self, name):
            assert name == "socket"

        def abort(self):
            self.aborted = True

    class Protocol:
        transport = Transport()

    scope = {
        "path": "/agg/api/v1/runs",
        "query_string": b"",
        "headers": [],
        "state": {"connection": Protocol},
    }
    plan = FaultPlan((Rule("refused"),))
    asyncio.run(Faulty(Service(engine), plan, Threads(1))(scope, None, None))
    assert Protocol.transport.aborted


def test_slow_heads_end(engine):
    """A connection that sends no whole head is closed after a while."""
    from omskit.server import Limits

    limits = Limits(head_s=0.05)
    with running(engine, front=Front(limits=limits)) as url:
        parts = urlsplit(url)
        for said in (b"", b"GET /agg"):
            with socket.create_connection((parts.hostname, parts.port), 20) as client:
                client.sendall(said)
                assert client.recv(10) == b""
        with socket.create_connection((parts.hostname, parts.port), 20) as client:
            client.sendall(b"GET /agg/api/v1/eras HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
            client.sendall(b"GET /agg")
            while client.recv(65536):
                pass


def test_a_client_that_is_gone_is_no_fault_of_the_service():
    """To reset a connection that the client has closed meanwhile is nothing."""
    aborted = []

    class Gone:
        def get_extra_info(self, _name):
            closed = socket.socket()
            closed.close()
            return closed

        def abort(self):
            aborted.append(self)

    state = {CONNECTION: SimpleNamespace(transport=Gone())}
    asyncio.run(_reset({"state": state}))
    assert len(aborted) == 1
