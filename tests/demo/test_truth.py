"""The trigger of the demo follows its truths, but where it is disturbed on purpose."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from omskit.demo import hlt, hltmenu, output
from omskit.demo.beam import lumisections
from omskit.demo.dice import poisson
from omskit.demo.names import stem
from omskit.demo.schedule import period_of, periods, runs
from omskit.demo.truth import Truth, disturbances, frozen, truth_of, truths

HLT_S = 3564 * 2**18 / 40.08e6


def counts_of(run, path):
    """Counts, lumisection positions and expected counts of a path, where it is on."""
    kept = hlt.rows()
    place = kept.runs.tolist().index(run)
    begin, size = kept.begin[place], kept.sizes[place]
    at = kept.at[begin : begin + size]
    names = [stem(name) for name in hlt.paths_of(run)]
    row = names.index(path)
    (plan,) = (r for r in runs() if r.number == run)
    mean = hlt._mean(hlt.paths_of(run)[row], plan, at) * HLT_S
    return hlt.counted()[run][row], at, mean


def test_every_family_is_there():
    """The 25 paths have truths of all four families, and some have none."""
    found = truths()
    assert {t.family for t in found.values()} == {
        "constant",
        "linear",
        "quadratic",
        "sinh",
    }
    assert len(found) >= 18
    assert truth_of("HLT_Random_v2") is None
    assert truth_of("HLT_L1NotBptxOR_v2") is None


@pytest.mark.parametrize(
    ("family", "parameters", "expected"),
    [
        ("constant", (3.0,), 3.0),
        ("linear", (1.0, 2.0), 81.0),
        ("quadratic", (1.0, 2.0, 0.5), 881.0),
        ("sinh", (1.0, 0.5, 0.1), 1 + 0.5 * math.sinh(4.0)),
    ],
)
def test_families(family, parameters, expected):
    """The rate of each family at pileup 40."""
    rate = Truth("X", family, parameters).per_bunch(np.array([40.0]))
    assert rate[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("run", [297050, 297057, 306458, 386694])
def test_counts_scatter_about_the_truth(run):
    """The pulls of all paths of a quiet run have mean 0 and width 1."""
    pulls = []
    for name in hlt.paths_of(run):
        if truth_of(name) is None:
            continue
        seen, _, mean = counts_of(run, stem(name))
        on = mean > 5
        pulls.append((seen[on] - mean[on]) / np.sqrt(mean[on]))
    every = np.concatenate(pulls)
    assert abs(every.mean()) < 5 / np.sqrt(every.size)
    assert every.std() == pytest.approx(1, abs=0.05)


def test_zero_bias_counts_the_bunches():
    """ZeroBias x prescale / live time is the number of colliding bunches."""
    for run, bunches in ((297057, 1213), (386694, 2340)):
        seen, at, mean = counts_of(run, "HLT_ZeroBias")
        (name,) = (n for n in hlt.paths_of(run) if stem(n) == "HLT_ZeroBias")
        column = lumisections().column[at]
        prescale = hltmenu.total(period_of(run), name)[column]
        exposure = 2**18 * hlt._live()[at] / prescale
        beam = mean > 0
        found = seen[beam].sum() / exposure[beam].sum()
        assert found == pytest.approx(bunches, rel=0.005)


def test_recorded_prescales_of_386694():
    """ZeroBias has 15 x 35099 in column 6 and 60 x 8779 in column 7."""
    total = hltmenu.total(period_of(386694), "HLT_ZeroBias_v12")
    assert total[6:8].tolist() == [526485, 526740]


def test_disturbed_paths():
    """Dead, stuck and changed paths are so in their window and nowhere else."""
    assert {d.run for d in disturbances()} == {315270}
    for fault in disturbances():
        seen, at, mean = counts_of(fault.run, fault.path)
        numbers = lumisections().number[at]
        here = (numbers >= fault.first) & (numbers <= fault.last)
        assert here.sum() == fault.last - fault.first + 1
        if fault.stuck:
            assert len(set(seen[here].tolist())) == 1
        else:
            assert seen[here].sum() == pytest.approx(
                mean[here].sum() * fault.factor, abs=5 * np.sqrt(mean[here].sum() + 1)
            )
        quiet = mean[~here].sum()
        assert seen[~here].sum() == pytest.approx(quiet, abs=5 * np.sqrt(quiet))


def test_frozen_counters():
    """Run 315257 ends with zeros in all paths while luminosity is recorded."""
    for run, size in frozen().items():
        seen, at, _ = counts_of(run, "HLT_ZeroBias")
        assert not hlt.counted()[run][:, -size:].any()
        assert (lumisections().recorded[at[-size:]] > 0).all()
        assert seen[-size - 1] > 0


def test_datasets_add_up_from_their_paths(rows):
    """Each dataset is the sum of its paths, and the physics stream that of datasets."""
    table = rows("datasetrates", run_number=297057)
    events = table.group_by("dataset_name").aggregate([("events", "sum")]).to_pylist()
    found = {row["dataset_name"]: row["events_sum"] for row in events}
    counted = dict(
        zip(hlt.paths_of(297057), hlt.counted()[297057].sum(axis=1), strict=True)
    )
    muons = [n for n in counted if n.startswith(("HLT_IsoMu", "HLT_Mu50"))]
    assert found["SingleMuon"] == sum(counted[n] for n in muons)
    (stream,) = rows(
        "streams@run", run_number=297057, stream_name="Physics"
    ).to_pylist()
    assert stream["n_events"] == sum(found.values())
    part = lumisections().rows[297050]
    several = sum(int(v[part].sum()) for v in output._sums()[0].values())
    assert several > output.physics_events()[part].sum()


def test_passes_tell_the_prescale(rows):
    """ps_pass / l1_pass of ZeroBias is its mean HLT prescale, between its columns'."""
    (info,) = rows(
        "hltpathinfo", run_number=297050, path_name="HLT_ZeroBias_v5"
    ).to_pylist()
    used = hltmenu.hlt(period_of(297050), "HLT_ZeroBias_v5")[6:9]
    assert min(used) < info["l1_pass"] / info["ps_pass"] < max(used)
    assert info["accepted"] == info["ps_pass"]


def test_menus_have_paths_that_are_off():
    """Paths are off in emergency, by HLT prescale, by their bit, and by a mask."""
    early, late = periods()[0], periods()[-1]
    assert set(hltmenu.hlt(early, "HLT_Mu50_v6")) == {0.0, 1.0}
    assert hltmenu.total(early, "HLT_Ele27_WPTight_Gsf_v8")[5:8].tolist() == [0, 0, 1]
    assert not hltmenu.total(late, "HLT_L1NotBptxOR_v9").any()
    assert not np.any(hltmenu.hlt(early, "HLT_ZeroBias_part0_v4"))
    assert hltmenu.total(early, "HLT_DoubleMu4_3_Bs_v8")[7] == 126
    assert np.isnan(hltmenu.total(early, "HLT_Physics_v6")).all()


def test_masked_bits(rows):
    """L1_SingleMu25 is masked in 2018: it has no counts after the prescale."""
    (sets,) = rows(
        "l1prescalesets", run_number=315190, algo_name="L1_SingleMu25"
    ).to_pylist()
    assert sets["algo_mask"] is False
    assert json.loads(sets["prescales"])[7]["prescale"] == 1
    (bit,) = rows(
        "l1algorithmtriggers@run", run_number=315264, name="L1_SingleMu25"
    ).to_pylist()
    assert bit["mask"] is False
    assert bit["pre_dt_counter"] == 0 < bit["pre_dt_before_prescale_counter"]


@pytest.mark.parametrize("mean", [0.02, 0.7, 4.0, 15.9, 30.0])
def test_small_counts_follow_poisson(mean):
    """Mean, variance and share of zeros of counts are those of a Poisson law."""
    drawn = poisson(np.full(200_000, mean), 1)
    assert drawn.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / 2e5))
    assert drawn.var() == pytest.approx(mean, rel=0.06)
    none = np.exp(-mean)
    assert (drawn == 0).mean() == pytest.approx(none, abs=5 * np.sqrt(none / 2e5))
