"""A store, a clock that is set by hand, and somebody who answers."""

from __future__ import annotations

import datetime as dt
import shutil

import pytest

from omskit import Client
from omskit.store import Store

NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
RUNS = (297050, 297056)


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = NOW

    def pass_days(self, days: float) -> None:
        self.now += dt.timedelta(days=days)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    found = Store(tmp_path / "store", fsync=False)
    found._now = lambda: clock.now
    return found


@pytest.fixture
def oms():
    with Client("demo") as client:
        yield client


@pytest.fixture(scope="session")
def synced_once(tmp_path_factory):
    """The folder of a store that nobody may change: it is copied for each test."""
    made = Store(tmp_path_factory.mktemp("synced") / "store", fsync=False)
    made._now = lambda: NOW
    with Client("demo") as client:
        made.sync(client, "lumisections,l1triggerrates,fills,eras", RUNS)
    return made.path


@pytest.fixture
def synced(store, synced_once):
    shutil.copytree(synced_once, store.path, dirs_exist_ok=True)
    return store
