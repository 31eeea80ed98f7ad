"""Units, axis titles and lists as figures write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from omskit.errors import UnitError
from omskit.plot.wording import listed, ranges, span_text, unit_text, x_label, y_label

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.table import Table


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("Hz", "Hz"),
        ("%", "%"),
        ("urad", "\N{MICRO SIGN}rad"),
        ("/ub", "$\\mathregular{\N{MICRO SIGN}b^{-1}}$"),
        ("/pb", r"$\mathregular{pb^{-1}}$"),
        ("10^30 cm^-2 s^-1", r"$\mathregular{10^{30}\,cm^{-2}\,s^{-1}}$"),
    ],
)
def test_units_are_typeset(unit: str, text: str) -> None:
    """Powers become superscripts and plain units stay words."""
    assert unit_text(unit) == text


def test_axis_title_names_quantity_and_unit(lumis: Table) -> None:
    """Luminosities and rates are named after what their unit measures."""
    both = ["delivered_lumi", "recorded_lumi"]
    assert y_label(lumis, both) == f"Integrated luminosity ({unit_text('/pb')})"
    assert y_label(lumis, ["init_lumi"]).startswith("Instantaneous luminosity ($")


def test_axis_title_without_unit_is_the_name(lumis: Table) -> None:
    """A column without unit is named itself, two of them are values."""
    assert y_label(lumis, ["pileup"]) == "Pileup (interactions per crossing)"
    assert y_label(lumis, ["cms_active"]) == "cms_active"
    assert y_label(lumis, ["cms_active", "pileup"]) == "Value"


def test_unit_that_measures_something_else_keeps_the_name(
    make_table: Callable[..., Table],
) -> None:
    """A unit of no quantity of ours stands beside OMS's own name."""
    table = make_table({"b_field": [3.8], "x": [1.0]}, {"b_field": "T", "x": "T"})
    assert y_label(table, ["b_field"]) == "b_field (T)"
    assert y_label(table, ["b_field", "x"]) == "Value (T)"


def test_lost_unit_is_said(make_table: Callable[..., Table]) -> None:
    """A luminosity whose unit was not learnt does not look unit-less."""
    table = make_table({"init_lumi": [1.0]}, resource="lumisections")
    assert y_label(table, ["init_lumi"]) == "init_lumi (unit unknown)"


def test_different_units_are_refused(lumis: Table) -> None:
    """One axis never shows two units, and the message says which there were."""
    with pytest.raises(UnitError, match="pileup in no unit, delivered_lumi in /pb"):
        y_label(lumis, ["pileup", "delivered_lumi"])


def test_lumisection_axis_names_its_runs() -> None:
    """The axis says the run, the first and last of several, or nothing."""
    assert x_label([]) == "Lumisection"
    assert x_label([297050]) == "Lumisection of run 297050"
    assert x_label([1, 5]) == "Lumisection, runs 1 to 5 in turn"


def test_lists_say_what_they_leave_out() -> None:
    """Numbers join to ranges, and long lists end in a count."""
    assert ranges([]) == []
    assert ranges([5, 3, 4, 4, 9]) == [(3, 5), (9, 9)]
    assert listed(["1", "2"], most=2) == "1, 2"
    assert listed(["1", "2", "3"], most=1) == "1 and 2 more"
    assert span_text(2, 3) == "2-3"
    assert span_text(2, 2, 297050) == "297050:2"
