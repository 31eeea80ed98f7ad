"""Counters, rates, live time and cross-sections."""

from __future__ import annotations

import json

import numpy as np
import pytest

from omskit import UsageError
from omskit.trigger import (
    LUMISECTION_S,
    bunches_of_pileup,
    count_interval,
    counts_of_rates,
    cross_section,
    live_fraction,
    live_fraction_of,
    rates,
    unprescaled_counts,
)
from omskit.trigger.counting import DIVISOR_S


def test_lengths():
    """The three lengths of a lumisection are those that OMS divides by."""
    assert pytest.approx(23.310409581, abs=1e-9) == LUMISECTION_S
    assert DIVISOR_S["l1triggerrates"] == pytest.approx(23.309976881, abs=1e-9)
    assert DIVISOR_S["l1algorithmtriggers"] == pytest.approx(23.311013294, abs=1e-9)


def test_every_recorded_rate_is_a_counter(hlt_rates):
    """Each of the 126288 recorded HLT rates is a whole number of counts."""
    columns = [c["rate"] for paths in hlt_rates.values() for c in paths.values()]
    known = [r for rates_ in columns for r in rates_]
    assert len(known) == 126288
    counts = counts_of_rates(known)
    assert np.array_equal(counts, np.round(counts))
    assert rates(counts) == pytest.approx(np.array(known), rel=1e-5, abs=1e-6)


def test_recorded_level_1_counters(recorded):
    """The recorded counters of 297050 follow from their rates by TCDS's length."""
    path = min((recorded / "recorded").glob("l1triggerrates_297050_ls1_*"))
    row = json.loads(path.read_text(encoding="utf-8"))
    row = row.get("attributes", row)
    pairs = [
        v for v in row.values() if isinstance(v, dict) and v.get("counter") is not None
    ]
    assert len(pairs) == 11
    found = np.array([p["rate"] for p in pairs]) * DIVISOR_S["l1triggerrates"]
    # The service prints single precision.
    assert found == pytest.approx(np.array([p["counter"] for p in pairs]), rel=1e-6)
    counter = {k: v.get("counter") for k, v in row.items() if isinstance(v, dict)}
    lost = counter["trigger_physics_lost"]
    generated = counter["physics_generated_fdl_tcds"]
    assert (generated, lost) == (771187, 213684)
    assert generated == counter["l1a_physics"] + lost
    assert 100 * lost / generated == pytest.approx(
        row["percentage_physics_triggers_lost"], rel=1e-6
    )


def test_the_wrong_length_is_noticed():
    """A rate of another resource gives no whole number, and says so."""
    with pytest.raises(UsageError, match="no whole number"):
        counts_of_rates([771187 / DIVISOR_S["l1triggerrates"]])
    with pytest.raises(UsageError, match="is not one of"):
        counts_of_rates([1.0], "streams")


def test_deadtime_divides():
    """10 % of dead time raise a rate by 1/0.9, not by 1.1."""
    live = live_fraction_of(10.0)
    found, error = unprescaled_counts(100, 1, live)
    assert found == pytest.approx(111.11111)
    assert error == pytest.approx(11.111111)
    with pytest.raises(UsageError, match="not within 0 to 100"):
        live_fraction_of([5, 101])


def test_live_fraction_is_unknown_without_luminosity():
    """Where nothing was delivered the live fraction is unknown, not 1."""
    found = live_fraction([0, 0.2, np.nan, -1e-9, 1.01], [0, -1e-9, 1, 1, 1])
    assert np.isnan(found[:3]).all()
    assert found[3:].tolist() == [0, 1]


def test_off_and_unknown_are_no_numbers():
    """A path that is off or whose inputs are null has no unprescaled counts."""
    counts = [5, 5, np.nan, 5, 5, 0]
    prescales = [0, np.nan, 1, 1, 1, 3]
    found, error = unprescaled_counts(counts, prescales, [1, 1, 1, 0, np.nan, 1])
    assert np.isnan(found[:5]).all()
    assert np.isnan(error[:5]).all()
    assert (found[5], error[5]) == (0, 0)


def test_exact_intervals():
    """The interval covers 68.27 % and its upper end is not 0 for no counts."""
    low, high = count_interval([0, 1, 10_000, np.nan])
    assert low[0] == 0
    assert high[0] == pytest.approx(1.8410, abs=1e-4)
    assert (low[1], high[1]) == pytest.approx((0.1728, 3.2995), abs=1e-4)
    assert (low[2], high[2]) == pytest.approx((9900, 10101), abs=1)
    assert np.isnan([low[3], high[3]]).all()


def test_errors_of_weighted_counts():
    """The error of a weighted sum is that of its squares, not the root of the sum."""
    found = cross_section([100, 100], [1, 100], [1.0, 1.0])
    assert found.value == pytest.approx(5050)
    assert found.error == pytest.approx(np.sqrt(100 + 100 * 100**2) / 2)
    assert np.isnan(cross_section([1], [1], [0.0])).all()


def test_prescales_are_applied_by_lumisection():
    """A change of column gives the sum of products, not counts times the mean."""
    found = cross_section([1000, 10], [1, 100], [1.0, 1.0])
    assert found.value == pytest.approx(1000)
    assert found.value != pytest.approx(1010 * 50.5 / 2)


def test_bunches_of_pileup_are_whole(zerobias_runs):
    """Luminosity over pileup is a whole number of bunches in 39 runs."""
    seen = set()
    for rows in zerobias_runs.values():
        good = rows["pileup"] > 1
        if good.any():
            delivered = rows["delivered_lumi_per_lumisection"][good]
            found = np.median(bunches_of_pileup(delivered, rows["pileup"][good]))
            assert found == pytest.approx(np.round(found), rel=2e-5)
            seen.add(int(np.round(found)))
    assert seen >= {2, 8, 62, 386, 818, 1728, 2340}
    assert np.isnan(bunches_of_pileup(1.0, 0.0))
