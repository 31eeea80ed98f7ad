"""Questions about one run take words for it."""

from __future__ import annotations

import asyncio
import sys

import pyarrow as pa
import pytest

from omskit import AsyncClient, Client
from omskit.errors import NoRowError, SelectorError, UsageError
from omskit.flow import single
from omskit.lumi import LumiMask

pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")


@pytest.fixture(scope="module")
def oms():
    with Client("demo") as client:
        yield client


def found(oms, given, key="run_number"):
    return oms._driver.run(single(given, key, "lost", oms._context()))


def test_a_number_needs_no_look(oms):
    """Nor does one that is text."""
    for given in (297050, "297050"):
        steps = single(given, "run_number", "lost", oms._context())
        with pytest.raises(StopIteration) as end:
            next(steps)
        assert end.value.value == 297050


def test_latest_is_the_newest(oms):
    """Of runs, and of fills, in any of its spellings."""
    newest = oms.runs(last=1)["run_number"][0]
    assert found(oms, "latest") == found(oms, "Newest") == newest
    fill = oms.fills("latest")["fill_number"][0]
    assert found(oms, "last", "fill_number") == fill


def test_a_word_for_several_is_refused(oms, monkeypatch):
    """The message says which they are."""

    def fetch(*_):
        yield from ()
        return pa.table({"run_number": [7, 5]})

    monkeypatch.setattr(sys.modules["omskit.flow.single"], "fetch", fetch)
    with pytest.raises(SelectorError, match="'yesterday' is 2 of them: 5 to 7"):
        found(oms, "yesterday")


def test_a_word_for_none_is_no_row(oms):
    """The simulated past has no run today."""
    with pytest.raises(NoRowError, match="no run of 'today'"):
        found(oms, "today")


@pytest.mark.parametrize("given", [[1, 2], "1-5", "new", None], ids=str)
def test_what_is_not_one_is_refused(oms, given):
    """Whatever else it is."""
    with pytest.raises(UsageError):
        found(oms, given)


def test_follow_lost_and_the_dcs_check_take_them(oms):
    """Both clients, and what comes is of that run."""
    newest = found(oms, "latest")
    mask = LumiMask({newest: [(1, 10)]})
    assert oms.dcs_check("latest", mask).run == newest
    assert oms.lost("latest").ledger == oms.lost(newest).ledger
    fill = found(oms, "last", "fill_number")
    assert oms.lost(fill="last").ledger.of == f"fill {fill}"
    assert next(oms.follow("latest"))["run_number"][0] == newest

    async def check():
        async with AsyncClient("demo") as client:
            return await client.dcs_check("latest", mask)

    assert asyncio.run(check()).run == newest
