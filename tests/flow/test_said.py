"""Words are looked up when a query is asked, with the clock as an effect."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from omskit import AsyncClient, Client, Store
from omskit.effects import Now
from omskit.errors import NoRowError, SelectorError, UsageError
from omskit.flow.said import as_said
from omskit.query import Condition, Query
from omskit.query.selectors import selection
from omskit.schema import bundled

pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")

NOW = dt.datetime(2017, 6, 16, 20, 50, tzinfo=dt.UTC)
DAY = dt.date(2017, 6, 16)


def asked(name, newest=7, **which):
    """What a query comes to, and what was looked up for it."""
    looks = []

    def look(query):
        looks.append(query.resource)
        yield from ()
        return pa.table({query.fields[0]: [newest] if newest else []})

    steps = as_said(Query(name, selection=selection(**which)), bundled()[name], look)
    try:
        effect = next(steps)
        assert isinstance(effect, Now)
        steps.send(NOW)
    except StopIteration as end:
        return (*end.value, looks)
    raise AssertionError


@pytest.mark.parametrize(
    ("name", "which", "found", "looks"),
    [
        ("runs", {"runs": "today"}, {"since": DAY, "until": DAY}, []),
        ("runs", {"since": "yesterday"}, {"since": dt.date(2017, 6, 15)}, []),
        ("runs", {"until": "-8h"}, {"until": NOW - dt.timedelta(hours=8)}, []),
        ("lumisections", {"runs": "last fill"}, {"fill": (7, 7)}, ["fills"]),
        ("lumisections", {"fill": "last"}, {"fill": (7, 7)}, ["fills"]),
    ],
    ids=str,
)
def test_words_become_what_they_are(name, which, found, looks):
    """Days by the clock, fills by a look at the newest one; and it is told."""
    query, notes, looked = asked(name, **which)
    assert query == Query(name, selection=selection(**found))
    assert len(notes) == 1
    assert looked == looks


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("runs", "run_number"),
        ("lumisections", "run_number"),
        ("hltprescalesets", "run_number"),
        ("fills", "fill_number"),
    ],
)
def test_the_latest_is_one_number(name, key):
    """Of runs, or of fills where there are no runs."""
    query, notes, _ = asked(name, runs="latest")
    assert query == Query(name, (Condition(key, "EQ", 7),))
    assert notes[0].startswith(f"latest = {key[:-7]} 7 (")


def test_where_there_is_none_it_is_said():
    """An empty OMS, or a resource without runs."""
    with pytest.raises(NoRowError, match="no run"):
        asked("runs", None, runs="latest")
    with pytest.raises(SelectorError, match="neither runs nor fills"):
        asked("eras", runs="latest")
    query = Query("runs", selection=selection(era="2017B"))
    with pytest.raises(StopIteration) as end:
        next(as_said(query, bundled()["runs"], None))
    assert end.value.value == (query, ())


def test_both_clients_take_words_and_receipts_name_what_they_were(tmp_path):
    """So that replaying a receipt asks for the same run, whatever is newest then."""
    with Client("demo") as oms:
        table = oms.runs("latest")
        number = table["run_number"][0]
        assert str(number) in table.receipt.question
        assert oms.replay(table.receipt).same
        assert oms.lumisections("latest", limit=1)["run_number"][0] == number
        assert len(oms.fills("latest")) == 1
        assert len(oms.runs("last fill")) >= 1
        assert len(oms.runs("today")) == 0
        assert f"latest = run {number}" in str(oms.query("runs", "latest").explain())
        with pytest.raises(UsageError, match="is known when it is asked"):
            _ = oms.query("runs", "latest").url
        store = Store(tmp_path / "store", fsync=False)
        assert store.sync(oms, "runs", "latest").part("runs").rows == 1
    import asyncio

    async def latest():
        async with AsyncClient("demo") as there:
            return await there.runs("latest")

    assert asyncio.run(latest())["run_number"][0] == number
