"""What a sync fetches, keeps and leaves alone."""

from __future__ import annotations

import datetime as dt
import itertools

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omskit import Client
from omskit.drivers import LocalSender
from omskit.drivers.engine_source import demo_service
from omskit.effects import Response
from omskit.errors import SelectorError, StoreError, UsageError
from omskit.lumi import LumiMask
from omskit.schema import bundled
from omskit.server import respond
from omskit.store import Store
from omskit.store.chunks import TARGET, chunks
from omskit.store.facts import Fact
from omskit.store.layout import OPEN, layout_of

RUNS = (297050, 297056)


def rows_of(store, key):
    folder = store._kept.folder(key)
    files = folder.files(store._kept.layout(key).column)
    return pa.concat_tables(
        [pq.ParquetFile(f.path).read() for f in files], promote_options="default"
    )


def test_a_sync_keeps_all_rows(synced, oms):
    """The numbers on disk are those that the client gives, in the same units."""
    found = rows_of(synced, "lumisections")
    order = [("run_number", "ascending"), ("lumisection_number", "ascending")]
    found = found.sort_by(order)
    there = oms.query("lumisections", RUNS).options(audit=False).fetch()
    for name in there.columns:
        assert found[name].to_pylist() == there[name].to_pylist(), name
    assert found.num_rows == len(there)


def test_columns_on_disk_name_their_units(synced):
    """The metadata of a stored column has the unit, and its title."""
    schema = synced._kept.folder("lumisections").schema()
    assert schema.field("delivered_lumi").metadata[b"unit"] == b"/pb"
    assert schema.field("delivered_lumi").metadata[b"title"]
    assert "delivered_lumi@unit" in schema.names


def test_what_runs_belong_to_comes_along(store, oms):
    """Runs are synced with what belongs to runs, fills with what belongs to fills."""
    report = store.sync(oms, "bunches", RUNS)
    assert [part.key for part in report.parts] == ["runs", "fills", "bunches"]
    assert report.complete
    assert report.rows > 0


def test_rows_that_are_final_are_not_asked_for_again(store, oms, clock):
    """The third sync, after two a day apart, sends no request."""
    store.sync(oms, "lumisections", RUNS)
    clock.pass_days(1.5)
    assert store.sync(oms, "lumisections", RUNS).rows
    clock.pass_days(1)
    report = store.sync(oms, "lumisections", (297050, 297055))
    assert report.requests == 0
    assert (
        report.part("lumisections").final
        == oms.query("lumisections", (297050, 297055)).count()
    )
    assert "nothing to fetch" in str(report)


def test_rows_that_were_just_read_are_not_asked_for_again(store, oms, clock):
    """Within a day nothing can become final: a run that had ended is left alone."""
    store.sync(oms, "lumisections", RUNS)
    clock.pass_days(0.5)
    report = store.sync(oms, "lumisections", (297050, 297055))
    assert report.requests == 0
    assert report.part("runs").recent == 6
    assert "6 were read within a day" in str(report)
    assert store.sync(oms, "lumisections", 297050, recheck="2017-01-01").rows


def test_numbers_that_no_run_has_are_not_asked_for_again_at_once(store, oms, clock):
    """Runs between which they lie were made later; after the last one may come more."""
    chosen = (315190, 315213)
    assert store.sync(oms, "lumisections", chosen).rows
    clock.pass_days(0.5)
    report = store.sync(oms, "lumisections", chosen)
    assert report.part("lumisections").fetched == [(315211, 315213)]
    assert (report.rows, report.part("lumisections").requests) == (0, 1)
    clock.pass_days(1)
    again = store.sync(oms, "lumisections", chosen)
    assert again.part("lumisections").fetched == [chosen]


def test_a_run_that_had_just_ended_is_asked_for_again(store, oms, clock):
    """Rows come late: what was read within hours of the end is read again."""
    end = oms.runs(297050).to_records()[0]["end_time"]
    clock.now = end + dt.timedelta(hours=1)
    store.sync(oms, "lumisections", 297050)
    clock.pass_days(0.1)
    assert store.sync(oms, "lumisections", 297050).rows
    clock.pass_days(0.5)
    assert store.sync(oms, "lumisections", 297050).rows
    clock.pass_days(0.5)
    assert store.sync(oms, "lumisections", 297050).rows == 0


def test_a_recheck_finds_what_was_revised(store, clock):
    """Rows that changed after they were final are found, fetched and told."""
    service = demo_service("https://demo.invalid/agg/api/v1")
    late = [False]

    def answer(request):
        response = respond(request, service)
        if not late[0]:
            return response
        body = response.body.replace(b'"pileup":', b'"pileup":9', 1)
        return Response(response.status, response.headers, body)

    with Client("demo", sender=LocalSender(answer)) as oms:
        for _ in range(3):
            store.sync(oms, "lumisections", (297050, 297051))
            clock.pass_days(2)
        late[0] = True
        assert store.sync(oms, "lumisections", 297050).requests == 0
        report = store.sync(oms, "lumisections", 297050, recheck="2017-01-01")
    changed = report.part("lumisections").revised
    assert [run for run, _, _ in changed] == [297050]
    assert "revised: 297050" in str(report)
    assert store.verify() == []


def test_a_dry_run_fetches_and_writes_nothing(store, oms):
    """A dry run says rows and requests, and leaves no folder."""
    report = store.sync(oms, "runs,lumisections", RUNS, dry_run=True)
    assert report.part("runs").rows == 7
    assert report.part("lumisections").rows == oms.query("lumisections", RUNS).count()
    assert "would fetch 297050-297056" in str(report)
    assert not store.path.exists()


@pytest.mark.parametrize(
    ("runs", "which", "expected"),
    [
        (297050, {}, [297050]),
        ([297050, 297056], {}, [297050, 297056]),
        ("297050,297053-297054", {}, [297050, 297053, 297054]),
        (LumiMask({297051: [(1, 5)]}), {}, [297051]),
        (None, {"mask": LumiMask({297051: [(1, 5)]})}, [297051]),
        (None, {"last": 1}, None),
        ((297050, 297053), {"fill": 5839}, [297050, 297051]),
    ],
    ids=["one", "list", "text", "mask", "mask option", "last", "fill"],
)
def test_runs_are_selected_as_everywhere(store, oms, runs, which, expected):
    """The selectors of a sync are those of a query."""
    report = store.sync(oms, "runs", runs, **which)
    expected = expected or oms.runs(**which)["run_number"].to_pylist()
    assert report.rows == len(expected)
    assert sorted(rows_of(store, "runs")["run_number"].to_pylist()) == expected


def test_a_selector_that_finds_nothing_is_told(store, oms):
    """Where no run matches, nothing is written."""
    with pytest.raises(SelectorError, match="nothing to sync"):
        store.sync(oms, "runs", (1, 2), fill=5839)


def test_all_runs_are_synced_without_a_selector(store, oms):
    """Without a selector everything is fetched, and the end is open."""
    report = store.sync(oms, "runs,fills")
    assert report.part("runs").rows == oms.query("runs").count()
    assert store._kept.coverage("runs").missing([(0, OPEN)]) == []
    assert store._kept.coverage("fills").missing([(0, OPEN)]) == []


def test_what_is_filtered_by_a_run_is_fetched_run_by_run(store, oms):
    """Prescale sets do not show their run; they are kept with it."""
    report = store.sync(oms, "hltprescalesets", (297050, 297051))
    assert report.part("hltprescalesets").rows
    runs = rows_of(store, "hltprescalesets")["run_number"].to_pylist()
    assert set(runs) == {297050, 297051}
    again = {"dry_run": True, "recheck": "2017-01-01"}
    dry = store.sync(oms, "hltprescalesets", (297050, 297051), **again)
    assert dry.part("hltprescalesets").requests == 2


def test_what_nothing_tells_apart_is_refused(store, oms):
    """A resource without identity cannot be stored."""
    with pytest.raises(UsageError, match="nothing tells its rows apart"):
        store.sync(oms, "datasetrates/datasets", RUNS)
    with pytest.raises(UsageError, match="has no granularity 'week'"):
        store.sync(oms, "l1triggerrates@week", RUNS)
    assert store._kept.layout("l1triggerrates@lumisection").name == "l1triggerrates"


def test_rows_per_run_are_a_table_of_their_own(store, oms):
    """Another granularity is kept beside the default one."""
    report = store.sync(oms, "l1triggerrates@run,l1triggerrates", RUNS)
    assert report.part("l1triggerrates@run").rows == 7
    assert (
        report.part("l1triggerrates").rows == oms.query("l1triggerrates", RUNS).count()
    )


def test_simulation_and_data_do_not_mix(synced, tmp_path):
    """A store of simulated rows refuses others."""
    with pytest.raises(StoreError, match="nobody could tell them apart"):
        synced._kept.prepare(simulated=False)


def test_what_one_chunk_lacks_does_not_stop_the_others(store, monkeypatch):
    """A run whose answer is broken is named; the others are kept."""
    monkeypatch.setattr("omskit.store.chunks.TARGET", 1)
    service = demo_service("https://demo.invalid/agg/api/v1")

    def answer(request):
        if "lumisections" in request.url and "297052" in request.url:
            return Response(400, {}, b'{"errors": [{"title": "no"}]}')
        return respond(request, service)

    with Client("demo", sender=LocalSender(answer)) as oms:
        report = store.sync(oms, "lumisections", RUNS)
    assert not report.complete
    assert [span for span, _ in report.part("lumisections").failed] == [
        (297052, 297052)
    ]
    assert "missing: 297052" in str(report)
    assert store._kept.coverage("lumisections").missing([RUNS]) == [(297052, 297052)]


def test_chunks_hold_about_so_many_rows():
    """Runs are grouped until a chunk has its rows; none is left out."""
    layout = layout_of("lumisections", bundled())
    facts = {run: Fact(None, 1000) for run in range(1000, 3000, 2)}
    made = list(chunks(layout, [(900, 3100)], facts))
    assert all(chunk.rows <= TARGET for chunk in made)
    assert made[0].spans[0][0] == 900
    assert made[-1].spans[-1][1] == 3100
    assert [key for chunk in made for key in chunk.keys] == sorted(facts)
    ends = [chunk.hull for chunk in made]
    assert all(b[0] == a[1] + 1 for a, b in itertools.pairwise(ends))


def test_unknown_runs_are_asked_for_in_wide_pieces():
    """Where nobody knows what exists, ten blocks are asked for at once."""
    layout = layout_of("runs", bundled())
    made = list(chunks(layout, [(0, OPEN)], {}, newest=25_500))
    assert [span for chunk in made for span in chunk.spans] == [(0, OPEN)]


def test_runs_far_apart_are_committed_together():
    """Runs that are no neighbours share a commit, with a request for each."""
    layout = layout_of("runs", bundled())
    spans = [(n, n) for n in range(1000, 1400, 2)]
    made = list(chunks(layout, spans, {}))
    assert [len(chunk.spans) for chunk in made] == [100, 100]


def test_a_store_that_is_no_store_is_refused(tmp_path, oms):
    """A folder with other things in it is left alone."""
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match=r"no store, and not empty.*thesis.tex"):
        Store(tmp_path).sync(oms, "runs", 297050)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("name", ["a[b", "a%20b"])
def test_paths_that_delta_lake_cannot_take_are_refused(tmp_path, name):
    """Deltalake panics at some names, and writes elsewhere at others."""
    with pytest.raises(UsageError, match="Delta Lake takes no"):
        Store(tmp_path / name)


def test_progress_is_told(store, oms):
    """After each commit somebody can be told rows so far and rows expected."""
    told = []
    store.sync(oms, "lumisections", RUNS, tell=lambda *args: told.append(args))
    assert [name for _, _, name in told] == ["runs", "lumisections"]
    assert all(done <= expected for done, expected, _ in told)


def test_the_past_can_be_read_and_not_written(synced, oms):
    """A store as it was shows its versions of then, and takes no rows."""
    before = synced.at(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    assert before._kept.table("runs") is None
    assert len(before._kept.coverage("runs")) == 0
    now = synced.at("2100-01-01")
    assert now._kept.table("runs") is not None
    assert len(now._kept.coverage("runs")) == 7
    with pytest.raises(StoreError, match="is the past"):
        now.sync(oms, "runs", 315190)
