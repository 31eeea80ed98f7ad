"""The demo service against recorded answers of the real one, envelope and all.

The recordings (ML4DQMDC-PixelAE, omsapi/example.ipynb @af49037, February 2024, from
vocms0185) are no part of the project: OMSKIT_RECORDED names their folder.
"""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from omskit.demo import tables
from omskit.effects import Request
from omskit.engine import Engine
from omskit.server import Service, Switches, respond, running

HOST = "https://vocms0185.cern.ch/agg/api/v1"
RUNS = "runs?filter[run_number][GE]=297050&filter[run_number][LE]=297056"
LUMISECTIONS = (
    "lumisections/?filter[run_number][GE]=315190&filter[run_number][LE]=315290"
)


@pytest.fixture(scope="module")
def real_like():
    """The demo as if it were the recorded host, with its double scheme in links."""
    with Engine(tables()) as engine:
        yield Service(engine, HOST, switches=Switches(double_scheme=True))


def meaning(url):
    """What a link says, whatever the order in which it says it."""
    if url is None:
        return None
    parts = urlsplit(url)
    parameters = parse_qs(parts.query)
    words = {k: sorted(v[0].split(",")) for k, v in parameters.items()}
    return parts._replace(query="").geturl(), words


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("runs_cell3", "runs?filter[run_number][EQ]=297050"),
        ("runs_cell4", "runs?filter[run_number]=297050&fields=l1_rate,l1_menu"),
        (
            "runs_cell5",
            RUNS + "&fields=l1_rate,l1_menu",
        ),
        (
            "lumisections_cell7",
            LUMISECTIONS + "&fields=fill_number,run_number,lumisection_number",
        ),
    ],
)
def test_the_answer_is_the_recorded_one(recorded, real_like, name, path):
    """Rows, ids, units, relationships, counts and links are those of the real OMS."""
    real = json.loads((recorded / "recorded" / f"{name}_af49037.json").read_text())
    url = f"{HOST}/{path}&page[offset]=0&page[limit]=1000"
    ours = json.loads(respond(Request("GET", url), real_like).body)
    assert ours["data"] == real["data"]
    assert ours["meta"] == real["meta"]
    links = {key: meaning(link) for key, link in ours["links"].items()}
    assert links == {key: meaning(link) for key, link in real["links"].items()}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lumisection_297050_1_attributes", "lumisections"),
        ("l1triggerrates_297050_ls1_attributes", "l1triggerrates"),
    ],
)
def test_the_attributes_are_the_recorded_ones(recorded, real_like, name, path):
    """All attributes of lumisection 1, as its one-row request gave them."""
    real = json.loads((recorded / "recorded" / f"{name}_af49037.json").read_text())[
        "attributes"
    ]
    url = f"{HOST}/{path}?filter[run_number]=297050&filter[lumisection_number]=1"
    (row,) = json.loads(respond(Request("GET", url), real_like).body)["data"]
    assert row["attributes"] == real


def test_the_official_client_reads_all_lumisections(real_like):
    """The real omsapi pages through 4655 rows over HTTP, with its filters on."""
    omsapi = pytest.importorskip("omsapi")
    with running(real_like.engine) as base:
        api = omsapi.OMSAPI(base.removesuffix("/v1"), "v1", verbose=False)
        ids = set()
        for page in range(1, 7):
            query = api.query("lumisections")
            query.attrs(["run_number"])
            query.filter("run_number", 315190, "GE").filter("run_number", 315290, "LE")
            document = query.paginate(page=page, per_page=1000).data().json()
            assert document["meta"]["totalResourceCount"] == 4655
            ids.update(row["id"] for row in document["data"])
    assert len(ids) == 4655
