"""Whatever happens to a sync: nothing is half, nothing is lost, nothing is twice.

``OMSKIT_KILLS=50`` kills so many; the suite kills fewer.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import resource
import signal
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
from tests.support.syncing import RESOURCES, RUNS, sync

from omskit import Client, Store
from omskit.demo import tables
from omskit.engine import Engine
from omskit.errors import StoreError
from omskit.server import running

KILLS = int(os.environ.get("OMSKIT_KILLS", "3"))
KEYS = ("runs", "lumisections", "l1triggerrates", "fills")
pytestmark = [
    pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning"),
    pytest.mark.timeout(60 + 30 * KILLS),
]


@pytest.fixture(scope="module")
def url():
    with Engine(tables()) as engine, running(engine) as there:
        yield there


@pytest.fixture(scope="module")
def processes():
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["omskit.client", "omskit.store", "deltalake"])
    return found


def rows_of(path) -> dict[str, pa.Table]:
    """Every row of a store, in order."""
    store = Store(path)
    return {
        key: store.sql(f"from {key} order by all").arrow
        for key in KEYS
        if key in store._kept.held()
    }


@pytest.fixture(scope="module")
def whole(url, tmp_path_factory):
    """What an uninterrupted sync gives, and how long it takes in a new process."""
    path = tmp_path_factory.mktemp("whole") / "store"
    with Client(url, progress=False) as oms:
        Store(path, fsync=False).sync(oms, RESOURCES, RUNS)
    return rows_of(path)


def begun(processes, url, path):
    """A sync in a process of its own, that has begun."""
    began = processes.Event()
    process = processes.Process(target=sync, args=(url, str(path), began))
    process.start()
    assert began.wait(60)
    return process


def assert_whole(path, whole, url):
    """After a restart the store is what an uninterrupted sync makes."""
    with Client(url, progress=False) as oms:
        assert Store(path, fsync=False).sync(oms, RESOURCES, RUNS).complete
    assert rows_of(path) == whole
    assert Store(path).verify() == []


@pytest.fixture(scope="module")
def duration(processes, url, tmp_path_factory):
    """How long a whole sync takes in a process of its own."""
    path = tmp_path_factory.mktemp("timed") / "store"
    process = begun(processes, url, path)
    start = time.monotonic()
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - start


def killed(processes, url, folder, wait):
    """A store whose sync was killed under way; earlier, where one was over by then."""
    for tries in range(10):
        path = folder / f"store{tries}"
        process = begun(processes, url, path)
        time.sleep(wait / 2**tries)
        process.kill()
        process.join()
        if process.exitcode == -signal.SIGKILL:
            return path
    return pytest.fail("Every sync was over before it could be killed.")


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_sync_that_is_killed_loses_nothing(
    processes, url, whole, duration, tmp_path, seed
):
    """Killed at any moment and started again, the store has every row once."""
    wait = random.Random(seed).uniform(0, duration)
    path = killed(processes, url, tmp_path, wait)
    held = rows_of(path) if (path / "tables").is_dir() and any_table(path) else {}
    for key, found in held.items():
        # No reader ever sees part of a run.
        column = "fill_number" if key == "fills" else "run_number"
        there = whole[key]
        for number in set(found[column].to_pylist()):
            one, other = (
                t.filter(pa.compute.equal(t[column], number)) for t in (found, there)
            )
            assert one == other
    assert_whole(path, whole, url)


def any_table(path):
    return bool(Store(path)._kept.held())


def test_two_syncs_at_once_give_one_store(processes, url, whole, tmp_path):
    """Two processes that fetch the same runs at once leave each run once."""
    path = tmp_path / "store"
    both = [begun(processes, url, path) for _ in range(2)]
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert rows_of(path) == whole
    assert Store(path).verify() == []


def test_readers_beside_a_sync_see_whole_runs(url, whole, tmp_path, monkeypatch):
    """Whoever reads while rows are replaced sees all rows of a run, or none."""
    monkeypatch.setattr("omskit.store.chunks.TARGET", 1)
    path = tmp_path / "store"
    there = whole["lumisections"]
    expected = {
        run: sum(1 for r in there["run_number"].to_pylist() if r == run)
        for run in set(there["run_number"].to_pylist())
    }
    done = threading.Event()
    seen = []

    def read():
        counts = "select run_number, count(*) as n from lumisections group by all"
        while not done.is_set():
            if any_table(path) and "lumisections" in Store(path)._kept.held():
                seen.append(Store(path).sql(counts).to_records())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with Client(url, progress=False) as oms:
            for _ in range(2):
                again = Store(path, fsync=False)
                again.sync(oms, "lumisections", RUNS, recheck="2017-01-01")
    finally:
        done.set()
        reader.join()
    assert seen
    assert all(row["n"] == expected[row["run_number"]] for one in seen for row in one)


def test_a_full_disk_is_an_error_and_loses_nothing(url, whole, tmp_path):
    """Where files cannot grow, the sync says so; what was committed stays."""
    path = tmp_path / "store"
    with Client(url, progress=False) as oms:
        Store(path, fsync=False).sync(oms, "runs", RUNS)
        before = rows_of(path)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            with pytest.raises(StoreError, match=r"Cannot write .*stay\."):
                Store(path, fsync=False).sync(oms, RESOURCES, RUNS)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)
    assert rows_of(path)["runs"] == before["runs"]
    assert_whole(path, whole, url)


@pytest.fixture
def read_only(monkeypatch):
    """A folder that takes no file, for root too: chmod does not stop root."""
    real_open, real_mkdir, real_link = Path.open, Path.mkdir, os.link

    def refuse(*args, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def opened(self, mode="r", *args, **options):
        if set(mode) & set("wxa+"):
            refuse()
        return real_open(self, mode, *args, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(os, "link", refuse)
    return real_open, real_mkdir, real_link


def test_a_read_only_folder_is_read_and_not_written(store, oms, read_only):
    """Where nothing can be written, a store cannot be made, and the message says it."""
    with pytest.raises(StoreError, match=r"Cannot make .*Read-only"):
        store.sync(oms, "runs", 297050)


def test_a_store_that_was_moved_or_made_read_only_is_read(url, whole, tmp_path):
    """Reading needs no write: a copy elsewhere without permissions gives all rows."""
    path = tmp_path / "store"
    with Client(url, progress=False) as oms:
        Store(path, fsync=False).sync(oms, RESOURCES, RUNS)
    moved = tmp_path / "moved"
    path.rename(moved)
    places = [moved, *moved.rglob("*")]
    before = sorted(str(p) for p in places)
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        with Client(f"store:{moved}") as here:
            assert len(here.runs(297050)) == 1
        assert rows_of(moved) == whole
        assert Store(moved).verify() == []
        assert sorted(str(p) for p in [moved, *moved.rglob("*")]) == before
    finally:
        for place in places:
            place.chmod(0o755 if place.is_dir() else 0o644)
