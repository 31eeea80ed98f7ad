"""What was this run? A few lines about one run, for a shift log.

Usage: ``python examples/01_run_summary.py [RUN]``
"""

from __future__ import annotations

import sys

from omskit import Client

FIELDS = ["run_number", "fill_number", "start_time", "duration", "l1_rate", "l1_menu"]


def main(run: int = 297050) -> None:
    with Client() as oms:
        table = oms.runs(run, fields=FIELDS)
    for record in table.to_records():
        for name, value in record.items():
            print(f"{name:12} {value} {table.units[name] or ''}".rstrip())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
