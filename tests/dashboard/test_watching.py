"""The ongoing run, watched: what changed, and outages."""

from __future__ import annotations

import datetime as dt
import re

import pyarrow as pa
import pytest

from omskit import Client
from omskit.dashboard import Asker
from omskit.dashboard.pages.now import now_page
from omskit.dashboard.playing import PlayedClient
from omskit.dashboard.watching import Watcher
from omskit.errors import TransportError
from omskit.reports.timeline import line_of

START = dt.datetime(2024, 10, 6, 4, 30, tzinfo=dt.UTC)


class Scripted:
    """An asker of which a test says what it is told."""

    def __init__(self, asker):
        self.client = asker.client
        self.found = asker.report("run", 297050)
        self.run = 297050
        self.error = None
        self.at = dt.datetime(2017, 6, 17, tzinfo=dt.UTC)

    def now(self):
        return self.at

    def newest_run(self, *, kept_s):
        assert kept_s == 0
        if self.error:
            raise self.error
        return self.run

    def line(self, report):
        return line_of(report)

    def report(self, kind, number, *, anew):
        assert (kind, number, anew) == ("run", self.run, True)
        return self.found

    def show(self, arrow):
        """Let the run have these lumisections."""
        import dataclasses

        lumis = self.found.lumisections.part(arrow)
        self.found = dataclasses.replace(self.found, lumisections=lumis)


@pytest.fixture
def scripted(asker):
    return Scripted(asker)


def kinds(seen):
    return [event.kind for event in seen.events]


def test_new_late_and_revised_lumisections_are_told(scripted):
    """What came, came late, or was changed is told with its numbers."""
    lumis = scripted.found.lumisections.arrow
    head = pa.concat_tables([lumis.slice(0, 5), lumis.slice(6, 4)])
    scripted.show(head)
    watcher = Watcher(scripted)
    assert kinds(watcher.look()) == ["new"]
    more = lumis.slice(0, 12)
    at = more.column_names.index("pileup")
    values = more["pileup"].to_pylist()
    values[2] += 1
    more = more.set_column(at, more.schema.field(at), pa.array(values))
    scripted.show(more)
    seen = watcher.look()
    assert [e.text for e in seen.events[:3]] == [
        "revised: 1 lumisection, 3",
        "late: 1 lumisection, 6",
        "new: 2 lumisections, 11\N{EN DASH}12",
    ]
    assert (seen.late, seen.revised) == ({6}, {3})
    page = now_page(seen, scripted)
    assert [word for _, word in page.values["marks"]] == ["revised", "late"]


def test_nothing_new_is_no_event(scripted):
    """A look that finds the same says nothing."""
    watcher = Watcher(scripted)
    first = watcher.look()
    assert watcher.look().events == first.events


def test_an_outage_is_shown_until_it_is_over(scripted):
    """A service that fails is told with since when; then that it answers again."""
    watcher = Watcher(scripted)
    watcher.look()
    scripted.error = TransportError("connection refused")
    seen = watcher.look()
    assert kinds(watcher.look())[:2] == ["outage", "new"]
    page = now_page(seen, scripted)
    assert "OMS does not answer since 00:00:00 UTC" in page.sentence
    assert "what stands here is from then" in page.values["outage"]
    scripted.error = None
    seen = watcher.look()
    assert kinds(seen)[0] == "back"
    assert now_page(seen, scripted).values["outage"] == ""


def test_before_the_first_answer(scripted):
    """Before a first look, an answer or a run there is a sentence, too."""
    watcher = Watcher(scripted)
    assert "under way" in now_page(watcher.seen, scripted).sentence
    scripted.error = TransportError("connection refused")
    told = now_page(watcher.look(), scripted).sentence
    assert told.startswith("OMS does not answer: connection")
    scripted.error = scripted.run = None
    assert now_page(watcher.look(), scripted).sentence == "OMS has no run yet."


def test_another_run_begins_anew(scripted, asker):
    """When a newer run is there, its lumisections are not late."""
    watcher = Watcher(scripted)
    watcher.look()
    scripted.run, scripted.found = 297056, asker.report("run", 297056)
    seen = watcher.look()
    assert seen.events[0].text == "run 297056 is the newest"
    assert not seen.late


def test_the_demo_plays(monkeypatch):
    """The demo's run grows by its clock, and the page says that all is well."""
    with PlayedClient(START, 3600.0) as oms:
        asker = Asker(oms, now=lambda: START)
        watcher = Watcher(asker)
        first = watcher.look()
        for _ in range(50):
            seen = watcher.look()
            if len(seen.report.lumisections) > len(first.report.lumisections):
                break
        page = now_page(seen, asker)
    assert seen.report.subject.number == 386694
    assert re.match(
        r"Run 386694 of fill 10210, stable beams, luminosity 2\.\d+ [^,]+, pile"
        r"up 6\d\.\d, L1 \d+\.\d kHz, HLT 1\.\d\d kHz: all well\.",
        page.sentence,
    )
    assert any(e.text.startswith("new: ") for e in seen.events)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bpix_ready": False}, "look at bpix_ready: off."),
        ({"cms_active": False}, "CMS is not active."),
        ({"beams_stable": False}, "no stable beams"),
    ],
    ids=["detector", "active", "beams"],
)
def test_what_to_look_at(scripted, change, words):
    """An ongoing run says what is off in its newest lumisection."""
    lumis = scripted.found.lumisections.arrow.slice(0, 100)
    for name, value in change.items():
        at = lumis.column_names.index(name)
        values = [*lumis[name].to_pylist()[:-1], value]
        lumis = lumis.set_column(at, name, pa.array(values))
    going_on(scripted, lumis)
    assert words in now_page(Watcher(scripted).look(), scripted).sentence


def test_a_run_that_stands_still(scripted):
    """A run without a new lumisection for minutes is not told as if it went on."""
    going_on(scripted, scripted.found.lumisections.arrow.slice(0, 100))
    scripted.at += dt.timedelta(minutes=10)
    told = now_page(Watcher(scripted).look(), scripted).sentence
    assert "no lumisection for 10 min" in told


def going_on(scripted, lumis):
    """Let the run go on, with these lumisections."""
    import dataclasses

    scripted.show(lumis)
    runs = scripted.found.runs.arrow
    at = runs.column_names.index("end_time")
    none = pa.nulls(1, runs.schema.field(at).type)
    runs = runs.set_column(at, runs.schema.field(at), none)
    found = dataclasses.replace(
        scripted.found, runs=scripted.found.runs.part(runs), rates=None, deadtimes=None
    )
    scripted.found = found
    start = runs["start_time"][0].as_py()
    scripted.at = start + dt.timedelta(seconds=23.3104 * len(lumis))


def test_the_same_question_is_asked_once(demo):
    """Within some seconds, the same answer is shown again; then it is asked anew."""
    times = iter([0.0, 5.0, 30.0, 31.0])
    asker = Asker(demo, clock=lambda: next(times))
    asked = []

    def ask():
        asked.append(1)
        return len(asked)

    assert [asker.remembered("x", ask) for _ in range(3)] == [1, 1, 2]


def test_a_watcher_in_a_thread_stops(scripted):
    """A watcher that was started looks, and ends when it is told to."""
    watcher = Watcher(scripted, every_s=0.01)
    watcher.start()
    while watcher.seen.report is None:
        pass
    watcher.stop()
    assert watcher.seen.report.subject.number == 297050


def test_a_bug_is_an_outage_too(scripted, caplog):
    """Whatever ends a look is shown, and the next look is made."""
    scripted.error = ZeroDivisionError()
    watcher = Watcher(scripted, every_s=0.01)
    watcher.start()
    while not watcher.seen.failing:
        pass
    scripted.error = None
    while watcher.seen.failing:
        pass
    watcher.stop()
    assert "the look at the newest run failed" in caplog.text
    assert watcher.seen.report is not None


def test_answers_and_files_are_forgotten(demo, monkeypatch):
    """Only so many answers and files are kept."""
    monkeypatch.setattr("omskit.dashboard.asking.KEPT", 2)
    monkeypatch.setattr("omskit.dashboard.asking.MASKS", 1)
    asker = Asker(demo)
    for key in "abc":
        asker.remembered(key, lambda: 1)
    first = asker.drop("a", b'{"1": [[1, 2]]}')
    second = asker.drop("b", b'{"2": [[1, 2]]}')
    assert asker.dropped(first) is None
    assert asker.dropped(second).name == "b"
    assert len(asker._answers) == 2


def test_a_service_that_fails_is_no_empty_page(make_visitor):
    """A page that cannot ask says so, with status 502."""

    class Down:
        def send(self, *arguments, **options):
            raise TransportError("connection refused")

        def close(self):
            """There is nothing to close."""

    from omskit.flow import Settings

    settings = Settings(retries=0)
    with Client("https://oms.invalid/api/v1", sender=Down(), settings=settings) as oms:
        answer = make_visitor(oms).get("/run/297050")
    assert answer.status == 502
    assert "connection refused" in answer.text
