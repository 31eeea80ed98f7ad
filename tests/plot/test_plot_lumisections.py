"""Figures of columns per lumisection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pytest

from omskit import plot
from omskit.errors import UnitError, UnknownFieldError, UsageError
from omskit.plot.wording import unit_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from omskit.table import Table

NAN = np.nan


def legend_texts(ax: Axes) -> list[str]:
    """What the legend of the axes says, from top to bottom."""
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def small_print(ax: Axes) -> list[str]:
    """The notes and run numbers on the axes."""
    return [t.get_text().replace("\n", " ") for t in ax.texts]


def test_steps_are_the_table_with_its_gaps(lumis: Table) -> None:
    """Steps have the table's values, NaN over missing numbers and over nulls."""
    drawn = plot.per_lumisection(lumis, "pileup")
    values, edges, baseline = drawn.lines["pileup"].get_data()
    np.testing.assert_array_equal(values, [40, 39.5, 39, NAN, 38, NAN, 37, 36.5])
    assert edges.tolist() == [0.5, 1.5, 2.5, 3.5, 5.5, 6.5, 7.5, 8.5, 9.5]
    assert baseline is None


def test_line_is_the_table_with_its_gaps(lumis: Table) -> None:
    """A line has the table's points and marks the one without neighbours."""
    line = plot.per_lumisection(lumis, "pileup", kind="line").lines["pileup"]
    assert line.get_xdata().tolist() == [1, 2, 3, 4.5, 6, 7, 8, 9]
    np.testing.assert_array_equal(
        line.get_ydata(), [40, 39.5, 39, NAN, 38, NAN, 37, 36.5]
    )
    assert line.get_markevery() == [4]


def test_line_without_lonely_points_has_no_marks(two_runs: Table) -> None:
    """Where every point has a neighbour nothing is marked."""
    line = plot.per_lumisection(two_runs, "pileup", kind="line").lines["pileup"]
    assert line.get_marker() == "none"
    np.testing.assert_array_equal(line.get_ydata(), [10, 20, 30, NAN, 40, 50])


def test_labels_carry_run_unit_and_what_is_missing(lumis: Table) -> None:
    """The axes name the run and the unit, the small print the missing numbers."""
    drawn = plot.per_lumisection(lumis, ["delivered_lumi", "recorded_lumi"])
    ax = drawn.axes[0]
    assert ax.get_xlabel() == "Lumisection of run 297050"
    assert ax.get_ylabel() == f"Integrated luminosity ({unit_text('/pb')})"
    assert legend_texts(ax) == [
        "delivered in the fill so far",
        "recorded in the fill so far",
    ]
    assert drawn.notes == ("no lumisection 4-5",)
    assert "no lumisection 4-5" in small_print(ax)


def test_flag_is_a_strip_in_three_states(lumis: Table) -> None:
    """The flag lies behind the line, in the legend after it, without the gap."""
    drawn = plot.per_lumisection(lumis, "pileup", flag="cms_active")
    (strip,) = drawn.strips
    assert strip.spans == {
        "on": ((1.5, 3.5), (5.5, 6.5), (8.5, 9.5)),
        "off": ((0.5, 1.5),),
        "unknown": ((6.5, 8.5),),
    }
    line = drawn.lines["pileup"].get_zorder()
    assert all(bars.get_zorder() < line for bars in strip.artists.values())
    assert legend_texts(drawn.axes[0]) == [
        "pileup",
        "CMS active: on (4 LS)",
        "CMS active: off (1 LS)",
        "CMS active: unknown (2 LS)",
    ]


def test_legend_lies_above_the_data(lumis: Table) -> None:
    """No line runs behind the legend, and the axis begins just below zero."""
    drawn = plot.per_lumisection(lumis, "pileup", flag="cms_active")
    ax = drawn.axes[0]
    drawn.figure.canvas.draw()
    below = ax.get_legend().get_window_extent().y0
    top = ax.transData.transform((0, 40.0))[1]
    assert below > top
    assert -2 < ax.get_ylim()[0] < 0


def test_negative_values_stay_visible(make_table: Callable[..., Table]) -> None:
    """The axis goes below zero where the data do."""
    table = make_table({"lumisection_number": [1, 2], "pileup": [-5.0, 1.0]})
    assert plot.per_lumisection(table, "pileup").axes[0].get_ylim()[0] < -5


def test_limits_of_given_axes_are_kept(lumis: Table) -> None:
    """A lower limit that the user set on their axes stays."""
    _, ax = plt.subplots()
    ax.set_ylim(30, 45)
    plot.per_lumisection(lumis, "pileup", ax=ax)
    assert ax.get_ylim()[0] == 30


def test_low_axes_keep_room_for_data(lumis: Table) -> None:
    """On axes lower than their legend a third is left for the data."""
    _, ax = plt.subplots(figsize=(4, 0.6))
    plot.per_lumisection(lumis, "init_lumi", ax=ax)
    low, high = ax.get_ylim()
    assert high - low == pytest.approx(3 * 6885 * 1.02, rel=0.1)


def test_names_can_be_chosen(lumis: Table) -> None:
    """labels= renames lines in the legend; the others keep OMS's names."""
    drawn = plot.per_lumisection(
        lumis, ["delivered_lumi", "recorded_lumi"], labels={"recorded_lumi": "kept"}
    )
    assert legend_texts(drawn.axes[0]) == ["delivered in the fill so far", "kept"]


def test_flag_can_be_drawn_as_values(lumis: Table) -> None:
    """A flag as a column reads off and on, and unknown is a gap."""
    drawn = plot.per_lumisection(lumis, "cms_active")
    ax = drawn.axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["off", "on"]
    assert ax.get_ylim()[0] == -0.1
    values = drawn.lines["cms_active"].get_data().values
    np.testing.assert_array_equal(values, [0, 1, 1, NAN, 1, NAN, NAN, 1])


def test_several_runs_stand_side_by_side(two_runs: Table) -> None:
    """Runs follow each other with a boundary, a break and their numbers."""
    drawn = plot.per_lumisection(two_runs, "pileup")
    ax = drawn.axes[0]
    values, edges, _ = drawn.lines["pileup"].get_data()
    np.testing.assert_array_equal(values, [10, 20, 30, NAN, 40, 50])
    assert edges.tolist() == [0.5, 1.5, 2.5, 3.5, 3.5, 4.5, 5.5]
    assert [line.get_xdata() for line in ax.lines] == [[3.5, 3.5]]
    assert {"297050", "297056"} <= set(small_print(ax))
    assert ax.get_xlabel() == "Lumisection, runs 297050 to 297056 in turn"
    ticks = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
    assert [(p, t.get_text()) for p, t in ticks] == [
        (1, "1"),
        (2, "2"),
        (3, "3"),
        (4, "2"),
        (5, "3"),
    ]


def test_mouse_tells_run_and_lumisection(two_runs: Table, lumis: Table) -> None:
    """The text under the mouse counts lumisections within the run."""
    ax = plot.per_lumisection(two_runs, "pileup").axes[0]
    assert ax.format_coord(4.2, 40) == "run 297056, lumisection 2, value 40"
    fieldless = lumis.arrow.drop_columns(["run_number"])
    ax = plot.per_lumisection(type(lumis)(fieldless), "pileup").axes[0]
    assert ax.format_coord(2, 1.5) == "lumisection 2, value 1.5"


def test_short_runs_without_number_are_listed(make_table: Callable[..., Table]) -> None:
    """A run too short for its number is named in small print; ticks stay apart."""
    lumisections = [*range(1, 301), 1, *range(1, 301)]
    table = make_table(
        {
            "run_number": [1] * 300 + [2] + [3] * 300,
            "lumisection_number": lumisections,
            "pileup": [1.0] * 601,
        }
    )
    drawn = plot.per_lumisection(table, "pileup")
    assert drawn.notes == ("too short for a number: run 2",)
    assert len(drawn.axes[0].get_xticks()) == 12


def test_empty_table_says_so(make_table: Callable[..., Table]) -> None:
    """No rows give axes that say there are none."""
    none = pa.array([], pa.int64())
    table = make_table({"lumisection_number": none, "pileup": none, "cms_active": none})
    drawn = plot.per_lumisection(table, "pileup", flag="cms_active")
    assert "no lumisections in this table" in small_print(drawn.axes[0])
    assert drawn.lines["pileup"].get_xdata().tolist() == []
    assert drawn.notes == ()


def test_column_of_nulls_is_noted(make_table: Callable[..., Table]) -> None:
    """A column without any value leaves a note instead of a silent blank."""
    table = make_table(
        {"lumisection_number": [1, 2], "pileup": pa.array([None, None], pa.float64())}
    )
    assert plot.per_lumisection(table, "pileup").notes == ("pileup has no value",)


def test_incomplete_table_is_marked(make_table: Callable[..., Table]) -> None:
    """A figure of a table that lacks rows says so, as does one with unplaced rows."""
    table = make_table(
        {"lumisection_number": [1, None], "pileup": [1.0, 2.0]}, complete=False
    )
    drawn = plot.per_lumisection(table, "pileup")
    assert drawn.notes == (
        "INCOMPLETE: rows are missing",
        "1 rows without lumisection",
    )
    assert drawn.axes[0].texts[-1].get_color() == "#8a1c0a"


def test_gap_names_the_run_where_there_are_several(
    make_table: Callable[..., Table],
) -> None:
    """A gap in one of several runs says in which."""
    table = make_table(
        {
            "run_number": [1, 1, 2],
            "lumisection_number": [1, 3, 1],
            "pileup": [1.0, 1.0, 1.0],
        }
    )
    assert plot.per_lumisection(table, "pileup").notes == ("no lumisection 1:2",)


def test_gaps_that_only_the_table_knows_are_noted(
    make_table: Callable[..., Table],
) -> None:
    """Lumisections missing at the end of a run are listed with those within."""
    table = make_table(
        {"run_number": [1, 1], "lumisection_number": [1, 3], "pileup": [1.0, 1.0]},
        gaps=[(1, 2, 2), (1, 4, 6)],
    )
    assert plot.per_lumisection(table, "pileup").notes == ("no lumisection 2, 4-6",)


def test_single_lumisection_is_visible(make_table: Callable[..., Table]) -> None:
    """One row is one step, or one marked point."""
    table = make_table({"lumisection_number": [7], "pileup": [3.0]})
    steps = plot.per_lumisection(table, "pileup").lines["pileup"].get_data()
    assert (steps.values.tolist(), steps.edges.tolist()) == ([3], [6.5, 7.5])
    line = plot.per_lumisection(table, "pileup", kind="line").lines["pileup"]
    assert line.get_markevery() == [0]


def test_mistakes_are_answered_before_a_figure_is_made(lumis: Table) -> None:
    """Wrong columns, flags and units raise, and no figure stays behind."""
    with pytest.raises(UnknownFieldError, match="Did you mean 'pileup'"):
        plot.per_lumisection(lumis, "pilup")
    with pytest.raises(UnknownFieldError, match="Did you mean 'cms_active'"):
        plot.per_lumisection(lumis, "pileup", flag="cms_activ")
    with pytest.raises(UnitError, match="different units"):
        plot.per_lumisection(lumis, ["pileup", "init_lumi"])
    with pytest.raises(UsageError, match="No column"):
        plot.per_lumisection(lumis, [])
    with pytest.raises(UsageError, match="'prescale_name' is string, not flags"):
        plot.per_lumisection(lumis, "pileup", flag="prescale_name")
    assert plt.get_fignums() == []


def test_paths_in_one_line_are_refused(paths: Table) -> None:
    """A table of many paths is sent to hlt_rates."""
    with pytest.raises(UsageError, match="hlt_rates"):
        plot.per_lumisection(paths, "rate")


def test_pileup_and_luminosity_share_the_axis(lumis: Table) -> None:
    """Pileup above, luminosity with its unit below, the flag behind both."""
    drawn = plot.pileup_and_luminosity(lumis, flag="cms_active")
    above, below = drawn.axes
    assert list(drawn.lines) == ["pileup", "init_lumi"]
    assert above.get_ylabel() == "Pileup\n(interactions per crossing)"
    unit = unit_text("10^30 cm^-2 s^-1")
    assert below.get_ylabel() == f"Instantaneous luminosity\n({unit})"
    assert above.get_xlim() == below.get_xlim()
    assert below.get_xlabel() == "Lumisection of run 297050"
    assert len(drawn.strips) == 2
    assert legend_texts(below) == ["luminosity at the start"]


def test_pileup_and_luminosity_take_columns_and_axes(lumis: Table) -> None:
    """Other luminosities can be chosen, and two axes given."""
    figure, axes = plt.subplots(2, sharex=True)
    drawn = plot.pileup_and_luminosity(
        lumis, luminosity=["delivered_lumi", "recorded_lumi"], ax=axes, kind="line"
    )
    assert drawn.axes == tuple(axes)
    assert drawn.figure is figure
    assert list(drawn.lines) == ["pileup", "delivered_lumi", "recorded_lumi"]


def test_pileup_and_luminosity_want_two_axes(lumis: Table) -> None:
    """One axes for two panels is refused with the call that makes two."""
    _, ax = plt.subplots()
    with pytest.raises(UsageError, match=r"needs 2 .*plt\.subplots\(2"):
        plot.pileup_and_luminosity(lumis, ax=ax)  # type: ignore[arg-type]


def test_pileup_and_luminosity_refuse_wrong_names(lumis: Table) -> None:
    """Misspelt columns and flags are named with the nearest."""
    with pytest.raises(UnknownFieldError, match="Did you mean 'init_lumi'"):
        plot.pileup_and_luminosity(lumis, luminosity="ini_lumi")
    with pytest.raises(UnknownFieldError, match="Did you mean 'cms_active'"):
        plot.pileup_and_luminosity(lumis, flag="cms_activ")
    assert plt.get_fignums() == []
