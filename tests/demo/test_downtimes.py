"""Downtimes of the demo beside its luminosity."""

from __future__ import annotations

import pyarrow.compute as pc
import pytest

from omskit import Client
from omskit.demo import tables


@pytest.mark.parametrize("run", [297050, 315270, 386694])
def test_a_downtime_is_a_part_of_the_deadtime(run: int) -> None:
    """All that the downtimes of a run claim, its ledger books as deadtime."""
    with Client("demo") as oms:
        found = oms.lost(run)
    rows = [row for table in found.downtimes for row in table]
    assert len(rows) == 3
    claimed = sum(row["lost_lumi"] for row in rows)
    (deadtime,) = (e for e in found.ledger.entries if e.cause == "deadtime")
    assert 0 < claimed <= deadtime.lumi_pb


def test_a_downtime_is_as_long_as_it_says() -> None:
    """From start to stop are the seconds of its duration, at most a lumisection."""
    for row in tables()["downtimes"].to_pylist():
        length = (row["stop_time"] - row["start_time"]).total_seconds()
        assert 0 < length == row["duration"] <= 24


def test_each_list_has_its_runs() -> None:
    """Runs of Run 2 are in one list, those of Run 3 in the other."""
    with Client("demo") as oms:
        old, new = (
            oms.query(name).fetch()["start_run_number"].arrow
            for name in ("downtimes", "downtimesrun3")
        )
    assert pc.max(old).as_py() < 355100 <= pc.min(new).as_py()
