"""Syncs and fetches on Dask workers, each a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import warnings
from dataclasses import replace

import distributed
import pyarrow as pa
import pytest

from omskit import Client, Store, cluster
from omskit.demo import tables
from omskit.drivers import LocalSender
from omskit.effects import Request, Response
from omskit.engine import Engine
from omskit.errors import (
    IncompleteError,
    NotSyncedError,
    OMSWarning,
    SelectorError,
    StoreError,
    UnknownFieldError,
    UsageError,
)
from omskit.login.kinds import BearerToken
from omskit.query import Condition, Query
from omskit.server import Front, running
from omskit.server.bounds import Limits
from omskit.server.service import Service
from omskit.store import chunks

RUNS = (297050, 297056)
NAMES = "lumisections,fills"
ONE = Query("runs").where(Condition("run_number", "EQ", 297050))
KEYS = ("runs", "lumisections", "fills")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # what Dask warns of is not ours
    pytest.mark.timeout(240),
]


@pytest.fixture(scope="module")
def dask():
    """Two processes that work."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
        ) as local,
        distributed.Client(local) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def url():
    """A service that refuses a third request: one may still be leaving."""
    front = Front(limits=Limits(concurrency=2))
    with Engine(tables()) as engine, running(engine, front=front) as there:
        yield there


@pytest.fixture
def small(monkeypatch):
    """A piece for each run."""
    monkeypatch.setattr(chunks, "TARGET", 1)


def rows_of(store):
    return {key: store.sql(f"from {key} order by all").arrow for key in KEYS}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What one process makes of it."""
    store = Store(tmp_path_factory.mktemp("whole") / "store", fsync=False)
    with Client("demo") as oms:
        store.sync(oms, NAMES, RUNS)
    return store


def test_workers_make_the_same_store_and_ask_by_turns(
    dask, url, tmp_path, whole, small
):
    """With one request in flight a service that refuses a third one refuses none."""
    store = Store(tmp_path / "store", fsync=False)
    told = []
    with Client(url, retries=0, page_size=100) as oms:
        report = cluster.sync(
            dask, store, oms, NAMES, RUNS, in_flight=1, tell=lambda *a: told.append(a)
        )
    assert report.complete, str(report)
    assert len(told) == 9
    assert rows_of(store) == rows_of(whole)
    assert store.verify() == []


def test_rows_of_workers_are_those_of_the_client(dask, whole):
    """A fetch on workers has the rows of the client, in order, and keeps integers."""
    with Client("demo", audit=False) as oms:
        found = cluster.fetch(dask, oms, "lumisections", RUNS, runs_a_task=4)
        table = oms.lumisections(RUNS)
    assert found.npartitions == 2
    frame = found.compute(scheduler=dask)
    assert list(frame.columns) == table.columns
    for name in ("run_number", "lumisection_number", "recorded_lumi"):
        came = pa.array(frame[name], from_pandas=True)
        assert came.to_pylist() == table[name].to_pylist(), name
    assert str(frame["run_number"].dtype) == "int64[pyarrow]"


def test_a_worker_that_is_killed_loses_nothing(dask, tmp_path, whole, small):
    """Another worker does again what was not committed, and nothing is there twice."""
    store = Store(tmp_path / "store", fsync=False)
    killed = []

    def tell(rows, expected, name):
        if name == "lumisections" and not killed:
            killed.append(min(dask.run(os.getpid).values()))
            os.kill(killed[0], signal.SIGKILL)

    with Client("demo") as oms:
        assert cluster.sync(dask, store, oms, NAMES, RUNS, tell=tell).complete
    assert killed
    assert rows_of(store) == rows_of(whole)
    assert store.verify() == []


def test_a_store_is_a_dask_frame(whole):
    """The files of a store are partitions, read when they are needed."""
    part = cluster.frame(
        whole, "lumisections", (297050, 297053), columns=["lumisection_number"]
    )
    said = whole.sql("from lumisections where run_number <= 297053")
    assert list(part.columns) == ["lumisection_number"]
    assert len(part.compute(scheduler="sync")) == len(said)
    everything = cluster.frame(whole, "runs")
    assert "recorded_lumi@unit" not in everything.columns
    assert everything["run_number"].sum().compute(scheduler="sync") == sum(
        whole.sql("from runs")["run_number"].to_pylist()
    )


def test_what_is_not_there_is_no_frame(whole):
    """Rows that were never synced, and columns that are none, are named."""
    with pytest.raises(NotSyncedError, match="oms sync streams RUNS"):
        cluster.frame(whole, "streams")
    with pytest.raises(NotSyncedError, match="of 5"):
        cluster.frame(whole, "runs", 5)
    with pytest.raises(UnknownFieldError, match="l1_rate"):
        cluster.frame(whole, "runs", columns=["l1_rat"])


def test_columns_that_came_later_are_null_in_a_frame(whole):
    """A file that is older than a column has nulls there."""
    part = whole.parts("runs", columns=["run_number"])[0]
    field = pa.field("new_column", pa.float64())
    wider = type(part)(part.path, part.schema.append(field))
    found = cluster._read(wider)
    assert found["new_column"].isna().all()


class Turns:
    """Turns for everybody."""

    def __init__(self):
        self.taken = 0

    def register(self):
        pass

    def __enter__(self):
        self.taken += 1

    def __exit__(self, *details):
        pass

    async def __aenter__(self):
        self.taken += 1

    async def __aexit__(self, *details):
        pass


def test_a_worker_does_what_it_is_sent(tmp_path, whole):
    """What runs on a worker does so anywhere: it is made of what was pickled."""
    store = Store(tmp_path / "store", fsync=False)
    turns = Turns()
    with Client("demo", audit=False) as oms:
        job = cluster._Job(str(tmp_path), pickle.dumps((store, oms)), turns)
        pieces = []

        def carry(sent):
            for piece in sent:
                pieces.append(pickle.loads(pickle.dumps(piece)))
                yield cluster._carry_out(job, pieces[-1])

        store.sync(oms, NAMES, RUNS, carry=carry)
        with warnings.catch_warnings():
            warnings.simplefilter("error", OMSWarning)
            nothing = replace(pieces[0], chunk=chunks.Chunk(((1, 2),)))
            assert cluster._carry_out(job, nothing).rows == 0
        frame = cluster._fetch(cluster._Job("fetch", pickle.dumps(oms), turns), {}, ONE)
    assert [piece.key for piece in pieces] == list(KEYS)
    assert frame["run_number"].tolist() == [297050]
    assert rows_of(store) == rows_of(whole)
    assert turns.taken == 0  # in this process nobody need be polite


def test_a_request_waits_for_its_turn(url):
    """Over a network each request takes a turn, from threads and from event loops."""
    turns, request = Turns(), Request("GET", "/")
    sender = cluster.Turned(LocalSender(lambda _: Response(200)), turns)
    assert sender.send(request, {}).status == 200
    assert asyncio.run(sender.asend(request, {})).status == 200
    sender.close()
    asyncio.run(sender.aclose())
    assert turns.taken == 2
    with Client(url, audit=False) as oms:
        job = cluster._Job(url, pickle.dumps(oms), turns)
        frame = cluster._fetch(job, {}, ONE)
        cluster._made(job)[0].close()
    assert len(frame) == 1
    assert turns.taken > 2


def test_rows_that_did_not_all_come_are_an_error(whole):
    """A worker hands back all rows or an error, also where a client allows parts."""
    with Engine(tables()) as engine:
        service = Service(engine)
        from omskit.server import respond

        def half(request):
            answer = respond(request, service)
            body = answer.body.replace(
                b'"totalResourceCount":1', b'"totalResourceCount":2'
            )
            return Response(answer.status, answer.headers, body)

        with Client(service.base_url, sender=LocalSender(half)) as oms:
            packed = Unpickled(oms)
            with pytest.raises(IncompleteError, match="Not all rows came"):
                packed.fetch()


class Unpickled:
    """A client as a worker has it, which cannot be pickled for its sender."""

    def __init__(self, client):
        self.client = client

    def fetch(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cluster, "_made", lambda _: (self.client, None))
            options = {"allow_partial": True, "audit": False}
            cluster._fetch(cluster._Job("", b"", Turns()), options, ONE)


def test_no_secret_is_sent_to_a_worker(monkeypatch, tmp_path, url):
    """What the environment holds stays there; a client that holds one is refused."""
    monkeypatch.setenv("OMSKIT_TOKEN", "correct-horse-battery")
    store = Store(tmp_path / "store")
    sent = []

    def done(_, function, pieces):
        sent.append(pickle.dumps((function.args, pieces)))
        return iter(())

    monkeypatch.setattr(cluster, "_job", lambda *a: cluster._Job("", a[2], None))
    monkeypatch.setattr(cluster, "_done", done)
    with Client(url, progress=False) as oms:
        cluster.sync(None, store, oms, "runs", RUNS)
    assert sent
    assert not any(b"correct-horse" in data for data in sent)
    with (
        Client(url, credentials=BearerToken("correct-horse-battery")) as oms,
        pytest.raises(UsageError, match="OMSKIT_TOKEN"),
    ):
        cluster.sync(None, store, oms, "runs", RUNS)


def test_a_cluster_is_a_dask_client(whole):
    """Anything else, and a number of requests that cannot be, is named."""
    wrong = pytest.raises(UsageError, match=r"distributed\.Client")
    with Client("demo") as oms, wrong:
        cluster.sync("here", whole, oms, "runs", RUNS)
    with pytest.raises(UsageError, match="1 to 64"):
        cluster._job(object.__new__(distributed.Client), 0, b"")


def test_nothing_to_fetch_is_told(whole):
    """Runs that do not exist are an error, as no frame could have their columns."""
    with Client("demo") as oms, pytest.raises(SelectorError, match="No run matches"):
        cluster.fetch(None, oms, "lumisections", 5)


def test_workers_that_die_again_and_again_are_an_error():
    """What Dask gives up is a StoreError, and what waited is cancelled."""
    cancelled = []

    class Call:
        def result(self):
            raise distributed.KilledWorker("x", None, 3)

    class Cluster:
        def map(self, function, pieces, **options):
            return [Call()]

        def cancel(self, calls):
            cancelled.append(calls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "as_completed", iter)
        with pytest.raises(StoreError, match="again and again"):
            list(cluster._done(Cluster(), None, []))
    assert cancelled


@pytest.mark.parametrize(
    ("module", "name"),
    [("dask_jobqueue", "HTCondorCluster"), ("dask_lxplus", "CernCluster")],
    ids=["HTCondorCluster", "dask-lxplus"],
)
def test_the_job_script_of_a_batch_system_has_no_secret(module, name, monkeypatch):
    """HTCondor is told to start a Dask worker, and nothing that only we may know."""
    monkeypatch.setenv("OMSKIT_CLIENT_SECRET", "correct-horse-battery")
    made = getattr(pytest.importorskip(module), name)(
        cores=1,
        memory="4 GB",
        disk="4 GB",
        job_script_prologue=["export OMSKIT_STORE=/eos/store"],
        scheduler_options={"host": "127.0.0.1:0", "dashboard": False},
    )
    with contextlib.closing(made):
        script = made.job_script()
    assert "export OMSKIT_STORE=/eos/store; " in script
    assert "distributed.cli.dask_worker" in script
    assert "RequestMemory" in script
    assert "correct-horse" not in script
