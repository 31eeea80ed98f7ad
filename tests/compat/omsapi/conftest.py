"""The demo on a socket, and both clients that ask it."""

from __future__ import annotations

import warnings

import pytest

from omskit.compat.omsapi import OMSAPI
from omskit.drivers.engine_source import demo_service
from omskit.errors import OMSWarning
from omskit.server import running


@pytest.fixture(scope="package")
def served():
    """The address of the demo, without its version."""
    with running(demo_service("https://demo.invalid/agg/api/v1").engine) as url:
        yield url.removesuffix("/v1")


@pytest.fixture
def facade(served):
    """The client of omskit with the official names."""
    api = OMSAPI(served, verbose=False)
    yield api
    api.close()


@pytest.fixture
def official(served):
    """The official client."""
    omsapi = pytest.importorskip("omsapi", reason="omsapi is not installed")
    return omsapi.OMSAPI(served, verbose=False)


@pytest.fixture(params=["official", "facade"])
def api(request):
    """Each of the two clients."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def quiet():
    """Ten rows of more are meant here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OMSWarning)
        yield
