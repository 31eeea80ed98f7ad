"""Figures of trigger rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pytest

from omskit import plot
from omskit.errors import UnknownFieldError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.table import Table


@pytest.fixture
def l1(make_table: Callable[..., Table]) -> Table:
    """Level-1 rates of two lumisections, without those of lost triggers."""
    return make_table(
        {
            "run_number": [297050] * 2,
            "first_lumisection_number": [1, 2],
            "last_lumisection_number": [1, 2],
            "l1a_total_rate": [24418.342, 25000.0],
            "l1a_physics_rate": [23916.926, 24500.0],
            "l1a_random_rate": [428.05707, 428.0],
        },
        dict.fromkeys(("l1a_total_rate", "l1a_physics_rate", "l1a_random_rate"), "Hz"),
        resource="l1triggerrates",
    )


def test_l1_rates_draw_what_the_table_has(l1: Table) -> None:
    """By default the usual columns that are there are drawn, in Hz."""
    drawn = plot.l1_rates(l1)
    assert list(drawn.lines) == ["l1a_total_rate", "l1a_physics_rate"]
    assert drawn.axes[0].get_ylabel() == "L1 accept rate (Hz)"
    values = drawn.lines["l1a_physics_rate"].get_data().values
    assert values.tolist() == [23916.926, 24500.0]
    texts = [t.get_text() for t in drawn.axes[0].get_legend().get_texts()]
    assert texts[1] == "L1 accepts, physics (l1a_physics_rate)"


def test_l1_columns_and_names_can_be_chosen(l1: Table) -> None:
    """Any rate column can be drawn, under any name."""
    _, ax = plt.subplots()
    drawn = plot.l1_rates(
        l1, "l1a_random_rate", labels={"l1a_random_rate": "random"}, ax=ax, kind="line"
    )
    assert drawn.lines["l1a_random_rate"].get_label() == "random"
    assert drawn.axes == (ax,)


def test_l1_rates_need_a_rate(make_table: Callable[..., Table]) -> None:
    """A table without any of the usual columns is refused by name."""
    with pytest.raises(UnknownFieldError, match="'l1a_total_rate'"):
        plot.l1_rates(make_table({"first_lumisection_number": [1]}))


def test_hlt_rates_draw_one_line_per_path(paths: Table) -> None:
    """Each path is a line with its own gaps, the largest mean first."""
    drawn = plot.hlt_rates(paths)
    assert list(drawn.lines) == ["HLT_B_v2", "HLT_D_v1", "HLT_C_v1", "HLT_A_v1"]
    values, edges, _ = drawn.lines["HLT_D_v1"].get_data()
    np.testing.assert_array_equal(values, [6, np.nan, 6])
    assert edges.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert drawn.axes[0].get_ylabel() == "HLT rate after prescales (Hz)"
    assert drawn.axes[0].get_xlabel() == "Lumisection of run 297050"
    assert drawn.notes == ()


def test_hlt_rates_say_how_many_paths_are_not_drawn(paths: Table) -> None:
    """Of more paths than asked for the largest are drawn and the rest counted."""
    drawn = plot.hlt_rates(paths, largest=1)
    assert list(drawn.lines) == ["HLT_B_v2"]
    assert drawn.notes == ("the 1 largest of 4 paths by mean; 3 not drawn",)
    assert drawn.notes[0] in drawn.axes[0].texts[-1].get_text()


def test_rates_far_apart_get_a_logarithmic_axis(
    make_table: Callable[..., Table],
) -> None:
    """Means over a factor 100 apart are drawn in powers, with room for the legend."""
    table = make_table(
        {
            "first_lumisection_number": [1, 2, 1, 2],
            "path_name": ["HLT_A_v1", "HLT_A_v1", "HLT_B_v1", "HLT_B_v1"],
            "rate": [50000.0, 40000.0, 1.0, 0.0],
        }
    )
    ax = plot.hlt_rates(table).axes[0]
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] > 0
    assert ax.get_ylim()[1] > 100000
    assert plot.hlt_rates(table, log=False).axes[0].get_yscale() == "linear"


def test_logarithmic_axis_can_be_asked_for(
    paths: Table, make_table: Callable[..., Table]
) -> None:
    """With log=True the axis is logarithmic as soon as something is above zero."""
    assert plot.hlt_rates(paths).axes[0].get_yscale() == "linear"
    assert plot.hlt_rates(paths, log=True).axes[0].get_yscale() == "log"
    zero = make_table(
        {"first_lumisection_number": [1], "path_name": ["a"], "rate": [0.0]}
    )
    assert plot.hlt_rates(zero, log=True).axes[0].get_yscale() == "linear"


def test_hlt_rates_note_paths_without_value(make_table: Callable[..., Table]) -> None:
    """A path of nulls comes last and is noted; a row without path has a name too."""
    table = make_table(
        {
            "first_lumisection_number": [1, 1, 1],
            "path_name": ["HLT_A_v1", "HLT_B_v1", None],
            "rate": [None, 1.0, 0.5],
        }
    )
    drawn = plot.hlt_rates(table)
    assert list(drawn.lines) == ["HLT_B_v1", "(no name)", "HLT_A_v1"]
    assert drawn.notes == ("HLT_A_v1 has no value",)


def test_hlt_rates_in_empty_table(make_table: Callable[..., Table]) -> None:
    """No rows give axes that say there are none."""
    table = make_table(
        {
            "first_lumisection_number": pa.array([], pa.int64()),
            "path_name": pa.array([], pa.string()),
            "rate": pa.array([], pa.float64()),
        }
    )
    drawn = plot.hlt_rates(table)
    assert drawn.lines == {}
    assert "no lumisections" in drawn.axes[0].texts[0].get_text()


def test_hlt_rates_list_lumisections_no_path_has(
    make_table: Callable[..., Table],
) -> None:
    """A lumisection that one path has is not missing."""
    table = make_table(
        {
            "first_lumisection_number": [1, 3, 2, 5],
            "path_name": ["a", "a", "b", "b"],
            "rate": [1.0, 1.0, 1.0, 1.0],
        }
    )
    assert plot.hlt_rates(table).notes == ("no lumisection 4",)


def test_hlt_rates_refuse_mistakes(
    paths: Table, make_table: Callable[..., Table]
) -> None:
    """Nothing to draw, a wrong column and doubled rows are errors."""
    with pytest.raises(UsageError, match="largest=0"):
        plot.hlt_rates(paths, largest=0)
    with pytest.raises(UnknownFieldError, match="Did you mean 'rate'"):
        plot.hlt_rates(paths, column="rates")
    with pytest.raises(UnknownFieldError, match="'path_name'"):
        plot.hlt_rates(make_table({"lumisection_number": [1], "rate": [1.0]}))
    doubled = {
        "lumisection_number": [1, 1],
        "path_name": ["a", "a"],
        "rate": [1.0, 2.0],
    }
    with pytest.raises(UsageError, match="Several rows"):
        plot.hlt_rates(make_table(doubled))
    assert plt.get_fignums() == []


def test_l1_algorithms_go_by_name(make_table: Callable[..., Table]) -> None:
    """Level-1 algorithms are lines by name, their rate after deadtime by default."""
    table = make_table(
        {
            "run_number": [1] * 4,
            "first_lumisection_number": [1, 2, 1, 2],
            "name": ["L1_ZeroBias", "L1_ZeroBias", "L1_SingleMu22", "L1_SingleMu22"],
            "post_dt_rate": [10.0, 11.0, 5000.0, 5100.0],
        },
        {"post_dt_rate": "Hz"},
    )
    drawn = plot.l1_algorithms(table, largest=1)
    assert list(drawn.lines) == ["L1_SingleMu22"]
    assert drawn.notes == ("the 1 largest of 2 algorithms by mean; 1 not drawn",)


def test_pseudo_paths_are_left_out(make_table: Callable[..., Table]) -> None:
    """First and final path are drawn where there is nothing else, and only then."""

    def table(*names: str) -> Table:
        return make_table(
            {
                "run_number": [297050] * len(names),
                "first_lumisection_number": [1] * len(names),
                "last_lumisection_number": [1] * len(names),
                "path_name": list(names),
                "rate": [1000.0, 5.0, 900.0][: len(names)],
            },
            {"rate": "Hz"},
            resource="hltpathrates",
        )

    several = plot.hlt_rates(
        table("HLTriggerFirstPath", "HLT_A_v1", "HLTriggerFinalPath")
    )
    assert list(several.lines) == ["HLT_A_v1"]
    assert list(plot.hlt_rates(table("HLTriggerFirstPath")).lines) == [
        "HLTriggerFirstPath"
    ]


def test_the_axis_says_which_rate_it_is(make_table: Callable[..., Table]) -> None:
    """Rates before and after prescale and deadtime are called so."""
    columns = ("pre_dt_rate", "post_dt_rate")
    table = make_table(
        {
            "run_number": [297050],
            "first_lumisection_number": [1],
            "last_lumisection_number": [1],
            "name": ["L1_X"],
            **{column: [1.0] for column in columns},
        },
        dict.fromkeys(columns, "Hz"),
        resource="l1algorithmtriggers",
    )
    labels = [
        plot.l1_algorithms(table, column=column).axes[0].get_ylabel()
        for column in columns
    ]
    assert labels == [
        "L1 rate after prescale, before deadtime (Hz)",
        "L1 rate after prescale and deadtime (Hz)",
    ]


def test_many_runs_are_bands(make_table: Callable[..., Table]) -> None:
    """A few runs have lines between them, many are bands in turn."""

    def spans(count: int) -> tuple[int, int]:
        table = make_table(
            {
                "run_number": [297050 + n for n in range(count)],
                "first_lumisection_number": [1] * count,
                "last_lumisection_number": [1] * count,
                "l1a_total_rate": [1.0] * count,
            },
            {"l1a_total_rate": "Hz"},
            resource="l1triggerrates",
        )
        axis = plot.l1_rates(table).axes[0]
        dashed = sum(line.get_linestyle() == "--" for line in axis.get_lines())
        faint = sum(patch.get_alpha() == 0.08 for patch in axis.patches)
        return dashed, faint

    assert spans(3) == (2, 0)
    assert spans(9) == (0, 4)
