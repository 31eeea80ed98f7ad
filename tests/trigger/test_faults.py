"""Faults of the tools that are in use: each is a number here that comes out right.

One test a fault, in the order of the table "Faults of other tools" in
docs/reference/trigger.md. Sources: cms-tsg-fog/RateMon (DataParser @7ff8e38, DBParser
@5d9b9da and @02a0585, ShiftMonitorNCR @9128b60), silviodonato/OMSRatesNtuple @c4656ad,
sanuvarghese/RateDPS @0f5c55d, brilws 3.9.4.
"""

from __future__ import annotations

import datetime as dt
import time

import numpy as np
import pyarrow as pa
import pytest

from omskit import ConfigError, LumiMask
from omskit.dashboard.playing import PlayedClient
from omskit.trigger import (
    LUMISECTION_S,
    alerts,
    cross_section,
    datasets,
    fit,
    fit_path,
    hlt,
    l1,
    prescales,
    streams,
    summary,
)

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN, ENDS_DEAD, NO_BEAM = 297049, 315257, 297052
BIAS, JET, OFF = "HLT_ZeroBias", "HLT_PFJet80", "HLT_Ele27_WPTight_Gsf"


@pytest.fixture(scope="module")
def small(oms):
    """Three paths of a short run: one bit, an OR, and one that is off at first."""
    return hlt(oms, RUN, paths=[BIAS, JET, OFF])


def without(resource, name=None, value=None):
    """Null a column of a resource, or leave out rows in which it is *value*."""

    def change(asked, arrow):
        if asked != resource:
            return arrow
        if name is None:
            return arrow.slice(0, 0)
        if name not in arrow.column_names:
            return arrow
        if value is not None:
            keep = [one != value for one in arrow[name].to_pylist()]
            return arrow.filter(pa.array(keep, pa.bool_()))
        at = arrow.schema.get_field_index(name)
        field = arrow.schema.field(at)
        return arrow.set_column(at, field, pa.nulls(arrow.num_rows, field.type))

    return change


def test_dead_time_divides(oms, changed):
    """With 10 % of dead time a rate is 1.1111 times as large before it, not 1.1."""

    def tenth(resource, arrow):
        name = "beamactive_total_deadtime_percent"
        if name not in arrow.column_names:
            return arrow
        at = arrow.schema.get_field_index(name)
        tens = pa.array([10.0] * arrow.num_rows)
        return arrow.set_column(at, arrow.schema.field(at), tens)

    cube = hlt(changed(oms, tenth), RUN, paths=BIAS, live="deadtime").good()
    prescaled = cube.matrix("rate") * cube.matrix("prescale")
    ratio = cube.matrix("unprescaled_rate") / prescaled
    assert ratio[np.isfinite(ratio)] == pytest.approx(1 / 0.9)


def test_off_and_failures_are_null_with_a_reason(oms, small, changed):
    """Off is no rate of 0, AND no prescale of 1, and no column is not column 0."""
    off = small.statuses()[small.paths.index(OFF)] == "off"
    assert off.any()
    assert np.isnan(small.matrix("unprescaled_rate")[small.paths.index(OFF), off]).all()
    both = prescales(oms, RUN, rule="nested").to_records()
    joined = [r for r in both if " AND " in (r["seed"] or "") and r["prescale"]]
    assert any(r["l1_prescale"] > 1 for r in joined)
    assert {r["status"] for r in joined} <= {"exact", "upper bound"}

    def bare(resource, arrow):
        for change in (
            without("lumisections", "prescale_index"),
            without("prescalechanges"),
        ):
            arrow = change(resource, arrow)
        return arrow

    lost = hlt(changed(oms, bare), RUN, paths=BIAS)
    assert set(lost.statuses().ravel()) == {"unknown"}
    assert np.isnan(lost.matrix("prescale")).all()


def test_a_run_without_luminosity_keeps_its_counts(oms):
    """Where luminosity is null, as in cosmics, streams, datasets and L1 all stay.

    RateMon unpacks six values of which cosmics have five; datasets then vanish.
    """
    for make, resource, name in (
        (streams, "streams", "stream_name"),
        (datasets, "datasetrates", "dataset_name"),
        (l1, "l1algorithmtriggers", "name"),
    ):
        cube = make(oms, NO_BEAM)
        rows = oms.query(resource, NO_BEAM).group("lumisection").select(name)
        assert set(cube.paths) == set(rows.fetch()[name].to_pylist())
        assert np.isfinite(cube.counts).any()
        assert np.isnan(cube.conditions.pileup).all()


def test_bunches_that_are_missing(oms, changed):
    """Without its number of bunches a rate per bunch is null, not the rate itself."""

    def bare(resource, arrow):
        for change in (
            without("fills", "bunches_colliding"),
            without("lumisections", "pileup"),
        ):
            arrow = change(resource, arrow)
        return arrow

    cube = hlt(changed(oms, bare), RUN, paths=BIAS)
    assert np.isnan(cube.matrix("rate_per_bunch")).all()
    assert np.isnan(cube.matrix("bunches")).all()
    by_pileup = hlt(
        changed(oms, without("fills", "bunches_colliding")), RUN, paths=BIAS
    )
    good = by_pileup.good().conditions
    assert set(good.bunches) == {1213}


def test_zeros_are_data_and_dead_is_an_alert(oms):
    """A fit of zeros alone but two is not biased, and a path at 0 is found dead."""
    counts = np.zeros(40)
    counts[[3, 20]] = 1
    found = fit_path(np.linspace(30, 50, 40), counts, np.full(40, 10.0), ["constant"])
    assert found.parameters[0] == pytest.approx(2 / 400)
    paths = ["HLT_Mu50", "HLT_IsoMu27"]
    usual = fit(hlt(oms, 315264, paths=paths))
    rows = alerts(hlt(oms, ENDS_DEAD, paths=paths), usual).to_records()
    assert {r["kind"] for r in rows} == {"dead"}


def test_prescales_that_change_are_not_averaged(oms):
    """Over a change of column products are summed; the mean prescale is another."""
    cube = hlt(oms, 297050, paths=BIAS).good()
    (row,) = summary(cube).to_records()
    counts, prescale = cube.counts[0], cube.matrix("prescale")[0]
    recorded = cube.conditions.recorded
    assert np.unique(prescale).size == 3
    right = (counts * prescale).sum() / recorded.sum() / 1e6
    assert row["cross_section"] == pytest.approx(right)
    mean = counts.sum() * np.mean(prescale) / recorded.sum() / 1e6
    assert abs(mean / right - 1) > 1e-4
    assert row["effective_lumi"] == pytest.approx((recorded / prescale).sum())


def test_what_was_kept_is_called_live(oms, small):
    """The live fraction has its name, and none where nothing was delivered, not 1."""
    here = small.conditions
    kept = here.recorded / np.where(here.delivered > 0, here.delivered, np.nan)
    live = small.matrix("live_fraction")[0]
    assert np.allclose(live, np.clip(kept, 0, 1), equal_nan=True)
    assert "deadtime" not in small.table("live_fraction").columns
    dark = hlt(oms, NO_BEAM, paths=BIAS)
    assert np.isnan(dark.matrix("live_fraction")).all()
    assert np.isnan(dark.matrix("unprescaled_rate")).all()


def test_errors_of_weighted_sums():
    """100 counts with a prescale of 10 are known to 10 %, not to 3 %."""
    value, error = cross_section([100], [10], [1.0])
    assert (value, error) == (1000, 100)


def test_rows_are_joined_by_number(oms, small, changed):
    """Without lumisection 12 every other count stays where it was."""
    cube = hlt(
        changed(oms, without("hltpathrates", "first_lumisection_number", 12)),
        RUN,
        paths=[BIAS, JET, OFF],
    )
    gap = cube.conditions.lumisection == 12
    assert np.isnan(cube.counts[:, gap]).all()
    assert np.array_equal(cube.counts[:, ~gap], small.counts[:, ~gap], equal_nan=True)


def test_bandwidth_has_its_unit(oms):
    """MB/s are bytes, said beside the column, and GB x 1000 over seconds agrees."""
    cube = streams(oms, RUN, names="Physics")
    assert cube.table("bandwidth", "file_size").units["bandwidth"] == "MB/s"
    by_size = cube.matrix("file_size") * 1000 / LUMISECTION_S
    known = cube.counts > 0
    assert cube.matrix("bandwidth")[known] == pytest.approx(by_size[known], rel=0.01)


def test_times_without_a_zone_are_utc(oms, monkeypatch):
    """Wherever the machine stands, times are those of OMS: UTC."""
    moment = dt.datetime(2018, 4, 27, 7, 10)  # noqa: DTZ001  # what the test is about
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    try:
        (row,) = oms.runs(RUN).to_records()
        since = oms.runs(since="2017-06-16T20:40:26", until="2017-06-16T20:40:26")
        with pytest.raises(ConfigError, match="no time zone"), PlayedClient(moment):
            pass
    finally:
        monkeypatch.undo()
        time.tzset()
    assert str(row["start_time"]).startswith("2017-06-16 20:40:26")
    assert row["start_time"].utcoffset() == dt.timedelta(0)
    assert since["run_number"].to_pylist() == [RUN]


def test_every_range_of_a_mask_counts(oms):
    """Of three ranges the second and third are as much in as the first."""
    ranges = [[4, 6], [11, 11], [20, 22]]
    cube = hlt(oms, LumiMask({RUN: ranges}), paths=BIAS)
    assert cube.conditions.lumisection.tolist() == [4, 5, 6, 11, 20, 21, 22]


def test_a_prescale_that_is_missing(oms, changed):
    """A path without a row of prescales has none: null, not 1."""
    full = f"{BIAS}_v5"
    cube = hlt(
        changed(oms, without("hltprescalesets", "path_name", full)), RUN, paths=BIAS
    )
    assert cube.versions[RUN][0] == full
    assert set(cube.statuses().ravel()) == {"unknown"}
    assert np.isnan(cube.matrix("prescale")).all()
    assert np.isfinite(cube.counts).any()
