"""The figures of a run: pileup and luminosity, Level-1 and HLT rates.

Usage: ``python examples/05_figures_of_a_run.py [RUN]``
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from omskit import Client, OMSWarning, plot


def main(run: int = 297050, folder: str = "figures") -> None:
    warnings.simplefilter("ignore", OMSWarning)
    with Client() as oms:
        lumis = oms.lumisections(run)
        drawings = {
            "pileup": plot.pileup_and_luminosity(lumis, flag="cms_active"),
            "l1": plot.l1_rates(oms.l1_rates(run)),
            "zerobias": plot.hlt_rates(oms.hlt_rates(run, paths="HLT_ZeroBias_v*")),
        }
    for name, drawn in drawings.items():
        print(plot.save(drawn, Path(folder) / f"{run}_{name}.png"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
