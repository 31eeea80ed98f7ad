"""How much luminosity did each run of a fill deliver and record?

``delivered_lumi`` of a lumisection counts from the start of the fill, so summing it is
wrong. The luminosity of each lumisection is in ``*_per_lumisection``.

Usage: ``python examples/02_fill_luminosity.py [FILL]``
"""

from __future__ import annotations

import sys

from omskit import Client

DELIVERED = "delivered_lumi_per_lumisection"
RECORDED = "recorded_lumi_per_lumisection"


def main(fill: int = 5839) -> None:
    with Client(audit=False) as oms:
        fields = ["run_number", DELIVERED, RECORDED]
        lumis = oms.lumisections(fill=fill, fields=fields)
    unit = lumis.units[DELIVERED]
    sums = lumis.arrow.group_by("run_number").aggregate(
        [(DELIVERED, "sum"), (RECORDED, "sum")]
    )
    print(f"fill {fill}, luminosity in {unit}")
    for row in sums.sort_by("run_number").to_pylist():
        delivered, recorded = (
            row[f"{name}_sum"] or 0 for name in (DELIVERED, RECORDED)
        )
        print(f"{row['run_number']}  {delivered:10.3f}  {recorded:10.3f}")
    total = lumis[DELIVERED].sum() or 0
    print(f"all     {total:10.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
