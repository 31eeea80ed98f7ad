"""Flat trees: one row per lumisection, joined by number, NaN where OMS has nothing."""

from __future__ import annotations

import numpy as np
import pytest
import uproot

from omskit import UsageError
from omskit.trigger import datasets, hlt, l1
from omskit.trigger.ntuple import branches, write_ntuple

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN = 297057


@pytest.fixture(scope="module")
def found(oms):
    return branches(oms, RUN, paths=["HLT_Mu50", "HLT_ZeroBias"])


def test_branches_are_the_counters(oms, found):
    """Paths, bits, datasets and streams have the counters of their cubes."""
    cube = hlt(oms, RUN, paths="HLT_Mu50")
    assert np.array_equal(found["HLT_Mu50_v"], cube.counts[0], equal_nan=True)
    bits = l1(oms, RUN, names="L1_ZeroBias")
    assert np.array_equal(
        found["L1_ZeroBias"], bits.counters["pre_dt_before_prescale"][0], equal_nan=True
    )
    sets = datasets(oms, RUN, names="SingleMuon")
    assert np.array_equal(found["Dataset_SingleMuon"], sets.counts[0], equal_nan=True)
    assert {"Stream_Physics", "StreamBandwidth_Physics"} <= set(found)
    assert found["lumi"].tolist() == cube.conditions.lumisection.tolist()
    assert set(found["fill"]) == {5840}


def test_what_is_missing_is_nan(found):
    """The last lumisections have no counts: NaN, not 0."""
    assert np.isnan(found["HLT_Mu50_v"][-1])
    assert np.isnan(found["Dataset_SingleMuon"][-1])


def test_a_file_is_read_back(found, tmp_path):
    """What was written is what uproot reads."""
    path = tmp_path / "rates.root"
    write_ntuple(path, found)
    with uproot.open(path) as file:
        tree = file["tree"]
        assert tree.num_entries == len(found["run"])
        read = tree.arrays(["HLT_Mu50_v", "run", "beams_stable"], library="np")
    for name, values in read.items():
        assert np.array_equal(values, found[name], equal_nan=name[0] == "H")


def test_a_file_stays_until_the_next_is_whole(tmp_path):
    """Where writing breaks off, the old file is there as it was, and nothing else."""
    path = tmp_path / "rates.root"
    path.write_text("kept")
    with pytest.raises(UsageError, match="same number of entries"):
        write_ntuple(path, {"run": np.arange(3), "lumi": np.arange(4)})
    assert path.read_text() == "kept"
    assert [f.name for f in tmp_path.iterdir()] == ["rates.root"]


def test_no_such_part_or_folder(oms, found, tmp_path):
    """A part that there is not, and a folder that is not there, are errors."""
    with pytest.raises(UsageError, match="no part 'gt'"):
        branches(oms, RUN, parts=["gt"])
    with pytest.raises(UsageError, match="Cannot write"):
        write_ntuple(tmp_path / "none" / "rates.root", found)
    with pytest.raises(UsageError, match="Cannot write"):
        write_ntuple(tmp_path, found)
