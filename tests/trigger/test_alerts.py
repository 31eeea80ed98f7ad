"""What is wrong is found, and what is quiet gives no alarm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omskit import UsageError
from omskit.demo.truth import disturbances, truths
from omskit.trigger import LUMISECTION_S, alerts, compare, fit, hlt
from omskit.trigger.significance import chance, deviations, discoveries

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
PATHS = list(truths())


@pytest.fixture(scope="module")
def reference(oms):
    return hlt(oms, [315264, 315267], paths=PATHS)


@pytest.fixture(scope="module")
def fitted(reference):
    return fit(reference)


@pytest.fixture(scope="module")
def disturbed(oms):
    return hlt(oms, 315270, paths=PATHS)


def test_disturbed_paths_are_found(disturbed, fitted):
    """Dead, stuck, high: each path of the scenario in its window, and no other."""
    rows = alerts(disturbed, fitted).to_records()
    found = {
        (r["path"], r["first_lumisection_number"], r["last_lumisection_number"])
        for r in rows
    }
    assert found == {(d.path, d.first, d.last) for d in disturbances()}
    kinds = {r["path"]: r["kind"] for r in rows}
    assert kinds["HLT_Mu50"] == "dead"
    assert kinds["HLT_Photon200"] == "stuck"
    assert kinds["HLT_IsoMu27"] == "high"
    sizes = [abs(r["significance"]) for r in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) > 5


@pytest.mark.parametrize("run", [297050, 297057, 306458])
def test_quiet_runs_give_no_alert(oms, fitted, run):
    """Runs of other years and pileups, by the same fit, are normal."""
    cube = hlt(oms, run, paths=[*fitted.fits])
    assert len(alerts(cube, fitted)) == 0
    assert len(fitted.outliers(cube)) <= 1


def test_dead_at_the_end(oms, fitted):
    """Zeros while luminosity is recorded are found in every path."""
    rows = alerts(hlt(oms, 315257, paths=PATHS), fitted).to_records()
    assert {r["kind"] for r in rows} == {"dead"}
    assert {r["first_lumisection_number"] for r in rows} == {91}
    assert len(rows) == 17


def test_compare_is_fit_and_alerts(disturbed, reference, fitted):
    """Against a reference cube the alerts are those against its fit."""
    assert compare(disturbed, reference) == alerts(disturbed, fitted)


def quiet(cube, seed, change=None):
    """The same run with other counts, drawn about the truth."""
    here, rng = cube.conditions, np.random.default_rng(seed)
    mean = np.array([truths()[p].per_bunch(here.pileup) for p in cube.paths])
    mean *= here.bunches * LUMISECTION_S * here.live / cube.matrix("prescale")
    if change is not None:
        change(mean)
    counts = rng.poisson(np.nan_to_num(mean)).astype(float)
    counts[np.isnan(mean)] = np.nan
    return replace(cube, counters={"counter": counts})


def test_false_alarms_are_rare(reference):
    """Of 100 quiet runs no more than a few have an alert at 1 %."""
    good = reference.good()
    base = fit(quiet(good, 1000))
    alarms = sum(len(alerts(quiet(good, seed), base)) > 0 for seed in range(100))
    assert alarms <= 5


def test_deviations_of_five_sigma_are_found(reference):
    """Any path that is 5 sigma off in a window is found there, and nothing else.

    Its counts are set so that the window lies 5 standard deviations from the fit.
    """
    good = reference.good()
    base = fit(quiet(good, 1000))
    still = quiet(good, 5)
    numbers, runs = good.conditions.lumisection, good.conditions.run
    second = int(np.flatnonzero(runs == runs[-1])[0])
    expected, seen = base.expected(still), 0
    for at, path in list(enumerate(expected.paths))[::3]:
        row = good.paths.index(path)
        for sign, first in ((1, 100), (-1, second + 30)):
            window = slice(first, first + 10)
            mean = expected.mean[at, window].sum()
            if not mean > 100:
                continue
            width = np.sqrt(mean + expected.error[at, window].sum() ** 2)
            counts = still.counts.copy()
            wanted = np.ceil(mean + sign * 5.1 * width)
            counts[row, first] += wanted - counts[row, window].sum()
            found = alerts(replace(still, counters={"counter": counts}), base)
            rows = found.to_records()
            assert [r["path"] for r in rows] == [path]
            assert rows[0]["kind"] == ("high" if sign > 0 else "low")
            assert rows[0]["first_lumisection_number"] == numbers[first]
            assert 4.5 < abs(rows[0]["significance"]) < 5.7
            seen += 1
    assert seen >= 8


def test_shifts_of_eight_sigma_are_always_found(reference):
    """A rate that is shifted by 8 standard deviations is found with any fluctuation."""
    good = reference.good()
    base = fit(quiet(good, 1000))
    row = good.paths.index("HLT_IsoMu24")
    at = slice(100, 110)

    def shift(mean):
        mean[row, at] *= 1 + 8 / np.sqrt(mean[row, at].sum())

    rows = alerts(quiet(good, 5, shift), base).to_records()
    assert [r["path"] for r in rows] == ["HLT_IsoMu24"]
    numbers = good.conditions.lumisection
    assert rows[0]["first_lumisection_number"] == numbers[100]
    assert rows[0]["last_lumisection_number"] == numbers[109]


def test_outliers_of_single_lumisections(disturbed, fitted):
    """Each lumisection of a dead path is an outlier, the worst first."""
    table = fitted.outliers(disturbed)
    rows = table.to_records()
    dead = {r["lumisection_number"] for r in rows if r["path"] == "HLT_Mu50"}
    assert dead == set(range(301, 321))
    sizes = [abs(r["significance"]) for r in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert any("Simulated" in text for text in table.warnings)


def test_extrapolation_is_marked(oms, fitted):
    """Beyond the range of the fit its expectation says so."""
    cube = hlt(oms, 386694, paths=["HLT_IsoMu27"])
    found = fitted.expected(cube)
    assert found.outside[0, 100]


def test_low_windows(reference, fitted):
    """A path that lost half of its rate is low."""
    good = reference.good()
    row = good.paths.index("HLT_IsoMu27")

    def halve(mean):
        mean[row, 50:75] *= 0.5

    (found,) = alerts(quiet(good, 3, halve), fitted).to_records()
    assert (found["kind"], found["path"]) == ("low", "HLT_IsoMu27")
    assert found["significance"] < -10
    assert found["ratio"] < 0.75


@pytest.mark.parametrize(
    ("options", "said"), [({"window": 0}, "window"), ({"false_alarms": 2}, "chance")]
)
def test_wrong_options(disturbed, fitted, options, said):
    """A window or chance that is none is refused."""
    with pytest.raises(UsageError, match=said):
        alerts(disturbed, fitted, **options)


def test_no_common_path(oms, fitted):
    """A cube without a path of the fit is an error."""
    cube = hlt(oms, 315264, paths="HLT_Random")
    with pytest.raises(UsageError, match="No path of the cube has a fit"):
        alerts(cube, fitted)


def test_chances():
    """Poisson tails, their mixture with an error of the mean, and the sign."""
    assert chance([0], [20.0])[0] == pytest.approx(2 * np.exp(-20.0))
    assert chance([150], [100.0], 0.2)[0] > 1000 * chance([150], [100.0])[0]
    assert np.isnan(chance([np.nan], [1.0])[0])
    assert deviations([0.0], [-1])[0] < -37
    assert discoveries(np.array([np.nan, 1e-9]), 0.01).tolist() == [False, True]
    assert not discoveries(np.array([np.nan]), 0.01).any()


@pytest.mark.parametrize("mean", [3.0, 50.0, 4000.0])
def test_chances_are_uniform(mean):
    """Of quiet counts at most the stated share is below a chance."""
    n = np.random.default_rng(2).poisson(mean, 20_000)
    p = chance(n, np.full(n.size, mean))
    for level in (0.01, 0.1):
        assert (p < level).mean() < level * 1.25
