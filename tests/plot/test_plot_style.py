"""The house style, the CMS label and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.image as mpimg
import matplotlib.pyplot as plt
import numpy as np
import pytest

from omskit import plot
from omskit.config import find_instance
from omskit.demo import NOTICE
from omskit.errors import MissingExtraError, UsageError
from omskit.plot.style import LINES
from omskit.table.note import Note, NoteKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from omskit.table import Table


def texts(ax: plt.Axes) -> str:
    """All text on the axes that is not a tick or title of them."""
    return "|".join(
        child.get_text()
        for child in ax.get_children()
        if hasattr(child, "get_text") and child.get_text()
    )


def test_style_ends_with_its_context() -> None:
    """Inside house_style ticks point inwards, and after it they do what they did."""
    before = mpl.rcParams["xtick.direction"]
    with plot.house_style():
        assert mpl.rcParams["xtick.direction"] == "in"
    assert mpl.rcParams["xtick.direction"] == before


def test_new_figure_keeps_style_when_drawn_later(lumis: Table) -> None:
    """Ticks and fonts of a figure are CMS's although it is drawn outside the style."""
    drawn = plot.per_lumisection(lumis, "pileup")
    drawn.figure.canvas.draw()
    ticks = drawn.axes[0].xaxis.get_major_ticks()
    assert {tick.get_tickdir() for tick in ticks} == {"in"}
    assert drawn.axes[0].xaxis.label.get_family()[0] == "TeX Gyre Heros"


def test_label_says_oms_and_fill(lumis: Table) -> None:
    """Data are labelled CMS and OMS, with the fill on the right and no beam energy."""
    found = texts(plot.per_lumisection(lumis, "pileup").axes[0])
    assert "CMS" in found
    assert "OMS" in found
    assert "Fill 5839" in found
    assert "Simulation" not in found
    assert "TeV" not in found


@pytest.mark.parametrize(
    "origin",
    [
        {"service": "demo"},
        {"service": find_instance("demo").base_url},
        {"warnings": [Note(NoteKind.SIMULATED, NOTICE)]},
    ],
)
def test_demo_is_labelled_simulation(
    make_table: Callable[..., Table], origin: dict[str, Any]
) -> None:
    """A table of the demo never passes for data, wherever the demo is served."""
    table = make_table({"lumisection_number": [1], "pileup": [1.0]}, **origin)
    assert "Simulation OMS" in texts(plot.per_lumisection(table, "pileup").axes[0])


def test_label_can_be_chosen_or_left_out(lumis: Table) -> None:
    """label= replaces the text beside CMS, and False takes both away."""
    chosen = plot.per_lumisection(lumis, "pileup", label="Preliminary")
    assert "Preliminary" in texts(chosen.axes[0])
    assert "CMS" not in texts(
        plot.per_lumisection(lumis, "pileup", label=False).axes[0]
    )


def test_table_without_receipt_or_fill_is_labelled(
    make_table: Callable[..., Table],
) -> None:
    """A table whose fills are null gets no fill, and one without a column neither."""
    table = make_table(
        {"lumisection_number": [1], "pileup": [1.0], "fill_number": [None]}
    )
    table.receipt = None
    assert "Fill" not in texts(plot.per_lumisection(table, "pileup").axes[0])


def test_several_fills_are_listed(make_table: Callable[..., Table]) -> None:
    """Rows of several fills name them as ranges."""
    table = make_table(
        {
            "lumisection_number": [1, 2, 3],
            "pileup": [1.0] * 3,
            "fill_number": [6614, 6615, 6620],
        }
    )
    assert "Fills 6614-6615, 6620" in texts(
        plot.per_lumisection(table, "pileup").axes[0]
    )


def test_given_axes_are_used_and_no_figure_is_made(lumis: Table) -> None:
    """With ax= the function draws there, in any figure or part of one."""
    figure = plt.figure(layout="constrained")
    ax = figure.subfigures(1, 2)[1].subplots()
    drawn = plot.per_lumisection(lumis, "pileup", ax=ax)
    assert drawn.axes == (ax,)
    assert drawn.figure is figure
    assert ax.get_title(loc="left") == "CMS OMS"
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("ax", ["axes", [1, 2]])
def test_wrong_axes_are_refused(lumis: Table, ax: object) -> None:
    """What is no axes, or too many, is refused with the call that makes them."""
    with pytest.raises(UsageError, match=r"needs 1 matplotlib axes.*plt\.subplots\(1"):
        plot.per_lumisection(lumis, "pileup", ax=ax)  # type: ignore[arg-type]


def test_failed_figure_is_closed(lumis: Table) -> None:
    """A figure on which drawing fails does not stay open."""
    with pytest.raises(UsageError, match="neither 'steps' nor 'line'"):
        plot.per_lumisection(lumis, "pileup", kind="bars")  # type: ignore[arg-type]
    assert plt.get_fignums() == []


def test_save_writes_a_picture_and_closes(lumis: Table, tmp_path: Path) -> None:
    """A PNG appears in a new folder, with line and flag colours in it."""
    drawn = plot.per_lumisection(lumis, "pileup", flag="cms_active")
    path = plot.save(drawn, tmp_path / "new" / "pileup.png")
    pixels = mpimg.imread(path)[..., :3]
    assert pixels.shape[:2] == (750, 1650)
    assert pixels[0, 0].tolist() == [1, 1, 1]
    for colour in (LINES[0], "#f6b98f", "#e3eefb"):
        distance = np.abs(pixels - mpl.colors.to_rgb(colour)).max(axis=2)
        assert (distance < 0.02).sum() > 100
    assert plt.get_fignums() == []


def test_save_can_keep_the_figure(lumis: Table, tmp_path: Path) -> None:
    """close=False leaves the figure to a notebook; a bare figure can be saved too."""
    figure = plot.per_lumisection(lumis, "pileup").figure
    assert plot.save(figure, str(tmp_path / "a.pdf"), close=False).stat().st_size > 0
    assert plt.get_fignums() == [figure.number]


def test_save_refuses_unknown_formats(lumis: Table, tmp_path: Path) -> None:
    """A name that no writer knows is refused, with those that are known."""
    with pytest.raises(UsageError, match=r"'a\.xls'.*\.png, \.pdf or \.svg"):
        plot.save(plot.per_lumisection(lumis, "pileup"), tmp_path / "a.xls")


def test_save_says_where_it_cannot_write(lumis: Table, tmp_path: Path) -> None:
    """A place that takes no file is named, as an error of ours."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match=r"Cannot write .*taken/a\.png"):
        plot.save(plot.per_lumisection(lumis, "pileup"), tmp_path / "taken" / "a.png")


def test_missing_matplotlib_names_the_extra(
    lumis: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without matplotlib the error says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"omskit\[plot\]"):
        plot.per_lumisection(lumis, "pileup")
