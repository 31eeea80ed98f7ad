"""Of several services the first that answers is asked, and the receipt names it."""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading
from contextlib import contextmanager

import pytest

from omskit import AsyncClient, BearerToken, Client, Store
from omskit.client import ways
from omskit.config import find_instances
from omskit.errors import (
    AuthError,
    NotFoundError,
    NotSyncedError,
    TransportError,
    UnknownInstanceError,
    UsageError,
)

pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")

PATH = "/agg/api/v1"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
DENIED = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
STALE = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


@contextmanager
def listening(answer):
    """A service that says the same to everybody; None: it takes calls and is silent."""
    lines, held = [], []
    with socket.create_server(("127.0.0.1", 0)) as bound:

        def serve():
            while True:
                try:
                    line, _ = bound.accept()
                except OSError:
                    return
                held.append(line)
                if answer is not None:
                    threading.Thread(target=talk, args=(line,), daemon=True).start()

        def talk(line):
            with line, line.makefile("rb") as stream:
                while first := stream.readline():
                    lines.append(first.decode().split(" ")[1])
                    while stream.readline().strip():
                        pass
                    line.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{bound.getsockname()[1]}{PATH}", lines
        bound.close()
        for line in held:
            line.close()


@pytest.fixture
def refusing():
    """An address at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}{PATH}"


@pytest.fixture
def store(tmp_path):
    kept = Store(tmp_path / "a,b", fsync=False)
    with Client("demo", progress=False) as oms:
        kept.sync(oms, "runs", 297050)
    return kept


def test_who_does_not_answer_is_passed_over(refusing, store, monkeypatch):
    """Refused, silent or away behind a gateway: the next is asked, and it is told."""
    monkeypatch.setattr(ways, "WAIT_S", 0.2)
    with listening(None) as (silent, _), listening(BUSY) as (busy, _):
        names = [refusing, silent, busy, f"store:{store.path}", "demo"]
        with Client(names, progress=False) as oms:
            assert oms.instance.base_url == refusing
            table = oms.runs(297050)
            assert oms.instance.name == f"store:{store.path}"
    assert len(table) == 1
    assert table.receipt.service.startswith("store:")
    said = f"as {refusing}, {silent}, {busy} did not answer"
    source = table.receipt.service_source
    assert source.startswith("store, simulated, read 20")
    assert source.endswith(said)


def test_the_first_that_answers_stays(refusing):
    """Nobody behind it is asked, and it is looked for once."""
    with (
        listening(STALE) as (there, lines),
        Client(f"{refusing},{there},demo", retries=0) as oms,
    ):
        for _ in range(2):
            with pytest.raises(NotFoundError):
                oms.runs(297050)
        assert lines.count(f"{PATH}/runs/meta") == 1


def test_in_an_event_loop_too(refusing):
    """AsyncClient looks for it in the same way, whoever asks first."""

    async def asked():
        async with AsyncClient([refusing, "demo"], progress=False) as oms:
            tables = await asyncio.gather(oms.runs(297050), oms.runs(297056))
            async for page in oms.query("runs", 297050).pages():
                tables.append(page)
        return tables

    for table in asyncio.run(asked()):
        assert len(table) == 1
        assert table.receipt.service == "https://demo.invalid/agg/api/v1"


def test_a_wrong_password_is_no_reason_to_go_on():
    """Who refuses is there, and is not asked without a login instead."""
    with listening(DENIED) as (there, lines):
        wrong = BearerToken("wrong")
        with (
            Client([there, "demo"], credentials=wrong, retries=0) as oms,
            pytest.raises(AuthError),
        ):
            oms.runs(297050)
        assert oms.instance.base_url == there
        assert lines[0] == f"{PATH}/runs/meta"


def test_what_a_store_does_not_hold_is_asked_of_nobody_else(store):
    """The command that fetches it is said; another service might say another thing."""
    with (
        Client([f"store:{store.path}", "demo"]) as oms,
        pytest.raises(NotSyncedError, match="oms sync runs 306458"),
    ):
        oms.runs(306458)


def test_where_none_answers_each_says_why(refusing, tmp_path):
    """No store is a reason as well."""
    with (
        Client([refusing, f"store:{tmp_path}"], retries=0) as oms,
        pytest.raises(TransportError, match=r"None of 2 .*there is no store"),
    ):
        oms.runs(297050)


def test_it_is_pickled_and_shown_as_it_was_made():
    """Who answers elsewhere is found out elsewhere."""
    oms = Client(["demo", "p5"])
    assert repr(oms) == "Client(('demo', 'p5'))"
    again = pickle.loads(pickle.dumps(oms))  # our own
    assert repr(again) == repr(oms)
    with pytest.raises(UsageError, match="only that service"):
        Client(["demo", "p5"], sender=oms._sender)


def test_names_come_from_wherever_one_does(monkeypatch, tmp_path):
    """Text with commas, a list in the file, and a path that has a comma."""
    monkeypatch.setenv("OMSKIT_INSTANCE", "p5, production")
    assert [one.name for one in find_instances()] == ["p5", "production"]
    assert [one.name for one in find_instances("store:/a,b/c,demo")] == [
        "store:/a,b/c",
        "demo",
    ]
    monkeypatch.delenv("OMSKIT_INSTANCE")
    config = tmp_path / "config.toml"
    config.write_text('instance = ["p5", "demo"]\n')
    monkeypatch.setenv("OMSKIT_CONFIG", str(config))
    assert [one.name for one in find_instances()] == ["p5", "demo"]
    with pytest.raises(UnknownInstanceError, match="to have a name"):
        find_instances("p5,,demo")
    with pytest.raises(UnknownInstanceError, match="to have a name"):
        find_instances([])
