"""What services say that they are: in headers, receipts, figures and replays."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from omskit import AsyncClient, Client, UsageError, __version__
from omskit.cli.replay import as_dict
from omskit.demo import tables
from omskit.drivers import LocalSender
from omskit.effects import Request, Response
from omskit.engine import Engine, engine_at
from omskit.lumi.integral import is_simulated
from omskit.server import Service, respond, running
from omskit.table.receipt import Receipt

OURS = f"omskit/{__version__}"
RUN = {"run_number": [1], "end_time": pa.array([None], pa.timestamp("us", tz="UTC"))}


@pytest.fixture(scope="module")
def demo():
    """The address of a service that plays the demo."""
    with engine_at(tables(), None) as engine, running(engine) as url:
        yield url


@pytest.fixture(scope="module")
def other():
    """The address of a service of omskit with other rows."""
    with Engine({"runs": pa.table(RUN)}) as engine, running(engine) as url:
        yield url


def saying(**headers):
    """A service that says these things of itself."""
    service = Service(Engine({"runs": pa.table(RUN)}))
    named = {key.replace("_", "-"): value for key, value in headers.items()}

    def answer(request: Request) -> Response:
        found = respond(request, service)
        ours = service.identity.keys()
        kept = {k: v for k, v in found.headers.items() if k not in ours}
        return Response(found.status, {**kept, **named}, found.body)

    return service.base_url, LocalSender(answer)


@pytest.mark.parametrize("path", ["/runs", "/runs/meta", "/nothing", "/runs/x/y/z/u"])
def test_every_answer_says_who_gave_it(path):
    """Rows, documents and refusals carry the headers; the source is the rows' own."""
    with engine_at(tables(), None) as engine:
        service = Service(engine)
        answer = respond(Request("GET", service.base_url + path), service)
    assert answer.headers["server"] == OURS
    assert answer.headers["x-omskit-source"] == "simulated"
    with Engine({"runs": pa.table(RUN)}) as engine:
        assert Service(engine).identity == {"server": OURS}


def test_receipts_over_http(demo, other):
    """They name the service's version, and whether its rows were made up."""
    found = []
    for url, run in ((demo, 297050), (other, 1)):
        with Client(url) as oms:
            table = oms.runs(run)
        assert is_simulated(table) is table.simulated
        found.append((table.receipt.service_version, is_simulated(table)))
    assert found == [(OURS, True), (OURS, False)]


@pytest.mark.anyio
async def test_receipts_over_http_in_async_code(demo):
    """The other face hears the same, in pages that come side by side."""
    async with AsyncClient(demo, page_size=100) as oms:
        table = await oms.lumisections(297050)
    assert len(table.receipt.urls) > 5
    assert (table.receipt.service_version, is_simulated(table)) == (OURS, True)


def test_figures_of_a_service_that_plays_the_demo(demo):
    """A figure says Simulation, wherever the simulated rows came from."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from omskit import plot

    with Client(demo) as oms:
        axes = plot.per_lumisection(oms.lumisections(297050), "pileup").axes[0]
    written = [text.get_text() for text in axes.texts]
    assert any("Simulation" in text for text in written)


def test_services_that_say_nothing_or_too_much():
    """Silence is None; what is said is cut and cleaned before anybody reads it."""
    for said, kept in (
        ({}, None),
        ({"server": "Apache/2.4.57 (AlmaLinux)"}, "Apache/2.4.57 (AlmaLinux)"),
        ({"server": "a\x1b]0;b\r\nc" + "d" * 999}, "a]0;bc" + "d" * 94),
    ):
        url, sender = saying(**said)
        with Client(url, sender=sender) as oms:
            receipt = oms.runs(1).receipt
        assert (receipt.service_version, receipt.service_source) == (kept, None)


def test_receipts_of_before_are_read():
    """A receipt of an omskit that did not know the source is still a receipt."""
    with Client("demo") as oms:
        receipt = oms.runs(297050).receipt
    assert receipt.simulated
    document = json.loads(receipt.to_json())
    del document["service_source"]
    old = Receipt.from_json(json.dumps(document))
    assert old == replace(receipt, service_source=None)
    assert old.simulated  # the address is the demo's
    assert not replace(old, service="https://oms.test/agg/api/v1").simulated
    for name in ("service_version", "service_source"):
        with pytest.raises(UsageError, match="no receipt"):
            Receipt.from_json(json.dumps({**document, name: 5}))


@pytest.mark.parametrize(
    ("before", "changed"),
    [
        (None, False),
        (OURS, False),
        ("omskit/0.0.1", True),
    ],
)
def test_a_replay_tells_of_another_version(before, changed):
    """That the service is another one is said; the rows are the same all the same."""
    with Client("demo") as oms:
        receipt = replace(oms.runs(297050).receipt, service_version=before)
        found = oms.replay(receipt)
    assert (found.same, found.service_changed) == (True, changed)
    assert (found.service_before, found.service_after) == (before, OURS)
    assert (str(found) != "1 rows, as before") is changed
    assert as_dict(found)["service_before"] == before


def test_a_service_that_falls_silent():
    """A version that is said no longer is a change too."""
    url, sender = saying()
    with Client(url, sender=sender) as oms:
        receipt = replace(oms.runs(1).receipt, service_version=OURS)
        assert str(oms.replay(receipt)) == (
            f"1 rows, as before; the service is unknown, before {OURS}"
        )
