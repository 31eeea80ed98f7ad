"""Figures of what happens per lumisection, in CMS style, with units on the axes.

Every function takes a `Table`, or what was found in some, draws on *ax* or on a new
figure and hands back what it drew; none shows a figure, closes one that works or
changes matplotlib's settings.
"""

from omskit.plot.dcs import dcs_comparison
from omskit.plot.drawing import Drawing
from omskit.plot.lumisections import per_lumisection, pileup_and_luminosity
from omskit.plot.masks import mask_comparison
from omskit.plot.pileup import pileup_profile
from omskit.plot.rates import hlt_rates, l1_algorithms, l1_rates
from omskit.plot.saving import save
from omskit.plot.strips import FlagStrip, flag_strip
from omskit.plot.style import house_style
from omskit.plot.trigger import (
    cross_sections,
    prescales,
    rate_against_pileup,
    rate_map,
)

__all__ = [
    "Drawing",
    "FlagStrip",
    "cross_sections",
    "dcs_comparison",
    "flag_strip",
    "hlt_rates",
    "house_style",
    "l1_algorithms",
    "l1_rates",
    "mask_comparison",
    "per_lumisection",
    "pileup_and_luminosity",
    "pileup_profile",
    "prescales",
    "rate_against_pileup",
    "rate_map",
    "save",
]
