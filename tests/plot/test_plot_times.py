"""Runs along time, and where their prescale column changes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pytest

from omskit import plot
from omskit.errors import UsageError
from omskit.plot.marks import MOST, changes
from omskit.plot.rows import place_rows
from omskit.plot.times import LUMISECTION_S, placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.table import Table

BEGIN = dt.datetime(2018, 4, 27, 10, tzinfo=dt.UTC)


@pytest.fixture
def many(make_table: Callable[..., Table]) -> Callable[..., Table]:
    """A maker of tables of runs of three lumisections, an hour apart."""

    def make(runs: int, **columns: Any) -> Table:
        starts = [
            BEGIN + dt.timedelta(hours=run, seconds=round(23.31 * ls))
            for run in range(runs)
            for ls in range(3)
        ]
        return make_table(
            {
                "run_number": [run for run in range(1, runs + 1) for _ in range(3)],
                "lumisection_number": [1, 2, 3] * runs,
                "start_time": starts,
                "pileup": [30.0] * (3 * runs),
                **columns,
            }
        )

    return make


def bands(ax: Any) -> int:
    """How many runs are shaded."""
    return sum(patch.get_alpha() is not None for patch in ax.patches)


def marked(ax: Any) -> list[str]:
    """What is said where the prescale column changes."""
    return [t.get_text() for t in ax.texts if t.get_text().startswith("prescale")]


def test_more_than_six_runs_lie_in_time(many):
    """Seven runs are bands in time, six lie one after another; either can be chosen."""
    seven = plot.per_lumisection(many(7), "pileup").axes[0]
    assert seven.get_xlabel() == "Time (UTC), 2018-04-27, runs 1 to 7"
    assert bands(seven) == 7
    begin = mdates.date2num(BEGIN)
    assert seven.get_xlim()[0] < begin < seven.get_xlim()[1]
    six = plot.per_lumisection(many(6), "pileup").axes[0]
    assert six.get_xlabel() == "Lumisection, runs 1 to 6 in turn"
    chosen = plot.per_lumisection(many(7), "pileup", axis="lumisection").axes[0]
    assert chosen.get_xlabel() == "Lumisection, runs 1 to 7 in turn"
    one = plot.pileup_and_luminosity(many(1), luminosity="pileup", axis="time").axes[1]
    assert one.get_xlabel() == "Time (UTC), 2018-04-27 of run 1"


def test_neighbours_touch_and_gaps_gape(many):
    """A row ends where the next lumisection begins, the last after its length."""
    table = many(2)
    rows = placed(table, "time")
    starts = np.asarray(mdates.date2num(table["start_time"].to_numpy()))
    assert rows.left == pytest.approx(starts)
    assert (rows.right[:2] == rows.left[1:3]).all()
    assert rows.right[2] - rows.left[2] == pytest.approx(LUMISECTION_S / 86_400)
    assert rows.breaks().tolist() == [False, False, True, False, False]
    kept = place_rows(table)
    assert rows.missing() == kept.missing()


def test_the_end_of_a_row_is_taken_where_it_is_known(many):
    """end_time says how long the last lumisection was."""
    ends = [BEGIN + dt.timedelta(seconds=s) for s in (23, 47, 60)]
    rows = placed(many(1, end_time=ends), "time")
    assert rows.right[2] == pytest.approx(mdates.date2num(ends[2]))


def test_rows_without_a_start_have_no_place_in_time(many):
    """They are counted; where none has a start, the axis is that of lumisections."""
    none: list[Any] = [None, None, None]
    starts = many(2)["start_time"].to_pylist()
    drawn = plot.per_lumisection(
        many(2, start_time=[*starts[:4], None, starts[5]]), "pileup", axis="time"
    )
    assert "1 rows without lumisection" in drawn.notes
    empty = many(7, start_time=pa.array([None] * 21, pa.timestamp("us", "UTC")))
    with pytest.raises(UsageError, match="no start_time"):
        plot.per_lumisection(many(1, start_time=none), "pileup", axis="time")
    assert not placed(empty, None).layout.is_time


def test_the_mouse_says_run_and_moment(many):
    """Under the mouse are the run, if one was on, and the time."""
    axis = plot.per_lumisection(many(7), "pileup").axes[0]
    on = mdates.date2num(BEGIN + dt.timedelta(seconds=30))
    off = mdates.date2num(BEGIN + dt.timedelta(minutes=30))
    assert axis.format_coord(on, 1) == "run 1, 2018-04-27 10:00:30 UTC, value 1"
    assert axis.format_coord(off, 1) == "2018-04-27 10:30:00 UTC, value 1"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"axis": "hour"}, "Try axis='time'"),
        ({"axs": "time"}, "Did you mean 'axis'?"),
    ],
)
def test_wrong_axes_are_refused(many, options, said):
    """An axis that is none, and an argument that is none, are named."""
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        plot.per_lumisection(many(1), "pileup", **options)


def test_changes_of_the_prescale_column_are_marked(many):
    """The column is named where it differs from the one before, within a run."""
    table = many(2, prescale_index=[7, 7, 8, 8, None, 5])
    assert changes(table) == [(1, 3, 8), (2, 3, 5)]
    drawn = plot.per_lumisection(table, "pileup")
    assert marked(drawn.axes[0]) == ["prescale column 8", "prescale column 5"]
    dotted = [line for line in drawn.axes[0].lines if line.get_linestyle() == ":"]
    assert [line.get_xdata()[0] for line in dotted] == [2.5, 5.5]
    rates = plot.per_lumisection(many(1), "pileup", prescales=table)
    assert marked(rates.axes[0]) == ["prescale column 8"]


def test_many_changes_are_counted(many):
    """A thicket of marks is a sentence instead."""
    count = MOST + 1
    drawn = plot.per_lumisection(
        many(count, prescale_index=[7, 7, 8] * count), "pileup"
    )
    assert f"the prescale column changes {count} times, not marked" in drawn.notes
    assert marked(drawn.axes[0]) == []


@pytest.mark.parametrize(
    ("style", "is_dark"), [("dark_background", True), ("default", False)]
)
def test_a_dark_background_has_its_own_colours(many, style, is_dark):
    """Flags are dark and lines light where the axes are dark; else they are not."""
    table = many(1, cms_active=[True, False, None], l1a_total_rate=[1.0, 2.0, 3.0])
    with plt.style.context(style):
        for axis in (None, plt.figure().subplots()):
            drawn = plot.per_lumisection(table, "pileup", flag="cms_active", ax=axis)
            (strip,) = drawn.strips
            on = np.mean(strip.artists["on"].get_facecolor()[0][:3])
            off = np.mean(strip.artists["off"].get_facecolor()[0][:3])
            assert (on < 0.5, off < 0.5) == (is_dark, is_dark)
            line = drawn.lines["pileup"].get_edgecolor()
            assert bool(np.mean(line[:3]) > 0.55) is is_dark
