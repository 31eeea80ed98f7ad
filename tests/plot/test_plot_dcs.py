"""The comparison of a flag with a mask."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pytest

from omskit import plot
from omskit.errors import UnknownFieldError, UsageError
from omskit.lumi.dcs import DcsCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from omskit.table import Table

DCS_OFF = [18, 19, 36, 42, 48, 54, 55, 61, 67, 73, 78, 84, 90, 91, 92, 103, 109, 115]
"""Lumisections of run 306458 below 120 that are not in the DCS-only file of 2017."""


class Mask:
    """A mask that lacks some lumisections, and remembers what it was asked."""

    def __init__(self, off: list[tuple[int, int]]) -> None:
        self.off = off

    def contains(
        self, runs: NDArray[np.int64], lumisections: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether each pair is in the mask."""
        pairs = zip(runs.tolist(), lumisections.tolist(), strict=True)
        return np.array([pair not in self.off for pair in pairs])


@pytest.fixture
def active(make_table: Callable[..., Table]) -> Table:
    """cms_active of lumisections 1-119 of run 306458, all true as recorded."""
    return make_table(
        {
            "run_number": [306458] * 119,
            "lumisection_number": list(range(1, 120)),
            "cms_active": [True] * 119,
            "in_dcs": [ls not in DCS_OFF for ls in range(1, 120)],
        }
    )


def test_mask_is_looked_up_by_run_and_lumisection(active: Table) -> None:
    """Flag, mask and difference are strips, and the difference is counted."""
    drawn = plot.dcs_comparison(active, Mask([(306458, ls) for ls in DCS_OFF]))
    flag, mask, different = drawn.strips
    assert flag.spans == {"on": ((0.5, 119.5),)}
    assert mask.counts == {"on": 101, "off": 18}
    assert different.spans["on"] == mask.spans["off"]
    assert different.spans["on"][:2] == ((17.5, 19.5), (35.5, 36.5))
    assert drawn.notes[0].startswith("18 of 119 lumisections differ: 18-19, 36, 42")


def test_column_and_list_serve_as_masks(active: Table) -> None:
    """A column of the table or one flag per row say the same as a mask."""
    by_column = plot.dcs_comparison(active, "in_dcs").strips[1].spans
    flags = [ls not in DCS_OFF for ls in range(1, 120)]
    assert plot.dcs_comparison(active, flags).strips[1].spans == by_column


def test_check_of_the_client_is_drawn_as_it_is(active: Table) -> None:
    """What dcs_check gave is drawn with its run and with what only the mask has."""
    rows = active.arrow.rename_columns({"in_dcs": "in_mask"})
    table = type(active)(rows.drop_columns(["run_number"]))
    check = DcsCheck(306458, table, tuple(DCS_OFF), (), (268, 269))
    drawn = plot.dcs_comparison(check)
    assert drawn.strips[2].counts == {"on": 18, "off": 101}
    assert drawn.axes[0].get_xlabel() == "Lumisection of run 306458"
    assert drawn.notes[-1] == "only in DCS-only: 268-269"
    whole = DcsCheck(306458, table, tuple(DCS_OFF), (), ())
    assert len(plot.dcs_comparison(whole).notes) == 1


def test_axes_name_strips_with_counts(active: Table) -> None:
    """The strips carry their names and counts, the legend the colours."""
    ax = plot.dcs_comparison(active, "in_dcs", dcs_label="DCS JSON").axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "cms_active\n119 on",
        "DCS JSON\n101 on, 18 off",
        "different\n18 LS",
    ]
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["on", "off", "different"]
    assert ax.get_xlabel() == "Lumisection of run 306458"


def test_agreement_is_said(active: Table) -> None:
    """Where nothing differs the figure says so, and has no colour for it."""
    drawn = plot.dcs_comparison(active, Mask([]))
    assert drawn.notes == ("no difference in 119 lumisections",)
    legend = [t.get_text() for t in drawn.axes[0].get_legend().get_texts()]
    assert legend == ["on"]


def test_unknown_flags_are_not_compared(lumis: Table) -> None:
    """A null flag is neither equal nor different."""
    drawn = plot.dcs_comparison(lumis, Mask([(297050, 7)]))
    assert drawn.strips[2].counts == {"on": 1, "off": 4, "unknown": 2}
    assert drawn.notes == (
        "no lumisection 4-5",
        "1 of 7 lumisections differ: 1",
        "2 not compared (flag unknown)",
    )


def test_several_runs_are_told_apart(two_runs: Table) -> None:
    """Differences in several runs name the run."""
    drawn = plot.dcs_comparison(two_runs, Mask([(297050, 1), (297056, 3)]))
    assert "2 of 5 lumisections differ: 297056:2-3" in drawn.notes


def test_own_axes_can_be_given(active: Table) -> None:
    """With ax= the strips go there."""
    _, ax = plt.subplots()
    assert plot.dcs_comparison(active, "in_dcs", ax=ax).axes == (ax,)


def test_empty_table_has_nothing_to_compare(active: Table) -> None:
    """No rows, no difference."""
    empty = type(active)(active.arrow.slice(0, 0))
    drawn = plot.dcs_comparison(empty, Mask([]))
    assert drawn.notes == ("no difference in 0 lumisections",)


def test_mistakes_are_refused(active: Table) -> None:
    """Wrong names, a wrong length and a missing run number are errors."""
    with pytest.raises(UnknownFieldError, match="Did you mean 'in_dcs'"):
        plot.dcs_comparison(active, "in_dsc")
    with pytest.raises(UnknownFieldError, match="Did you mean 'cms_active'"):
        plot.dcs_comparison(active, "in_dcs", flag="cms_activ")
    with pytest.raises(UsageError, match="2 flags and the table 119 rows"):
        plot.dcs_comparison(active, [True, False])
    runless = type(active)(active.arrow.drop_columns(["run_number"]))
    with pytest.raises(UnknownFieldError, match="'run_number'"):
        plot.dcs_comparison(runless, Mask([]))
    assert plt.get_fignums() == []


def test_recorded_run_differs_in_43_lumisections(
    make_table: Callable[..., Table],
) -> None:
    """Of run 306458 as recorded 268 lumisections are active, 225 in the DCS file."""
    folder = os.environ.get("OMSKIT_RECORDED")
    if not folder:
        pytest.skip("OMSKIT_RECORDED names no folder with recorded answers")
    path = Path(folder) / "recorded" / "cms_active_306458_af49037.json"
    recorded = json.loads(path.read_text())
    table = make_table(
        {
            "run_number": [306458] * 269,
            "lumisection_number": list(range(1, 270)),
            "cms_active": recorded["cms_active"],
            "in_dcs": recorded["in_dcs_json"],
        }
    )
    flag, mask, different = plot.dcs_comparison(table, "in_dcs").strips
    assert flag.counts == {"on": 268, "off": 1}
    assert mask.counts == {"on": 225, "off": 44}
    assert different.counts["on"] == 43
