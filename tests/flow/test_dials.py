"""OMS through the proxy of DIALS."""

from __future__ import annotations

import pytest
from tests.support.loopback import serving

from omskit import AsyncClient, Client, ClientCredentials, LumiMask, field
from omskit.compat.omsapi import OMSAPI
from omskit.config import INSTANCES, find_instance
from omskit.diagnosis.doctor import _question, _Visit
from omskit.drivers.engine_source import demo_service
from omskit.effects import Request, Response
from omskit.errors import (
    ConfigError,
    IncompleteError,
    LoginNeededError,
    OperatorError,
    StatusError,
    TokenRejectedError,
    UsageError,
)
from omskit.flow.dials import DialsSource, carried
from omskit.flow.source import Page
from omskit.login.chain import Chain, Person
from omskit.query import Query
from omskit.query.plan import Plan
from omskit.schema import bundled
from omskit.server import Application, LoginGate, Registry, Service, Sso, respond
from omskit.server.dials import PATH
from omskit.server.sso.service import PREFIX

AUDIENCE = INSTANCES["dials"].audience
SECRET = "s3cret-s3cret"


@pytest.fixture(scope="module")
def demo():
    return demo_service("https://demo.invalid/agg/api/v1")


@pytest.fixture
def proxy(demo):
    """A proxy that the service plays, and what it was asked."""
    with serving(lambda asked: respond(Request("GET", asked.path), demo)) as server:
        server.base_of_proxy = f"http://127.0.0.1:{server.port}{PATH}"
        yield server


@pytest.fixture
def dials(proxy):
    with Client(proxy.base_of_proxy) as oms:
        yield oms


@pytest.fixture(scope="module")
def direct():
    with Client("demo") as oms:
        yield oms


@pytest.mark.parametrize(
    "ask",
    [
        lambda oms: oms.runs((297050, 297056)),
        lambda oms: oms.runs(297050, fields=["l1_rate", "run_number"]),
        lambda oms: oms.runs((297046, 297057), where="l1_rate > 1000", sort="-l1_rate"),
        lambda oms: oms.runs((297046, 297057), sort="-run_number", limit=2),
        lambda oms: oms.runs(fill=5839),
        lambda oms: oms.runs(limit=3),
        lambda oms: oms.lumisections((315190, 315210), fields=["init_lumi", "pileup"]),
        lambda oms: oms.lumisections(LumiMask({297050: [[12, 20], [700, 705]]})),
        lambda oms: oms.lumisections(297056, limit=7),
        lambda oms: oms.hlt_rates(297050, paths=["HLT_ZeroBias_v5", "HLT_Physics_v6"]),
        lambda oms: oms.hlt_rates(297050, paths="HLT_Zero*"),
        lambda oms: oms.l1_algorithms(306458, bits=[19, 168]),
        lambda oms: oms.l1_rates(297050),
        lambda oms: oms.fills(where="bunches_colliding = null"),
        lambda oms: oms.runs((297046, 297057), where=["era != x", "era != 2017A"]),
        lambda oms: oms.eras(),
        lambda oms: oms.query("hltprescalesets").where("run_number = 297050").fetch(),
    ],
)
@pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")
def test_the_same_rows_come_either_way(dials, direct, proxy, ask):
    """Rows, types, units and gaps are those of OMS; only whole rows are asked for."""
    there, here = ask(direct), ask(dials)
    assert here.arrow.equals(there.arrow)
    assert here.units == there.units
    assert here.gaps == there.gaps
    assert here.complete
    assert proxy.asked
    for asked in proxy.asked:
        assert asked.path.startswith(f"{PATH}/?endpoint=")
        names = [p.partition("[")[0] for p in asked.path.partition("?")[2].split("&")]
        assert {n.partition("=")[0] for n in names} <= {"endpoint", "filter", "page"}


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda q: q("runs").where(field.components.contains("DT")), OperatorError,
         "CT|contains|components"),
        (lambda q: q("runs").include("meta"), UsageError, "include=meta"),
        (lambda q: q("l1triggerrates", 297050).group("run"), UsageError,
         r"group\[granularity\]=run"),
        (lambda q: q("l1triggerrates", 297050).group(size=5), UsageError,
         r"group\[size\]=5"),
        (lambda q: q("runs").custom("x", 5), UsageError, "carry 'x'"),
        (lambda q: q("runs").sort("-run_number").limit(3), UsageError,
         "say in which range"),
        (lambda q: q("paints").options(unchecked=True), UsageError, "DIALS"),
    ],
)  # fmt: skip
def test_what_the_proxy_cannot_carry_is_not_sent(dials, proxy, ask, error, says):
    """It is refused with what to do instead, and nothing has been asked."""
    with pytest.raises(error, match=says):
        ask(dials.query).fetch()
    assert proxy.asked == []


def test_a_plan_without_requests_is_as_good_here():
    """Where no row can match, nothing is asked of anybody."""
    empty = Plan((), empty="nothing fits")
    assert DialsSource("http://here").suited(empty, bundled()["runs"]) is empty


def test_documents_are_not_carried(dials, proxy):
    """The proxy has rows and nothing else."""
    with pytest.raises(UsageError, match="runs/meta"):
        dials.meta("runs")
    assert proxy.asked == []


def test_the_address_is_that_of_the_proxy(dials, proxy):
    """Url and explain() say what is asked, and that rows are sorted here."""
    query = dials.query("runs", 297050).select("l1_rate").sort("-l1_rate")
    assert query.url == (
        f"{proxy.base_of_proxy}/?endpoint=runs&filter[run_number][EQ]=297050"
        "&page[offset]=0&page[limit]=1000"
    )
    told = query.explain()
    assert "asks ?endpoint=runs&filter[run_number][EQ]=297050" in told
    assert "sorted here: -l1_rate" in told
    assert "whole rows, through the proxy of DIALS" in told


def test_order_is_held_where_the_first_few_are_asked_for():
    """A proxy whose rows come in another order does not pass for sorted."""
    body = (
        b'{"data":[{"id":"2","type":"runs","attributes":{"run_number":2}},'
        b'{"id":"1","type":"runs","attributes":{"run_number":1}}],'
        b'"meta":{"totalResourceCount":2}}'
    )
    with serving(lambda _: Response(200, {}, body)) as server:
        oms = Client(f"http://127.0.0.1:{server.port}{PATH}")
        assert oms.runs()["run_number"].to_pylist() == [1, 2]
        with pytest.raises(IncompleteError, match="not sorted"):
            oms.runs(limit=2)
        oms.close()


async def _rows(url):
    async with AsyncClient(url) as oms:
        return len(await oms.runs(297050))


@pytest.mark.anyio
async def test_async(proxy):
    """The other face goes the same way."""
    assert await _rows(proxy.base_of_proxy) == 1


def test_a_dials_login(demo, clock_now):
    """The token of an application is for DIALS, and one for OMS is refused."""
    registry = Registry(
        (
            Application("mine", SECRET, (AUDIENCE, "cmsoms-prod")),
            Application("other", SECRET, ("cmsoms-prod",)),
        ),
        (AUDIENCE, "cmsoms-prod"),
    )
    sso = Sso(registry, now=clock_now)
    gate = LoginGate(sso.key, AUDIENCE)

    def answer(asked):
        request = Request(asked.method, asked.path, asked.headers, asked.body)
        if asked.path.startswith(PREFIX):
            return sso.respond(request)
        token = asked.headers.get("authorization", "")
        return gate.refuse(token, clock_now()) or respond(request, demo)

    with serving(answer) as server:
        url = f"http://127.0.0.1:{server.port}"

        def asking(audience):
            login = ClientCredentials(
                "mine", SECRET, audience, f"{url}{PREFIX}/api-access/token"
            )
            return Client(f"{url}{PATH}", credentials=login)

        with asking(AUDIENCE) as oms:
            assert len(oms.runs(297050)) == 1
        with asking("cmsoms-prod") as oms, pytest.raises(TokenRejectedError):
            oms.runs(297050)
        with Client(f"{url}{PATH}") as oms, pytest.raises(LoginNeededError):
            oms.runs(297050)


@pytest.fixture
def clock_now():
    """A clock that stands still."""
    return lambda: 1_600_000_000.0


def test_a_person_logs_in_to_the_public_application_of_dials(monkeypatch):
    """Device login and Kerberos take the names that cmsdials takes."""
    dials = find_instance("dials")
    assert dials.public == "cms-dials-prod-public-app"
    assert find_instance(dials.base_url).public == dials.public
    assert find_instance(dials.base_url).through_dials
    made = {}

    class Module:
        @staticmethod
        def DeviceAuth(client, **options):  # noqa: N802  # tsgauth's name
            made.update(options, client=client)

    monkeypatch.setattr("omskit.login.chain.load", lambda *_: Module)
    Person(dials).auth()
    assert made["client"] == dials.public
    assert made["target_client_id"] == AUDIENCE


def test_the_name():
    """Client("dials") asks the proxy, with a login for DIALS."""
    with Client("dials") as oms:
        assert isinstance(oms._context().source, DialsSource)
        assert isinstance(oms._login, Chain)
        assert oms.query("eras").url.startswith(
            "https://cmsdials-api.web.cern.ch/api/v1/oms-proxy/?endpoint=eras"
        )


def test_the_official_names_do_not_go_through_dials():
    """The facade says where to go instead."""
    with pytest.raises(ConfigError, match="Client\\('dials'\\)"):
        OMSAPI("dials")


def test_the_doctor_asks_what_the_proxy_carries():
    """Its question is one row of runs."""
    visit = _Visit.__new__(_Visit)
    visit.instance = INSTANCES["dials"]
    assert _question(visit).url.endswith("/oms-proxy/?endpoint=runs&page[limit]=1")


@pytest.mark.parametrize(
    ("tail", "says"),
    [
        ("", "endpoint"),
        ("endpoint=runs&sort=run_number", "'sort'"),
        ("endpoint=runs&fields=run_number", "'fields'"),
        ("endpoint=runs&filter[components][CT]=DT", "filter"),
        ("endpoint=runs&filter[era][NEQ]=a&filter[era][NEQ]=b", "one filter"),
        ("endpoint=nothing", "nothing"),
    ],
)
def test_the_played_proxy_is_strict(demo, tail, says):
    """What cmsdials never sends is refused."""
    answer = respond(Request("GET", f"http://here{PATH}/?{tail}"), demo)
    assert answer.status in {400, 404}
    assert says in answer.body.decode()


def test_the_played_proxy_at_the_address_of_a_service():
    """It is beside OMS, whatever the base path of that."""
    service = Service(demo_service("https://demo.invalid/agg/api/v1").engine)
    tail = "endpoint=runs&filter[run_number][EQ]=297050"
    answer = respond(Request("GET", f"http://here{PATH}?{tail}"), service)
    assert answer.status == 200
    assert b'"id":"297050"' in answer.body


def test_an_order_that_nobody_planned_is_refused():
    """A page that wants sorted rows is none that the proxy has."""
    with pytest.raises(UsageError, match="sort=-run_number"):
        carried(Page(Query("runs").sort("-run_number"), 0, 10))
    unknown = Query("paints").group("run")
    with pytest.raises(UsageError, match=r"group\[granularity\]=run"):
        carried(Page(unknown, 0, 10))
    with pytest.raises(UsageError, match="sort=x"):
        carried(Page(Query("paints").sort("x"), 0, 10))
    twice = Query("runs").where(field.era != "2017A", field.era != "2017B")
    with pytest.raises(OperatorError, match="one filter for each field and operator"):
        carried(Page(twice, 0, 10))


def test_a_refusal_of_the_proxy_is_an_error(proxy, dials):
    """What OMS refuses is an error here as well."""
    query = dials.query("runs", unchecked=True).where(field.nothing == 5)
    with pytest.raises(StatusError, match="400"):
        query.fetch()


def test_the_client_of_dials_asks_the_played_proxy(proxy):
    """The client gets rows from it, a page at a time."""
    pytest.importorskip(
        "cmsdials", reason="cmsdials is not installed (needs urllib3<2)"
    )
    from cmsdials import Dials
    from cmsdials.auth._base import BaseCredentials
    from cmsdials.filters import OMSFilter, OMSPage

    class Nobody(BaseCredentials):
        def apply(self, headers):
            pass

        def refresh(self):
            pass

    there = Dials(Nobody(), base_url=proxy.base_of_proxy.partition("api/")[0])
    run = OMSFilter(attribute_name="run_number", value=297050, operator="EQ")
    found = there.oms.query(
        "lumisections", [run], [OMSPage(attribute_name="limit", value=5)]
    )
    assert [row["id"] for row in found["data"]][::4] == ["297050_1", "297050_5"]
    assert found["meta"]["totalResourceCount"] == 793
