"""Clients that are not ours see one OMS, whether a store answers or the demo does."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omskit import Client, Store
from omskit.demo import tables
from omskit.engine import Engine
from omskit.query import Condition, Query
from omskit.query.url import encode
from omskit.server import running

pytestmark = [
    pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning"),
    # Those clients are older than the Python they run on.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PLAIN = {
    "runs": ("run_number", "fill_number", "hlt_key", "l1_rate", "stable_beam"),
    "lumisections": ("run_number", "lumisection_number", "cms_active", "init_lumi"),
    "fills": ("fill_number", "peak_pileup", "injection_scheme"),
}
"""Attributes that every client hands on as they came."""

Rows = list[dict[str, object]]


@pytest.fixture(scope="module")
def demo():
    """The address of a service over the demo."""
    with Engine(tables()) as engine, running(engine) as url:
        yield url


@pytest.fixture(scope="module")
def store(demo, tmp_path_factory):
    """What was synced from that service."""
    found = Store(tmp_path_factory.mktemp("rows") / "store", fsync=False)
    with Client(demo, progress=False) as oms:
        assert found.sync(oms, sorted(PLAIN)).complete
    return found


@pytest.fixture(scope="module")
def stored(store):
    """The address of a service over that store."""
    with store.engine() as engine, running(engine) as url:
        yield url


@pytest.fixture(scope="module")
def here(store):
    with Client(f"store:{store.path}", audit=False, units="raw") as oms:
        yield oms


def by_omsapi(url: str, query: Query, limit: int) -> Rows:
    """Rows by the official client."""
    omsapi = pytest.importorskip("omsapi", reason="omsapi is not installed")
    oms = omsapi.OMSAPI(url.removesuffix("/v1"), "v1", verbose=False)
    asked = oms.query(query.resource)
    for condition in query.conditions:
        asked.filter(condition.field, condition.value, condition.op)
    for key in query.order:
        asked.sort(key.lstrip("-"), asc=not key.startswith("-"))
    asked.paginate(page=1, per_page=limit)
    return [row["attributes"] for row in asked.data().json()["data"]]


def by_jsonapi_client(url: str, query: Query, limit: int) -> Rows:
    """Rows by jsonapi-client."""
    client = pytest.importorskip("jsonapi_client", reason="it is not installed")
    _, _, tail = encode(query, 0, limit).partition("?")
    with client.Session(url) as session:
        document = session.get(query.resource, client.Modifier(tail))
        # It leaves out what is null.
        return [
            {n: row.json["attributes"].get(n) for n in PLAIN[query.resource]}
            for row in document.resources
        ]


def by_jsonapi_requests(url: str, query: Query, limit: int) -> Rows:
    """Rows by jsonapi-requests."""
    client = pytest.importorskip("jsonapi_requests", reason="it is not installed")
    api = client.Api.config({"API_ROOT": url, "TIMEOUT": 60})
    _, _, tail = encode(query, 0, limit).partition("?")
    # It puts a slash behind every path.
    answer = api.endpoint(query.resource).get(params=parse_qsl(tail))
    return [dict(row.attributes) for row in answer.data]


def by_json_api_doc(url: str, query: Query, limit: int) -> Rows:
    """Rows by json-api-doc, which reads what others fetch."""
    reader = pytest.importorskip("json_api_doc", reason="it is not installed")
    requests = pytest.importorskip("requests", reason="it is not installed")
    answer = requests.get(f"{url}/{encode(query, 0, limit)}", timeout=60)
    return reader.deserialize(answer.json())


CLIENTS = [by_omsapi, by_jsonapi_client, by_jsonapi_requests, by_json_api_doc]


@st.composite
def queries(draw):
    name = draw(st.sampled_from(sorted(PLAIN)))
    key, first = ("fill_number", 5830) if name == "fills" else ("run_number", 297048)
    query = Query(name)
    if name == "lumisections" or draw(st.booleans()):
        op = draw(st.sampled_from(["EQ", "GE", "LT"]))
        query = query.where(Condition(key, op, draw(st.integers(first, first + 12))))
    if draw(st.booleans()):
        query = query.sort(draw(st.sampled_from([key, f"-{key}"])))
    return query


@pytest.mark.parametrize("rows_by", CLIENTS, ids=lambda f: f.__name__)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(query=queries(), limit=st.integers(1, 60))
def test_a_store_is_oms_to_every_client(demo, stored, here, rows_by, query, limit):
    """Rows over the store are those over the service that they came from, and ours."""
    names = PLAIN[query.resource]

    def plain(rows):
        return [{name: row[name] for name in names} for row in rows]

    theirs = plain(rows_by(stored, query, limit))
    assert theirs == plain(rows_by(demo, query, limit))
    ours = here.bind(query.limit(limit)).fetch()
    assert theirs == plain(ours.to_records())
