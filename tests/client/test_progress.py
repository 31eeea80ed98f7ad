from __future__ import annotations

import sys

import pytest
from tests.support.bothways import both
from tests.support.smallservice import SmallService, lumis

from omskit.client import progress
from omskit.client.progress import Bar, is_watched, reporter


class Screen:
    def __init__(self, *, tty):
        self.tty = tty

    def isatty(self):
        return self.tty


def test_a_short_fetch_shows_nothing(capsys):
    """A fetch that is over soon shows no bar."""
    bar = Bar()
    bar.update(5, 10, "runs")
    bar.finish()
    assert capsys.readouterr() == ("", "")


def test_a_long_fetch_shows_a_bar_and_takes_it_away(monkeypatch, capsys):
    """A fetch that takes long shows a bar on stderr, until it is over."""
    monkeypatch.setattr(progress, "PATIENCE_S", -1.0)
    bar = Bar()
    bar.update(5, None, "runs")
    bar.update(5, 10, "runs")
    assert bar._bar.tasks[0].completed == 5
    assert bar._bar.tasks[0].total == 10
    bar.finish()
    bar.finish()
    assert bar._bar is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("tty", [True, False])
def test_a_terminal_is_watched(monkeypatch, tty):
    """A bar is for terminals; where stderr is none, or is absent, there is no bar."""
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setattr(sys, "stderr", Screen(tty=tty))
    assert is_watched() is tty
    assert (reporter(None) is not None) is tty
    monkeypatch.setattr(sys, "stderr", None)
    assert is_watched() is False


def test_a_notebook_is_watched(monkeypatch):
    """Where a notebook's kernel runs, somebody may be looking."""
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert is_watched()


def test_the_user_decides():
    """progress=True and progress=False decide wherever we are."""
    assert reporter(wanted=False) is None
    assert isinstance(reporter(wanted=True), Bar)


def test_every_way_of_asking_tells_its_progress(monkeypatch):
    """Shortcuts, fetch, pages and count report, and end their report, on both faces."""
    told = []

    class Listening:
        def update(self, done, total, label):
            told.append((done, total, label))

        def finish(self):
            told.append("finished")

    def listening(wanted):
        return Listening() if wanted else None

    monkeypatch.setattr("omskit.client.sync.reporter", listening)
    monkeypatch.setattr("omskit.client.async_.reporter", listening)
    monkeypatch.setattr("omskit.client.bound.reporter", listening)
    monkeypatch.setattr("omskit.client.async_bound.reporter", listening)

    def service():
        return SmallService({"lumisections": lumis(1, 5), "runs": []})

    def ask(oms):
        oms.lumisections(1, progress=True)
        query = oms.query("lumisections", 1, progress=True)
        return len(query.fetch()), len(list(query.pages())), query.count()

    both(service, ask, audit=False)
    one = [(5, 5, "lumisections"), "finished"]
    assert told == 2 * [*one, *one, *one, "finished"]


@pytest.mark.parametrize("there", [True, False])
def test_a_notebook_without_widgets_draws_nothing(monkeypatch, there):
    """Rich asks for ipywidgets in a notebook, so it is not told that this is one."""
    spec = progress.find_spec("rich") if there else None
    monkeypatch.setattr(progress, "find_spec", lambda name: spec)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr(progress, "PATIENCE_S", -1.0)
    assert progress.has_widgets() is there
    started = []

    def start(bar):
        """Draw nothing."""
        started.append(bar)

    monkeypatch.setattr("rich.progress.Progress.start", start)
    bar = Bar()
    bar.update(1, 2, "runs")
    assert started[0].console.is_jupyter is there
    assert started[0].console.no_color
