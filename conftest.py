"""What doctests and tests share: a clean environment, and what a warning means."""

from __future__ import annotations

import gc
import os
from uuid import uuid4

import pytest

_LEAKS = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


@pytest.fixture(autouse=True)
def _own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep the user's settings, proxies and configuration out of the tests."""
    for name in list(os.environ):
        if name.startswith("OMSKIT_") and name != "OMSKIT_RECORDED":
            monkeypatch.delenv(name)
    for name in _LEAKS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    home = tmp_path_factory.getbasetemp() / "home"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state" / uuid4().hex))
    monkeypatch.setenv("MPLBACKEND", "agg")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An example may show data that omskit has something to say about."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            item.add_marker(
                pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")
            )


def pytest_collection_finish() -> None:
    """What was collected stays to the end: the collector of garbage passes it over."""
    gc.collect()
    gc.freeze()
