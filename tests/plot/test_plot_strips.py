"""Flags as strips."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import UsageError
from omskit.plot import flag_strip
from omskit.plot.strips import BACKGROUND, FULL

if TYPE_CHECKING:
    from omskit.plot import FlagStrip


def drawn_spans(strip: FlagStrip) -> dict[str, list[tuple[float, float]]]:
    """Begin and end of every bar that is on the axes."""
    return {
        word: [
            (float(p.vertices[:, 0].min()), float(p.vertices[:, 0].max()))
            for p in bars.get_paths()
        ]
        for word, bars in strip.artists.items()
    }


def test_each_state_has_bars_over_its_lumisections() -> None:
    """Neighbours of one state join; a missing lumisection ends a bar."""
    _, ax = plt.subplots()
    strip = flag_strip(
        ax, [1, 2, 3, 5, 6], [True, True, False, False, None], "cms_active"
    )
    expected = {
        "on": [(0.5, 2.5)],
        "off": [(2.5, 3.5), (4.5, 5.5)],
        "unknown": [(5.5, 6.5)],
    }
    assert drawn_spans(strip) == expected
    assert {k: list(v) for k, v in strip.spans.items()} == expected
    assert strip.counts == {"on": 2, "off": 2, "unknown": 1}


def test_legend_says_states_and_counts() -> None:
    """The legend names the flag, its states and how many lumisections each has."""
    _, ax = plt.subplots()
    flag_strip(ax, [1, 2, 3], [True, None, True], "cms_active")
    _, labels = ax.get_legend_handles_labels()
    assert labels == ["cms_active: on (2 LS)", "cms_active: unknown (1 LS)"]


def test_strip_fills_its_share_of_the_height_and_leaves_limits() -> None:
    """The strip lies between fractions of the axes, whatever is drawn in front."""
    _, ax = plt.subplots()
    ax.set_ylim(100, 200)
    strip = flag_strip(ax, [1], [True], "ready", low=0.25, high=0.5)
    y = strip.artists["on"].get_paths()[0].vertices[:, 1]
    assert (y.min(), y.max()) == (0.25, 0.5)
    assert ax.get_ylim() == (100, 200)


def test_strip_widens_the_axes_in_x_alone() -> None:
    """The axes show all lumisections, and scale in y by what else is drawn."""
    _, ax = plt.subplots()
    flag_strip(ax, [1, 2, 300], [True, None, True], "ready")
    ax.plot([1, 2], [0.12, 0.13])
    assert ax.get_xlim()[1] > 300
    assert ax.get_ylim()[0] > 0.1


def test_order_does_not_matter() -> None:
    """Lumisections may come in any order."""
    _, ax = plt.subplots()
    strip = flag_strip(ax, [3, 1, 2], pa.array([False, True, True]), "ready")
    assert strip.spans == {"on": ((0.5, 2.5),), "off": ((2.5, 3.5),)}


@pytest.mark.parametrize(("strong", "look"), [(False, BACKGROUND), (True, FULL)])
def test_colours_suit_the_place(strong: bool, look: dict[str, dict[str, str]]) -> None:
    """A strip behind lines is pale, one that stands alone is not."""
    _, ax = plt.subplots()
    strip = flag_strip(ax, [1], [False], "ready", strong=strong)
    bars = strip.artists["off"]
    expected = plt.matplotlib.colors.to_rgba(look["off"]["facecolor"])
    assert tuple(bars.get_facecolor()[0]) == expected
    assert bars.get_linewidth()[0] > 0


def test_unknown_is_hatched() -> None:
    """Unknown differs by its hatching, not by colour alone."""
    _, ax = plt.subplots()
    assert flag_strip(ax, [1], [None], "ready").artists["unknown"].get_hatch()


def test_no_lumisections_draw_nothing() -> None:
    """An empty strip has no state."""
    _, ax = plt.subplots()
    strip = flag_strip(ax, [], pa.array([], pa.bool_()), "ready")
    assert (strip.spans, strip.artists) == ({}, {})


def test_lengths_must_agree() -> None:
    """There is one flag for each lumisection."""
    _, ax = plt.subplots()
    with pytest.raises(UsageError, match="1 values for 2 lumisections"):
        flag_strip(ax, [1, 2], [True], "ready")


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=40))
def test_bars_of_all_states_cover_each_lumisection_once(
    flags: list[bool | None],
) -> None:
    """Together the bars are as long as the lumisections are many, without overlap."""
    figure, ax = plt.subplots()
    strip = flag_strip(ax, list(range(1, len(flags) + 1)), flags, "ready")
    plt.close(figure)
    spans = sorted(span for found in strip.spans.values() for span in found)
    assert spans[0][0] == 0.5
    assert spans[-1][1] == len(flags) + 0.5
    assert all(a[1] == b[0] for a, b in pairwise(spans))
