"""Cubes of counts alone: no menu is read, and nothing else is different."""

from __future__ import annotations

import numpy as np
import pytest

from omskit import NoRowError, UsageError
from omskit.trigger import hlt
from omskit.trigger.building import _Grid

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN = 297050


@pytest.mark.parametrize(
    ("paths", "requests"),
    [("HLT_Mu50", 4), (["HLT_Mu50_v*", "HLT_ZeroBias"], 5), ("*", 14)],
)
def test_counts_alone_are_the_same_counts(oms, paths, requests):
    """Without menus there are the same paths, versions and counts, and no prescale."""
    bare = hlt(oms, RUN, paths=paths, prescales=False)
    whole = hlt(oms, RUN, paths=paths)
    assert bare.prescales is None
    assert bare.requests == requests < whole.requests
    there = [i for i, p in enumerate(whole.paths) if p in bare.paths]
    assert np.array_equal(bare.counts, whole.counts[there], equal_nan=True)
    absent = np.delete(whole.counts, there, axis=0)
    assert np.isnan(absent).all()
    names = whole.versions[RUN]
    assert list(bare.versions[RUN].values()) == [names[i] for i in there]


def test_what_needs_a_prescale_says_so(oms):
    """A cube without prescales names the argument that brings them."""
    bare = hlt(oms, RUN, paths="HLT_Mu50", prescales=False)
    with pytest.raises(UsageError, match="prescales=True"):
        bare.matrix("unprescaled_rate")
    with pytest.raises(NoRowError, match="no path like 'HLT_Nothing'"):
        hlt(oms, RUN, paths="HLT_Nothing", prescales=False)


def test_two_versions_without_a_menu_stay_apart(oms):
    """A second version in the same run keeps its full name, in that run."""
    found = hlt(oms, RUN, paths="HLT_Mu50", prescales=False)
    grid = _Grid(found.conditions, ("counter",))
    for run, full in [(1, "A_v1"), (1, "A_v2"), (1, "A_v1"), (1, "A_v2"), (2, "A_v2")]:
        grid.row(run, grid.label(run, full), full)
    assert grid.rows == {"A": 0, "A_v2": 1}
    assert grid.versions == {1: {0: "A_v1", 1: "A_v2"}, 2: {0: "A_v2"}}
