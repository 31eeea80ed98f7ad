"""Is this rate normal? Paths that leave their fit, are dead, or repeat a count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.errors import UsageError
from omskit.table import Table
from omskit.trigger.fits import Fit, fit
from omskit.trigger.significance import chance, deviations, discoveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from omskit.trigger.conditions import IntArray
    from omskit.trigger.counting import FloatArray
    from omskit.trigger.cube import Cube
    from omskit.trigger.fits import Expectation

DEAD = 1e-6
"""A path without counts is dead where the chance of none is below this."""
LEAST_STUCK = 3
"""So many equal counts in a row are looked at."""

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("run_number", pa.int64()),
        ("first_lumisection_number", pa.int64()),
        ("last_lumisection_number", pa.int64()),
        ("kind", pa.string()),
        ("counts", pa.float64()),
        ("expected", pa.float64()),
        ("ratio", pa.float64()),
        ("significance", pa.float64()),
    ]
)
"""The columns of `alerts`; significance in standard deviations."""


@dataclass(slots=True)
class _Alert:
    """One path in one stretch of lumisections, as positions among the good ones."""

    row: int
    first: int
    last: int
    kind: str
    counts: float
    expected: float
    p: float

    def touches(self, other: _Alert) -> bool:
        """Whether both are of one path and share lumisections, or follow each other."""
        near = self.first <= other.last + 1 and other.first <= self.last + 1
        return self.row == other.row and near


def alerts(
    cube: Cube, fitted: Fit, *, window: int = 10, false_alarms: float = 0.01
) -> Table:
    """What is not normal in a cube, the most significant first.

    Args:
        cube: Of any runs; only lumisections with CMS active and stable beams are looked
            at, and paths with a fit.
        fitted: From `fit`, of runs that were in order.
        window: Lumisections that are looked at together.
        false_alarms: The chance that a quiet cube gives any alert, over all paths,
            windows and kinds.

    Returns:
        One row per path and stretch of lumisections. Kinds: ``high`` and ``low``
        (windows far from the fit, neighbours as one), ``dead`` (no counts where the
        chance of none is below 1e-6), ``stuck`` (the same count again and again).

    Raises:
        UsageError: No path of the cube has a fit, or the window is none.
        MissingExtraError: scipy is not installed.

    Cost: O(paths x lumisections).
    """
    if window < 1:
        message = f"window={window}: it is a number of lumisections, 1 or more."
        raise UsageError(message)
    if not 0 < false_alarms < 1:
        message = f"false_alarms={false_alarms}: it is a chance between 0 and 1."
        raise UsageError(message)
    good = cube.good()
    found = fitted.expected(good)
    run = good.conditions.run
    lone = list(_dead(found, run, false_alarms / 4))
    lone += _stuck(found, run, false_alarms / 4)
    windows = _windows(run, window)
    moved = list(_moved(found, windows, false_alarms / 2))
    kept = [a for a in moved if not any(a.touches(b) for b in lone)]
    rows = [_row(alert, found, good) for alert in [*lone, *kept]]
    rows.sort(key=_size, reverse=True)
    table = pa.Table.from_pylist(rows, SCHEMA)
    return Table(table, resource="alerts", warnings=cube.table_notes())


def compare(
    cube: Cube, reference: Cube, *, window: int = 10, false_alarms: float = 0.01
) -> Table:
    """The alerts of a cube against a fit of other runs, see `fit` and `alerts`."""
    return alerts(cube, fit(reference), window=window, false_alarms=false_alarms)


def _windows(run: IntArray, window: int) -> IntArray:
    """The number of the window of each lumisection; none reaches over two runs."""
    if not run.size:
        return run
    starts = np.flatnonzero(np.append(True, np.diff(run) != 0))
    sizes = np.diff(np.append(starts, run.size))
    inside = np.arange(run.size) - np.repeat(starts, sizes)
    fresh = np.append(0, (np.diff(run) != 0) | (inside[1:] % window == 0))
    return np.cumsum(fresh).astype(np.int64)


def _moved(found: Expectation, windows: IntArray, level: float) -> Iterator[_Alert]:
    """Windows whose counts are too many or too few; neighbours are put together."""
    if not windows.size:
        return
    edges = np.flatnonzero(np.append(True, np.diff(windows) > 0))
    ends = np.append(edges[1:], windows.size) - 1
    known = np.isfinite(found.counts) & np.isfinite(found.mean)
    n, mean, error = (
        np.add.reduceat(np.where(known, values, 0.0), edges, axis=1)
        for values in (found.counts, found.mean, found.error)
    )
    mean = np.where(mean > 0, mean, np.nan)
    # Errors of the fit are shared by the lumisections of a window: they add up.
    wrong = np.sqrt((error / mean) ** 2 + found.spread[:, None] ** 2)
    p = chance(n, mean, wrong)
    last: _Alert | None = None
    for row, at in zip(*np.nonzero(discoveries(p, level)), strict=True):
        kind = "high" if n[row, at] > mean[row, at] else "low"
        alert = _Alert(
            int(row),
            int(edges[at]),
            int(ends[at]),
            kind,
            float(n[row, at]),
            float(mean[row, at]),
            float(p[row, at]),
        )
        if last is not None and last.touches(alert) and last.kind == kind:
            last.last, last.p = alert.last, min(last.p, alert.p)
            last.counts += alert.counts
            last.expected += alert.expected
            continue
        if last is not None:
            yield last
        last = alert
    if last is not None:
        yield last


def _dead(found: Expectation, run: IntArray, level: float) -> Iterator[_Alert]:
    """Stretches without a single count, where that is impossible."""
    tests = max(int(np.isfinite(found.mean).sum()), 1)
    for row, counts in enumerate(found.counts):
        mean = np.where(np.isfinite(found.mean[row]), found.mean[row], 0.0)
        for first, last in _stretches(counts == 0, run):
            expected = float(mean[first : last + 1].sum())
            # What the fit may be wrong by is taken off.
            least = expected * (1 - 3 * _relative(found, row, first, last))
            p = float(np.exp(-max(least, 0.0)))
            if p < min(DEAD, level / tests):
                yield _Alert(row, first, last, "dead", 0.0, expected, p)


def _relative(found: Expectation, row: int, first: int, last: int) -> float:
    """The largest relative error of the mean in a stretch; 1 where nothing is known."""
    here = found.relative_error[row, first : last + 1]
    known = here[np.isfinite(here)]
    return min(float(known.max()), 1 / 3) if known.size else 1 / 3


def _stuck(found: Expectation, run: IntArray, level: float) -> Iterator[_Alert]:
    """Counts that repeat more often than chance lets them."""
    tests = max(int(np.isfinite(found.counts).sum()), 1)
    for row, counts in enumerate(found.counts):
        same = np.append(False, (np.diff(counts) == 0) & (counts[1:] > 0))
        for start, last in _stretches(same, run):
            first = start - 1
            if last - first + 1 < LEAST_STUCK or run[first] != run[last]:
                continue
            # No count is likelier than the most likely one of a Poisson law.
            most = min(0.5, 1 / np.sqrt(2 * np.pi * counts[last]))
            p = float(most ** (last - first))
            if p < level / tests:
                total = float(counts[first : last + 1].sum())
                expected = float(np.nansum(found.mean[row, first : last + 1]))
                yield _Alert(row, first, last, "stuck", total, expected, p)


def _stretches(flags: NDArray[np.bool_], run: IntArray) -> Iterator[tuple[int, int]]:
    """First and last of each stretch of true flags within a run."""
    at = np.flatnonzero(flags)
    if at.size:
        cuts = np.flatnonzero((np.diff(at) > 1) | (np.diff(run[at]) != 0)) + 1
        for part in np.split(at, cuts):
            yield int(part[0]), int(part[-1])


def _size(row: dict[str, Any]) -> tuple[float, float]:
    """How far off a row is; beyond 37 standard deviations, by counts alone."""
    far = abs(row["counts"] - row["expected"]) / max(row["expected"], 1.0) ** 0.5
    return abs(row["significance"]), far


def _row(alert: _Alert, found: Expectation, cube: Cube) -> dict[str, Any]:
    here = cube.conditions
    sign: FloatArray = np.array([alert.counts - alert.expected])
    if alert.kind == "dead":
        sign = -np.ones(1)
    sigma = float(deviations([alert.p], np.where(sign == 0, 1.0, sign))[0])
    return {
        "path": found.paths[alert.row],
        "run_number": int(here.run[alert.first]),
        "first_lumisection_number": int(here.lumisection[alert.first]),
        "last_lumisection_number": int(here.lumisection[alert.last]),
        "kind": alert.kind,
        "counts": alert.counts,
        "expected": alert.expected,
        "ratio": alert.counts / alert.expected if alert.expected > 0 else None,
        "significance": sigma,
    }
