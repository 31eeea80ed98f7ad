"""ZeroBias counts the colliding bunches: nine runs, 39 runs, two at fault."""

from __future__ import annotations

import numpy as np
import pytest

from omskit import UsageError
from omskit.trigger import bunches_of_pileup, count_bunches, live_fraction

# run: (bunches by pileup, by ZeroBias, error, pull width, lumisections), computed from
# public data of 2024.
KNOWN = {
    378985: (2.000, 2.010, 0.002, 0.95, 765),
    379028: (8.000, 8.012, 0.010, 1.02, 532),
    379058: (62.001, 62.367, 0.064, 0.92, 822),
    379349: (818.008, 819.27, 1.38, 0.99, 308),
    386694: (2340.023, 2343.90, 1.95, 0.95, 1317),
    386704: (2340.023, 2343.76, 2.13, 0.99, 1093),
    386753: (2340.023, 2341.12, 1.90, 0.96, 1333),
    386764: (1728.017, 1729.59, 5.00, 0.93, 146),
    386924: (2340.023, 2344.71, 1.69, 0.96, 1758),
}
FAULTY = {379238, 379243}


def counted(rows):
    """The bunch count of a run, and the bunches by pileup."""
    live = live_fraction(
        rows["recorded_lumi_per_lumisection"], rows["delivered_lumi_per_lumisection"]
    )
    good = rows["cms_active"] & rows["beams_stable"] & rows["physics_flag"]
    good = good.astype(bool) & (live > 0.5)
    if not good.any():
        return None
    delivered = rows["delivered_lumi_per_lumisection"][good]
    expected = float(np.nanmedian(bunches_of_pileup(delivered, rows["pileup"][good])))
    return count_bunches(
        rows["lumisection_number"][good],
        rows["counts"][good],
        rows["prescale"][good],
        live[good],
        expected=expected,
    )


@pytest.mark.parametrize("run", KNOWN)
def test_known_runs(zerobias_runs, run):
    """The bunch count of nine runs, its error and pull width are reproduced."""
    pileup, bunches, error, width, lumisections = KNOWN[run]
    found = counted(zerobias_runs[run])
    assert found.expected == pytest.approx(pileup, rel=1e-5)
    assert found.bunches == pytest.approx(bunches, abs=0.006 * max(1, error))
    assert found.error == pytest.approx(error, abs=0.006)
    assert found.pull_width == pytest.approx(width, abs=0.011)
    assert found.counted == lumisections
    assert found.ok


def test_all_runs(zerobias_runs):
    """All 39 runs agree within 1 %; the two with dead counters are found."""
    found = {run: counted(rows) for run, rows in zerobias_runs.items()}
    found = {run: f for run, f in found.items() if f is not None and f.counted > 100}
    assert len(found) == 39
    ratios = np.array([f.bunches / f.expected for f in found.values()])
    assert np.abs(ratios - 1).max() < 0.01
    assert np.median(ratios) == pytest.approx(1.0017, abs=2e-4)
    assert {run for run, f in found.items() if not f.ok} == FAULTY
    for run, f in found.items():
        assert (0.87 <= round(f.pull_width, 2) <= 1.06) == (run not in FAULTY)


def test_dead_counters(zerobias_runs):
    """The lumisections whose counters are 0 or short while beams collide are named."""
    found = counted(zerobias_runs[379238])
    assert (found.dead, found.far) == ((295, 296), (294,))
    found = counted(zerobias_runs[379243])
    assert (found.dead, found.far) == ((333, 334, 335), (332,))
    assert "AT FAULT" in str(found)


def test_nothing_to_count():
    """A run without a single usable lumisection is neither good nor bad."""
    found = count_bunches([1, 2], [np.nan, 5], [10, 0], [1, 1])
    assert found.ok is None
    assert found.left_out == (1, 2)
    assert np.isnan(found.bunches)
    assert "No lumisection" in str(found)


def test_good_lumisections_are_not_accused():
    """Lumisections beside a dead one are not far off; the run is at fault."""
    found = count_bunches([1, 2, 3], [1000, 1021, 0], [2621.44] * 3, [1.0] * 3)
    assert (found.dead, found.far, found.ok) == ((3,), (), False)
    found = count_bunches([1, 2], [0, 0], [1.0, 1.0], [1.0, 1.0], expected=2)
    assert (found.dead, found.ok) == ((1, 2), False)


@pytest.mark.parametrize("expected", [0, -1, np.nan])
def test_expected_bunches_are_positive(expected):
    """An impossible number of expected bunches is an error."""
    with pytest.raises(UsageError, match="a number of bunches"):
        count_bunches([1], [1], [1], [1], expected=expected)
