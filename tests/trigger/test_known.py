"""Published numbers of triggers, and joins against plain Python."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omskit.trigger import (
    LUMISECTION_S,
    bunches_of_pileup,
    count_interval,
    live_fraction,
    live_fraction_of,
    rates,
)
from omskit.trigger.conditions import Conditions, place
from omskit.trigger.fits import PathFit


def changes(recorded, name):
    """Run, lumisection, total and HLT prescale of a table of 2024."""
    found = {}
    with (recorded / "trigger" / name).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            own = float(row["hltpath/prescval"].rpartition("/")[2])
            one = (int(row["cmsls"]), float(row["totprescval"]), own)
            found.setdefault(int(row["# run"]), []).append(one)
    return found


def test_columns_of_378981(recorded):
    """PFJet40 43410 = 30 x 1447, then 210 = 30 x 7; ZeroBias 86820 = 60 x 1447."""
    jet = changes(recorded, "HLTinfo_PFJet40_year2024.csv")[378981]
    bias = changes(recorded, "HLTinfo_ZeroBias_year2024.csv")[378981]
    assert jet[:2] == [(1, 30 * 1447, 30), (4, 30 * 7, 30)]
    assert bias[:2] == [(1, 60 * 1447, 60), (4, 60 * 7, 60)]


def test_zero_bias_and_jet_share_their_seed(recorded):
    """In run 386694 both have 15 x 35099, then 60 x 8779, from lumisection 1148 on."""
    for name in ("ZeroBias", "PFJet40"):
        found = changes(recorded, f"HLTinfo_{name}_year2024.csv")[386694]
        assert found[0][:2] == (1, 15 * 35099)
        assert found[1][:2] == (1148, 60 * 8779)


def test_unprescaled_paths(recorded):
    """PFJet500 and Photon200 have the prescale 1 in nearly all of 2024."""
    for name in ("PFJet500_year2024", "Photon200_run378981_386951"):
        rows = changes(recorded, f"HLTinfo_{name}.csv").values()
        totals = np.array([total for run in rows for _, total, _ in run])
        assert np.mean(totals == 1) > 0.9


def test_l1_and_hlt_count_the_same_events():
    """Run 373710, lumisection 740: L1 and HLT rates of ZeroBias are 463 593 counts.

    Source: boundino/omstools readme.
    """
    assert pytest.approx(463593, abs=0.2) == 19887.81 * LUMISECTION_S
    assert pytest.approx(463593, abs=0.2) == 19887.299 * (2**18 / 11245.5)


def test_run_374810_before_and_after_prescale_and_deadtime():
    """Two bits keep the same share of live time, and their prescales are whole.

    Source: boundino/omstools: bits 18 and 19 before prescale, after it, and after
    deadtime, in Hz.
    """
    empty, zero_bias = (26195441.75, 10.01, 9.46), (11335171.84, 5420.36, 5244.03)
    assert zero_bias[0] / zero_bias[1] == pytest.approx(2091.2, abs=0.1)
    assert empty[0] / empty[1] == pytest.approx(2616900, rel=1e-3)
    assert empty[2] / empty[1] == pytest.approx(0.945, abs=1e-3)
    assert zero_bias[2] / zero_bias[1] == pytest.approx(0.9675, abs=1e-4)
    assert zero_bias[0] / 11245.5 == pytest.approx(1008, abs=0.1)


def test_mean_prescale_of_a_run():
    """HLT_HIZeroBias_v10 of run 374810: what passed over what was kept is 41.41.

    It is no whole number, as the column changed. Source: boundino/omstools.
    """
    assert pytest.approx(41.41, abs=0.005) == 214048776 / 5168581
    seconds = 5168581 / 126.557
    assert seconds / LUMISECTION_S == pytest.approx(1752, abs=0.5)


def test_recorded_losses():
    """297050, lumisection 1: generated = accepted + lost, 27.708 % of dead time."""
    assert 557503 + 213684 == 771187
    lost = 100 * 213684 / 771187
    assert lost == pytest.approx(27.70845, abs=1e-5)
    assert live_fraction_of(lost).item() == pytest.approx(557503 / 771187)


pairs = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 40)), min_size=1, unique=True
)


@settings(deadline=None)
@given(pairs, pairs)
def test_joins_equal_a_dict(there, wanted):
    """Random gaps on either side: every pair is found where a dict has it."""
    there = sorted(there)
    runs, numbers = (np.array(column) for column in zip(*there, strict=True))
    found = Conditions(runs, numbers, *[np.zeros(len(there))] * 9)
    plain = {pair: at for at, pair in enumerate(there)}
    asked_runs, asked = zip(*wanted, strict=True)
    assert place(found, asked_runs, asked).tolist() == [
        plain.get(pair, -1) for pair in wanted
    ]


def test_a_fit_is_never_below_zero():
    """A line that goes below 0 predicts no rate there, not a negative one."""
    found = PathFit("linear", (-1.0, 0.1), ((0.0, 0.0), (0.0, 0.0)), 0, 1, 9, 0, 0, 0,
                    0.0, {})  # fmt: skip
    assert found.rate([0.0, 20.0])[0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("rate", "divisor", "counts"),
    [
        (4.676, LUMISECTION_S, 109),
        (3.904, LUMISECTION_S, 91),
        (90.215, 2**18 / 11245.5, 2103),
        (71.726, 2**18 / 11245.5, 1672),
    ],
    ids=["HLT_AK4CaloJet100", "HLT_AK4PFJet100", "L1_DoubleMuOpen", "L1_SingleJet60"],
)
def test_rates_of_one_lumisection_are_whole_counts(rate, divisor, counts):
    """Run 373710, lumisection 740: each printed rate is a whole number of counts.

    Its three decimals leave 0.012 counts open. Source: boundino/omstools readme.
    """
    assert rate * divisor == pytest.approx(counts, abs=0.012)


def test_zero_bias_counts_agree_over_ranges():
    """Run 373710: the counts of lumisections 7 to 832 and 100 to 150 are one rate.

    381 927 and 23 688 counts, so 462.4 and 464.5 a lumisection: 0.7 errors apart.
    Source: boundino/omstools readme.
    """
    whole, part = rates([381927, 23688]) / np.array([826, 51])
    low, high = (end / LUMISECTION_S / 51 for end in count_interval([23688]))
    assert low < whole < high
    assert part != whole


def test_effective_luminosities_of_parts_add_up():
    """2015 PbPb: three parts of 7.213 /ub are 21.639 /ub, of 7.308 delivered each.

    Source: boundino/BriCalc.
    """
    parts = [live_fraction([7.213], [7.308]).item() * 7.308 for _ in range(3)]
    assert sum(parts) == pytest.approx(21.639)


def test_minimum_bias_at_low_pileup():
    """At a pileup of 0.05 minimum bias is 562 Hz a bunch, as 11 245 x 0.05.

    FOG's public page of 2022 says 250 to 600 Hz, and 11.2 kHz for ZeroBias.
    """
    delivered = 0.05 * 2**18 / 8e4 / 1e6
    assert bunches_of_pileup(delivered, 0.05).item() == pytest.approx(1)
    per_bunch = 0.05 * 2**18 / LUMISECTION_S
    assert per_bunch == pytest.approx(562, abs=0.5)
    assert 250 < per_bunch < 600
    assert pytest.approx(11.2e3, rel=0.005) == 2**18 / LUMISECTION_S
