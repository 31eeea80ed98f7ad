"""Paths x lumisections: joined by number, few requests, nothing lost or made up."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest

from omskit import Client, LumiMask, MissingExtraError, NoRowError, UsageError
from omskit.demo import hltmenu
from omskit.demo.schedule import period_of
from omskit.demo.truth import truth_of
from omskit.drivers import LocalSender
from omskit.drivers.engine_source import demo_service
from omskit.effects import Response
from omskit.server import respond
from omskit.trigger import LUMISECTION_S, datasets, explain, hlt, l1, prescales, streams
from omskit.trigger.quantities import QUANTITIES

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN = 297050


@pytest.fixture(scope="module")
def cube(oms):
    return hlt(oms, RUN, paths="HLT_*")


@pytest.fixture(scope="module")
def small(oms):
    return hlt(oms, RUN, paths=["HLT_ZeroBias", "HLT_Mu50_v*", "HLT_Ele27_WPTight_Gsf"])


def test_counts_equal_a_plain_dict(oms, cube):
    """Every count is the one that OMS has of that path and lumisection, else NaN."""
    rows = oms.hlt_rates(
        RUN, fields=["path_name", "first_lumisection_number", "counter"]
    )
    plain = {
        (r["path_name"], r["first_lumisection_number"]): r["counter"]
        for r in rows.to_records()
    }
    for row, full in cube.versions[RUN].items():
        wanted = [plain.get((full, ls), np.nan) for ls in cube.conditions.lumisection]
        assert np.array_equal(cube.counts[row], wanted, equal_nan=True)


def test_few_requests(cube, oms):
    """267 paths cost at most a tenth of one request per path, as explain() says."""
    assert cube.shape == (267, 793)
    assert cube.requests <= 27
    assert explain(oms, RUN, paths="HLT_*").startswith(f"{cube.requests} requests")


def test_few_paths_are_asked_by_name(oms, small):
    """Three paths do not read all rows of the run."""
    assert small.requests <= 10
    assert "those paths alone" in explain(oms, RUN, paths="HLT_Mu50")
    assert "no such path" in explain(oms, RUN, paths="HLT_Nothing")


PATTERNS = ["HLT_PFJet*", "HLT_AK4PF*_v*", "HLTriggerF*Path", "AlCa_LumiPixels_Z*"]


def test_patterns_go_to_the_service(oms):
    """Patterns that leave most paths out are asked as they are, and lose nothing."""
    found = hlt(oms, RUN, paths=PATTERNS)
    assert found.requests <= 12
    assert explain(oms, RUN, paths=PATTERNS).startswith(f"{found.requests} requests")
    every = hlt(oms, RUN).select(PATTERNS)
    assert found.paths == every.paths
    assert len(found.paths) > 15
    assert np.array_equal(found.counts, every.counts, equal_nan=True)


def test_a_service_that_refuses_patterns(oms):
    """Where a pattern is refused, all rows are read: the answer is the same."""

    def refuse(asked):
        if "LIKE" in asked.url:
            body = b'{"errors": [{"status": "400", "title": "no such filter"}]}'
            return Response(400, {"content-type": "application/vnd.api+json"}, body)
        return respond(asked, service)

    service = demo_service("http://demo.invalid/agg/api/v1")
    with Client("demo", sender=LocalSender(refuse)) as other:
        found = hlt(other, 297049, paths=["HLT_I*", "HLT_Ele*", "HLT_Do*", "HLT_PF*"])
    whole = hlt(oms, 297049).select(list(found.paths))
    assert np.array_equal(found.counts, whole.counts, equal_nan=True)


def test_what_is_missing_is_named(cube):
    """The last lumisections have no counts: the cube says which."""
    assert cube.missing == LumiMask.from_ranges([(RUN, 787, 793)])
    assert "no counts: 297050:787-793" in repr(cube)
    assert np.isnan(cube.matrix("rate")[:, 786:]).all()
    assert "Simulated" in " ".join(cube.table("rate").warnings)


def test_versions_are_stripped_and_told(small):
    """Rows have names without version; the table has the full name beside."""
    assert small.paths == ("HLT_Ele27_WPTight_Gsf", "HLT_Mu50", "HLT_ZeroBias")
    rows = small.table("counts").to_records()
    assert {(r["path"], r["path_name"]) for r in rows} >= {("HLT_Mu50", "HLT_Mu50_v6")}
    assert len(rows) == 3 * 793


def test_prescales_are_those_of_the_table(oms, small):
    """Prescale and status agree with `prescales`, lumisection by lumisection."""
    table = prescales(oms, RUN, paths=list(small.paths)).to_records()
    matrix, status = small.matrix("prescale"), small.statuses()
    for row in table:
        at = small.paths.index(row["path"])
        place = row["first_lumisection_number"] - 1
        wanted = np.nan if row["prescale"] is None else row["prescale"]
        assert np.array_equal(matrix[at, place], wanted, equal_nan=True)
        assert status[at, place] == row["status"]


def test_off_is_null(small):
    """A path that is off has no unprescaled rate, cross-section or prescale."""
    row = small.paths.index("HLT_Ele27_WPTight_Gsf")
    off = small.statuses()[row] == "off"
    assert off[:11].all()
    for name in ("unprescaled_rate", "cross_section", "prescale", "rate_per_bunch"):
        assert np.isnan(small.matrix(name)[row, off]).all()
        assert np.isfinite(small.matrix(name)[row, 20])


def test_formulas(small):
    """Rates are N p / (T l) with sqrt(N) errors, cross-sections N p / recorded."""
    here, n = small.conditions, small.counts
    p = small.matrix("prescale")
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = n * p / (LUMISECTION_S * here.live)
        error = np.sqrt(n) * p / (LUMISECTION_S * here.live)
        visible = n * p / (here.recorded * 1e6)
    good = here.recorded > 0
    same = {"equal_nan": True, "rtol": 1e-12}
    assert np.allclose(small.matrix("unprescaled_rate")[:, good], rate[:, good], **same)
    assert np.allclose(
        small.matrix("unprescaled_rate_error")[:, good], error[:, good], **same
    )
    assert np.allclose(small.matrix("cross_section")[:, good], visible[:, good], **same)
    nb = small.matrix("cross_section_nb")
    assert np.allclose(nb, small.matrix("cross_section") * 1e3, **same)


def test_zero_bias_per_bunch_is_the_revolution_frequency(small):
    """ZeroBias has 11 245.79 Hz per colliding bunch at any pileup."""
    good = small.good()
    row = good.paths.index("HLT_ZeroBias")
    pulls = good.matrix("rate_per_bunch")[row] - 40.08e6 / 3564
    pulls /= good.matrix("rate_per_bunch_error")[row]
    assert abs(pulls.mean()) < 5 / np.sqrt(pulls.size)
    assert pulls.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("run", [RUN, 306458, 386694])
def test_closure_on_the_truth(oms, run):
    """The pulls of unprescaled counts of all paths have mean 0 and width 1."""
    cube = hlt(oms, run).good()
    here, period = cube.conditions, period_of(run)
    per_s, prescale = cube.matrix("rate_per_bunch"), cube.matrix("prescale")
    pulls = []
    for row, full in cube.versions[run].items():
        truth = truth_of(full)
        known = cube.statuses()[row]
        if truth is None:
            continue
        assert not (known == "exact").any() or hltmenu.total(period, full).any()
        mean = truth.per_bunch(here.pileup) * here.bunches * LUMISECTION_S * here.live
        mean /= prescale[row]
        seen = per_s[row] * here.bunches * LUMISECTION_S * here.live / prescale[row]
        many = np.isfinite(seen) & (mean > 5)
        pulls.append((seen[many] - mean[many]) / np.sqrt(mean[many]))
    every = np.concatenate(pulls)
    assert every.size > 3000
    assert abs(every.mean()) < 5 / np.sqrt(every.size)
    assert every.std() == pytest.approx(1, abs=0.03)


def test_units(small):
    """Every column of numbers says its unit, and errors have it too."""
    table = small.table(*QUANTITIES)
    for name, quantity in QUANTITIES.items():
        assert table.units[name] == quantity.unit
        if quantity.factor is not None:
            assert table.units[f"{name}_error"] == quantity.unit
    assert "status" in table.columns
    assert "status" not in small.table("rate").columns


def test_intervals(small):
    """Exact intervals contain the rate and are wider than the error for few counts."""
    low, high = small.interval("rate")
    rate = small.matrix("rate")
    known = np.isfinite(rate)
    assert ((low <= rate) & (rate <= high))[known].all()
    zero = known & (rate == 0)
    assert zero.any()
    assert (high[zero] > 0).all()
    with pytest.raises(NoRowError, match="no statistical error"):
        small.interval("prescale")


def test_wrong_names(small):
    """A misspelt quantity or path is named, with the nearest that there is."""
    with pytest.raises(UsageError, match="unprescaled_rate"):
        small.matrix("unprescaled_rte")
    with pytest.raises(NoRowError, match="no statistical error"):
        small.matrix("prescale_error")
    with pytest.raises(NoRowError, match="HLT_X"):
        small.select("HLT_X")


def test_parts(small):
    """A part has the same numbers as the whole."""
    mask = LumiMask.from_ranges([(RUN, 10, 20), (RUN, 780, 790)])
    part = small.select("HLT_Mu50", mask)
    assert part.shape == (1, 22)
    row = small.paths.index("HLT_Mu50")
    at = part.conditions.lumisection - 1
    for name in ("counts", "prescale", "unprescaled_rate"):
        assert np.array_equal(
            part.matrix(name)[0], small.matrix(name)[row, at], equal_nan=True
        )
    assert part.missing == LumiMask.from_ranges([(RUN, 787, 790)])
    assert part.versions == {RUN: {0: "HLT_Mu50_v6"}}
    assert small.good().conditions.stable.all()


def test_several_runs_and_menus(oms):
    """Paths are joined over menus by name, and the change of menu is told."""
    cube = hlt(oms, [RUN, 306458], paths="HLT_Mu50")
    assert cube.runs == (RUN, 306458)
    assert cube.versions == {RUN: {0: "HLT_Mu50_v6"}, 306458: {0: "HLT_Mu50_v9"}}
    assert any("menu changes" in note for note in cube.notes)
    bunches = dict(zip(cube.conditions.run, cube.conditions.bunches, strict=True))
    assert bunches == {RUN: 1213, 306458: 1866}


def test_a_mask_chooses_lumisections(oms):
    """With a mask, only its lumisections are there; prescales hold as in the run."""
    mask = LumiMask.from_ranges([(RUN, 100, 110), (RUN, 500, 501)])
    cube = hlt(oms, mask, paths="HLT_ZeroBias")
    assert cube.conditions.lumisection.tolist() == [*range(100, 111), 500, 501]
    assert len(set(cube.matrix("prescale")[0])) == 2


def test_no_such_run_or_path(oms):
    """A run or path that does not exist is an error, not an empty cube."""
    with pytest.raises(NoRowError, match="no lumisection"):
        hlt(oms, 1)
    with pytest.raises(NoRowError, match="HLT_Nothing"):
        hlt(oms, RUN, paths="HLT_Nothing*")
    with pytest.raises(NoRowError, match="L1_Nothing"):
        l1(oms, RUN, names="L1_Nothing")
    with pytest.raises(UsageError, match="luminosity"):
        hlt(oms, RUN, live="lumi")


def test_live_fraction_by_deadtime(oms):
    """The three ways to correct for dead time differ by what they say."""
    ways = ("luminosity", "deadtime", "none")
    cubes = {w: hlt(oms, RUN, paths="HLT_Mu50", live=w) for w in ways}
    assert (cubes["none"].conditions.live == 1).all()
    lumi, dead = cubes["luminosity"].conditions.live, cubes["deadtime"].conditions.live
    both = np.isfinite(lumi) & np.isfinite(dead)
    assert np.nanmedian(np.abs(lumi - dead)[both]) < 0.05
    assert not np.array_equal(lumi[both], dead[both])


def test_l1_is_counted_before_prescale(oms):
    """An unprescaled L1 rate is the counter before prescale and dead time."""
    cube = l1(oms, RUN, names=["L1_ZeroBias", "L1_SingleMu22"])
    before = cube.counters["pre_dt_before_prescale"]
    rate = cube.matrix("unprescaled_rate")
    assert np.allclose(rate, before / LUMISECTION_S, rtol=1e-12)
    assert np.array_equal(
        cube.matrix("pre_dt_rate"), cube.counters["pre_dt"] / LUMISECTION_S
    )
    assert np.array_equal(cube.counts, cube.counters["post_dt"])
    good = cube.good()
    row = good.paths.index("L1_ZeroBias")
    assert good.matrix("rate_per_bunch")[row].mean() == pytest.approx(11245.5, rel=1e-3)
    assert good.matrix("prescale")[row, 50] == 3138


def test_masked_bits_are_off(oms):
    """A masked L1 bit is off in every column."""
    cube = l1(oms, 315264, names="L1_SingleMu25")
    known = np.isfinite(cube.conditions.column)
    assert (cube.statuses()[0, known] == "off").all()


def test_streams_and_datasets(oms):
    """Streams have events, size and bandwidth, datasets events; neither a prescale."""
    cube = streams(oms, RUN)
    row = cube.paths.index("Physics")
    assert np.nansum(cube.counts[row]) == 18816146
    table = cube.table("rate", "file_size", "bandwidth")
    assert table.units["bandwidth"] == "MB/s"
    assert set(cube.statuses().ravel()) == {"unknown"}
    with pytest.raises(UsageError, match="prescale"):
        cube.matrix("unprescaled_rate")
    sets = datasets(oms, 297057)
    stream = streams(oms, 297057, names="Physics")
    assert np.array_equal(sets.counts.sum(axis=0), stream.counts[0], equal_nan=True)


def test_a_service_gives_the_same_cube(small):
    """By requests and JSON the cube is the one that the engine gives in process."""
    service = demo_service("http://demo.invalid/agg/api/v1")

    def answer(request):
        return respond(request, service)

    with Client("demo", sender=LocalSender(answer)) as oms:
        cube = hlt(oms, RUN, paths=list(small.paths))
    assert cube.requests == small.requests
    assert cube.table(*QUANTITIES) == small.table(*QUANTITIES)


def test_gaps_in_the_middle(oms, small, changed):
    """Rows that are missing in the middle of three pages shift nothing."""

    def drop(resource, arrow):
        if resource != "hltpathrates":
            return arrow
        keep = np.ones(arrow.num_rows, dtype=bool)
        keep[np.random.default_rng(1).choice(arrow.num_rows, 300, replace=False)] = (
            False
        )
        return arrow.filter(pa.array(keep))

    cube = hlt(changed(oms, drop), RUN, paths=small.paths)
    known = np.isfinite(cube.counts)
    assert known.sum() == np.isfinite(small.counts).sum() - 3 * 300
    assert np.array_equal(cube.counts[known], small.counts[known])


def test_late_rows_are_named(oms, changed):
    """Counts of lumisections that have no conditions are left out and named."""

    def shorter(resource, arrow):
        return arrow.slice(0, 700) if resource == "lumisections" else arrow

    cube = hlt(changed(oms, shorter), RUN, paths="HLT_Mu50")
    assert cube.shape == (1, 700)
    assert cube.late[0] == (RUN, 701)
    assert len(cube.late) == 86
    assert "late, left out: 297050:701" in repr(cube)


def test_column_and_bunches_from_elsewhere(oms, small, changed):
    """Without index or bunches in OMS, changes of the run and pileup give the same."""

    def older(resource, arrow):
        empty = {"lumisections": "prescale_index", "fills": "bunches_colliding"}
        name = empty.get(resource)
        if name not in arrow.column_names:
            return arrow
        at = arrow.schema.get_field_index(name)
        null = pa.nulls(arrow.num_rows, arrow.schema.field(at).type)
        return arrow.set_column(at, arrow.schema.field(at), null)

    cube = hlt(changed(oms, older), RUN, paths=small.paths)
    here, there = cube.conditions, small.conditions
    running = np.isfinite(there.column)
    assert np.array_equal(here.column[running], there.column[running])
    assert set(here.bunches[here.pileup > 0]) == {1213}
    assert any("changes" in note for note in cube.notes)
    assert any("bunches" in note for note in cube.notes)


def test_without_a_menu_nothing_is_unprescaled(oms, changed):
    """Where OMS has no HLT configuration, rates stay and prescales are unknown."""

    def bare(resource, arrow):
        return arrow.slice(0, 0) if resource == "hltconfigdata" else arrow

    cube = hlt(changed(oms, bare), RUN, paths="HLT_Mu50")
    assert np.nansum(cube.counts) > 0
    assert set(cube.statuses().ravel()) == {"unknown"}
    assert np.isnan(cube.matrix("unprescaled_rate")).all()
    assert any("no HLT configuration" in note for note in cube.notes)


def test_two_versions_in_one_menu_stay_apart(oms, changed):
    """Two versions of a path in one run keep their full names."""

    def double(resource, arrow):
        if resource not in {"hltconfigdata", "hltpathrates"}:
            return arrow
        names = arrow["path_name"].to_pylist()
        names = ["HLT_Mu50_v7" if n == "HLT_IsoMu27_v8" else n for n in names]
        at = arrow.schema.get_field_index("path_name")
        return arrow.set_column(at, "path_name", pa.array(names))

    cube = hlt(changed(oms, double), RUN, paths=["HLT_Mu50*", "HLT_*"])
    assert {"HLT_Mu50_v6", "HLT_Mu50_v7"} <= set(cube.paths)
    assert "HLT_Mu50" not in cube.paths


def test_xarray(small):
    """Dimensions, coordinates and units are named; NaN stands where OMS has nothing."""
    xr = pytest.importorskip("xarray")
    made = small.to_xarray()
    assert isinstance(made, xr.Dataset)
    assert dict(made.sizes) == {"path": 3, "at": 793}
    assert made["rate"].dims == ("path", "at")
    assert {n: made[n].attrs["units"] for n in ("counts", "rate", "recorded_lumi")} == {
        "counts": "1", "rate": "Hz", "recorded_lumi": "/pb",
    }  # fmt: skip
    assert np.array_equal(made["counts"].values, small.counts, equal_nan=True)
    late = made["rate"].where(made["lumisection"] > 786, drop=True)
    assert late.sizes["at"] == 7
    assert np.isnan(late.values).all()
    bias = made.sel(path="HLT_ZeroBias")
    assert float(bias["rate_error"][100]) == pytest.approx(
        np.sqrt(small.counts[-1, 100]) / LUMISECTION_S
    )
    assert set(made["status"].values.ravel()) == set(small.statuses().ravel())
    assert made.attrs["simulated"] == 1


def test_xarray_of_named_quantities(small, oms):
    """Quantities can be named; streams have no prescale, and none is asked for."""
    pytest.importorskip("xarray")
    named = small.to_xarray("cross_section")
    assert named["cross_section"].attrs == {"units": "ub"}
    assert "rate" not in named
    made = streams(oms, RUN, names="Physics").to_xarray("bandwidth", "rate")
    assert made["bandwidth"].attrs == {"units": "MB/s"}
    assert "status" not in made


def test_without_xarray(small, monkeypatch):
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingExtraError, match="xarray"):
        small.to_xarray()
