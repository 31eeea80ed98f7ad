"""A store stays quick and small, and readers see the same rows."""

from __future__ import annotations

import datetime as dt
import shutil

import pytest

from omskit import Client
from omskit.errors import StoreError, UsageError
from omskit.store import Store
from omskit.store.log import StoredFile
from omskit.store.maintenance import groups

NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")


@pytest.fixture(scope="module")
def pieces_once(tmp_path_factory):
    """The folder of a store of many small syncs, to be copied for each test."""
    made = Store(tmp_path_factory.mktemp("pieces") / "store", fsync=False)
    made._now = lambda: NOW
    with Client("demo") as oms:
        for run in (297053, 297050, 297052, 297051):
            made.sync(oms, "lumisections,hltprescalesets,downtimes", run)
    return made.path


@pytest.fixture
def pieces(store, pieces_once):
    """A store of many small syncs."""
    shutil.copytree(pieces_once, store.path, dirs_exist_ok=True)
    return store


def files(store, key):
    return store._kept.folder(key).files(store._kept.layout(key).column)


def test_compacting_makes_one_file_of_a_block(pieces, oms):
    """Many small files become one, in order, with the rows that there were."""
    assert len(files(pieces, "lumisections")) == 4
    made = pieces.compact()
    assert made.before > made.after
    assert f"{made.before} files became {made.after}" in str(made)
    assert len(files(pieces, "lumisections")) == 1
    assert pieces.verify() == []
    with Client(f"store:{pieces.path}") as here:
        runs = (297050, 297053)
        assert here.lumisections(runs) == oms.lumisections(runs)
        relation = here._service.engine._relations.relation("lumisections", None)
        assert relation.ordered
    assert pieces.compact().before == made.after


def test_a_sync_after_compacting_goes_on(pieces, oms, clock):
    """What was compacted is replaced like any other rows."""
    pieces.compact()
    clock.pass_days(2)
    pieces.sync(oms, "lumisections", (297050, 297053))
    assert pieces.verify() == []
    assert pieces.sync(oms, "lumisections", (297050, 297052)).requests == 0


def test_old_versions_go_and_new_ones_stay(pieces):
    """After a vacuum the newest version is whole, and it says what else there is."""
    pieces.compact()
    pieces._now = lambda: dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
    made = pieces.vacuum(keep_days=2)
    assert made.files == 0
    assert "2026-11-28 00:00 UTC or later" in str(made)
    assert pieces.verify() == []
    with pytest.raises(UsageError, match="at least 1"):
        pieces.vacuum(keep_days=0)


def test_rows_that_changed_meanwhile_are_not_overwritten(pieces, oms, monkeypatch):
    """A block that somebody syncs while it is sorted keeps the newer rows."""
    from omskit.store import maintenance

    real = maintenance._rewrite

    def late(kept, layout, block, found):
        pieces.sync(oms, "lumisections", 297050, recheck="2017-01-01")
        real(kept, layout, block, found)

    monkeypatch.setattr(maintenance, "_rewrite", late)
    with pytest.raises(StoreError, match="somebody else changed these rows"):
        pieces.compact()
    assert pieces.verify() == []


def test_files_are_grouped_by_rows_and_never_torn():
    """A group has keys of its own and about so many rows; alone a file stays."""
    spans = [(1, 2, 5), (3, 4, 5), (5, 9, 5), (6, 7, 9), (10, 10, 1), (11, 12, 10)]
    made = [StoredFile(str(n), r, a, b) for n, (a, b, r) in enumerate(spans)]
    found = groups(made, most=10)
    assert [[int(f.path) for f in group] for group in found] == [[0, 1], [2, 3]]
