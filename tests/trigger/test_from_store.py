"""A cube from a store is the one that the service gives."""

from __future__ import annotations

import pytest

from omskit import Client, Store
from omskit.trigger import datasets, hlt, l1, luminosity, streams

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN = 297049
RESOURCES = (
    "runs,lumisections,fills,hltpathrates,hltconfigdata,hltprescalesets,"
    "l1prescalesets,l1algorithmtriggers,prescalechanges,streams,datasetrates,deadtimes"
)


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "oms"
    with Client("demo") as oms:
        Store(path, fsync=False).sync(oms, RESOURCES, RUN)
        with Client(f"store:{path}") as stored:
            yield oms, stored


def test_cubes_from_a_store_are_equal(clients):
    """Cubes of every kind have the same counts, prescales and conditions."""
    every = ("counts", "rate", "pileup", "live_fraction", "bunches", "prescale_index")
    more = ("unprescaled_rate", "cross_section", "rate_per_bunch", "prescale_high")
    for make, names, options in (
        (hlt, (*every, *more), {}),
        (hlt, (*every, *more), {"live": "deadtime", "paths": "HLT_*Mu*"}),
        (hlt, every, {"prescales": False}),
        (l1, (*every, *more), {}),
        (streams, (*every, "bandwidth", "file_size"), {}),
        (datasets, every, {}),
    ):
        here, there = (make(client, RUN, **options) for client in clients)
        assert here.paths == there.paths
        assert here.table(*names).arrow.equals(there.table(*names).arrow)
        assert here.missing == there.missing
        assert here.requests > there.requests == 0


def test_luminosity_from_a_store_is_equal(clients):
    """So has the luminosity of a path."""
    here, there = (luminosity(client, RUN, paths="HLT_Mu50") for client in clients)
    assert here.table.arrow.equals(there.table.arrow)
