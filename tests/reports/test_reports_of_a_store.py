"""Reports on a time, and archives, of what lies in a store."""

from __future__ import annotations

import datetime as dt

import pytest

from omskit import Client, Store
from omskit.errors import NoRowError, NotSyncedError
from omskit.reports import report
from omskit.reports.archive import write_days

DAY = {
    "since": dt.datetime(2017, 6, 16, tzinfo=dt.UTC),
    "until": dt.datetime(2017, 6, 17, tzinfo=dt.UTC),
}


@pytest.fixture(scope="module")
def kept(demo, tmp_path_factory):
    """A client of a store with all runs, and what one day needs besides."""
    store = Store(tmp_path_factory.mktemp("reports") / "store", fsync=False)
    store.sync(demo, "runs")
    store.sync(demo, "lumisections,l1triggerrates", (297046, 297051))
    with Client(f"store:{store.path}") as found:
        yield found


def test_a_time_is_asked_of_a_store_by_its_runs(demo, kept):
    """A store without all lumisections there are has a report on a day it holds."""
    there, here = report(demo, **DAY), report(kept, **DAY)
    assert here.sentence == there.sentence
    assert here.ledger == there.ledger
    assert here.lumisections.arrow.equals(there.lumisections.arrow)
    assert any("'streams'" in note for note in here.notes)


def test_a_time_that_a_store_does_not_hold(kept):
    """Runs whose lumisections were not fetched are named; of none the age is told."""
    later = {name: moment + dt.timedelta(days=1) for name, moment in DAY.items()}
    with pytest.raises(NotSyncedError, match="'lumisections' of run 29705"):
        report(kept, **later)
    told = (
        r"began then\. A store answered \(store, simulated, read 20\d\d-.*Z\).* Try: "
    )
    command = r"oms sync runs,lumisections --since 2017-06-15 --store /\S+store$"
    with pytest.raises(NoRowError, match=told + command):
        report(kept, since=dt.timedelta(hours=24), until=DAY["since"])


def test_an_archive_of_a_store(kept, tmp_path):
    """Days of a store have pages as those of a service do."""
    days = [dt.date(2017, 6, 15), dt.date(2017, 6, 16)]
    written = dict(write_days(kept, tmp_path, days))
    assert list(written.values()) == [None, tmp_path / "2017-06-16.html"]
    assert "Simulated" in (tmp_path / "2017-06-16.md").read_text(encoding="utf-8")
