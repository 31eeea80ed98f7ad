"""The package as a whole."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from omskit import plot

FUNCTIONS = [
    "dcs_comparison",
    "hlt_rates",
    "l1_algorithms",
    "l1_rates",
    "per_lumisection",
    "pileup_and_luminosity",
]


def test_exports_are_what_they_should_be() -> None:
    """The package names its figures, its values, its style and nothing else."""
    extra = ["Drawing", "FlagStrip", "flag_strip", "house_style", "save"]
    found = ["mask_comparison", "pileup_profile"]
    trigger = ["cross_sections", "prescales", "rate_against_pileup", "rate_map"]
    assert sorted(plot.__all__) == sorted([*FUNCTIONS, *found, *trigger, *extra])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_figure_takes_a_table_axes_and_label(name: str) -> None:
    """Every figure has the table first, and ax and label as keywords."""
    parameters = inspect.signature(getattr(plot, name)).parameters
    assert next(iter(parameters)) == "table"
    for keyword in ("ax", "label"):
        assert parameters[keyword].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[keyword].default is None


def test_import_does_not_bring_matplotlib() -> None:
    """Drawing loads matplotlib, importing omskit.plot does not."""
    code = (
        "import sys, omskit.plot, omskit.compat.plot_utils; "
        "sys.exit('matplotlib' in sys.modules or 'mplhep' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
