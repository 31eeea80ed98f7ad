"""Serving over HTTP on the loopback."""

import http.client
import io
import os
import signal
import socket
import ssl
import sys
import threading
from urllib.parse import urlsplit

import pytest

from omskit.errors import ConfigError, MissingExtraError
from omskit.server import Served, Service, Switches, running, serve
from omskit.server.served import listen


def get(url, path="", context=None, method="GET", headers=None):
    """Status, headers and body, by the standard library's client."""
    parts = urlsplit(url)
    if context is None:
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    else:
        connection = http.client.HTTPSConnection(
            parts.netloc, timeout=20, context=context
        )
    try:
        connection.request(method, parts.path + path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def base(engine):
    """A running service."""
    with running(engine) as url:
        yield url


def test_running(base):
    """A service in a thread is there when the block begins, on a free port."""
    status, headers, body = get(base, "/runs/297050")
    assert status == 200
    assert headers["content-type"] == "application/vnd.api+json"
    assert f'"self":"{base}/runs/297050"'.encode() in body


def test_it_is_gone_afterwards(engine):
    """When the block ends nobody listens any more."""
    with running(engine) as url:
        assert get(url, "/runs")[0] == 200
    with pytest.raises(OSError, match=r"[Rr]efused"):
        get(url, "/runs")


def test_a_service_can_be_given(engine):
    """Limits and switches are kept, the address is the real one."""
    given = Service(engine, default_limit=1, switches=Switches(double_scheme=True))
    with running(given) as url:
        body = get(url, "/runs")[2]
    assert f'"first":"https://{url}/runs?page[limit]=1"'.encode() in body


def test_gzip_over_the_wire(base):
    """Compression is agreed on in headers."""
    headers = {"Accept-Encoding": "gzip"}
    assert get(base, "/runs", headers=headers)[1]["content-encoding"] == "gzip"
    assert "content-encoding" not in get(base, "/runs")[1]


def test_head_over_the_wire(base):
    """HEAD has the length of GET and no body."""
    _, _, body = get(base, "/runs")
    _, headers, nothing = get(base, "/runs", method="HEAD")
    assert (int(headers["content-length"]), nothing) == (len(body), b"")


def test_encoded_paths_over_the_wire(base):
    """An encoded slash belongs to the id."""
    assert get(base, "/eras/odd%2Fname%20%26%20more")[0] == 200
    assert get(base, "/eras/odd/name%20%26%20more")[0] == 404


def test_a_long_url_gets_an_answer(base):
    """A URL beyond the bound is refused with a document, not a broken connection."""
    status, _, body = get(base, "/runs?" + "x" * 70_000)
    assert (status, b"URI_TOO_LONG" in body) == (414, True)


def test_a_body_is_refused_over_the_wire(base):
    """The service reads no bodies."""
    headers = {"Content-Length": "3"}
    assert get(base, "/runs", headers=headers)[0] == 413


class Told(io.StringIO):
    """A stdout that acts once the ready line is flushed."""

    def __init__(self, act):
        super().__init__()
        self.act = act
        self.answers = []
        self.thread = None

    def flush(self):
        if self.thread is not None:  # an interpreter that ends flushes once more
            return
        url = self.getvalue().rstrip().rpartition(" ")[2]
        self.thread = threading.Thread(target=self.ask, args=(url,))
        self.thread.start()

    def ask(self, url):
        try:
            self.answers.append(self.act(url))
        finally:
            os.kill(os.getpid(), self.number)

    number = signal.SIGINT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_until_interrupted(engine, monkeypatch, capsys, number):
    """One line says where; a signal ends it without an exception."""
    told = Told(lambda url: get(url, "/runs")[0])
    told.number = number
    before = signal.getsignal(number)
    monkeypatch.setattr(sys, "stdout", told)
    serve(engine, Served(port=0))
    told.thread.join()
    assert told.answers == [200]
    line = told.getvalue()
    assert line.startswith("omskit: serving the demo at http://127.0.0.1:")
    assert line.endswith("/agg/api/v1\n")
    assert line.count("\n") == 1
    assert capsys.readouterr().err == ""
    assert signal.getsignal(number) is before


def test_serve_https(engine, monkeypatch, tmp_path):
    """With a certificate the service speaks https, in its links as well."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    leaf.private_key_pem.write_to_path(key)
    cert.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    told = Told(lambda url: get(url, "/runs/297050", context))
    monkeypatch.setattr(sys, "stdout", told)
    serve(engine, Served(port=0, what="a test", certfile=cert, keyfile=key))
    told.thread.join()
    assert told.getvalue().startswith("omskit: serving a test at https://127.0.0.1:")
    status, _, body = told.answers[0]
    assert status == 200
    assert b'"self":"https://127.0.0.1:' in body


def test_a_certificate_that_cannot_be_read(engine, tmp_path):
    """The file is named."""
    missing = tmp_path / "no.pem"
    with pytest.raises(ConfigError, match=r"no\.pem: No such file"):
        serve(engine, Served(port=0, certfile=missing, keyfile=missing))
    there = tmp_path / "cert.pem"
    there.write_text("this is no certificate")
    with pytest.raises(ConfigError, match=r"Cannot read the key .*no\.pem"):
        serve(engine, Served(port=0, certfile=there, keyfile=missing))
    with (
        pytest.raises(ConfigError, match=r"Cannot use .*cert\.pem and its key, in"),
        running(engine, certfile=there),
    ):
        pass


def test_a_key_without_its_certificate(engine, tmp_path):
    """A key alone serves no https, and no http either that one would take for it."""
    with pytest.raises(ConfigError, match="give --certfile too"):
        serve(engine, Served(port=0, keyfile=tmp_path / "key.pem"))
    with (
        pytest.raises(ConfigError, match="give --certfile too"),
        running(engine, keyfile=tmp_path / "key.pem"),
    ):
        pass


def test_a_port_that_is_taken(engine, base):
    """The message says what to try, once, and not what was done already."""
    port = urlsplit(base).port
    with pytest.raises(ConfigError, match=r"for a free port\.$") as caught:
        serve(engine, Served(port=port))
    assert "while attempting" not in str(caught.value)
    with (
        pytest.raises(ConfigError, match=f"127.0.0.1:{port}"),
        running(engine, port=port),
    ):
        pass


def test_a_port_that_is_none(engine):
    """Port numbers end at 65535."""
    with pytest.raises(ConfigError, match="There is no port 70000"):
        serve(engine, Served(port=70_000))


def test_nothing_beyond_the_loopback_without_a_gate(engine):
    """Whoever would serve the world without a login is refused, before it listens."""
    with pytest.raises(ConfigError, match="not this machine's loopback"):
        serve(engine, Served(host="0.0.0.0", port=0))


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("0.0.0.0", socket.gethostname()),
        ("::1", "[::1]"),
        ("localhost", "localhost"),
    ],
)
def test_the_name_in_links(engine, host, shown):
    """Links name a host that can be asked."""
    bound = listen("127.0.0.1", 0)
    with bound:
        service = Served(host=host).at_address(engine, bound)
        port = bound.getsockname()[1]
    assert service.base_url == f"http://{shown}:{port}/agg/api/v1"


def test_without_the_extra(engine, monkeypatch):
    """Where uvicorn is missing, the message says what to install."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError, match=r"omskit\[server\]"):
        serve(engine)


def test_the_official_client(base):
    """The real omsapi pages through it and keeps its filters and its order."""
    omsapi = pytest.importorskip("omsapi")
    api = omsapi.OMSAPI(base.removesuffix("/v1"), "v1", verbose=False)
    query = api.query("lumisections")
    assert "end_lumi" in query.meta()
    query.attrs(["run_number", "lumisection_number"])
    query.filter("run_number", 297050, "GE").filter("run_number", 297056, "LE")
    query.sort("lumisection_number", asc=False)
    seen = []
    for page in (1, 2, 3):
        document = query.paginate(page=page, per_page=2).data().json()
        assert document["meta"]["totalResourceCount"] == 5
        seen += [row["id"] for row in document["data"]]
    assert seen == ["297050_3", "297050_2", "297056_2", "297050_1", "297056_1"]
