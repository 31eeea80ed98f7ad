"""A sender at the pace of the service."""

from __future__ import annotations

import asyncio
import threading

import pytest

from omskit import Client, Store
from omskit.demo import tables
from omskit.drivers import LocalSender
from omskit.drivers.cancel import CancelToken
from omskit.drivers.paced import PacedSender, Pacer
from omskit.drivers.tasks import Cancelled
from omskit.effects import Request, Response
from omskit.engine import Engine
from omskit.errors import TransportError
from omskit.server import FaultPlan, Front, Rule, running

REQUEST = Request("GET", "/")
pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")


class Answers:
    """A sender that answers with these statuses, and fails where there is none."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.closed = 0

    def send(self, request, headers, waiting=None):
        status = self.statuses.pop(0)
        if status is None:
            raise TransportError("It hung up.")
        return Response(status)

    async def asend(self, request, headers):
        return self.send(request, headers)

    def close(self):
        self.closed += 1

    async def aclose(self):
        self.closed += 1


def test_answers_set_the_pace():
    """Each answer is heard, and so is that none came."""
    pacer = Pacer(4, clock=lambda: 0.0)
    answers = Answers(200, 200, 200, 429, None, 200)
    sender = pacer.before(answers)
    for _ in range(3):
        sender.send(REQUEST, {})
    assert pacer.pace.at_once == 4
    assert sender.send(REQUEST, {}).status == 429
    assert pacer.pace.at_once == 2
    with pytest.raises(TransportError):
        sender.send(REQUEST, {})
    assert asyncio.run(sender.asend(REQUEST, {})).status == 200
    assert pacer.peak == 1
    sender.close()
    asyncio.run(sender.aclose())
    assert answers.closed == 2


def test_who_comes_too_early_waits():
    """With one request allowed a second one goes when the first is answered."""
    pacer = Pacer(1)
    began, go_on = threading.Event(), threading.Event()

    def slow(request, headers, waiting=None):
        began.set()
        go_on.wait(30)
        return Response(200)

    answers = Answers(200, 200)
    sender = PacedSender(answers, pacer)
    answers.send = slow
    first = threading.Thread(target=sender.send, args=(REQUEST, {}))
    first.start()
    assert began.wait(30)
    assert not pacer.may_go()
    waiting = CancelToken()
    waiting.end()
    with pytest.raises(Cancelled):
        sender.send(REQUEST, {}, waiting)
    second = threading.Thread(target=sender.send, args=(REQUEST, {}))
    second.start()

    async def third():
        task = asyncio.ensure_future(sender.asend(REQUEST, {}))
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        return await task

    async def answered(request, headers):
        return Response(200)

    answers.asend = answered
    assert asyncio.run(third()).status == 200
    first.join(30)
    second.join(30)
    assert pacer.peak == 1


def test_what_answers_in_this_process_has_no_pace():
    """The demo is asked as ever."""
    sender = LocalSender(lambda _: Response(200))
    assert Pacer(4).before(sender) is sender


def test_a_busy_service_is_asked_more_slowly(tmp_path):
    """Under 429 and 503 a sync halves, comes back, says so, and has all rows."""
    busy = (
        Rule(
            "status",
            "lumisections",
            after=4,
            count=2,
            parameters=(("status", 429), ("retry_after", 0)),
        ),
        Rule(
            "status",
            "lumisections",
            after=12,
            count=1,
            parameters=(("status", 503), ("retry_after", 0)),
        ),
    )
    front = Front(faults=FaultPlan(busy))
    store = Store(tmp_path / "store", fsync=False)
    seen = []
    with (
        Engine(tables()) as engine,
        running(engine, front=front) as url,
        Client(url, page_size=50, concurrency=4) as oms,
    ):
        paced = oms.paced

        def watched():
            seen.append(paced())
            return seen[-1]

        oms.paced = watched
        report = store.sync(oms, "lumisections", 297050)
        with oms.sending_through(lambda s: s):
            whole = oms.query("lumisections", 297050).options(audit=False).fetch()
    assert report.slowed >= 2
    assert f"halved {report.slowed} times" in str(report)
    assert len(store.sql("from lumisections")) == len(whole)


def test_a_calm_service_is_asked_as_fast_as_was_set():
    """Without a fault it grows to what was set, and never beyond."""
    with (
        Engine(tables()) as engine,
        running(engine) as url,
        Client(url, page_size=20, concurrency=3) as oms,
        oms.paced() as pacer,
    ):
        oms.lumisections(297050)
    assert pacer.pace.halved or pacer.pace.at_once == 3
    assert 1 <= pacer.peak <= 3
