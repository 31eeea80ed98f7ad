"""The bunch count: does ZeroBias see every crossing?

ZeroBias fires on each crossing of colliding bunches. So its counts, times its total
prescale, over the live fraction and the orbits of a lumisection, are the number of
colliding bunches. One number checks counters, prescales, the lumisections at which
columns change, and live time. In 37 of 39 runs of 2024 it holds within errors; in runs
379238 and 379243 the HLT counters are 0 at the end while luminosity is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omskit.errors import UsageError
from omskit.trigger.counting import ORBITS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omskit.trigger.counting import FloatArray

DEAD = 1e-6
"""No counts are a fault where the chance of none is below this."""
FAR = 5.0
"""So many standard deviations off, a lumisection is named."""
WIDE = 1.3
"""The pull width of a run that is at fault; 37 good runs have 0.87 to 1.06."""
TOLERANCE = 0.01
"""How far the count may be from the bunches known otherwise."""


@dataclass(frozen=True, slots=True)
class BunchCount:
    """The colliding bunches that ZeroBias sees in a run.

    Attributes:
        bunches, error: The count and its statistical error; NaN where nothing is known.
        expected: The bunches by pileup or from the fill; None where not known.
        pull_width: The spread of the lumisections in units of their errors: 1 if the
            counts are right.
        counted: How many lumisections entered.
        left_out: Lumisections without counts, prescale or live fraction.
        dead: Lumisections with 0 counts where that is impossible.
        far: Others that are more than 5 standard deviations off.
        path: What counted them.
    """

    bunches: float
    error: float
    expected: float | None
    pull_width: float
    counted: int
    left_out: tuple[int, ...]
    dead: tuple[int, ...]
    far: tuple[int, ...]
    path: str = "ZeroBias"

    @property
    def ok(self) -> bool | None:
        """Whether the run passes; None where nothing could be counted."""
        if self.counted == 0:
            return None
        agrees = self.expected is None or (
            abs(self.bunches / self.expected - 1) <= TOLERANCE
            or abs(self.bunches - self.expected) <= FAR * self.error
        )
        return agrees and self.pull_width <= WIDE and not self.dead and not self.far

    def __str__(self) -> str:
        """A few lines for humans."""
        if self.ok is None:
            return "No lumisection has counts, a prescale and a live fraction."
        text = f"{self.path} counts {self.bunches:.2f} +- {self.error:.2f} bunches"
        if self.expected is not None:
            text += f", expected {self.expected:.2f}"
        text += f"; pull width {self.pull_width:.2f} over {self.counted} lumisections: "
        text += "good." if self.ok else "AT FAULT."
        for found, what in ((self.dead, "without a count"), (self.far, "far off")):
            if found:
                text += f" Lumisections {what}: {', '.join(map(str, found))}."
        return text


def count_bunches(
    lumisections: ArrayLike,
    counts: ArrayLike,
    prescales: ArrayLike,
    live: ArrayLike,
    *,
    expected: float | None = None,
) -> BunchCount:
    """Count the colliding bunches of a run with ZeroBias.

    Args:
        lumisections: Shape (n,), of one run, with stable beams.
        counts: What the ZeroBias path accepted; NaN where OMS has no row.
        prescales: Total prescales, exact ones; NaN or 0 leaves a lumisection out.
        live: Live fractions.
        expected: Bunches that are known otherwise.

    Raises:
        UsageError: *expected* is no positive number.

    Cost: O(n).

    Example:
        >>> found = count_bunches([1, 2], [1000, 0], [2621.44, 2621.44], [1.0, 1.0])
        >>> found.dead, found.ok
        ((2,), False)
    """
    if expected is not None and not 0 < expected < np.inf:
        message = f"expected={expected}: a number of bunches, or None if not known."
        raise UsageError(message)
    numbers = np.asarray(lumisections, dtype=np.int64)
    n, p, kept = (np.asarray(v, dtype=np.float64) for v in (counts, prescales, live))
    known = np.isfinite(n) & (p > 0) & (kept > 0)
    left_out = _named(numbers, ~known)
    n, p, kept, numbers = n[known], p[known], kept[known], numbers[known]
    exposure = ORBITS * kept / p
    if not known.any():
        nan = float("nan")
        return BunchCount(nan, nan, expected, nan, 0, left_out, (), ())
    bunches = float(n.sum() / exposure.sum())
    reference = bunches if expected is None else expected
    # The reference decides what is impossible: dead rows pull the count itself down.
    dead = (n == 0) & (reference * exposure > -np.log(DEAD))
    pulls = _pulls(n, bunches * exposure)
    # Dead ones pull the mean down, which would make the good ones look far off.
    alive = n[~dead].sum() / exposure[~dead].sum() if not dead.all() else 0.0
    far = ~dead & (np.abs(_pulls(n, alive * exposure)) > FAR)
    return BunchCount(
        bunches=bunches,
        error=float(np.sqrt(n.sum()) / exposure.sum()),
        expected=expected,
        pull_width=float(np.std(pulls)),
        counted=int(n.size),
        left_out=left_out,
        dead=_named(numbers, dead),
        far=_named(numbers, far),
    )


def _pulls(counts: FloatArray, means: FloatArray) -> FloatArray:
    """Deviations in units of their Poisson errors; 0 where nothing is expected."""
    return (counts - means) / np.sqrt(np.where(means > 0, means, 1.0))


def _named(numbers: NDArray[np.int64], which: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(ls) for ls in numbers[which])
