"""Functions of the pileup that a rate per colliding bunch may follow.

One object of one hard collision is linear in the pileup; two independent collisions
add a square; thresholds on sums over the event (HT, MET) grow faster than any low
power. The first parameter is always the value at pileup 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omskit.trigger.counting import FloatArray

FamilyName: TypeAlias = Literal["constant", "linear", "quadratic", "sinh"]


@dataclass(frozen=True, slots=True)
class Family:
    """A function with its derivatives by the parameters.

    Attributes:
        formula: As a reader writes it.
        size: Number of parameters.
    """

    name: FamilyName
    formula: str
    size: int

    @property
    def is_linear(self) -> bool:
        """Linear in its parameters, so that one step fits it."""
        return self.name != "sinh"

    def value(self, x: FloatArray, parameters: FloatArray) -> FloatArray:
        """The function at *x*, Hz per colliding bunch.

        Example:
            >>> FAMILIES["quadratic"].value(np.array([2.0]), np.array([1.0, 2.0, 3.0]))
            array([17.])
        """
        if self.is_linear:
            return np.asarray(self.gradient(x, parameters) @ parameters)
        offset, height, slope = parameters
        return np.asarray(offset + height * np.sinh(np.clip(slope * x, -50, 50)))

    def gradient(self, x: FloatArray, parameters: FloatArray) -> FloatArray:
        """Derivatives by the parameters, shape (x, parameters)."""
        if self.is_linear:
            return np.stack([x**power for power in range(self.size)], axis=-1)
        _, height, slope = parameters
        inner = np.clip(slope * x, -50, 50)
        by_slope = height * x * np.cosh(inner)
        return np.stack([np.ones_like(x), np.sinh(inner), by_slope], axis=-1)


FAMILIES: Mapping[FamilyName, Family] = {
    "constant": Family("constant", "a", 1),
    "linear": Family("linear", "a + b x", 2),
    "quadratic": Family("quadratic", "a + b x + c x^2", 3),
    "sinh": Family("sinh", "a + b sinh(c x)", 3),
}


def growth(x: tuple[float, float], y: tuple[float, float]) -> float:
    """The power n with which y grows as x^n between two points.

    Around 1 for linear rates, 2 for quadratic ones; sums over the event have far more.

    Example:
        >>> f"{growth((58, 82), (7.7, 11.7)):.2f} {growth((58, 82), (6.2, 105)):.2f}"
        '1.21 8.17'
    """
    return float(np.log(y[1] / y[0]) / np.log(x[1] / x[0]))
