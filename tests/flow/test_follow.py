"""Following a run: each lumisection once, late ones too, revisions, and the end."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from tests.support.amount import examples
from tests.support.bothways import BASE, both, refused
from tests.support.contexts import context_of
from tests.support.interpreter import Interpreter
from tests.support.smallservice import SmallService, lumis, refusal

from omskit import (
    AsyncClient,
    Client,
    IncompleteError,
    NoRowError,
    NotFoundError,
    OMSWarning,
    SelectorError,
    ServerFailedError,
    TransportError,
    UsageError,
)
from omskit.drivers import LocalSender
from omskit.flow import Following, follow
from omskit.flow.follow import LATE, NEW, REVISED, is_notice

END = "2017-06-16T23:00:00Z"


def ended(rows):
    """Lumisections that are over."""
    return [{"end_time": END, **row} for row in rows]


class Run:
    """A run in scenes, one for each look: lumisections, and whether it has ended."""

    def __init__(self, *scenes, last=None):
        self.scenes = scenes
        self.last = last
        self.looks = 0
        self.service = SmallService({})
        self.log = self.service.log

    def __call__(self, request):
        if "/runs?" in request.url:
            rows, over = self.scenes[min(self.looks, len(self.scenes) - 1)]
            self.looks += 1
            if callable(rows):
                return rows(request)
            newest = max((r["lumisection_number"] or 0 for r in rows), default=None)
            run = {
                "run_number": 1,
                "end_time": END if over else None,
                "last_lumisection_number": self.last if over and self.last else newest,
            }
            self.service.rows = {"runs": [run], "lumisections": rows}
        return self.service(request)


def told(table):
    """What a table tells: lumisection and why."""
    numbers, why = table["lumisection_number"].to_pylist(), table["news"].to_pylist()
    return list(zip(numbers, why, strict=True))


def followed(run, **policy):
    """The tables and waits of a run, without a clock."""
    driver = Interpreter(run)
    context = context_of(page_size=None)
    driver.run(follow(1, context, Following(**policy)))
    return [told(t) for t in driver.tables if not is_notice(t)], driver


def test_each_lumisection_is_told_once():
    """Rows that were told are not told again, and the end is the end of the run."""
    tables, driver = followed(
        Run(
            (ended(lumis(1, 3)), False),
            (ended(lumis(1, 3)), False),
            (ended(lumis(1, 5)), True),
        )
    )
    assert tables == [
        [(1, NEW), (2, NEW)],
        [(3, NEW), (4, NEW), (5, NEW)],
    ]
    assert driver.slept == [23.3, 23.3]


def test_the_newest_lumisection_is_told_when_it_is_over():
    """The newest lumisection is kept until a later one or the end is there."""
    tables, _ = followed(
        Run((lumis(1, 2), False), (lumis(1, 3), False), (lumis(1, 3), True))
    )
    assert tables == [[(1, NEW)], [(2, NEW)], [(3, NEW)]]


def test_late_ones_are_told():
    """A lumisection that comes after later ones is late, and revises its neighbour."""
    tables, _ = followed(
        Run(
            (ended(lumis(1, 4, missing={2})), False),
            (ended(lumis(1, 4)), True),
        )
    )
    assert tables == [[(1, NEW), (3, NEW)], [(1, REVISED), (2, LATE), (4, NEW)]]


def test_news_of_the_service_are_another_column():
    """An attribute that the service calls so is kept beside ours."""
    rows = [{**row, "news": "theirs"} for row in ended(lumis(1, 2))]
    driver = Interpreter(Run((rows, True)))
    driver.run(follow(1, context_of(page_size=None), Following()))
    (table,) = [t for t in driver.tables if not is_notice(t)]
    assert table["news"].to_pylist() == [NEW, NEW]
    assert table["attributes.news"].to_pylist() == ["theirs", "theirs"]


def test_revisions_are_told():
    """A lumisection that is not as it was is told again, as revised."""
    first = ended(lumis(1, 3))
    later = [dict(row) for row in first]
    later[1]["cms_active"] = None
    tables, _ = followed(Run((first, False), (later, False), (later, True)))
    assert tables == [[(1, NEW), (2, NEW)], [(2, REVISED)], [(3, NEW)]]


def test_only_the_end_of_the_run_is_looked_at():
    """Between whole looks, only the newest lumisections and missing ones are read."""
    run = Run(*[(ended(lumis(1, 30 + n)), n == 4) for n in range(5)])
    followed(run, look_back=5, whole_every=3)
    firsts = [
        "lumisection_number][GE]" in url for url in run.log if "lumisections" in url
    ]
    assert firsts == [False, True, True, False, False]
    bound = next(url for url in run.log if "lumisection_number][GE]" in url)
    assert "[GE]=25" in bound


def test_missing_ones_are_looked_for_again():
    """Each look goes back to the oldest lumisection that is missing."""
    run = Run(
        (ended(lumis(1, 30, missing={7})), False), (ended(lumis(1, 31)), True), last=31
    )
    tables, _ = followed(run, look_back=2)
    assert tables[1] == [(6, REVISED), (7, LATE), (30, NEW), (31, NEW)]


def test_missing_ones_are_named_in_the_end():
    """What never comes is waited for as long as the policy says, then named in gaps."""
    run = Run((ended(lumis(1, 4, missing={2})), True), last=6)
    driver = Interpreter(run)
    context = context_of(page_size=None, retries=4)
    driver.run(follow(1, context, Following(every_s=100, patience_s=250)))
    assert driver.slept == [100, 100, 100]
    assert [t.gaps for t in driver.tables] == [(), ((1, 2, 2), (1, 5, 6))]
    assert "2-2, 5-6" in driver.tables[-1].warnings[-1]
    assert len(driver.tables[-1]) == 0


def test_a_failing_service_is_waited_for():
    """A service that fails for a while loses nothing; the waits go on as before."""
    failing = (lambda _request: refusal(503, "busy"), False)
    tables, driver = followed(
        Run((ended(lumis(1, 2)), False), failing, failing, (ended(lumis(1, 4)), True))
    )
    assert tables == [[(1, NEW)], [(2, NEW), (3, NEW), (4, NEW)]]
    assert len(driver.slept) == 3


def test_an_outage_is_told_when_it_begins_and_when_it_is_over():
    """Each outage has a notice with its fault and its end, and one when it is over."""
    failing = (lambda _request: refusal(503, "busy"), False)
    run = Run(
        (ended(lumis(1, 2)), False),
        failing,
        failing,
        (ended(lumis(1, 3)), False),
        failing,
        (ended(lumis(1, 9)), True),
    )
    tables, driver = followed(run)
    assert [n for table in tables for n, _ in table] == list(range(1, 10))
    notes = [t.warnings[0] for t in driver.tables if is_notice(t)]
    assert ["fails" in n for n in notes] == [True, False, True, False]
    assert "503: busy" in notes[0]
    assert "until 2024-05-01T12:15:23Z" in notes[0]  # 900 s after the second look
    assert "again, after 47 s" in notes[1]


GONE = TransportError("nobody listens there")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (GONE, TransportError),
        (refusal(404, "nothing"), NotFoundError),
        (refusal(500, "broken"), ServerFailedError),
    ],
)
def test_a_service_that_was_never_there_is_not_waited_for(answer, error):
    """A first look that meets nobody, or a lasting refusal, ends it without a wait."""
    driver = Interpreter([answer])
    context = context_of(page_size=None)
    with pytest.raises(error):
        driver.run(follow(1, context, Following()))
    assert (driver.slept, driver.tables) == ([], [])


def test_a_first_refusal_that_may_pass_is_waited_for():
    """A service that is busy at the first look is asked again, and that is told."""
    busy = (lambda _request: refusal(503, "busy"), False)
    tables, driver = followed(Run(busy, (ended(lumis(1, 2)), True)))
    assert tables == [[(1, NEW), (2, NEW)]]
    assert "503: busy" in driver.tables[0].warnings[0]


@pytest.mark.filterwarnings("ignore:The unit of")
@pytest.mark.parametrize("face", ["sync", "async"])
def test_an_outage_warns_the_user(face):
    """Notices are warnings at the user's own line, and no tables to the user."""

    def failing(_request):
        raise GONE

    scenes = (ended(lumis(1, 2)), False), (failing, False), (ended(lumis(1, 3)), True)
    sender = LocalSender(Run(*scenes))

    async def all_of():
        async with AsyncClient(BASE, sender=sender, retries=0) as oms:
            return [told(t) async for t in oms.follow(1, every_s=0)]

    def all_at_once():
        with Client(BASE, sender=sender, retries=0) as oms:
            return [told(t) for t in oms.follow(1, every_s=0)]

    with pytest.warns(OMSWarning, match="Following run 1") as seen:
        tables = asyncio.run(all_of()) if face == "async" else all_at_once()
    assert tables == [[(1, NEW)], [(2, NEW), (3, NEW)]]
    said = [w for w in seen if "Following run 1" in str(w.message)]
    assert ["nobody listens" in str(w.message) for w in said] == [True, False]
    assert {w.filename for w in said} == {__file__}


def test_a_service_that_stays_away_ends_it():
    """A service that fails for longer than the policy allows ends it with its error."""
    failing = (lambda _request: refusal(503, "busy"), False)
    with pytest.raises(ServerFailedError):
        followed(Run((ended(lumis(1, 2)), False), failing), outage_s=50)


def test_a_lumisection_without_a_number():
    """A row that is nobody's is read again, and in the end it is an error."""
    rows = ended(lumis(1, 3))
    rows[1] = {**rows[1], "lumisection_number": None}
    whole = (ended(lumis(1, 3)), True)
    tables, _ = followed(Run((rows, False), whole, last=3))
    assert tables == [[(1, NEW), (2, NEW), (3, NEW)]]
    with pytest.raises(IncompleteError, match="1 rows have no lumisection_number"):
        followed(Run((rows, False), last=3), outage_s=0)


def test_no_such_run():
    """A run that OMS does not know is an error at once."""

    def scenario(oms):
        return list(oms.follow(2, every_s=0))

    service = SmallService({"runs": [], "lumisections": []})
    assert isinstance(refused(lambda: service, scenario).error, NoRowError)


@pytest.mark.parametrize(
    ("run", "options", "error", "said"),
    [
        (1, {"evry_s": 1}, UsageError, "every_s"),
        (1, {"every_s": -1}, UsageError, "every_s=-1"),
        (1, {"whole_every": 0}, UsageError, "whole_every=0"),
        ((1, 2), {}, SelectorError, "one run"),
    ],
)
def test_senseless_wishes(run, options, error, said):
    """What cannot be followed is said before anything is asked."""
    with Client("demo") as oms, pytest.raises(error, match=said):
        list(oms.follow(run, **options))


def test_both_faces_follow():
    """Client and AsyncClient tell the same tables."""

    def scenario(oms):
        return [told(table) for table in oms.follow(1, every_s=0)]

    outcome = both(
        lambda: Run((ended(lumis(1, 2)), False), (ended(lumis(1, 3)), True)), scenario
    )
    assert outcome.value == [[(1, NEW)], [(2, NEW), (3, NEW)]]


class Played:
    """A recorded run, played: the time goes on with every look."""

    def __init__(self, start, step_s):
        from omskit.demo import tables
        from omskit.engine import AsOfRelations, Clock, Engine
        from omskit.server import Service, respond

        self.seconds = 0.0
        clock = Clock(start, 1.0, now=lambda: self.seconds)
        self._service = Service(Engine(AsOfRelations(tables(), clock)), base_url=BASE)
        self._respond = respond
        self._step_s = step_s

    def __call__(self, request):
        if "/runs?" in request.url:
            self.seconds += self._step_s
        return self._respond(request, self._service)


async def collected(oms, run):
    """All tables of a run."""
    return [table async for table in oms.follow(run, every_s=0)]


@pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")
@pytest.mark.parametrize("face", ["sync", "async"])
def test_eight_hours_of_an_ongoing_run(face):
    """A run of nearly nine hours, followed while it goes on, is told whole and once."""
    with Client("demo") as oms:
        truth = oms.lumisections(386694)
        run = oms.runs(386694).to_records()[0]
    hours = (run["end_time"] - run["start_time"]).total_seconds() / 3600
    assert hours > 8
    played = LocalSender(Played(run["start_time"], 600.0 * 50 / examples(50)))
    if face == "sync":
        with Client(BASE, sender=played) as oms:
            tables = list(oms.follow(386694, every_s=0))
    else:
        tables = asyncio.run(collected(AsyncClient(BASE, sender=played), 386694))
    rows = [row for table in tables for row in table.to_records()]
    fresh = [r["lumisection_number"] for r in rows if r["news"] != REVISED]
    assert len(tables) > examples(40)
    assert (
        sorted(fresh) == sorted(set(fresh)) == truth["lumisection_number"].to_pylist()
    )
    latest = {r["lumisection_number"]: r for r in rows}
    columns = [c for c in truth.columns if c != "end_lumi"]
    for row in truth.to_records():
        seen = latest[row["lumisection_number"]]
        assert {c: seen[c] for c in columns} == {c: row[c] for c in columns}


@pytest.mark.filterwarnings("ignore:The unit of")
def test_gaps_warn():
    """Lumisections that never came are warned of once, where the user asks."""
    run = Run((ended(lumis(1, 3, missing={2})), True))
    with (
        Client(BASE, sender=LocalSender(run)) as oms,
        pytest.warns(OMSWarning, match="2-2"),
    ):
        tables = list(oms.follow(1, every_s=0, patience_s=0))
    assert tables[-1].gaps == ((1, 2, 2),)


def test_policy_is_a_value():
    """The policy can be compared and pasted back."""
    assert Following(every_s=5) == Following(every_s=5)
    assert dt.timedelta(seconds=Following().every_s) < dt.timedelta(seconds=24)


def test_a_page_that_is_missing_is_no_gap():
    """With allow_partial, rows that could not be had are asked for again."""
    rows = ended(lumis(1, 6))
    run = Run((rows, True))
    fails = iter([True])

    def once(request):
        if "page[offset]=2&" in request.url and next(fails, False):
            return refusal(500, "database")
        return run(request)

    driver = Interpreter(once)
    context = context_of(page_size=2, allow_partial=True)
    driver.run(follow(1, context, Following(patience_s=0)))
    tables = [t for t in driver.tables if not is_notice(t)]
    numbers = [n for t in tables for n in t["lumisection_number"].to_pylist()]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert all(t.gaps == () for t in driver.tables)
