"""The luminosity of a path, its comparison with brilcalc, and the check of a run."""

from __future__ import annotations

import numpy as np
import pytest

from omskit import LumiMask, NoRowError, UsageError
from omskit.lumi.brilcalc import read_brilcalc_table
from omskit.trigger import check, compare_brilcalc, hlt, luminosity

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN = 297050
MASK = LumiMask.from_ranges([(RUN, 5, 50), (RUN, 400, 450), (RUN, 790, 800)])
PATHS = ["HLT_Mu50", "HLT_Ele27_WPTight_Gsf", "HLT_ZeroBias", "HLT_PFJet80"]


@pytest.fixture(scope="module")
def found(oms):
    return luminosity(oms, MASK, paths=PATHS)


def test_sums_are_those_of_lumisections(oms, found):
    """Effective is the sum of recorded / prescale over the lumisections of the mask."""
    cube = hlt(oms, MASK, paths=PATHS)
    here, p = cube.conditions, cube.matrix("prescale")
    rows = {row["path"]: row for row in found.table.to_records()}
    for place, path in enumerate(cube.paths):
        used = np.isfinite(p[place])
        row = rows[path]
        assert row["lumisections"] == used.sum()
        assert row["recorded_lumi"] == pytest.approx(here.recorded[used].sum())
        wanted = (here.recorded[used] / p[place, used]).sum()
        assert row["effective_lumi"] == pytest.approx(wanted)
        assert row["effective_low"] <= row["effective_lumi"] * (1 + 1e-12)
        assert row["effective_high"] >= row["effective_lumi"] * (1 - 1e-12)
    assert found.table.units["effective_lumi"] == "/pb"
    assert rows["HLT_PFJet80"]["status"] == "assumed nested"


def test_what_does_not_count_is_named(found):
    """Off, unknown and missing lumisections are masks, and in no sum."""
    assert found.off["HLT_Ele27_WPTight_Gsf"] == LumiMask.from_ranges([(RUN, 5, 11)])
    assert not found.off["HLT_Mu50"]
    assert found.unknown["HLT_Mu50"] == LumiMask.from_ranges([(RUN, 790, 793)])
    assert found.missing == LumiMask.from_ranges([(RUN, 794, 800)])
    text = repr(found)
    assert "off in 297050:5-11" in text
    assert "OMS has no lumisection 297050:794-800" in text


def test_the_truth_of_the_effective_luminosity(oms):
    """Counts / effective luminosity is the true cross-section, within its error."""
    cube = hlt(oms, 297057, paths="HLT_IsoMu27").good()
    lumi = luminosity(oms, 297057, paths="HLT_IsoMu27").table.to_records()[0]
    counts = np.nansum(cube.counts)
    missing = cube.conditions.recorded[np.isnan(cube.counts[0])].sum()
    seen = counts / (lumi["effective_lumi"] - missing) / 1e6
    # Hz per bunch and pileup -> cross-section: x 80 000 ub / orbits per second.
    truth = 2.5e-3 * 80_000 / 11245.5
    assert seen == pytest.approx(truth, rel=5 / np.sqrt(counts))


def test_no_path(oms):
    """Paths that no run has are an error."""
    with pytest.raises(NoRowError, match="HLT_Nothing"):
        luminosity(oms, RUN, paths="HLT_Nothing")


def test_runs_without_a_mask(oms):
    """By run number nothing is missing."""
    assert not luminosity(oms, 297049, paths="HLT_Mu50").missing


HEAD = "#run:fill,ls,time,hltpath,delivered(/ub),recorded(/ub),source"
"""The first line of ``brilcalc lumi --hltpath --byls``, as brilws has it."""
WHEN = "06/16/17 21:10:38"


def brilcalc(found, path, scale=1.0, skip=0):
    """What brilcalc would print of the same, in the columns that brilws writes."""
    lines = ["#Data tag : online , Norm tag: None", HEAD]
    rows = [r for r in found.by_lumisection.to_records() if r["path"] == path]
    for row in rows[skip:]:
        ls, value = row["lumisection_number"], row["effective_lumi"] * scale
        both = f"{value * 1.1e6!r},{value * 1e6!r}"
        lines.append(f"{RUN}:5839,{ls}:{ls},{WHEN},{path}_v6,{both},HFOC")
    lines.append(f"{RUN}:5839,600:600,{WHEN},{path}_v6,1.0,1.0,HFOC")
    lines += ["#Summary:", "#hltpath,nfill,nrun,ncms", f"#{path}_v6,1,1,9"]
    return read_brilcalc_table("\n".join(lines))


def test_brilcalc_agrees(found):
    """Beside brilcalc's recorded luminosity of the path the ratio is 1."""
    table = compare_brilcalc(found, brilcalc(found, "HLT_ZeroBias", skip=3))
    (row,) = table.to_records()
    assert row["ratio"] == pytest.approx(1)
    assert (row["both"], row["only_ours"], row["only_brilcalc"]) == (94, 3, 1)
    assert table.units["brilcalc_lumi"] == "/pb"


def test_brilcalc_disagrees(found):
    """A path that brilcalc took by another prescale shows by its ratio."""
    (row,) = compare_brilcalc(found, brilcalc(found, "HLT_Mu50", 2.0)).to_records()
    assert row["ratio"] == pytest.approx(0.5)


def test_brilcalc_of_runs_is_refused(found):
    """A table without lumisections of paths is no --hltpath --byls."""
    table = read_brilcalc_table(
        "#run:fill,ls,delivered(/nb),recorded(/nb)\n1:1,1:1,1,1"
    )
    with pytest.raises(NoRowError, match="hltpath"):
        compare_brilcalc(found, table)


@pytest.mark.parametrize("run", [RUN, 297057, 306458, 315264, 315270, 386694])
def test_good_runs_pass_the_check(oms, run):
    """ZeroBias counts the bunches that pileup has, within 1 %."""
    seen = check(oms, run)
    assert seen.ok
    assert seen.bunches == pytest.approx(seen.expected, rel=0.01)
    assert 0.87 < seen.pull_width < 1.1


def test_dead_counters_fail_the_check(oms):
    """Run 315257 ends with zeros while luminosity is recorded: they are named."""
    seen = check(oms, 315257)
    assert seen.ok is False
    assert seen.dead == (91, 92, 93)


def test_the_check_needs_an_exact_prescale(oms):
    """A path of a mixed OR counts nothing."""
    with pytest.raises(UsageError, match="no exact prescale"):
        check(oms, RUN, path="HLT_Photon200")


def test_another_path_is_named(oms):
    """What does not fire on every crossing counts no bunches, and is told by name."""
    seen = check(oms, RUN, path="HLT_Mu50")
    assert seen.ok is False
    assert str(seen).startswith("HLT_Mu50 counts")


def test_a_run_without_beam_is_neither_good_nor_bad(oms):
    """Without stable beams nothing can be counted."""
    assert check(oms, 297052).ok is None
