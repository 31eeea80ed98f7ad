"""Is a run in order? The bunch count of a run of a service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from omskit.errors import UsageError
from omskit.trigger.building import hlt
from omskit.trigger.bunches import BunchCount, count_bunches
from omskit.trigger.counting import bunches_of_pileup
from omskit.trigger.menu import STATUSES
from omskit.trigger.prescaling import Status

if TYPE_CHECKING:
    from omskit.trigger.columns import Asks

LEAST_LIVE = 0.5
"""Lumisections that were dead for longer are left out."""


def check(client: Asks, run: int, *, path: str = "HLT_ZeroBias") -> BunchCount:
    """Count the colliding bunches of a run with ZeroBias, and compare.

    Expected are the bunches by luminosity and pileup of OMS, else those of the fill.
    Only lumisections with CMS active, stable beams, luminosity and a live fraction
    above 0.5 enter.

    Args:
        client: An `omskit.Client`.
        run: One run.
        path: The path that fires on every crossing, without version.

    Raises:
        NoRowError: OMS has no such run, or the run no such path.
        UsageError: The prescale of the path is not exact.

    Cost: that of `hlt` for one path: nine requests.

    Example:
        >>> from omskit import Client
        >>> with Client("demo") as oms:
        ...     print(check(oms, 297050))
        ZeroBias counts 1210.37 +- 1.45 bunches, expected 1212.97; pull width 0.98 over
        775 lumisections: good.
    """
    cube = hlt(client, run, paths=path)
    here = cube.conditions
    good = here.active & here.stable & (here.recorded > 0) & (here.live > LEAST_LIVE)
    known = cube.prescales
    assert known is not None
    status = known.statuses()[0, good]
    unsure = (Status.ASSUMED_NESTED, Status.LOWER_BOUND, Status.UPPER_BOUND)
    if np.isin(status, [STATUSES.index(s) for s in unsure]).any():
        message = f"{path} has no exact prescale in run {run}: it counts nothing."
        raise UsageError(message)
    by_pileup = bunches_of_pileup(here.delivered[good], here.pileup[good])
    expected = _middle(by_pileup)
    if expected is None:
        expected = _middle(here.bunches[good])
    found = count_bunches(
        here.lumisection[good],
        cube.counts[0, good],
        known.matrix("total")[0, good],
        here.live[good],
        expected=expected,
    )
    return found if found.path in path else replace(found, path=cube.paths[0])


def _middle(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float | None:
    """The median of what is known; None where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size and np.median(known) > 0 else None
