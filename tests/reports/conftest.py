"""Reports of the demo, made once."""

from __future__ import annotations

import datetime as dt

import pytest

from omskit import Client, LumiMask
from omskit.reports import report

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def demo():
    """The demo in this process."""
    with Client("demo") as oms:
        yield oms


@pytest.fixture(scope="session")
def of_run(demo):
    """The report on run 297050 with a certification file and some paths."""
    golden = LumiMask.from_ranges([(297050, 12, 137), (297050, 193, 776)])
    return report(
        demo, run=297050, masks={"golden": golden}, paths="HLT_ZeroBias_v*", now=NOW
    )


@pytest.fixture(scope="session")
def of_fill(demo):
    """The report on fill 5839."""
    return report(demo, fill=5839, now=NOW)
