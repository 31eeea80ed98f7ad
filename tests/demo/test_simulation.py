"""What is simulated obeys the rules that the real service obeys."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from omskit.demo.beam import LIVE_WITHOUT_BEAM, lumisections
from omskit.demo.schedule import budgets, runs
from omskit.schema.units import INSTANTANEOUS, convert

HLT_S = 3564 * 2**18 / 40.08e6
L1_S = 23.30998


def column(table: Any, name: str) -> Any:
    """A column as a numpy array."""
    return table[name].to_numpy()


def test_there_are_the_runs_that_were_asked_for(demo: Any) -> None:
    """The demo has 297046-297057 without a hole, 306458, runs of 2018 and 386694."""
    numbers = demo["runs"]["run_number"].to_pylist()
    assert numbers[:12] == list(range(297046, 297058))
    assert {306458, 315190, 315270, 386694} < set(numbers)


def test_hlt_rates_are_whole_counters(demo: Any) -> None:
    """Every HLT rate times 23.3104095808 s is a whole number, its counter."""
    table = demo["hltpathrates"]
    counter = column(table, "rate") * HLT_S
    assert np.abs(counter - column(table, "counter")).max() < 1e-6
    assert column(table, "counter").min() == 0


def test_hlt_rates_end_before_the_run_does(demo: Any, rows: Any) -> None:
    """In each run with many lumisections the HLT tables lack the last ones."""
    last = {r["run_number"]: r for r in demo["hltpathrates@run"].to_pylist()}
    for run in runs():
        if run.lumisections > 20:
            assert last[run.number]["last_lumisection_number"] < run.last
    assert len(rows("hltpathrates", run_number=297055)) == 0


@pytest.mark.parametrize("resource", ["l1triggerrates", "l1triggerrates@run"])
def test_l1_triggers_are_accounted_for(demo: Any, resource: str) -> None:
    """Generated is accepted plus lost, and the total is the sum of its kinds."""
    table = demo[resource]
    names = [n.removesuffix("_counter") for n in table.column_names if "_counter" in n]
    count = {n: column(table, f"{n}_counter") for n in names}
    generated = count["physics_generated_fdl_tcds"]
    assert (generated == count["l1a_physics"] + count["trigger_physics_lost"]).all()
    kinds = count["l1a_physics"] + count["l1a_calibration"] + count["l1a_random"]
    assert (count["l1a_total"] == kinds).all()
    for whole, part in (
        ("l1a_physics", "trigger_physics"),
        ("trigger_physics_lost", "trigger_physics_lost"),
    ):
        both = count[f"{part}_beam_active"] + count[f"{part}_beam_inactive"]
        assert (count[whole] == both).all()
    assert (count["total_before_deadtime"] >= generated).all()
    assert (
        min(c.min() for n, c in count.items() if n != "physics_generated_fdl_gt") >= 0
    )


def test_l1_rates_are_counters_over_their_constant(demo: Any) -> None:
    """An L1 rate is its counter over 23.30998 s, to the digits that OMS recorded."""
    table = demo["l1triggerrates"]
    for name in ("l1a_total", "l1a_random", "trigger_physics_lost"):
        rate, counter = column(table, f"{name}_rate"), column(table, f"{name}_counter")
        assert np.allclose(rate, counter / L1_S, rtol=1e-6, atol=0)


def test_luminosities_add_up_to_the_run(demo: Any, rows: Any) -> None:
    """The lumisections of a run sum to it, and none records more than delivered."""
    for run in demo["runs"].to_pylist():
        table = rows("lumisections", run_number=run["run_number"])
        for kind in ("delivered", "recorded"):
            each = table[f"{kind}_lumi_per_lumisection"]
            if run[f"{kind}_lumi"] is None:
                assert each.null_count == len(each)
                continue
            assert sum(each.to_pylist()) == pytest.approx(run[f"{kind}_lumi"], abs=1e-9)
    lumi = lumisections()
    assert (lumi.recorded <= lumi.delivered).all()
    assert (lumi.recorded >= 0).all()


def test_luminosity_is_cumulative_over_the_fill() -> None:
    """delivered_lumi grows over a fill by what each lumisection adds, runs included."""
    lumi = lumisections()
    for fill in np.unique(lumi.fill):
        here = lumi.fill == fill
        for total, each in (
            (lumi.delivered_sum[here], lumi.delivered[here]),
            (lumi.recorded_sum[here], lumi.recorded[here]),
        ):
            assert (np.diff(total) == each[1:]).all()
            assert (np.diff(total) >= 0).all()


def test_fills_simulated_to_their_end_meet_their_total(demo: Any) -> None:
    """The last lumisection of a fill has the fill's total; fill 5839 within 0.1 %."""
    fills = {row["fill_number"]: row for row in demo["fills"].to_pylist()}
    table = demo["lumisections"].to_pylist()
    last = {r["fill_number"]: r for r in table if r["delivered_lumi"]}
    for fill in (5840, 6614, 6615, 6616, 10210):
        for name in ("delivered_lumi", "recorded_lumi"):
            assert last[fill][name] == pytest.approx(fills[fill][name], abs=1e-9)
    for name in ("delivered_lumi", "recorded_lumi"):
        assert last[5839][name] == pytest.approx(fills[5839][name], rel=1e-3)


def test_luminosity_stays_below_the_peak_of_the_fill(demo: Any) -> None:
    """No lumisection is brighter than the peak of its fill, in luminosity or pileup."""
    peaks = {row["fill_number"]: row for row in demo["fills"].to_pylist()}
    lumi = lumisections()
    for number in np.unique(lumi.fill[lumi.inst > 0]):
        here = lumi.fill == number
        peak = peaks[int(number)]
        most = convert(peak["peak_lumi"], peak["peak_lumi@unit"], INSTANTANEOUS)
        assert lumi.inst[here].max() <= most * 1.01
        assert lumi.pileup[here].max() <= peak["peak_pileup"] * 1.01


def test_pileup_follows_luminosity() -> None:
    """Pileup is proportional to luminosity within a fill, at 80 mb."""
    lumi = lumisections()
    here = (lumi.fill == 5839) & (lumi.inst > 0)
    ratio = lumi.pileup[here] / lumi.inst[here]
    assert ratio == pytest.approx(8.0e4 / (1213 * 11245.5), rel=2e-5)


def test_some_runs_have_gaps_and_some_have_no_luminosity(demo: Any) -> None:
    """Gaps lie inside and at the start of runs; unscaled rows have null and no unit."""
    gaps = {run.number: run.missing for run in runs() if run.missing}
    assert len(gaps) == 4
    table = demo["lumisections"].to_pylist()
    for number, missing in gaps.items():
        found = {r["lumisection_number"] for r in table if r["run_number"] == number}
        assert not found & set(missing)
        assert max(found) == len(found) + len(missing)
    for row in table:
        null = row["delivered_lumi"] is None
        assert null == (row["delivered_lumi@unit"] is None) == (row["pileup"] is None)
    unscaled = {r["run_number"] for r in table if r["init_lumi"] is None}
    assert unscaled == {297052, 297054, 297055, *range(306404, 306416), 320149}


def test_units_differ_from_row_to_row(demo: Any) -> None:
    """The same column comes in several units, as in the service."""
    fills = demo["fills"]
    assert set(fills["delivered_lumi@unit"].to_pylist()) == {
        None,
        "pb^{-1}",
        "nb^{-1}",
        r"{\mu}b^{-1}",
    }
    assert len(set(fills["peak_lumi@unit"].to_pylist())) == 5
    assert set(demo["lumisections"]["init_lumi@unit"].to_pylist()) == {
        None,
        "10^{27}cm^{-2}s^{-1}",
        "10^{30}cm^{-2}s^{-1}",
        "10^{34}cm^{-2}s^{-1}",
    }


def test_flags_of_new_detectors_are_null_before_run_3(demo: Any) -> None:
    """GEM and Roman pot flags are null before Run 3 and set in it."""
    table = demo["lumisections"]
    new = column(table, "run_number") > 350000
    for name in ("gem", "gemp", "gemm", "rp_time", "rp_sect_45", "rp_sect_56"):
        valid = table[f"{name}_ready"].is_valid().to_numpy()
        assert (valid == new).all()


def test_strips_ramp_up_after_pixels_are_off() -> None:
    """Without stable beams or certification the tracker has no voltage in Run 2."""
    lumi = lumisections()
    idle = ~lumi.stable & (lumi.run < 380000)
    assert not lumi.certified[idle].any()


def test_prescale_columns_loosen_as_the_luminosity_falls(demo: Any) -> None:
    """Within a run in stable beams the column index never goes back."""
    lumi = lumisections()
    for rows in lumi.rows.values():
        seen = lumi.column[rows][lumi.stable[rows] & (lumi.column[rows] >= 0)]
        assert (np.diff(seen) >= 0).all()
    changes = demo["prescalechanges"].to_pylist()
    first = [c for c in changes if c["run_number"] == 297050]
    assert [(c["lumisection_number"], c["new_prescale_index"]) for c in first] == [
        (1, 6),
        (12, 7),
        (431, 8),
    ]


def test_deadtime_is_the_sum_of_its_causes(demo: Any) -> None:
    """The total of each deadtime row is the sum over its causes, at most 100 %."""
    table = demo["deadtimes"]
    for kind in ("overall", "beamactive"):
        total = column(table, f"{kind}_total_deadtime_counter")
        causes = [
            name
            for name in table.column_names
            if name.startswith(kind)
            and name.endswith("counter")
            and "total" not in name
        ]
        assert sum(column(table, name) for name in causes) == pytest.approx(total)
        assert column(table, f"{kind}_total_deadtime_percent").max() <= 100.0


def test_l1_bits_lose_at_every_step(demo: Any) -> None:
    """Prescale, deadtime and readout only take triggers away, for every bit."""
    for resource in ("l1algorithmtriggers", "l1algorithmtriggers@run"):
        table = demo[resource]
        steps = ("pre_dt_before_prescale", "pre_dt", "post_dt", "post_dt_hlt")
        counts = [column(table, f"{step}_counter") for step in steps]
        for more, fewer in pairwise(counts):
            assert (fewer <= more).all()


def test_zero_bias_has_its_bits(rows: Any) -> None:
    """L1_ZeroBias is bit 19 in the older runs and 459 in 386694, as in its menu."""
    for run, bit in ((297050, 19), (386694, 459)):
        found = rows("l1algorithmtriggers@run", run_number=run, name="L1_ZeroBias")
        assert found["bit"].to_pylist() == [bit]
    ett = rows("l1algorithmtriggers@run", name="L1_ETT2000")
    assert min(ett["run_number"].to_pylist()) == 362695  # not in older runs


def test_runs_do_not_overlap() -> None:
    """Lumisections of different runs follow each other in time."""
    lumi = lumisections()
    order = np.argsort(lumi.start_s, kind="stable")
    assert (np.diff(lumi.start_s[order]) > 0).all()
    assert (lumi.end_s[order][:-1] <= lumi.start_s[order][1:]).all()


def test_lumisections_last_23_or_24_seconds() -> None:
    """Times are whole seconds, so that a lumisection of 23.31 s shows 23 or 24."""
    lumi = lumisections()
    assert set((lumi.end_s - lumi.start_s).tolist()) == {23, 24}


def test_every_budget_is_spent_exactly() -> None:
    """Delivered and recorded of the runs of a budget sum to it without rounding."""
    lumi = lumisections()
    for budget in budgets():
        here = (lumi.run >= budget.runs[0]) & (lumi.run <= budget.runs[1])
        total = [round(value * budget.parts) for value in budget.sums]
        assert [lumi.delivered[here].sum(), lumi.recorded[here].sum()] == total


def test_deadtime_without_beam_is_small() -> None:
    """Where no luminosity says otherwise, nearly all triggers are live."""
    lumi = lumisections()
    idle = (lumi.delivered == 0) & lumi.active & ~lumi.stable
    assert lumi.live[idle].max() <= LIVE_WITHOUT_BEAM
    assert lumi.live[idle].min() > 0.95
