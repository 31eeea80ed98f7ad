"""The dashboard on the demo, asked without a socket."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass

import pytest
from tests.support.htmlpage import Page

from omskit import Client
from omskit.dashboard import Asker, application
from omskit.dashboard.watching import Watcher

NOW = dt.datetime(2017, 6, 17, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode()


class Visitor:
    """Asks an ASGI application."""

    def __init__(self, app):
        self.app = app

    def get(self, path, *, method="GET", body=b"", **headers):
        """The answer to a request; headers are given with underscores."""
        path, _, query = path.partition("?")
        given = {"host": "127.0.0.1:8322"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in given.items()],
            "scheme": "http",
            "server": ("127.0.0.1", 8322),
            "client": ("127.0.0.1", 1),
            "root_path": "",
            "state": {},
        }
        said = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            said.append(message)

        asyncio.run(self.app(scope, receive, send))
        start = next(m for m in said if m["type"] == "http.response.start")
        content = b"".join(m.get("body", b"") for m in said)
        named = {k.decode(): v.decode() for k, v in start["headers"]}
        return Answer(start["status"], named, content)

    def post(self, path, body, **headers):
        """The answer to a POST."""
        return self.get(path, method="POST", body=body, **headers)


@pytest.fixture(scope="session")
def demo():
    """The demo in this process."""
    with Client("demo") as oms:
        yield oms


@pytest.fixture(scope="session")
def asker(demo):
    """Who asks it."""
    return Asker(demo, now=lambda: NOW)


@pytest.fixture(scope="session")
def watcher(asker):
    """Who has looked at the newest run once."""
    found = Watcher(asker)
    found.look()
    return found


@pytest.fixture
def visitor(asker, watcher):
    """A visitor of the dashboard."""
    return Visitor(application(asker, watcher))


@pytest.fixture
def make_visitor():
    """A visitor of the dashboard of another client."""

    def make(client, **options):
        asker = Asker(client, now=lambda: NOW, **options)
        watcher = Watcher(asker)
        watcher.look()
        return Visitor(application(asker, watcher))

    return make


@pytest.fixture(scope="session")
def page_of():
    """Reads a page: tags, attributes and texts."""
    return Page
