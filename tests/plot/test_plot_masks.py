"""Two masks, drawn."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from omskit.lumi import LumiMask, compare, read_brilcalc
from omskit.plot import mask_comparison
from omskit.plot.masks import MOST_RUNS

A = LumiMask.from_ranges([(7, 1, 10), (8, 1, 5), (10, 1, 9)])
B = LumiMask.from_ranges([(7, 3, 12), (9, 1, 1), (10, 1, 9)])


def boxes(artist):
    """Left, right and row of every bar."""
    found = []
    for path in artist.get_paths():
        x, y = path.vertices[:, 0], path.vertices[:, 1]
        found.append((float(x.min()), float(x.max()), round(float(y.mean()))))
    return sorted(found)


def test_each_run_that_differs_has_a_line():
    """Bars reach half a unit to either side, run by run; equal runs are not drawn."""
    drawn = mask_comparison(compare(A, B, names=("mine", "golden")))
    assert boxes(drawn.lines["only_a"]) == [(0.5, 2.5, 0), (0.5, 5.5, 1)]
    assert boxes(drawn.lines["only_b"]) == [(0.5, 1.5, 2), (10.5, 12.5, 0)]
    assert boxes(drawn.lines["both"]) == [(2.5, 10.5, 0)]
    labels = [t.get_text() for t in drawn.axes[0].get_yticklabels()]
    assert labels == ["7", "8", "9"]
    assert drawn.notes[0] == "17 LS in both, 7 only in mine, 3 only in golden"
    plt.close(drawn.figure)


def test_of_many_runs_those_that_differ_most_are_drawn():
    """The figure says how many runs it leaves out."""
    many = LumiMask.from_ranges([(run, 1, run) for run in range(1, MOST_RUNS + 6)])
    drawn = mask_comparison(compare(many, LumiMask()))
    assert drawn.notes[-1] == "5 runs with smaller differences not drawn"
    labels = [t.get_text() for t in drawn.axes[0].get_yticklabels()]
    assert labels[0] == "6"
    assert len(labels) == MOST_RUNS
    assert set(drawn.lines) == {"only_a"}
    plt.close(drawn.figure)


@pytest.mark.parametrize("mask", [A, LumiMask()])
def test_equal_masks_make_an_empty_figure(mask):
    """Nothing differs, and the figure says so by its counts."""
    drawn = mask_comparison(compare(mask, mask))
    assert not drawn.lines
    assert "0 only in a" in drawn.notes[0]
    plt.close(drawn.figure)


def test_open_ends_and_given_axes():
    """An open end reaches to what is seen of the run; the user's axes are used."""
    figure, ax = plt.subplots()
    whole = LumiMask.from_json({"7": [[-1]]})
    drawn = mask_comparison(compare(whole, A), ax=ax)
    assert drawn.axes == (ax,)
    assert boxes(drawn.lines["only_a"]) == [(10.5, 11.5, 0)]
    assert "open only in a" in drawn.notes[0]
    plt.close(figure)


def test_luminosity_at_stake_is_in_the_notes():
    """What is recorded in the difference is told, and only where it is known."""
    csv = "#run:fill,ls,delivered(/pb),recorded(/pb)\n7:1,1:1,2,1.5\n"
    found = compare(A, B, luminosity=read_brilcalc(csv))
    drawn = mask_comparison(found)
    assert "1.5 /pb recorded only in a" in drawn.notes
    assert not any("only in b" in note for note in drawn.notes[1:])
    assert {"both", "only_a", "only_b"} >= set(drawn.lines)
    plt.close(drawn.figure)
