"""Where legends stand, and how much room they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from omskit import plot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from omskit.plot import Drawing
    from omskit.table import Table

LENGTH = 100


def with_flag(make_table: Callable[..., Table], off: Sequence[int]) -> Table:
    """Lumisections 1-100 with a flag that is off in some of them."""
    numbers = range(1, LENGTH + 1)
    return make_table(
        {
            "run_number": [297050] * LENGTH,
            "lumisection_number": list(numbers),
            "pileup": np.linspace(40, 30, LENGTH),
            "init_lumi": np.linspace(7000, 5000, LENGTH),
            "cms_active": [n not in off for n in numbers],
        }
    )


def covered(drawn: Drawing) -> float:
    """The part of the lumisections that are off which a legend stands on."""
    drawn.figure.canvas.draw()
    hidden = 0.0
    for ax, strip in zip(drawn.axes, drawn.strips, strict=True):
        box = ax.get_legend().get_window_extent()
        to_data = ax.transData.inverted()
        low, high = (to_data.transform((x, 0))[0] for x in (box.x0, box.x1))
        for begin, end in strip.spans["off"]:
            hidden += max(min(end, high) - max(begin, low), 0)
    return hidden


@pytest.mark.parametrize("off", [range(93, 100), range(1, 8), [1, 2, 3, 98, 99]])
def test_legends_stand_beside_what_is_off(
    make_table: Callable[..., Table], off: Sequence[int]
) -> None:
    """No legend covers lumisections that are off where there is another place."""
    drawn = plot.pileup_and_luminosity(with_flag(make_table, off), flag="cms_active")
    assert covered(drawn) == 0


def test_a_legend_stands_on_the_right_without_need(
    make_table: Callable[..., Table],
) -> None:
    """Where nothing is off, or all over the place, the legend is on the right."""
    for off in ((), range(1, LENGTH, 5)):
        table = with_flag(make_table, off)
        drawn = plot.per_lumisection(table, "pileup", flag="cms_active")
        drawn.figure.canvas.draw()
        ax = drawn.axes[0]
        box, axes = ax.get_legend().get_window_extent(), ax.get_window_extent()
        assert abs(box.x1 - axes.x1) < 20


@pytest.mark.parametrize(("low", "high"), [(5e-2, 4e3), (1, 500)])
def test_a_logarithmic_axis_ends_soon_above_the_data(
    make_table: Callable[..., Table], low: float, high: float
) -> None:
    """Short names stand side by side, so that the data have most of the height."""
    names = [f"HLT_{letter}_v1" for letter in "ABCDEF"]
    means = np.geomspace(low, high, len(names))
    rows = [(name, n, r) for name, r in zip(names, means, strict=True) for n in (1, 2)]
    table = make_table(
        {
            "run_number": [297050] * len(rows),
            "path_name": [name for name, _, _ in rows],
            "first_lumisection_number": [n for _, n, _ in rows],
            "rate": [rate for _, _, rate in rows],
        }
    )
    drawn = plot.hlt_rates(table)
    ax = drawn.axes[0]
    assert ax.get_yscale() == "log"
    bottom, top = np.log10(ax.get_ylim())
    assert (np.log10(high) - bottom) / (top - bottom) > 0.8
    assert len({id(t) for t in ax.get_legend().get_texts()}) == len(names)
