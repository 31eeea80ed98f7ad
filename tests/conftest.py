"""What all tests share: recorded data, settings of hypothesis."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.support.amount import examples

settings.register_profile(
    "omskit",
    max_examples=examples(100),
    deadline=None,  # a slow machine is no bug
    derandomize=True,  # the same examples in every run: a red build stays red
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("omskit")


@pytest.fixture(scope="session")
def anyio_backend():
    """Async tests run on asyncio, as the client does."""
    return "asyncio"


@pytest.fixture(scope="session")
def recorded():
    """The folder of recorded answers of the real OMS, or a skip that says why."""
    folder = os.environ.get("OMSKIT_RECORDED")
    if not folder:
        pytest.skip("OMSKIT_RECORDED names no folder with recorded answers of OMS")
    path = Path(folder)
    if not path.is_dir():
        pytest.skip(f"OMSKIT_RECORDED is {folder}, which is no folder")
    return path
