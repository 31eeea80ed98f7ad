"""Fits recover the truth with the right errors, and go to JSON and back."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from omskit import DecodeError, UsageError
from omskit.demo.truth import truths
from omskit.trigger import (
    FAMILIES,
    LUMISECTION_S,
    Fit,
    fit,
    fit_path,
    growth,
    hlt,
    l1,
    live_fraction,
)
from omskit.trigger.fits import abscissa, exposures

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")


@pytest.fixture(scope="module")
def cube(oms):
    return hlt(oms, 297050, paths=list(truths()))


@pytest.fixture(scope="module")
def fitted(cube):
    return fit(cube)


PILEUP = np.linspace(25, 60, 600)
EXPOSURE = np.full(PILEUP.size, 1000 * 23.3)


def toy(seed, rate, x=PILEUP, exposure=EXPOSURE):
    """Counts drawn about a rate per bunch."""
    return np.random.default_rng(seed).poisson(rate * exposure).astype(float)


TRUE = {
    "constant": (0.02,),
    "linear": (0.001, 0.0006),
    "quadratic": (0.001, 1e-4, 4e-6),
    "sinh": (4e-4, 1.6e-3, 0.06),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_coverage(family):
    """Over seeded toys the true rate lies within one error in 68 % of them."""
    truth, toys = np.array(TRUE[family]), 200
    x, exposure = PILEUP[::6], 6 * EXPOSURE[::6]
    rate = FAMILIES[family].value(x, truth)
    pulls = []
    for seed in range(toys):
        found = fit_path(x, toy(seed, rate, x, exposure), exposure, [family])
        at = np.array([27.0, 58.0])
        value, error = found.rate(at)
        pulls.append((value - FAMILIES[family].value(at, truth)) / error)
    every = np.array(pulls)
    assert np.abs(every.mean(axis=0)).max() < 4 / np.sqrt(toys)
    inside = (np.abs(every) < 1).mean(axis=0)
    assert np.abs(inside - 0.683).max() < 4 * np.sqrt(0.683 * 0.317 / toys)


@pytest.mark.parametrize("family", ["constant", "linear", "sinh"])
def test_the_family_is_found(family):
    """Of ten toys, the true family is chosen in most; a curve never as a line."""
    rate = FAMILIES[family].value(PILEUP, np.array(TRUE[family]))
    chosen = [fit_path(PILEUP, toy(s, rate), EXPOSURE).family for s in range(10)]
    assert chosen.count(family) >= 6
    if family == "sinh":
        assert set(chosen) <= {"sinh", "quadratic"}


def test_quadratic_is_no_line():
    """A rate with a square is never taken for a line or a constant."""
    rate = FAMILIES["quadratic"].value(PILEUP, np.array(TRUE["quadratic"]))
    chosen = {fit_path(PILEUP, toy(s, rate), EXPOSURE).family for s in range(10)}
    assert chosen <= {"quadratic", "sinh"}


@pytest.fixture(scope="module")
def published():
    """L1 rates of fill 6315, kHz at 1.52e34 (pileup 58) and 2.15e34 (pileup 82).

    Source: a comment in RateMon's DBParser.
    """
    return {
        "SingleMu22": (7.7, 11.7),
        "SingleEG40": (11.7, 18.2),
        "SingleJet200": (2.3, 4.2),
        "ETM120": (6.2, 105),
        "ETMHF120": (7.0, 109),
    }


def test_published_rates_are_ordered(published):
    """Muons and electrons are near linear, jets near a square, MET is beyond."""
    powers = [growth((58, 82), rates) for rates in published.values()]
    assert powers[:3] == sorted(powers[:3])
    assert 1 < powers[0] < 1.3
    assert 1.5 < powers[2] < 2.1
    assert min(powers[3:]) > 7


def test_families_of_published_rates(published):
    """Of those rates muons are a line, electrons beyond one, jets a square, MET sinh.

    Counts are drawn about the power law through both points, of 12 fits each, by a
    prescale at which a line is not excluded for muons.
    """
    x = np.linspace(25, 82, 300)
    exposure = np.full(x.size, 2 * LUMISECTION_S * 1909 / 6000)
    chosen = {}
    for name, (low, high) in published.items():
        power = growth((58, 82), (low, high))
        rate = 1e3 * low / 1909 * (x / 58) ** power
        toys = (toy(seed, rate, x, exposure) for seed in range(12))
        chosen[name] = Counter(fit_path(x, n, exposure).family for n in toys)
    usual = {name: seen.most_common(1)[0][0] for name, seen in chosen.items()}
    lines = [chosen[n]["linear"] for n in ("SingleMu22", "SingleEG40", "SingleJet200")]
    assert usual["SingleMu22"] == "linear"
    assert lines[0] > lines[1] > lines[2] == 0
    assert usual["SingleJet200"] == "quadratic"
    assert usual["ETM120"] == usual["ETMHF120"] == "sinh"


def test_zero_bias_of_2024_is_constant(zerobias_runs):
    """Recorded ZeroBias is 11 245.8 Hz per bunch at every pileup: no slope is found."""
    for run, n_b in {379058: 62, 379349: 818, 386694: 2340, 386924: 2340}.items():
        rows = zerobias_runs[run]
        delivered = rows["delivered_lumi_per_lumisection"]
        live = live_fraction(rows["recorded_lumi_per_lumisection"], delivered)
        good = rows["cms_active"] & rows["beams_stable"] & (live > 0.5)
        exposure = n_b * LUMISECTION_S * live / rows["prescale"]
        found = fit_path(rows["pileup"][good], rows["counts"][good], exposure[good])
        assert found.family == "constant"
        assert found.parameters[0] == pytest.approx(11245.8, rel=0.01)
        assert 0.8 < found.chi2 / found.ndf < 1.1
        assert found.spread == 0


def test_fits_of_the_demo_find_the_truth(fitted, cube):
    """The pulls of the fitted rates of all paths have width 1."""
    x = cube.good().conditions.pileup
    at, pulls = np.array([np.median(x)]), []
    for path, found in fitted.fits.items():
        value, error = found.rate(at)
        pulls.append(float(((value - truths()[path].per_bunch(at)) / error)[0]))
    assert len(pulls) == 18
    assert np.std(pulls) == pytest.approx(1, abs=0.5)
    assert np.abs(pulls).max() < 4
    assert fitted["HLT_ZeroBias"].family == "constant"
    assert fitted["HLT_PFMET120_PFMHT120_IDTight"].family == "sinh"
    assert all(0.85 < f.chi2 / f.ndf < 1.15 for f in fitted.fits.values())
    assert {f.spread for f in fitted.fits.values()} == {0.0}


def test_zeros_are_data():
    """A rare path is not biased upward: its zeros count."""
    rate = np.full(PILEUP.size, 0.2 / EXPOSURE[0])
    n = toy(1, rate)
    found = fit_path(PILEUP, n, EXPOSURE, ["constant"])
    assert found.parameters[0] == pytest.approx(n.sum() / EXPOSURE.sum())
    assert found.points == PILEUP.size


@pytest.mark.parametrize("mean", [0.002, 0.05])
def test_counts_of_a_rare_path_are_no_outliers(mean):
    """A path with a count in every 20th or 500th lumisection loses none of them."""
    for seed in range(10):
        n = toy(seed, np.full(2000, mean), np.ones(2000), np.ones(2000))
        found = fit_path(np.linspace(25, 60, 2000), n, np.ones(2000))
        assert found.trimmed == 0
        if found.family == "constant":
            assert found.parameters[0] == pytest.approx(n.mean())


def test_one_lumisection_has_all_counts():
    """Where trimming would leave no count, nothing is trimmed."""
    n = np.zeros(40)
    n[7] = 500
    found = fit_path(np.linspace(30, 50, 40), n, np.full(40, 10.0), ["constant"])
    assert (found.trimmed, found.parameters[0]) == (0, pytest.approx(500 / 400))


def test_trips_are_trimmed():
    """Lumisections far off any family are left out and counted; good ones stay."""
    rate = FAMILIES["linear"].value(PILEUP, np.array([0.0, 6e-4]))
    n = toy(3, rate)
    bad = np.arange(100, 130)
    n[bad] *= 0.2
    found = fit_path(PILEUP, n, EXPOSURE)
    assert found.trimmed == 30
    value, error = found.rate(np.array([30.0, 45.0]))
    assert (np.abs(value - 6e-4 * np.array([30.0, 45.0])) < 4 * error).all()


def test_real_scatter_widens_the_errors():
    """Scatter beyond counting is found as a relative spread, and is in the errors."""
    rng = np.random.default_rng(5)
    rate = 0.02 * (1 + 0.05 * rng.standard_normal(PILEUP.size))
    heavy = EXPOSURE * 20
    n = rng.poisson(rate * heavy).astype(float)
    found = fit_path(PILEUP, n, heavy, ["constant"])
    assert found.spread == pytest.approx(0.05, rel=0.15)
    assert "spread 5" in str(found) or "spread 4" in str(found)
    assert found.rate(40.0)[1] > 2 * 0.02 / np.sqrt((0.02 * heavy).sum())


def test_weights_come_from_counters():
    """A lumisection with a prescale of 1000 pulls less than one with 1."""
    exposure = np.where(np.arange(PILEUP.size) < 300, EXPOSURE, EXPOSURE / 1000)
    rate = FAMILIES["linear"].value(PILEUP, np.array([0.0, 6e-3]))
    n = toy(7, rate, exposure=exposure)
    found = fit_path(PILEUP, n, exposure, ["linear"])
    value, error = found.rate(30.0)
    assert abs(value - 0.18) < 4 * error
    assert error / value < 1.3 / np.sqrt(n[:300].sum())


def test_what_cannot_be_used_is_counted(cube):
    """Null counts, prescales or luminosities are left out, and their number is told."""
    exposure = EXPOSURE.copy()
    exposure[:10] = np.nan
    n = toy(1, 0.02)
    n = np.full(PILEUP.size, n.mean())
    n[20:25] = np.nan
    found = fit_path(PILEUP, n, exposure)
    assert found.unusable == 15
    with pytest.raises(UsageError, match="needs 11"):
        fit_path(PILEUP[:5], n[:5], EXPOSURE[:5])
    with pytest.raises(UsageError, match="nothing to fit"):
        fit_path(PILEUP, n * 0, EXPOSURE)


def test_paths_without_a_fit_are_named(oms):
    """A path that is off all the time has no fit, and the reason is kept."""
    cube = hlt(oms, 315264, paths=["HLT_Ele27_WPTight_Gsf", "HLT_Mu50"])
    found = fit(cube)
    assert set(found.fits) == {"HLT_Mu50"}
    assert "0 lumisections" in found.skipped["HLT_Ele27_WPTight_Gsf"]
    assert "no fit" in repr(found)
    with pytest.raises(UsageError, match="No path can be fitted"):
        fit(cube.select("HLT_Ele27*"))


def test_json_and_back(fitted, tmp_path):
    """A fit that was saved is the same when read; it says what it was made of."""
    path = tmp_path / "fit.json"
    fitted.save(path)
    again = Fit.read(path)
    assert again == replace(fitted, made_of=again.made_of)
    document = json.loads(path.read_text())
    assert document["made_of"]["runs"] == [297050]
    assert document["made_of"]["simulated"] is True
    assert document["made_of"]["lumisections"]["297050"][0][0] == 1
    assert document["fits"]["HLT_ZeroBias"]["formula"] == "a"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"format": "other"}',
        '{"format": "omskit trigger fit 1", "fits": {"HLT_A": {}}}',
    ],
)
def test_what_is_no_fit_is_refused(text):
    """Anything but a fit of omskit is an error in one line."""
    with pytest.raises(DecodeError):
        Fit.from_json(text)


def broken(fitted, **changes):
    document = json.loads(fitted.to_json())
    for key, value in changes.items():
        if key == "against":
            document[key] = value
        else:
            document["fits"]["HLT_Mu50"][key] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    "changes",
    [{"family": "cubic"}, {"parameters": [1.0]}, {"against": "time"}],
    ids=lambda c: next(iter(c)),
)
def test_a_fit_that_was_edited_wrongly(fitted, changes):
    """An unknown family, a wrong number of parameters or abscissa is refused."""
    with pytest.raises(DecodeError):
        Fit.from_json(broken(fitted, **changes))


def test_no_such_file(tmp_path):
    """A file that is not there is one line."""
    with pytest.raises(UsageError, match="Cannot read the fit"):
        Fit.read(tmp_path / "none.json")
    other = tmp_path / "mask.json"
    other.write_text("{}")
    with pytest.raises(DecodeError, match=r"no fit that 'save' wrote.*mask\.json"):
        Fit.read(other)


@pytest.mark.parametrize("path", ["HLT_IsoMu27", "HLT_PFMET120_PFMHT120_IDTight"])
def test_against_luminosity_is_the_same_fit(cube, fitted, path):
    """Luminosity per bunch is pileup times a constant, so the rates are the same."""
    other = fit(cube.select(path), against="luminosity")
    good = cube.good()
    a = fitted[path].rate(abscissa(good, "pileup"))[0]
    b = other[path].rate(abscissa(good, "luminosity"))[0]
    # Pileup and luminosity of the first lumisection are recorded, and differ.
    assert np.allclose(a[1:], b[1:], rtol=1e-3)
    assert other[path].family == fitted[path].family


def test_wrong_words(cube):
    """A family or abscissa that there is not is named."""
    with pytest.raises(UsageError, match="pileup"):
        fit(cube, against="time")
    with pytest.raises(UsageError, match="quadratic"):
        fit(cube, families=["cubic"])


def test_l1_is_fitted_before_prescale(oms):
    """The exposure of an L1 bit has no prescale and no live fraction in it."""
    cube = l1(oms, 297050, names="L1_SingleMu22")
    here = cube.good().conditions
    assert np.allclose(exposures(cube.good())[0], here.bunches * 23.310409581)
    found = fit(cube)["L1_SingleMu22"]
    truth = 1.08e4 * (here.pileup * 1213 * 11245.5 / 8e4 / 2e4 + 0.002) / 1213
    value, error = found.rate(here.pileup)
    assert np.abs((value - truth) / error).max() < 5
