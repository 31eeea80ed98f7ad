"""How many requests at once a service likes: decided by its answers alone, purely."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

BUSY = frozenset({429, 503})
"""Statuses by which a service says that it is asked too much."""

RISEN = 2.0
"""Answers that take so many times as long as the best of late are a sign of a queue."""

NOISE_S = 0.05
"""A rise of less than this is none: an answer of 2 ms may take 5."""

_WEIGHT = 0.3
_FORGOTTEN = 1.02


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests at once, as TCP does it: carefully more, quickly less.

    It grows by one with each good answer until the service objects, from then on by one
    with each round of answers. It halves where the service is busy, does not answer, or
    answers ever later; answers to what was asked before that do not halve it again.

    Attributes:
        most: Never more than this.
        allowed: So many may be under way; the whole part counts.
        late_s: How long answers take of late, smoothed.
        best_s: The least of that; it rises by 2 % an answer, so that a service that
            stays slower is not held to what it was.
        spared: Answers still to come to what was asked before the last halving.
        halved: How often it was halved.
        calm: Nothing was wrong yet.

    Example:
        >>> pace = Pace(8)
        >>> for _ in range(5):
        ...     pace = pace.after(0.1, 200)
        >>> pace.at_once, pace.after(0.1, 429).at_once
        (6, 3)
    """

    most: int
    allowed: float = 1.0
    late_s: float | None = None
    best_s: float | None = None
    spared: int = 0
    halved: int = 0
    calm: bool = True

    @property
    def at_once(self) -> int:
        """So many requests may be under way."""
        return int(self.allowed)

    def after(self, seconds: float, status: int | None) -> Pace:
        """The pace after an answer.

        Args:
            seconds: From sending the request to the end of the answer.
            status: None: no answer came.
        """
        before = replace(self, spared=max(0, self.spared - 1))
        if status is None or status in BUSY:
            return _slower(before)
        late = seconds
        if self.late_s is not None:
            late = self.late_s + _WEIGHT * (seconds - self.late_s)
        best = late
        if self.best_s is not None:
            best = min(self.best_s * _FORGOTTEN, late)
        heard = replace(before, late_s=late, best_s=best)
        if late > max(RISEN * best, best + NOISE_S):
            return _slower(heard)
        more = 1.0 if self.calm else 1.0 / self.allowed
        return replace(heard, allowed=min(self.most, self.allowed + more))


def _slower(pace: Pace) -> Pace:
    """Half of it, where that is not done already."""
    if pace.spared or pace.allowed <= 1:
        return replace(pace, calm=False)
    return replace(
        pace,
        allowed=max(1.0, pace.allowed / 2),
        spared=math.ceil(pace.allowed),
        halved=pace.halved + 1,
        calm=False,
    )
