"""The ASGI face, called as a server would call it."""

import gzip
import json
import logging
from urllib.parse import quote

import pytest

from omskit.effects import Request
from omskit.server import respond
from omskit.server.asgi import MAX_URL, accepts_gzip, answer_scope, application
from omskit.server.threads import Threads


def scope(path="/agg/api/v1/runs", query=b"", method="GET", **headers):
    """An ASGI request."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(k.encode(), v.encode()) for k, v in named.items()],
    }


def test_it_says_what_respond_says(service):
    """The face adds nothing to an answer and takes nothing away."""
    answer = answer_scope(scope(query=b"filter[era]=null"), service)
    plain = respond(Request("GET", "/agg/api/v1/runs?filter[era]=null"), service)
    assert (answer.status, answer.body) == (plain.status, plain.body)


def test_large_answers_are_compressed(service):
    """A client that reads gzip gets gzip; caches are told that it matters."""
    plain = answer_scope(scope(), service)
    answer = answer_scope(scope(accept_encoding="gzip, deflate"), service)
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == plain.body
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == answer.headers["vary"] == "accept-encoding"


def test_small_answers_are_not_compressed(service):
    """Below a kilobyte gzip costs more than it saves."""
    answer = answer_scope(scope("/agg/api/v1/no", accept_encoding="gzip"), service)
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.00", False),
    ],
)
def test_accept_encoding(text, allowed):
    """The header is read as HTTP defines it."""
    assert accepts_gzip(text) is allowed


@pytest.mark.parametrize(
    "headers", [{"content_length": "5"}, {"transfer_encoding": "chunked"}]
)
def test_bodies_are_refused(service, headers):
    """A request with a body is not read, and its connection is closed."""
    answer = answer_scope(scope(**headers), service)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"


def test_an_empty_body_is_none(service):
    """Some clients say Content-Length: 0."""
    assert answer_scope(scope(content_length="0"), service).status == 200


def test_long_urls_are_refused(service):
    """There is a bound on what is parsed."""
    fitting = b"x" * (MAX_URL - len("/agg/api/v1/runs?"))
    assert answer_scope(scope(query=fitting), service).status == 400
    assert answer_scope(scope(query=fitting + b"x"), service).status == 414


def test_head(service):
    """HEAD is passed through without a body."""
    answer = answer_scope(scope(method="HEAD", accept_encoding="gzip"), service)
    assert answer.body == b""
    assert int(answer.headers["content-length"]) > 1000


def test_a_bug_is_a_500_and_a_log_entry(service, monkeypatch, caplog):
    """A failure of ours tells the client nothing and the log everything."""

    def broken(query, **bounds):
        raise ZeroDivisionError

    monkeypatch.setattr(service.engine, "execute", broken)
    with caplog.at_level(logging.ERROR, "omskit.server"):
        answer = answer_scope(scope(), service)
    assert answer.status == 500
    assert answer.headers["server"].startswith("omskit")
    assert json.loads(answer.body)["errors"][0]["detail"] == (
        "The service failed; its log says more."
    )
    assert "failed to answer /agg/api/v1/runs" in caplog.text
    assert caplog.records[0].exc_info[0] is ZeroDivisionError


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("runs/297050", "DELETE", 405), ("runs/297050\n", "GET", 404), ("", "GET", 404)],
)
async def test_the_application(service, path, method, status):
    """Starlette passes every path and method on to the service."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    asked = scope(f"/agg/api/v1/{path}", method=method)
    asked["raw_path"] = quote(asked["path"]).encode()
    await application(service, Threads(1))({**asked, "root_path": ""}, receive, send)
    assert sent[0]["status"] == status
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"] == b"application/vnd.api+json"
    assert headers.get(b"allow") == (b"GET, HEAD" if status == 405 else None)
