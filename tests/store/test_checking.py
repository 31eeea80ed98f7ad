"""What is there, whether it is right, and the file system below."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from omskit.errors import StoreError
from omskit.store import Store
from omskit.store.kept import Kept
from omskit.store.probe import probe


def parquet(store, key):
    found = store._kept.folder(key).files(store._kept.layout(key).column)
    return [Path(file.path) for file in found]


def test_info_says_what_there_is(synced):
    """Rows, runs, files, sizes and what the file system can do are told."""
    found = synced.info()
    assert found.simulated
    assert found.file_system["refuses"]
    runs = next(t for t in found.tables if t.key == "runs")
    assert (runs.rows, runs.spans, runs.files) == (7, ((297050, 297056),), 1)
    assert "runs: 7 rows (0 final) of 297050-297056; 1 files" in str(found)


def test_a_store_as_it_was_made_is_right(synced):
    """Nothing is found in a store that nobody touched."""
    assert synced.verify() == []


def test_rows_that_were_lost_or_changed_are_found_and_repaired(synced, oms):
    """What is not what was fetched is named, and fetched again after a repair."""
    other = Store(synced.path.parent / "other", fsync=False)
    other.sync(oms, "lumisections", (297050, 297051))
    source, target = parquet(other, "lumisections")[0], parquet(synced, "lumisections")
    shutil.copy(source, target[0])
    found = [str(problem) for problem in Store(synced.path).verify()]
    assert any("the log says" in text for text in found)
    assert any("297056: 0 rows" in text for text in found)
    assert Store(synced.path).repair()
    synced.sync(oms, "lumisections", (297050, 297056))
    assert Store(synced.path).verify() == []


def test_a_file_that_is_gone_is_found(synced):
    """A missing file is a problem of its runs, not a crash."""
    parquet(synced, "runs")[0].unlink()
    found = [str(problem) for problem in synced.verify()]
    assert any("cannot read" in text for text in found)


def test_coverage_that_was_never_written_is_healed(synced, oms, monkeypatch):
    """A sync that dies between data and coverage leaves nothing to be fetched."""

    def die(self, held):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Kept, "record", die)
        with pytest.raises(KeyboardInterrupt):
            synced.sync(oms, "runs", (315190, 315200))
    assert any("nobody said are all" in str(p) for p in synced.verify())
    assert synced._kept.heal("runs") == 1
    assert synced._kept.heal("runs") == 0
    assert synced.verify() == []
    assert synced._kept.coverage("runs").missing([(315190, 315200)]) == []


def test_maintenance_is_done_by_one(synced):
    """While one repairs, another is refused, and told of the file."""
    with synced._kept.maintained(), pytest.raises(StoreError, match=r"\.lock"):
        synced.repair()
    assert synced.repair() == []


def test_where_there_is_no_store_is_said(tmp_path):
    """Asked about a folder that holds none, the command that makes one is named."""
    with pytest.raises(StoreError, match="oms sync RESOURCES RUNS --store"):
        Store(tmp_path / "nothing").info()
    with pytest.raises(StoreError, match="There is no store"):
        Store(tmp_path / "nothing").verify()


def test_stores_of_another_format_are_refused(synced):
    """What another omskit made is not read by guess."""
    (synced.path / "omskit-store.json").write_text('{"format": 99}')
    with pytest.raises(StoreError, match="its format is 99"):
        synced.info()
    (synced.path / "omskit-store.json").write_text("{")
    with pytest.raises(StoreError, match="Cannot read"):
        synced.info()


def test_a_local_disk_holds_a_store(tmp_path):
    """The probe finds links that are refused twice, and leaves nothing behind."""
    assert probe(tmp_path).holds
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["no links", "links twice"])
def test_a_file_system_that_would_lose_rows_is_refused(store, oms, monkeypatch, kind):
    """Without links that fail where the name is taken, nothing is written."""

    def link(source, target):
        if kind == "no links":
            raise PermissionError
        shutil.copy(source, target)

    monkeypatch.setattr(os, "link", link)
    reason = "no hard links" if kind == "no links" else "can be taken again"
    with pytest.raises(StoreError, match=reason):
        store.sync(oms, "runs", 297050)
    assert not (store.path / "tables").exists()


def test_what_is_not_read_back_is_refused(store, oms, monkeypatch):
    """A file system that gives back something else is no place for data."""
    monkeypatch.setattr(Path, "read_bytes", lambda self: b"")
    with pytest.raises(StoreError, match="not what is read"):
        store.sync(oms, "runs", 297050)


def test_a_file_system_without_fsync_is_told(tmp_path, monkeypatch):
    """Where fsync fails, the probe says so."""

    def fail(number):
        raise OSError

    monkeypatch.setattr(os, "fsync", fail)
    assert not probe(tmp_path).syncs


def test_the_mark_says_what_the_store_is(synced):
    """The file at the top is JSON that names format and origin."""
    mark = json.loads((synced.path / "omskit-store.json").read_text())
    assert (mark["format"], mark["simulated"]) == (1, True)
