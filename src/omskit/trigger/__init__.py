"""Rates, prescales and cross-sections of triggers.

What is computed here and from what is on the page "Trigger" of the reference; each
formula names its assumptions.
"""

from omskit.trigger.alerts import alerts, compare
from omskit.trigger.building import datasets, hlt, l1, streams
from omskit.trigger.bunches import BunchCount, count_bunches
from omskit.trigger.checking import check
from omskit.trigger.columns import prescales
from omskit.trigger.counting import (
    LUMISECTION_S,
    Measured,
    bunches_of_pileup,
    count_interval,
    counts_of_rates,
    cross_section,
    live_fraction,
    live_fraction_of,
    rates,
    unprescaled_counts,
)
from omskit.trigger.cube import Cube
from omskit.trigger.effective import PathLuminosity, compare_brilcalc, luminosity
from omskit.trigger.families import FAMILIES, Family, growth
from omskit.trigger.fits import Fit, fit
from omskit.trigger.fitting import PathFit, fit_path
from omskit.trigger.names import PathName, split_version
from omskit.trigger.prescaling import (
    Prescale,
    Status,
    column_at,
    exact,
    seed_prescale,
    total_prescale,
)
from omskit.trigger.published import compare_prescales, read_l1_prescales
from omskit.trigger.quantities import needs_prescales
from omskit.trigger.questions import explain
from omskit.trigger.seeds import And, Bit, Not, Or, bits_of, parse_seed
from omskit.trigger.summary import summary
from omskit.trigger.watching import watch

__all__ = [
    "FAMILIES",
    "LUMISECTION_S",
    "And",
    "Bit",
    "BunchCount",
    "Cube",
    "Family",
    "Fit",
    "Measured",
    "Not",
    "Or",
    "PathFit",
    "PathLuminosity",
    "PathName",
    "Prescale",
    "Status",
    "alerts",
    "bits_of",
    "bunches_of_pileup",
    "check",
    "column_at",
    "compare",
    "compare_brilcalc",
    "compare_prescales",
    "count_bunches",
    "count_interval",
    "counts_of_rates",
    "cross_section",
    "datasets",
    "exact",
    "explain",
    "fit",
    "fit_path",
    "growth",
    "hlt",
    "l1",
    "live_fraction",
    "live_fraction_of",
    "luminosity",
    "needs_prescales",
    "parse_seed",
    "prescales",
    "rates",
    "read_l1_prescales",
    "seed_prescale",
    "split_version",
    "streams",
    "summary",
    "total_prescale",
    "unprescaled_counts",
    "watch",
]
