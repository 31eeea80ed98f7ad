"""An ongoing run, looked at again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omskit.errors import NoRowError, UsageError
from omskit.lumi import LumiMask
from omskit.trigger.alerts import alerts
from omskit.trigger.building import hlt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from omskit.trigger.columns import Asks
    from omskit.trigger.cube import Cube
    from omskit.trigger.fits import Fit

FAR_AHEAD = 100_000
"""More lumisections than a run has."""


def watch(
    client: Asks,
    run: int,
    fitted: Fit,
    *,
    pause: Callable[[], None],
    window: int = 10,
    false_alarms: float = 0.01,
    looks: int | None = None,
) -> Iterator[dict[str, Any]]:
    """The alerts of an ongoing run, as they come, until the run ends.

    Every look reads the last three windows of lumisections, of the paths that have a
    fit. An alert is told when its path begins to be wrong in a way, and again only
    after the path was in order for a look.

    Args:
        client: An `omskit.Client`.
        run: The run.
        fitted: From `fit`.
        pause: Waits until the next look; it may raise to end.
        window, false_alarms: As for `alerts`, for every look.
        looks: At most so many.

    Yields:
        Rows of `alerts`.

    Raises:
        NoRowError: OMS has no such run.
        UsageError: The run has no path of the fit.

    Cost: that of `hlt` for a few lumisections, every look: 10 to 20 requests.
    """
    first, last, done = 1, 0, 0
    told: set[tuple[str, str]] = set()
    while looks is None or done < looks:
        if done:
            pause()
        done += 1
        over = _is_over(client, run)
        cube = _look(client, run, fitted, first)
        if cube is not None and cube.conditions.lumisection[-1] > last:
            last = int(cube.conditions.lumisection[-1])
            first = max(1, last - 3 * window + 1)
            rows = alerts(
                cube, fitted, window=window, false_alarms=false_alarms
            ).to_records()
            yield from (r for r in rows if (r["path"], r["kind"]) not in told)
            told = {(r["path"], r["kind"]) for r in rows}
        if over:
            return


def _look(client: Asks, run: int, fitted: Fit, first: int) -> Cube | None:
    """The newest lumisections; None where there is nothing yet."""
    mask = LumiMask.from_ranges([(run, first, first + FAR_AHEAD)])
    try:
        cube = hlt(client, mask, paths=list(fitted.fits))
    except NoRowError as error:
        if "path" in str(error):
            message = f"Run {run} has no path of the fit."
            raise UsageError(message) from error
        return None
    # What has no counts yet is late, not dead.
    counted = cube.select("*", _all(cube) - cube.missing)
    return counted if counted.shape[1] else None


def _all(cube: Cube) -> LumiMask:
    here = cube.conditions
    return here.mask(here.run > 0)


def _is_over(client: Asks, run: int) -> bool:
    """Whether the run has an end.

    Raises:
        NoRowError: OMS has no such run.
    """
    rows = client.query("runs", run).select("run_number", "end_time").fetch()
    if not len(rows):
        message = f"OMS has no run {run}. Is the number right?"
        raise NoRowError(message)
    return rows.to_records()[0]["end_time"] is not None
