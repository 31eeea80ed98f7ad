"""Figures of triggers, from tables alone."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pytest

from omskit import plot
from omskit.errors import NoRowError, UnknownFieldError, UsageError


@dataclass
class Line:
    """A fit that is a line."""

    low: float = 20.0
    high: float = 40.0
    spread: float = 0.0

    def rate(self, x):
        at = np.asarray(x)
        return 0.01 * at, np.full(at.shape, 0.001)


@pytest.fixture
def rates(make_table):
    """Two paths with 200 lumisections each."""
    rng, size = np.random.default_rng(1), 200
    pileup = np.linspace(20, 45, size)
    exposure = np.full(size, 1000.0)
    columns = {
        "run_number": np.full(2 * size, 297050),
        "lumisection_number": np.tile(np.arange(1, size + 1), 2),
        "path": ["HLT_A"] * size + ["HLT_B"] * size,
        "path_name": ["HLT_A_v1"] * size + ["HLT_B_v2"] * size,
        "pileup": np.tile(pileup, 2),
        "exposure": np.tile(exposure, 2),
        "counts": rng.poisson(np.tile(0.01 * pileup * exposure, 2)).astype(float),
        "rate": np.tile(pileup, 2),
        "prescale": np.repeat([1.0, np.nan], size),
    }
    return make_table(columns, {"rate": "Hz", "exposure": "s"}, resource="hlt")


def test_rate_against_pileup_with_its_fit(rates):
    """Points are added up, the fit has a line and a band, and pulls stand below."""
    drawn = plot.rate_against_pileup(rates, Line(), path="HLT_A")
    assert set(drawn.lines) == {"HLT_A", "fit"}
    assert drawn.notes[0] == "run 297050"
    assert [ax.get_ylabel() for ax in drawn.axes] == [
        "Rate per colliding bunch (Hz)",
        "Pull",
    ]
    assert drawn.axes[1].get_xlabel() == "Pileup (80 mb)"
    x, _ = drawn.lines["fit"].get_data()
    assert (x.min() >= 20.0, x.max() <= 40.0) == (True, True)
    pulls = drawn.axes[1].lines[-1].get_ydata()
    assert len(pulls) == 40
    assert abs(np.mean(pulls)) < 1


def test_points_show_on_a_dark_ground(rates):
    """Points have the colour of text, so that they show on black as on white."""
    for ground, ink in (("default", "black"), ("dark_background", "white")):
        with plt.style.context(ground):
            drawn = plot.rate_against_pileup(rates, path="HLT_A")
        assert drawn.lines["HLT_A"].get_color() == ink


def test_points_alone(rates, make_table):
    """Without a fit there is one panel; few lumisections are drawn one by one."""
    drawn = plot.rate_against_pileup(rates, path="HLT_B")
    assert len(drawn.axes) == 1
    few = make_table(
        {"path": ["HLT_A"] * 3, "pileup": [1.0, 2.0, 3.0], "exposure": [1.0] * 3,
         "counts": [0.0, None, 4.0]}
    )  # fmt: skip
    _, ax = plt.subplots()
    drawn = plot.rate_against_pileup(few, ax=ax)
    assert drawn.axes == (ax,)
    assert drawn.lines["HLT_A"].get_ydata().tolist() == [0.0, 4.0]


def test_which_path(rates, make_table):
    """Of several paths one is named; one that is not there is an error."""
    with pytest.raises(UsageError, match="2 paths"):
        plot.rate_against_pileup(rates)
    with pytest.raises(NoRowError, match="HLT_C"):
        plot.rate_against_pileup(rates, path="HLT_C")
    empty = make_table(
        {"path": ["HLT_A"], "pileup": [None], "exposure": [1.0], "counts": [1.0]}
    )
    with pytest.raises(NoRowError, match="no lumisection"):
        plot.rate_against_pileup(empty)
    with pytest.raises(UnknownFieldError, match="exposure"):
        plot.rate_against_pileup(
            make_table({"path": ["A"], "pileup": [1.0], "counts": [1.0]})
        )


def test_rate_map(rates, make_table):
    """A map has a row per path and its colours a unit."""
    drawn = plot.rate_map(rates)
    grid = drawn.lines["rate"].get_array()
    assert grid.shape == (2, 200)
    assert [t.get_text() for t in drawn.axes[0].get_yticklabels()] == ["HLT_A", "HLT_B"]
    assert drawn.figure.axes[1].get_ylabel() == "rate (Hz)"
    many = make_table(
        {"run_number": [1] * 40, "lumisection_number": [1] * 40,
         "path": [f"HLT_{i}" for i in range(40)], "rate": [1.0] * 40}
    )  # fmt: skip
    drawn = plot.rate_map(many)
    assert drawn.axes[0].get_yticklabels()[1].get_text() == "HLT_2"
    assert drawn.notes == ("40 paths in order of their names, 1 of 2 is named",)


def test_zero_and_null_differ_on_a_map(make_table):
    """A count of 0 is white, a null grey, and the small print says so."""
    table = make_table(
        {"run_number": [1] * 4, "lumisection_number": [1, 2, 1, 2],
         "path": ["A", "A", "B", "B"], "rate": [0.0, 5.0, None, None]}
    )  # fmt: skip
    drawn = plot.rate_map(table)
    image = drawn.lines["rate"]
    zero, five, null, _ = image.to_rgba(image.get_array()).reshape(-1, 4)
    assert zero[:3].tolist() == [1.0, 1.0, 1.0]
    assert null[:3] == pytest.approx(0xD8 / 0xFF)
    assert five[:3].min() < 0.5
    assert drawn.notes == ("white: 0", "grey: no number", "no number at all: B")


def test_maps_that_cannot_be_drawn(make_table):
    """Several runs, or nothing above zero, are refused."""
    columns = {"lumisection_number": [1, 1], "path": ["A", "A"], "rate": [0.0, 0.0]}
    with pytest.raises(UsageError, match="one run"):
        plot.rate_map(make_table({"run_number": [1, 2], **columns}))
    with pytest.raises(NoRowError, match="above zero"):
        plot.rate_map(make_table({"run_number": [1, 1], **columns}))


def test_prescales_have_a_logarithmic_axis(rates):
    """A path that is off has no line, and the figure says so."""
    drawn = plot.prescales(rates)
    assert drawn.axes[0].get_yscale() == "log"
    assert "HLT_B has no value" in drawn.notes


def test_equal_prescales_are_all_seen(make_table):
    """Lines of one value are of falling width, and where a path is off is written."""
    table = make_table(
        {"run_number": [1] * 4, "lumisection_number": [1, 2, 1, 2],
         "path": ["A", "A", "B", "B"], "prescale": [None, 1.0, 1.0, 1.0],
         "prescale_index": [6, 7] * 2, "status": ["off", *["exact"] * 3]}
    )  # fmt: skip
    drawn = plot.prescales(table)
    widths = [line.get_linewidth() for line in drawn.lines.values()]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[1]
    assert "off: A in 1" in drawn.notes


def test_prescales_of_changes(make_table):
    """A row per change is drawn until the next; the newest column a tenth further."""
    changes = make_table(
        {"run_number": [1] * 4, "first_lumisection_number": [1, 1, 201, 201],
         "path": ["A", "B"] * 2, "path_name": ["A_v1", "B_v1"] * 2,
         "prescale_index": [6, 6, 7, 7], "prescale": [10.0, None, 20.0, 5.0]}
    )  # fmt: skip
    drawn = plot.prescales(changes)
    shown, ends = {}, {}
    for name, steps in drawn.lines.items():
        values, edges, _ = steps.get_data()
        shown[name] = {float(v) for v in values[np.isfinite(values)]}
        ends[name] = edges.max()
    assert shown == {"A": {10.0, 20.0}, "B": {5.0}}
    assert 220 <= ends["A"] <= 221
    assert "no lumisection" not in " ".join(drawn.notes)


def test_cross_sections_run_by_run(make_table):
    """Each path is drawn relative to its mean, which the legend has in ub."""
    table = make_table(
        {
            "run_number": [1, 2, 1, 2],
            "path": ["HLT_A", "HLT_A", "HLT_B", "HLT_B"],
            "cross_section": [1.0, 1.0, 2.0, None],
            "cross_section_error": [0.1, 0.1, 0.1, None],
        }
    )
    drawn = plot.cross_sections(table)
    assert drawn.lines["HLT_A"].get_ydata().tolist() == [1.0, 1.0]
    assert drawn.lines["HLT_A"].get_xdata()[0] < 0 < drawn.lines["HLT_B"].get_xdata()[0]
    texts = [t.get_text() for t in drawn.axes[0].get_legend().get_texts()]
    assert texts[1] == "HLT_B: 2 ub"
    empty = make_table(
        {"run_number": [None], "path": ["A"], "cross_section": [1.0],
         "cross_section_error": [1.0]}
    )  # fmt: skip
    with pytest.raises(NoRowError, match="by_run=True"):
        plot.cross_sections(empty)
