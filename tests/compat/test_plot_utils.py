"""plot_hists as the notebooks call it."""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from omskit.compat.plot_utils import plot_hists
from omskit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Settings are the same after each test, and no figure stays open."""
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


def test_signature_is_that_of_the_old_module() -> None:
    """Names, order and defaults of the arguments are the notebook's."""
    found = {
        name: parameter.default
        for name, parameter in inspect.signature(plot_hists).parameters.items()
    }
    assert found.pop("histlist") is inspect.Parameter.empty
    assert found == {
        "fig": None,
        "ax": None,
        "colorlist": None,
        "labellist": None,
        "transparency": 1,
        "xlims": (-0.5, -1),
        "title": None,
        "titlesize": None,
        "xaxtitle": None,
        "xaxtitlesize": None,
        "yaxtitle": None,
        "yaxtitlesize": None,
        "ymaxfactor": None,
        "legendsize": None,
        "opaque_legend": False,
        "ticksize": None,
        "bkgcolor": None,
        "bkgcmap": "spring",
        "bkgcolorbar": False,
        "bkgrange": None,
        "bkgtitle": None,
    }


def test_histograms_are_steps_between_default_limits() -> None:
    """Three points lie evenly from -0.5 to 2.5, as steps around them."""
    fig, ax = plot_hists([[1, 2, 3], np.array([3, 2, 1])])
    assert ax.figure is fig
    assert [line.get_drawstyle() for line in ax.lines] == ["steps-mid"] * 2
    assert ax.lines[0].get_xdata().tolist() == [-0.5, 1.0, 2.5]
    assert ax.lines[1].get_ydata().tolist() == [3, 2, 1]
    assert ax.get_legend() is None


def test_limits_place_the_first_and_last_point() -> None:
    """With xlims=(1, n) every point lies at its lumisection number."""
    _, ax = plot_hists(np.ones((1, 4)), xlims=(1, 4))
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3, 4]


def test_none_is_a_gap() -> None:
    """None, as OMS gives it for a missing value, is not drawn."""
    _, ax = plot_hists([[1, None, 3]])
    assert np.isnan(ax.lines[0].get_ydata()[1])


def test_flags_are_numbers() -> None:
    """A list of booleans is drawn as zeros and ones."""
    _, ax = plot_hists([[True, False]])
    assert ax.lines[0].get_ydata().tolist() == [1, 0]


def test_colours_labels_and_opacity_go_with_the_lines() -> None:
    """Each histogram has its colour and name; the legend is at the upper right."""
    _, ax = plot_hists(
        [[1, 2], [2, 3]], colorlist=["b", "r"], labellist=["x", "y"], transparency=0.5
    )
    assert [line.get_color() for line in ax.lines] == ["b", "r"]
    assert [line.get_alpha() for line in ax.lines] == [0.5, 0.5]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["x", "y"]


def test_one_colour_serves_all() -> None:
    """A single colour name colours every histogram."""
    _, ax = plot_hists([[1, 2], [2, 3]], colorlist="g")
    assert {line.get_color() for line in ax.lines} == {"g"}


def test_empty_lists_mean_defaults() -> None:
    """The empty lists that older calls pass mean no legend and the usual colours."""
    _, ax = plot_hists([[1, 2]], colorlist=[], labellist=[])
    assert mpl.colors.same_color(ax.lines[0].get_color(), "C0")
    assert ax.get_legend() is None


def test_texts_and_sizes_arrive() -> None:
    """Titles, sizes, the opaque legend and the upper limit do what they say."""
    _, plain = plot_hists([[0, 1]])
    _, ax = plot_hists(
        [[0, 1]],
        labellist=["x"],
        title="T",
        titlesize=20,
        xaxtitle="X",
        xaxtitlesize=21,
        yaxtitle="Y",
        yaxtitlesize=22,
        ymaxfactor=2,
        legendsize=9,
        opaque_legend=True,
        ticksize=7,
    )
    sizes = [t.get_fontsize() for t in (ax.title, ax.xaxis.label, ax.yaxis.label)]
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("T", "X", "Y")
    assert sizes == [20, 21, 22]
    low, high = plain.get_ylim()
    assert ax.get_ylim() == pytest.approx((low, 2 * high))
    assert ax.get_legend().get_texts()[0].get_fontsize() == 9
    assert ax.get_legend().get_frame().get_alpha() == 1
    assert ax.get_xticklabels()[0].get_fontsize() == 7


def test_axes_and_figure_can_be_given() -> None:
    """Given axes are drawn on, with or without their figure; a figure lends its own."""
    fig, ax = plt.subplots()
    assert plot_hists([[1, 2]], fig, ax) == (fig, ax)
    assert plot_hists([[1, 2]], ax=ax) == (fig, ax)
    assert plot_hists([[1, 2]], fig=fig) == (fig, ax)
    assert plt.get_fignums() == [fig.number]


def background(ax: Axes) -> mpl.collections.QuadMesh:
    """The colours behind the lines."""
    return next(c for c in ax.collections if isinstance(c, mpl.collections.QuadMesh))


def test_background_changes_half_way_between_points() -> None:
    """Each value colours its point up to the middle between it and the next."""
    _, ax = plot_hists([[1, 1, 0]], xlims=(1, 3), bkgcolor=[True, False, True])
    mesh = background(ax)
    assert mesh.get_coordinates()[0, :, 0].tolist() == [1, 1.5, 2.5, 3]
    assert mesh.get_array().tolist() == [[1, 0, 1]]
    assert mesh.get_alpha() == 0.1
    assert mesh.cmap.name == "spring"
    assert (mesh.norm.vmin, mesh.norm.vmax) == (0, 1)
    assert ax.get_xlim() == (1, 3)


def test_background_is_stretched_over_the_axis() -> None:
    """Fewer values than points are spread over the whole width."""
    _, ax = plot_hists([[1] * 5], xlims=(0, 4), bkgcolor=[0, 1])
    assert background(ax).get_coordinates()[0, :, 0].tolist() == [0, 2, 4]


def test_single_background_value_fills_the_axes() -> None:
    """One value colours everything."""
    _, ax = plot_hists([[1, 2]], bkgcolor=[1])
    assert background(ax).get_coordinates()[0, :, 0].tolist() == [-0.5, 1.5]


def test_background_takes_map_range_and_scale() -> None:
    """Colour map and range are the caller's, and the scale carries its title."""
    fig, ax = plot_hists(
        [[1, 2]],
        bkgcolor=[None, 0.5],
        bkgcmap="cool",
        bkgrange=(0, 2),
        bkgcolorbar=True,
        bkgtitle="DCS",
        yaxtitlesize=15,
    )
    mesh = background(ax)
    assert mesh.cmap.name == "cool"
    assert (mesh.norm.vmin, mesh.norm.vmax) == (0, 2)
    assert mesh.get_array().mask.tolist() == [[True, False]]
    bar = fig.axes[1]
    assert (bar.get_ylabel(), bar.yaxis.label.get_fontsize()) == ("DCS", 15)


def test_scale_needs_no_title() -> None:
    """The scale of the background can stand without a title."""
    fig, _ = plot_hists([[1, 2]], bkgcolor=[0, 1], bkgcolorbar=True)
    assert fig.axes[1].get_ylabel() == ""


@pytest.mark.parametrize(
    "histlist", [[], [1, 2], [[]], [[1, 2], [1]], [["a"]], None, [[[1], [2, 3]]]]
)
def test_what_is_no_list_of_histograms_is_refused(histlist: object) -> None:
    """Nothing, single numbers, text and unequal lengths raise before a figure opens."""
    with pytest.raises(UsageError, match="histlist"):
        plot_hists(histlist)  # type: ignore[arg-type]
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", ["colorlist", "labellist"])
def test_lists_must_have_one_entry_each(name: str) -> None:
    """Too few colours or names are refused with both numbers."""
    with pytest.raises(UsageError, match=f"{name} has 1 entries for 2"):
        plot_hists([[1], [2]], **{name: ["b"]})  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [[], [None, None]])
def test_background_needs_values(values: list[None]) -> None:
    """A background without values is refused."""
    with pytest.raises(UsageError, match="bkgcolor has 0 values"):
        plot_hists([[1, 2]], bkgcolor=values)


def test_notebook_figure_shows_line_and_background() -> None:
    """The notebook's last figure has its blue line on pink with lines of light blue."""
    folder = os.environ.get("OMSKIT_RECORDED")
    if not folder:
        pytest.skip("OMSKIT_RECORDED names no folder with recorded answers")
    path = Path(folder) / "recorded" / "cms_active_306458_af49037.json"
    recorded = json.loads(path.read_text())
    fig, ax = plot_hists(
        [recorded["cms_active"]],
        colorlist=["b"],
        labellist=["cms active"],
        xaxtitle="lumisection number",
        bkgcolor=recorded["in_dcs_json"],
        bkgcmap="cool",
    )
    fig.canvas.draw()
    pixels = np.asarray(fig.canvas.buffer_rgba())[..., :3]
    for colour in ((0, 0, 255), (255, 229, 255), (229, 255, 255)):
        assert (np.abs(pixels.astype(int) - colour).max(axis=2) < 4).sum() > 100
    assert ax.get_xlim() == (-0.5, 268.5)
