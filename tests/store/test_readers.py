"""Programs that are not ours read the tables of a store."""

from __future__ import annotations

import polars as pl
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")


@pytest.mark.parametrize("key", ["lumisections", "l1triggerrates", "runs", "fills"])
def test_polars_reads_a_table_as_delta(synced, key):
    """The Delta reader of Polars sees the rows and units that SQL sees."""
    path = synced.path / "tables" / key
    found = pl.read_delta(str(path))
    ours = pl.from_arrow(synced.sql(f"from {key} order by all").arrow)
    theirs = found.select(ours.columns).sort(ours.columns, nulls_last=True)
    assert theirs.equals(ours.sort(ours.columns, nulls_last=True))
    assert len(theirs)


def test_polars_prunes_by_block(synced, oms):
    """A lazy scan that names a block reads the rows of that block."""
    synced.sync(oms, "lumisections", 306458)
    scan = pl.scan_delta(str(synced.path / "tables" / "lumisections"))
    found = scan.filter(pl.col("run_block") == 306).collect()
    assert found["run_number"].unique().to_list() == [306458]
