"""A cube from a store is the one that the service gives."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omskit import Client, LumiMask, NoRowError, Store
from omskit.drivers import LocalSender
from omskit.drivers.engine_source import demo_service
from omskit.server import respond
from omskit.trigger import datasets, hlt, l1, luminosity, streams

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN = 297049
RUNS = (297048, RUN)
RESOURCES = (
    "runs,lumisections,fills,hltpathrates,hltconfigdata,hltprescalesets,"
    "l1prescalesets,l1algorithmtriggers,prescalechanges,streams,datasetrates,deadtimes"
)


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "oms"
    with Client("demo") as oms:
        Store(path, fsync=False).sync(oms, RESOURCES, list(RUNS))
        with Client(f"store:{path}") as stored:
            yield oms, stored


@pytest.fixture(scope="module")
def served():
    """The same rows by requests and JSON."""
    service = demo_service("http://demo.invalid/agg/api/v1")
    sender = LocalSender(lambda request: respond(request, service))
    with Client("demo", sender=sender) as oms:
        yield oms


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


KINDS = {
    "hlt": (hlt, "paths", ("HLT_*Mu*", "HLT_ZeroBias", "HLT_PFJet40_v*", "HLT_Ele27*")),
    "l1": (l1, "names", ("L1_Single*", "L1_ZeroBias", "L1_*Jet*", "L1_DoubleMu*")),
    "streams": (streams, "names", ("Physics*", "Express", "*")),
    "datasets": (datasets, "names", ("Single*", "JetHT", "ZeroBias*", "*")),
}
QUANTITIES = ("counts", "rate", "pileup", "live_fraction", "bunches", "prescale_index")
UNPRESCALED = ("unprescaled_rate", "cross_section", "rate_per_bunch", "prescale_low")
ranges = st.lists(st.integers(1, 60), min_size=2, max_size=6).map(
    lambda ends: [[*sorted(pair)] for pair in zip(ends[::2], ends[1::2], strict=False)]
)


@st.composite
def questions(draw):
    """A kind, patterns of it, runs or a mask, and how the live time is found."""
    kind = draw(st.sampled_from(list(KINDS)))
    make, word, known = KINDS[kind]
    names = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
    runs = draw(
        st.sampled_from([*RUNS, [*RUNS]]) | ranges.map(lambda r: LumiMask({RUN: r}))
    )
    options = {word: names}
    if kind in {"hlt", "l1"}:
        options["live"] = draw(st.sampled_from(["luminosity", "deadtime", "none"]))
    if kind == "hlt":
        options["rule"] = draw(st.sampled_from(["nested", "upper", "ratemon"]))
    return kind, make, runs, options


@settings(deadline=None, max_examples=8, derandomize=True)
@given(questions())
def test_any_cube_from_a_store_is_that_of_a_service(clients, served, question):
    """Whatever is asked, the engine, a store and a service give the same cube."""
    kind, make, runs, options = question
    names = (*QUANTITIES, *UNPRESCALED) if kind in {"hlt", "l1"} else QUANTITIES
    try:
        cubes = [make(client, runs, **options) for client in (*clients, served)]
    except NoRowError as error:
        # Nothing there is the same nothing everywhere.
        for client in (*clients, served):
            with pytest.raises(NoRowError, match=re.escape(str(error))):
                make(client, runs, **options)
        return
    first, *others = cubes
    for other in others:
        assert other.paths == first.paths
        assert other.table(*names).arrow.equals(first.table(*names).arrow)
        assert (other.missing, other.late, other.versions, other.keys) == (
            first.missing, first.late, first.versions, first.keys
        )  # fmt: skip
