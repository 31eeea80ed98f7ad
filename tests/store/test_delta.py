"""Commits: whole or not at all, and never cast."""

from __future__ import annotations

import json
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omskit.errors import StoreError
from omskit.store import delta as delta_module
from omskit.store.delta import DeltaFolder, Written

SCHEMA = pa.schema([("run_block", pa.int64()), ("run_number", pa.int64())])
HOW = Written(SCHEMA, block="run_block", column="run_number", replaces="")


def rows(*runs):
    return pa.table({"run_block": [r // 1000 for r in runs], "run_number": list(runs)})


def replacing(first, last):
    where = f"run_number >= {first} AND run_number <= {last}"
    return Written(SCHEMA, "run_block", "run_number", where)


def runs_in(folder):
    files = folder.files("run_number")
    tables = [pq.ParquetFile(f.path).read() for f in files]
    return sorted(n for t in tables for n in t["run_number"].to_pylist())


@pytest.fixture
def folder(tmp_path):
    return DeltaFolder(tmp_path / "table", fsync=False)


def test_rows_lie_in_the_order_in_which_they_were_given(folder):
    """Of a table in several pieces, too: deltalake writes whichever comes first."""
    several = pa.concat_tables([rows(*range(a, a + 900)) for a in range(0, 9000, 900)])
    folder.commit(several, HOW)
    for file in folder.files("run_number"):
        found = pq.ParquetFile(file.path).read()["run_number"].to_pylist()
        assert found == sorted(found)


def test_a_commit_replaces_what_it_names(folder):
    """Rows of a span take the place of those that were there; others stay."""
    folder.commit(rows(1001, 1002, 2001), HOW)
    folder.commit(rows(1002, 1002), replacing(1002, 1999))
    assert runs_in(folder) == [1001, 1002, 1002, 2001]
    assert [f.first for f in folder.files("run_number")] == [1001, 2001]


@pytest.mark.parametrize(
    "column",
    [pa.array([1.5]), pa.array(["7"]), pa.array([True]), pa.array([7], pa.int32())],
    ids=["fraction", "text", "flag", "narrow"],
)
def test_nothing_is_cast(folder, column):
    """What Delta Lake would cast without a word is refused by name."""
    wrong = pa.table({"run_block": [0], "run_number": column})
    with pytest.raises(StoreError, match=r"run_number is .* must be int64"):
        folder.commit(wrong, HOW)
    assert not folder.exists


def test_a_column_that_lacks_is_named(folder):
    """Rows without a column of the table are refused."""
    with pytest.raises(StoreError, match="no column 'run_block'"):
        folder.commit(rows(1).drop_columns(["run_block"]), HOW)


def test_a_new_column_widens_the_table(folder):
    """A column that came later is null in older rows; another type is refused."""
    folder.commit(rows(1001), HOW)
    folder.commit(rows(1002).append_column("new", pa.array(["x"])), HOW)
    assert "new" in folder.schema().names
    with pytest.raises(StoreError, match="has new as string, and it came as int64"):
        folder.commit(rows(1003).append_column("new", pa.array([1])), HOW)
    assert runs_in(folder) == [1001, 1002]


def test_writers_of_one_block_all_get_through(folder):
    """Threads that replace the same runs again and again leave each run once."""
    folder.commit(rows(1001, 1002), HOW)

    def write():
        other = DeltaFolder(folder.path, fsync=False)
        for _ in range(5):
            other.commit(rows(1001, 1002), replacing(1001, 1002))

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs_in(folder) == [1001, 1002]
    assert folder.version == 15


def test_who_never_gets_through_is_told(folder, monkeypatch):
    """After many conflicts a commit gives up, and nothing of it is there."""
    folder.commit(rows(1001), HOW)
    monkeypatch.setattr(delta_module, "ATTEMPTS", 2)
    monkeypatch.setattr(delta_module.time, "sleep", lambda _: None)
    real = DeltaFolder._write

    def beaten(self, module, target, table, how):
        other = DeltaFolder(self.path, fsync=False)
        monkeypatch.setattr(DeltaFolder, "_write", real)
        other.commit(rows(1001), replacing(1001, 1001))
        monkeypatch.setattr(DeltaFolder, "_write", beaten)
        real(self, module, target, table, how)

    monkeypatch.setattr(DeltaFolder, "_write", beaten)
    with pytest.raises(StoreError, match="2 times somebody else wrote first"):
        folder.commit(rows(1001, 1001), replacing(1001, 1001))
    assert runs_in(folder) == [1001]


def test_a_commit_is_on_the_disk(tmp_path, monkeypatch):
    """New files, their folders and the log entry are synced, in that order."""
    synced = []
    monkeypatch.setattr(delta_module, "sync_path", synced.append)
    folder = DeltaFolder(tmp_path / "table")
    folder.commit(rows(1001), HOW)
    names = [path.name for path in synced]
    assert names[0].endswith(".parquet")
    assert names[1] == f"{folder.version:020d}.json"
    assert {"run_block=1", "_delta_log", "table"} <= set(names[2:])


def test_a_folder_that_was_left_empty_is_no_table(folder):
    """Who dies before the first commit leaves a folder; the next one goes on."""
    (folder.path / "_delta_log").mkdir(parents=True)
    assert not folder.exists
    assert folder.version == -1
    folder.commit(rows(1001), HOW)
    assert runs_in(folder) == [1001]


def test_notes_stay_in_the_log(folder):
    """What is said with a commit is read from the log, later than a version."""
    folder.commit(rows(1001), HOW)
    version = folder.commit(rows(1002), Written(SCHEMA, "run_block", note="held"))
    assert folder.notes(after=version - 1) == [(version, "held")]
    assert folder.notes(after=version) == []


def test_tables_that_ask_for_more_are_refused(folder):
    """A table that another program made newer is refused by its number."""
    folder.commit(rows(1001), HOW)
    log = folder.path / "_delta_log" / f"{folder.version + 1:020d}.json"
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors"],
        "writerFeatures": ["deletionVectors"],
    }
    log.write_text(json.dumps({"protocol": protocol}) + "\n")
    with pytest.raises(StoreError, match="reader version 3"):
        folder.fresh()


def test_a_folder_that_is_no_table_is_named(tmp_path):
    """What cannot be opened is a StoreError with the folder in it."""
    with pytest.raises(StoreError, match=r"Cannot read .*nothing"):
        DeltaFolder(tmp_path / "nothing").table()
    assert DeltaFolder(tmp_path / "nothing").version == -1


def test_who_makes_a_table_second_adds_to_it(tmp_path, monkeypatch):
    """Of two writers that both find no table, one makes it, the other looks again."""
    DeltaFolder(tmp_path / "t").commit(rows(1001), HOW)
    seen = iter([False])
    real = delta_module.has_commits
    monkeypatch.setattr(
        delta_module, "has_commits", lambda path: next(seen, True) and real(path)
    )
    other = DeltaFolder(tmp_path / "t")
    assert other.commit(rows(1002), HOW) == 1
    assert runs_in(other) == [1001, 1002]
