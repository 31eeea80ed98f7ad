"""Rows by run are made of lumisections where OMS makes them so, and refused else."""

from __future__ import annotations

import pytest

from omskit import Client, Store
from omskit.errors import NotSyncedError
from omskit.query import Query, field
from omskit.server import running

pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")

RUNS = (297053, 297056)
RATES = ("l1triggerrates", "deadtimes", "datasetrates", "streams")


@pytest.fixture(scope="module")
def demo():
    with Client("demo", progress=False) as oms:
        yield oms


@pytest.fixture(scope="module")
def kept(demo, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("derived") / "store", fsync=False)
    store.sync(demo, RATES, RUNS)
    store.sync(demo, "hltpathrates", 297056)
    store.sync(demo, "l1triggerrates@run", 297053)
    return store


@pytest.fixture(scope="module")
def here(kept):
    with Client(f"store:{kept.path}", progress=False) as oms:
        yield oms


@pytest.mark.parametrize(
    ("name", "runs", "columns"),
    [
        ("hltpathrates", (297056, 297056), None),
        ("datasetrates", RUNS, None),
        ("streams", RUNS, ["stream_name", "n_events", "rate"]),
        ("l1triggerrates", RUNS, ["start_time", "l1a_total_counter", "run_number"]),
        ("deadtimes", RUNS, ["overall_tts_counter", "last_lumisection_number"]),
    ],
)
def test_what_is_added_up_is_what_the_service_says(demo, here, name, runs, columns):
    """Counts, what a row covers, and mean rates of the HLT, to the last digit."""
    query = Query(name).where(field.run_number.between(*runs)).group("run")
    if columns is not None:
        query = query.select(*columns)
    found = here._service.engine.execute(query)
    there = demo._service.engine.execute(query)
    assert found.total == there.total > 0
    assert found.table.equals(there.table)


def test_the_receipt_says_that_rows_are_made_here(demo, here):
    """A table of the client is that of the service, but for its source."""
    found = here.query("datasetrates", RUNS, granularity="run").fetch()
    assert found == demo.query("datasetrates", RUNS, granularity="run").fetch()
    assert found.receipt.service_source.endswith(", made of lumisections")


def test_what_oms_makes_otherwise_is_refused_by_name(here, kept):
    """With what can be had instead, and the command that fetches it; over HTTP too."""
    with running(kept.engine()) as url, Client(url, retries=0) as served:
        for client in (here, served):
            with pytest.raises(NotSyncedError) as caught:
                client.l1_rates(297056, granularity="run")
            said = str(caught.value)
            assert "l1a_total_rate" in said
            assert "oms sync l1triggerrates@run" in said
    with pytest.raises(NotSyncedError, match="does not hold 'hltpathrates'"):
        here.query("hltpathrates", 297053, granularity="run").fetch()


def test_rows_that_were_fetched_by_run_go_first(demo, here):
    """All of their columns are there, and nothing is said to be made here."""
    found = here.l1_rates(297053, granularity="run")
    assert found == demo.l1_rates(297053, granularity="run")
    assert "made of" not in found.receipt.service_source
