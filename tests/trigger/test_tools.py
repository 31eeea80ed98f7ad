"""What RateMon, omstools and OMSRatesNtuple compute, restated, beside omskit's lines.

Each test restates the arithmetic of a method in a few lines of plain Python, over rows
of the demo, and compares with the line that replaces it ("What other tools do" in
docs/reference/trigger.md). Sources: cms-tsg-fog/RateMon ratemon/DBParser.py @02a0585
and @5d9b9da, boundino/omstools @94c9dbb, silviodonato/OMSRatesNtuple @c4656ad.
"""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest

from omskit import LumiMask
from omskit.trigger import LUMISECTION_S, datasets, hlt, l1, prescales, streams, summary

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN = 297050
EVERY = 15
"""Of all paths, every so many lumisections are compared: of all takes half a minute."""
UGT_S = 2**18 / 11245.5


@pytest.fixture(scope="module")
def rows(oms):
    """Rows of a resource as dictionaries, as a page of OMS has them."""

    def ask(resource, *fields, group=None, run=RUN):
        query = oms.query(resource, run)
        query = query.select(*fields) if fields else query
        query = query.group(group) if group else query
        return query.options(audit=False).fetch().to_records()

    return ask


def by_lumisection(cube, name, path=0):
    """One quantity of one path as a dictionary."""
    numbers = cube.conditions.lumisection.tolist()
    return dict(zip(numbers, cube.matrix(name)[path].tolist(), strict=True))


class RateMon:
    """Prescales as RateMon finds them: smallest of an OR, 1 for AND, 1 for failures."""

    def __init__(self, rows):
        every = rows("l1algorithmtriggers", "bit", "first_lumisection_number",
                     "initial_prescale_prescale_index")  # fmt: skip
        self.columns = {
            r["first_lumisection_number"]: r["initial_prescale_prescale_index"]
            for r in every
            if r["bit"] == 0
        }
        self.bits = {
            r["algo_name"]: {
                p["prescale_index"]: p["prescale"] for p in json.loads(r["prescales"])
            }
            for r in rows("l1prescalesets")
        }
        self.paths = {
            r["path_name"]: [p["prescale"] for p in json.loads(r["prescales"])]
            for r in rows("hltprescalesets")
        }
        seeds = rows("hltconfigdata", "path_name", "l1_prerequisite")
        self.seeds = {
            r["path_name"]: r["l1_prerequisite"].strip('"')
            for r in seeds
            if r["l1_prerequisite"] is not None
        }

    def seed(self, seed, column):
        """The prescale of a seed."""
        if seed in self.bits:
            return self.bits[seed][column]
        if " AND " in seed:
            return 1
        known = (b for b in seed.replace(" ", "").split("OR") if b in self.bits)
        return min((p for b in known if (p := self.bits[b][column])), default=0)

    def total(self, path, number):
        """The prescale of a path in a lumisection."""
        column = self.columns.get(number) or 0
        own = self.paths[path][column] if path in self.paths else 1.0
        return own * (self.seed(self.seeds[path], column) if path in self.seeds else 1)


@pytest.fixture(scope="module")
def ratemon(rows):
    return RateMon(rows)


def test_columns(oms, ratemon):
    """getLSInfo, getRunInfo: the same column in every lumisection that has one."""
    here = hlt(oms, RUN, paths="HLT_Mu50").conditions
    columns = zip(here.lumisection.tolist(), here.column.tolist(), strict=True)
    ours = {ls: column for ls, column in columns if not np.isnan(column)}
    known = {ls: c for ls, c in ratemon.columns.items() if c is not None}
    assert ours == known


def test_hlt_rates(oms, rows, ratemon):
    """getPSRates, getHLTRates: equal wherever both have a number, of all paths.

    Where they differ, RateMon has 0 for a path that is off, and the prescale 1 for a
    path without a seed; here there is no number, and the status says why.
    """
    cube = hlt(oms, RUN, live="none", rule="ratemon")
    row_of = {full: row for row, full in cube.versions[RUN].items()}
    at_of = {ls: at for at, ls in enumerate(cube.conditions.lumisection.tolist())}
    rates, whole = cube.matrix("rate"), cube.matrix("unprescaled_rate")
    statuses, seen = cube.statuses(), Counter()
    every = rows("hltpathrates", "path_name", "first_lumisection_number", "rate",
                 group="lumisection")  # fmt: skip
    for r in every:
        number, path = r["first_lumisection_number"], r["path_name"]
        if number % EVERY != 1:
            continue
        at = row_of[path], at_of[number]
        assert math.isclose(rates[at], r["rate"], rel_tol=1e-12)
        theirs, ours = ratemon.total(path, number) * r["rate"], whole[at]
        seen[statuses[at]] += 1
        if statuses[at] == "off":
            assert (theirs, np.isnan(ours)) == (0, True)
        elif statuses[at] == "unknown":
            assert path not in ratemon.seeds
            assert np.isnan(ours)
        else:
            assert math.isclose(ours, theirs, rel_tol=1e-9)
    assert {"exact", "assumed nested", "lower bound", "off", "unknown"} == set(seen)
    assert sum(seen.values()) == 278 * len(range(1, 787, EVERY))


def test_prescales(oms, ratemon):
    """UnwindORSeed, getHLTPrescales, getL1Info: the same numbers, path by path."""
    table = prescales(oms, RUN, rule="ratemon").to_records()
    for r in table:
        theirs = ratemon.total(r["path_name"], r["first_lumisection_number"])
        if r["status"] == "off":
            assert (r["prescale"], theirs) == (None, 0)
        elif r["status"] != "unknown":
            assert r["prescale"] == theirs
    assert len({r["path"] for r in table}) > 250


def test_l1_rates(oms, rows):
    """getL1Rates: the same counts, which OMS divides by another length.

    With a list of names RateMon numbers rows from 0, so each is one too early here.
    """
    every = rows("l1algorithmtriggers", "name", "first_lumisection_number",
                 "pre_dt_before_prescale_rate")  # fmt: skip
    cube = l1(oms, RUN)
    ours = cube.matrix("unprescaled_rate") * LUMISECTION_S / UGT_S
    row_of = {name: row for row, name in enumerate(cube.paths)}
    at_of = {ls: at for at, ls in enumerate(cube.conditions.lumisection.tolist())}
    for r in every:
        at = row_of[r["name"]], at_of[r["first_lumisection_number"]]
        assert math.isclose(ours[at], r["pre_dt_before_prescale_rate"], rel_tol=1e-9)
    bias = [r for r in every if r["name"] == "L1_ZeroBias"]
    assert [r["first_lumisection_number"] for r in bias][:3] == [1, 2, 3]


def test_lumi_and_dead_time(oms, rows):
    """GetLumiInfo has the start of a lumisection, not its mean; dead time is 1 - live.

    Half a lumisection of decay is a difference of some 1e-4.
    """
    cube = hlt(oms, RUN, paths="HLT_Mu50", live="deadtime").good()
    lost = {
        r["first_lumisection_number"]: r["beamactive_total_deadtime_percent"]
        for r in rows("deadtimes", group="lumisection")
    }
    live = by_lumisection(cube, "live_fraction")
    assert all(live[ls] == pytest.approx(1 - lost[ls] / 100) for ls in live)
    start = {r["lumisection_number"]: r["init_lumi"] for r in rows("lumisections")}
    mean = by_lumisection(cube, "luminosity")
    ratios = np.array([mean[ls] / start[ls] for ls in list(mean)[2:]])
    assert np.abs(ratios - 1).max() < 1e-5


def test_colliding_bunches(oms, rows):
    """getNumberCollidingBunches: the same where OMS has the number."""
    (run,) = rows("runs", "fill_number")
    (fill,) = rows("fills", "bunches_colliding", run=run["fill_number"])
    here = hlt(oms, RUN, paths="HLT_Mu50").conditions
    assert set(here.bunches.tolist()) == {fill["bunches_colliding"]}


@pytest.mark.parametrize(
    "column", ["l1a_total", "l1a_physics", "l1a_calibration", "l1a_random"]
)
def test_totals(oms, rows, column):
    """getL1rate, getL1APhysics, ...: the rates of oms.l1_rates, by lumisection."""
    theirs = {
        r["first_lumisection_number"]: r[f"{column}_rate"]
        for r in rows("l1triggerrates", group="lumisection")
    }
    ours = oms.l1_rates(RUN).to_records()
    assert {r["first_lumisection_number"]: r[f"{column}_rate"] for r in ours} == theirs


def test_streams_and_datasets(oms, rows):
    """getStreamData, getPrimaryDatasets: same rates; sizes in GB and MB/s, not bytes.

    RateMon knows only the datasets of lumisection 1, and ends at the first lumisection
    without a stream.
    """
    cube = streams(oms, RUN)
    first = rows("streams", group="lumisection")[:500]
    for r in first:
        at = cube.paths.index(r["stream_name"]), r["last_lumisection_number"] - 1
        assert cube.matrix("rate")[at] == pytest.approx(r["rate"], rel=1e-6)
        assert cube.matrix("bandwidth")[at] == r["bandwidth"]
    sets = datasets(oms, RUN)
    every = rows("datasetrates", group="lumisection")
    begin = {r["dataset_name"] for r in every if r["first_lumisection_number"] == 1}
    assert begin <= set(sets.paths) == {r["dataset_name"] for r in every}
    for r in every[:500]:
        at = sets.paths.index(r["dataset_name"]), r["first_lumisection_number"] - 1
        assert sets.matrix("rate")[at] == pytest.approx(r["rate"], rel=1e-6)


def test_hltcount(oms, rows):
    """Hltcount: equal for one range; its filters add up, so of two it has the first."""
    counter = {
        r["first_lumisection_number"]: r["counter"]
        for r in rows("hltpathrates", "path_name", "first_lumisection_number",
                      "counter", group="lumisection")
        if r["path_name"] == "HLT_Mu50_v6"
    }  # fmt: skip

    def theirs(ranges):
        low, high, total = 0, 10**9, 0
        for first, last in ranges:
            low, high = max(low, first), min(high, last)
            total += sum(n for ls, n in counter.items() if low <= ls <= high)
        return total

    def ours(ranges):
        mask = LumiMask({RUN: ranges})
        (row,) = summary(hlt(oms, mask, paths="HLT_Mu50_v6")).to_records()
        return row["counts"]

    assert ours([[100, 200]]) == theirs([[100, 200]]) > 0
    both = [[100, 200], [300, 400]]
    assert (
        ours(both) == ours(both[:1]) + ours(both[1:]) > theirs(both) == ours(both[:1])
    )


def test_ratetable_of_a_run(oms, rows):
    """Ratetable, hltrunsummary: the same counts; rates are over another time.

    OMS divides the accepted events of a run by its duration, `summary` by the
    lumisections that were counted.
    """
    ours = {r["path"]: r for r in summary(hlt(oms, RUN)).to_records()}
    there = 0
    for r in rows("hltpathinfo", "path_name", "accepted"):
        mine = ours[r["path_name"].rsplit("_v", 1)[0]]
        assert mine["counts"] == r["accepted"]
        assert mine["rate"] == pytest.approx(r["accepted"] / 786 / LUMISECTION_S)
        there += 1
    assert there == 278


def test_cross_section(oms):
    """GetCrossSection has the same value; its error is that of an unprescaled count.

    The root of a weighted sum is too small by the root of the prescale.
    """
    cube = hlt(oms, RUN, paths="HLT_ZeroBias").good()
    value, error = (
        cube.matrix("cross_section")[0],
        cube.matrix("cross_section_error")[0],
    )
    prescale = cube.matrix("prescale")[0]
    weighted = cube.counts[0] * prescale
    recorded = cube.conditions.recorded * 1e6
    assert np.allclose(value, weighted / recorded)
    assert np.allclose(error / (np.sqrt(weighted) / recorded), np.sqrt(prescale))


@pytest.mark.parametrize("page", [100, 200])
def test_physics_lost(oms, rows, page):
    """getL1APhysicsLost: the same rates in the page that it reads; it asks for one.

    OMS gives 100 rows where nothing is said, and @02a0585 says 200.
    """
    query = oms.query("l1triggerrates", RUN).group("lumisection")
    (first, *_) = query.options(audit=False, page_size=page).pages()
    theirs = {
        r["first_lumisection_number"]: r["trigger_physics_lost_rate"]
        for r in first.to_records()
    }
    ours = {
        r["first_lumisection_number"]: r["trigger_physics_lost_rate"]
        for r in oms.l1_rates(RUN).to_records()
    }
    assert len(theirs) == page < len(ours)
    assert {ls: ours[ls] for ls in theirs} == theirs


def test_listruns(oms):
    """Listruns: the runs of a time, those that OMS calls stable with ``--stable``.

    It leaves out runs whose HLT key has neither PRef nor HI in it, and those without a
    throughput: on the demo, all. Its times have no zone, and OMS takes them for UTC.
    """
    ours = oms.runs(since="2017-06-16", until="2017-06-17").to_records()
    every = oms.runs((297046, 297057)).to_records()
    within = [r for r in every if r["start_time"].date().isoformat() <= "2017-06-17"]
    assert [r["run_number"] for r in ours] == [r["run_number"] for r in within]
    assert not [r for r in ours if "PRef" in r["hlt_key"] or "HI" in r["hlt_key"]]
    stable = oms.runs(
        since="2017-06-16", until="2017-06-17", where=["stable_beam = true"]
    )
    theirs = [r["run_number"] for r in ours if r["stable_beam"]]
    assert stable["run_number"].to_pylist() == theirs


def test_runls(oms, rows):
    """Runls: the rows of lumisections, in nine columns under six names.

    It prints (init + end) / 2 as a mean, which is an error where one is null, and what
    the fill had recorded by then as if the lumisection had.
    """
    named = ["lumisection_number", "beams_stable", "start_time", "end_time",
             "init_lumi", "end_lumi", "prescale_name", "recorded_lumi",
             "delivered_lumi"]  # fmt: skip
    ours = oms.lumisections(RUN, fields=named).to_records()
    assert ours == [{n: r[n] for n in named} for r in rows("lumisections", *named)]
    assert ours[-1]["end_lumi"] in {None, 0.0}
    recorded = [r["recorded_lumi"] for r in ours if r["recorded_lumi"] is not None]
    assert recorded == sorted(recorded)
