"""A run is followed from a store that is played by a clock.

``OMSKIT_FOLLOWED=386694`` follows the run of eight hours; the suite a short one.
"""

from __future__ import annotations

import datetime as dt
import os

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from omskit import Client, Store
from omskit.drivers import LocalSender
from omskit.drivers.tasks import TaskGroup
from omskit.engine import Clock, Engine
from omskit.engine.clock import AsOfRelations
from omskit.server import Service, respond

pytestmark = [
    pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning"),
    pytest.mark.timeout(1800),
]

RUN = int(os.environ.get("OMSKIT_FOLLOWED", "297053"))
BASE = "http://127.0.0.1:1/agg/api/v1"


@pytest.fixture(scope="module")
def demo():
    with Client("demo", progress=False) as oms:
        yield oms


def test_late_and_revised_rows_are_told_and_nothing_twice(demo, tmp_path, monkeypatch):
    """What was said last of each lumisection is the truth, though it came to change.

    When the run begins, the store lacks two lumisections and has other numbers for
    two; halfway it is mended, by a commit of another handle on it.
    """
    store = Store(tmp_path / "store", fsync=False)
    store.sync(demo, "runs,lumisections", RUN)
    kept = demo.lumisections(RUN, units="raw", fields=None)
    truth = kept.arrow
    count = truth.num_rows
    lost = [count // 8, count // 6]
    wrong = pa.array([count // 7, count // 5])
    number = truth["lumisection_number"]
    place = truth.schema.get_field_index("pileup")
    other = pc.if_else(pc.is_in(number, wrong), pa.scalar(1.5), truth["pileup"])
    early = truth.set_column(place, truth.schema.field(place), other)
    early = early.filter(pc.invert(pc.is_in(number, pa.array(lost))))
    for name, rows in (("early", early), ("truth", truth)):
        pq.write_table(rows, tmp_path / f"{name}.parquet")
    mend = Store(tmp_path / "store", fsync=False)
    mend.import_file("lumisections", tmp_path / "early.parquet", simulated=True)

    (run,) = demo.runs(RUN).to_records()
    passed = [0.0]
    length = (run["end_time"] - run["start_time"]).total_seconds()
    is_mended = []

    def wait(_group, seconds):
        passed[0] += seconds
        if passed[0] > length / 2 and not is_mended:
            is_mended.append(passed[0])
            mend.import_file("lumisections", tmp_path / "truth.parquet", simulated=True)

    monkeypatch.setattr(TaskGroup, "sleep", wait)
    begun = run["start_time"] + dt.timedelta(seconds=60)
    clock = Clock(begun, 1.0, now=lambda: passed[0])
    service = Service(
        Engine(AsOfRelations(store.relations(only_held=True), clock)), base_url=BASE
    )
    told: dict[int, list[tuple[str, float | None]]] = {}
    sender = LocalSender(lambda request: respond(request, service))
    with Client(BASE, sender=sender, progress=False) as oms:
        for table in oms.follow(RUN, every_s=180, look_back=count, whole_every=2):
            columns = ("lumisection_number", "news", "pileup")
            for row in zip(*(table[c].to_pylist() for c in columns), strict=True):
                told.setdefault(row[0], []).append(row[1:])
    assert is_mended
    last = {n: said[-1][1] for n, said in told.items()}
    pairs = zip(number.to_pylist(), truth["pileup"].to_pylist(), strict=True)
    assert last == dict(pairs)
    news = {n: [why for why, _ in said] for n, said in told.items()}
    assert all(news[n] == ["late"] for n in lost)
    assert all(news[n] == ["new", "revised"] for n in wrong.to_pylist())
    others = set(news) - {*lost, *wrong.to_pylist()}
    assert all(news[n][0] == "new" for n in others)
    assert all(len(set(map(str, told[n]))) == len(told[n]) for n in others)
