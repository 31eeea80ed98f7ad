"""A small OMS: hand-made rows of resources of the catalogue."""

import datetime as dt
import json
from urllib.parse import quote

import pyarrow as pa
import pytest

from omskit.effects import Request
from omskit.engine import Engine
from omskit.schema import TIME
from omskit.server import Service, Switches, respond
from omskit.server.sso.tokens import SigningKey

BASE = "http://oms.example:8321/agg/api/v1"
LUMI = "10^{30}cm^{-2}s^{-1}"


def times(*seconds):
    """A column of times."""
    start = dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)
    return pa.array(
        [None if s is None else start + dt.timedelta(seconds=s) for s in seconds], TIME
    )


def make_tables():
    """Three runs of two fills, five lumisections, and rates."""
    lumisections = {
        "run_number": [297050, 297050, 297050, 297056, 297056],
        "lumisection_number": [1, 2, 3, 1, 2],
        "fill_number": [5839, 5839, 5839, 5840, 5840],
        "init_lumi": [6885.2, 6880.0, None, 100.0, 90.0],
        "init_lumi@unit": [LUMI, LUMI, None, LUMI, LUMI],
        "cms_active": [True, True, None, False, True],
    }
    rates = {
        "run_number": [297050, 297050],
        "first_lumisection_number": [1, 2],
        "last_lumisection_number": [1, 2],
        "l1a_physics_counter": [557503, None],
        "l1a_physics_rate": [23916.926, None],
    }
    bits = {
        "run_number": [297050, 297050],
        "bit": [18, 19],
        "name": ["L1_NotBptxOR", "L1_ZeroBias"],
        "first_lumisection_number": [1, 1],
    }
    return {
        "runs": pa.table(
            {
                "run_number": [297050, 297055, 297056],
                "fill_number": [5839, None, 5840],
                "era": ["2017B", None, "2017B"],
                "start_time": times(0, None, 0.000005),
                "components": [["DAQ", "TRG"], [], None],
                "l1_rate": [49130.85, None, 60997.938],
                "stable_beam": [True, False, None],
                "hlt_key": ["/cdaq/a", None, "/cdaq/b"],
                "delivered_lumi": [106.1, None, 8.1],
                "delivered_lumi@unit": ["pb^{-1}", None, r"{\mu}b^{-1}"],
            }
        ),
        "lumisections": pa.table(lumisections),
        "fills": pa.table({"fill_number": [5839, 5840], "b_field": [3.8, None]}),
        "eras": pa.table({"name": ["2017B", "odd/name & more"]}),
        "l1triggerrates": pa.table(rates),
        "l1triggerrates@run": pa.table(rates).slice(0, 1),
        "l1algorithmtriggers": pa.table(bits),
        "l1algorithmtriggers@run": pa.table(bits),
        "hltprescalesets": pa.table(
            {
                "path_name": ["HLT_A", "HLT_B"],
                "prescales": ['[{"prescale":2}]', None],
                "run_number": [297050, 297056],
            }
        ),
        "hltconfigdata": pa.table(
            {
                "config_name": ["/cdaq/a", "/cdaq/a", "/cdaq/b"],
                "path_name": ["HLT_A", "HLT_B", "HLT_A"],
                "stream_name": ["S", None, "S"],
            }
        ),
        "datasetrates": pa.table(
            {
                "run_number": [297050, 297050, 297056],
                "dataset_name": ["ZeroBias", "JetHT", "MET"],
                "first_lumisection_number": [1, 1, 1],
            }
        ),
    }


@pytest.fixture(scope="session")
def engine():
    """One engine for all tests: nothing changes it."""
    with Engine(make_tables()) as made:
        yield made


@pytest.fixture
def service(engine):
    """The service with its usual switches."""
    return Service(engine, BASE)


class Asked:
    """An answer, read."""

    def __init__(self, response):
        self.response = response
        self.status = response.status
        self.document = json.loads(response.body)

    @property
    def rows(self):
        return self.document["data"]

    @property
    def ids(self):
        return [row["id"] for row in self.rows]

    @property
    def total(self):
        return self.document["meta"]["totalResourceCount"]

    @property
    def links(self):
        return self.document["links"]

    @property
    def error(self):
        (error,) = self.document["errors"]
        assert error["status"] == str(self.status)
        return error["detail"]


@pytest.fixture
def ask(service):
    """Ask the service for a path with parameters, given as text or as pairs."""

    def asking(path, parameters="", of=service, **switches):
        if switches:
            of = Service(of.engine, of.base_url, switches=Switches(**switches))
        if not isinstance(parameters, str):
            parameters = "&".join(f"{k}={quote(str(v))}" for k, v in parameters)
        url = f"{BASE}/{path}" + (f"?{parameters}" if parameters else "")
        return Asked(respond(Request("GET", url), of))

    return asking


class Time:
    """A clock that is put forward by hand."""

    def __init__(self):
        self.now = 1_500_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """The time of the login service."""
    return Time()


@pytest.fixture(scope="module")
def key():
    """What signs: a new one takes its time."""
    return SigningKey()
