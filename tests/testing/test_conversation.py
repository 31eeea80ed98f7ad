"""Recording and playing conversations, and the fixtures for users of omskit."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.support.bothways import BASE
from tests.support.smallservice import SmallService, lumis, refusal

from omskit import AsyncClient, Client, ConfigError, NotFoundError, UsageError
from omskit.drivers import LocalSender
from omskit.flow import Response
from omskit.testing import Player, player, record, replaying, replaying_async

pytest_plugins = ("pytester",)


@pytest.fixture
def path(tmp_path):
    """Where the conversation is kept."""
    return tmp_path / "conversation.json"


@pytest.fixture
def recorded_rows(path):
    """Fifty lumisections in pages of twenty, as they came while they were recorded."""
    service = LocalSender(SmallService({"lumisections": lumis(1, 50), "runs": []}))
    settings = {"page_size": 20, "audit": False}
    with Client(BASE, sender=service, **settings) as oms, record(oms, path):
        return oms.query("lumisections", 1, fields="lumisection_number").fetch()


@pytest.mark.parametrize("face", ["sync", "async"])
def test_what_was_recorded_is_played(path, recorded_rows, face):
    """A played conversation gives the rows that were recorded, on both faces."""
    asked = {"fields": "lumisection_number"}
    settings = {"page_size": 20, "audit": False}
    if face == "sync":
        with replaying(path, **settings) as oms:
            again = oms.query("lumisections", 1, **asked).fetch()
    else:

        async def play():
            async with replaying_async(path, **settings) as oms:
                return await oms.query("lumisections", 1, **asked).fetch()

        again = asyncio.run(play())
    assert again == recorded_rows
    assert len(json.loads(path.read_text())["exchanges"]) == 3


def test_async_recording(path):
    """An AsyncClient can be recorded too."""
    service = LocalSender(SmallService({"eras": [{"name": "2017B", "start_run": 1}]}))

    async def talk():
        async with AsyncClient(BASE, sender=service) as oms:
            with record(oms, path):
                return await oms.query("eras", fields="name").fetch()

    rows = asyncio.run(talk())
    with replaying(path) as oms:
        assert oms.query("eras", fields="name").fetch() == rows


def test_failures_are_recorded_too(path):
    """A refusal is part of the conversation, and so is a block that ends with it."""
    service = LocalSender(lambda _request: refusal(404, "gone"))
    with (
        pytest.raises(NotFoundError),
        Client(BASE, sender=service) as oms,
        record(oms, path),
    ):
        oms.runs(1)
    with replaying(path) as oms, pytest.raises(NotFoundError, match="gone"):
        oms.runs(1)


def test_answers_come_in_order_and_the_last_one_stays():
    """A question asked again gets the next answer, and the last for ever."""
    from omskit.flow import Request

    answers = [Response(200, {}, b"1"), Response(200, {}, b"2")]
    played = Player(BASE, {("GET", "runs"): answers})
    said = [played.send(Request("GET", f"{BASE}/runs"), {}).body for _ in range(3)]
    assert said == [b"1", b"2", b"2"]


def test_bytes_that_are_no_text_are_kept(path):
    """A body that is no text is kept as it is."""
    from omskit.flow import Request

    service = LocalSender(lambda _request: Response(200, {}, b"\xff\xfe"))
    request = Request("GET", f"{BASE}/runs")
    with Client(BASE, sender=service) as oms, record(oms, path):
        oms._driver.shared.sender.send(request, {})
        oms.close()
    assert player(path).send(request, {}).body == b"\xff\xfe"


def test_a_question_that_was_not_recorded(path, recorded_rows):
    """A question that nobody recorded is an error that says what to do."""
    with replaying(path) as oms, pytest.raises(UsageError, match="Record it again"):
        oms.runs(1)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "other", "service": "x", "exchanges": []}']
)
def test_strange_files_are_refused(path, text):
    """What is no conversation is refused, by the name of its file."""
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"conversation\.json"):
        player(path)


def test_the_fixtures(pytester, path, recorded_rows):
    """The fixtures work in the tests of somebody else, without a network."""
    pytester.makepyfile(
        f"""
        def test_demo(oms_demo):
            assert len(oms_demo.runs(297050)) == 1

        def test_conversation(oms_conversation):
            oms = oms_conversation({str(path)!r}, page_size=20, audit=False)
            rows = oms.query("lumisections", 1, fields="lumisection_number").fetch()
            assert len(rows) == 50
        """
    )
    found = pytester.runpytest_inprocess("-p", "no:cov")
    found.assert_outcomes(passed=2)
