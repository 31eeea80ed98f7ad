"""Rows are committed while the next ones are asked for; coverage comes after them."""

from __future__ import annotations

import threading

import pytest

from omskit import Client
from omskit.errors import StoreError, TimedOutError
from omskit.store import chunks, pieces
from omskit.store.behind import Behind
from omskit.store.delta import DeltaFolder

RUNS = (297050, 297053)
pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")


@pytest.fixture
def small(monkeypatch):
    """A commit for each run."""
    monkeypatch.setattr(chunks, "TARGET", 1)


@pytest.fixture
def commits(monkeypatch):
    """The tables that were committed to, in order."""
    real, found = DeltaFolder.commit, []

    def noted(self, rows, how):
        version = real(self, rows, how)
        found.append(self.path.name)
        return version

    monkeypatch.setattr(DeltaFolder, "commit", noted)
    return found


@pytest.mark.usefixtures("small")
def test_the_next_rows_are_asked_for_while_the_last_are_committed(
    oms, store, monkeypatch
):
    """A commit that waits for the next question ends, and so does the sync."""
    asked, real_ask, real_put = threading.Semaphore(0), pieces.ask, pieces.put
    waited = []

    def ask(*args):
        asked.release()
        return real_ask(*args)

    def put(kept, came, now):
        if came.piece.key == "lumisections" and not waited:
            # Runs, this one, the next:
            waited.extend(asked.acquire(timeout=30) for _ in range(3))
        return real_put(kept, came, now)

    monkeypatch.setattr("omskit.store.sync.ask", ask)
    monkeypatch.setattr("omskit.store.behind.put", put)
    report = store.sync(oms, "lumisections", RUNS)
    assert waited == [True] * 3
    assert report.part("lumisections").rows == 1127


def test_coverage_is_said_once_and_last(oms, store, commits):
    """What is held is one commit, after all rows of a short sync."""
    store.sync(oms, "lumisections,l1triggerrates", RUNS)
    assert commits == ["runs", "lumisections", "l1triggerrates", "coverage"]


@pytest.mark.usefixtures("small")
def test_coverage_does_not_wait_for_the_end_of_a_long_sync(
    oms, store, commits, monkeypatch
):
    """After some seconds what is held is said, though the sync goes on."""
    monkeypatch.setattr("omskit.store.behind.UNSAID_S", -1.0)
    store.sync(oms, "lumisections", RUNS)
    assert commits == ["runs", "coverage", *["lumisections", "coverage"] * 4]


@pytest.mark.usefixtures("small")
def test_where_the_service_goes_away_what_came_is_committed_and_said(
    oms, store, monkeypatch
):
    """The rows fetched before an error of the service are held after it."""
    real = pieces.ask

    def ask(kept, client, piece):
        if piece.chunk.keys[-1:] == (297052,):
            message = "No answer."
            raise TimedOutError(message)
        return real(kept, client, piece)

    monkeypatch.setattr("omskit.store.sync.ask", ask)
    with pytest.raises(TimedOutError):
        store.sync(oms, "lumisections", RUNS)
    with Client(f"store:{store.path}") as here:
        assert len(here.lumisections((297050, 297051))) == 889
    assert store.verify() == []


def test_a_commit_that_fails_ends_the_sync(oms, store, monkeypatch):
    """The error of a disk comes out, with what stays; the next sync heals the rest."""
    real = DeltaFolder.commit

    def full(self, rows, how):
        if self.path.name != "runs":
            message = "No space left."
            raise StoreError(message)
        return real(self, rows, how)

    with monkeypatch.context() as patch:
        patch.setattr(DeltaFolder, "commit", full)
        with pytest.raises(StoreError, match=r"No space left\. 4 rows .* stay\."):
            store.sync(oms, "lumisections", RUNS)
    report = store.sync(oms, "lumisections", RUNS)
    assert report.part("runs").recent == 4  # not asked for again
    assert report.part("lumisections").rows == 1127
    assert store.verify() == []


def test_nothing_put_is_nothing_committed(store):
    """Without rows no folder is made."""
    with Behind(store._kept) as behind:
        behind.rest()
    assert not store.path.exists()
