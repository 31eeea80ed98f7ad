"""The downtimes: simulated, and consistent with the luminosity of the demo.

In each run, the three lumisections of stable beams that lost most (12 % or more) have
one each, as long as the share of the lumisection that was lost. The luminosity of a
downtime is thus a part of what a ledger calls ``deadtime``. Between runs there is none:
the demo delivers no luminosity there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo.beam import lumisections
from omskit.demo.build import table, times
from omskit.demo.schedule import LUMISECTION_S, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from omskit.demo.beam import Lumisections

FIRST_OF_RUN3 = 355100
"""The first run whose downtimes are in ``downtimesrun3``."""
MOST, LEAST = 3, 0.12
CAUSES = (("PIXEL", "SOFT_ERROR_RECOVERY"), ("DAQ", "SIMULATED"), ("TRG", "SIMULATED"))
"""Subsystem and category; the first is one that OMS is known to have."""


@dataclass(frozen=True, slots=True)
class _Downtime:
    """One row; the luminosity in /pb."""

    run: int
    fill: int
    start_s: int
    duration: int
    lost: float
    cause: tuple[str, str]


def run2() -> pa.Table:
    """Those of 2017 and 2018."""
    return _made("downtimes", [d for d in _all() if d.run < FIRST_OF_RUN3])


def run3() -> pa.Table:
    """Those since 2022."""
    return _made("downtimesrun3", [d for d in _all() if d.run >= FIRST_OF_RUN3])


@cache
def _all() -> tuple[_Downtime, ...]:
    lumi = lumisections()
    return tuple(found for run in runs() for found in _within(lumi, run.number))


def _within(lumi: Lumisections, number: int) -> Iterator[_Downtime]:
    rows = lumi.rows[number]
    delivered = lumi.delivered[rows] / lumi.parts[rows]
    lost = delivered - lumi.recorded[rows] / lumi.parts[rows]
    good = lumi.stable[rows] & lumi.active[rows] & (delivered > 0)
    share = np.divide(lost, delivered, out=np.zeros(lost.size), where=good)
    worst = np.argsort(-share, kind="stable")[:MOST]
    for place in sorted(int(at) for at in worst if share[at] >= LEAST):
        row = rows.start + place
        yield _Downtime(
            number,
            int(lumi.fill[row]),
            int(lumi.start_s[row]),
            max(round(float(share[place]) * LUMISECTION_S), 1),
            float(lost[place]),
            CAUSES[int(lumi.number[row]) % len(CAUSES)],
        )


def _made(resource: str, rows: list[_Downtime]) -> pa.Table:
    start = np.array([row.start_s for row in rows], np.int64)
    duration = np.array([row.duration for row in rows], np.int64)
    columns: dict[str, Any] = {
        "start_time": times(start),
        "stop_time": times(start + duration),
        "duration": duration,
        "start_run_number": [row.run for row in rows],
        "start_fill_number": [row.fill for row in rows],
        "stable_beams": [True] * len(rows),
        "lost_lumi": [row.lost for row in rows],
        "lost_lumi@unit": ["pb^{-1}"] * len(rows),
        "group": ["SIMULATED"] * len(rows),
        "subsystem": [row.cause[0] for row in rows],
        "category": [row.cause[1] for row in rows],
    }
    return table(resource, columns, len(rows))
