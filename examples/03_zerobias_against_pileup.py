"""The rate of a trigger path against pileup, lumisection by lumisection.

The two tables are joined by lumisection number, never by position: either may lack
lumisections that the other has.

Usage: ``python examples/03_zerobias_against_pileup.py [RUN]``
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

from omskit import Client, OMSWarning


def main(run: int = 297050) -> None:
    warnings.simplefilter("ignore", OMSWarning)
    with Client() as oms:
        rates = oms.hlt_rates(run, paths="HLT_ZeroBias_v*").arrow
        lumis = oms.lumisections(run, fields=["lumisection_number", "pileup"]).arrow
    joined = rates.join(
        lumis, "first_lumisection_number", "lumisection_number", "inner"
    )
    pileup = joined["pileup"].to_numpy()
    rate = joined["rate"].to_numpy()
    print("pileup    mean rate [Hz]  lumisections")
    for low in range(0, 60, 5):
        chosen = (pileup >= low) & (pileup < low + 5)
        if chosen.any():
            print(
                f"{low:2}-{low + 5:2}  {np.mean(rate[chosen]):16.3f}  {chosen.sum():12}"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
