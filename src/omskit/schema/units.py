"""Units: OMS's spellings, ours, and the factors between them.

One table for every quantity whose unit the service may change from row to row. Unit
texts are compared with blanks removed, and with the spellings of micro and of powers
made one. What is not in the table has no factor: the caller keeps the service's numbers
and says that the unit is not known.
"""

from __future__ import annotations

import re
from functools import cache

from omskit.errors import UnitError

INTEGRATED = "/pb"
INSTANTANEOUS = "10^30 cm^-2 s^-1"

_FACTORS: dict[str, dict[str, float]] = {
    INTEGRATED: {
        "b^-1": 1e-12,
        "mb^-1": 1e-9,
        "ub^-1": 1e-6,
        "nb^-1": 1e-3,
        "pb^-1": 1.0,
        "fb^-1": 1e3,
    },
    "10^11": {"10^9": 1e-2, "10^10": 1e-1, "10^11": 1.0, "10^12": 10.0},
    "cm": {"mm": 0.1, "cm": 1.0, "m": 100.0},
    "urad": {"urad": 1.0, "mrad": 1e3, "rad": 1e6},
    "GeV": {"GeV": 1.0, "TeV": 1e3, "MeV": 1e-3},
    "T": {"T": 1.0},
    "s": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
    "%": {"%": 1.0},
    "Hz": {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6},
}
"""Canonical unit -> spelling (normalised) -> factor into the canonical unit."""

_POWER = re.compile(
    r"^(?:10\^(-?\d{1,2}))?(?:cm\^-2s\^-1|hz/cm\^2|cm-2s-1)$", re.IGNORECASE
)
_INVERSE = re.compile(r"^/([munpf]?b)$")
_SPECIFIC = re.compile(r"^(?:10\^(-?\d{1,2}))?cm\^-2s\^-1\(10\^11p\)\^-2$")
SPECIFIC = "10^30 cm^-2 s^-1 (10^11 p)^-2"


def normalised(text: str) -> str:
    r"""A unit text in one spelling, for look-up only.

    Example:
        >>> normalised(r"10^{30}cm^{-2}s^{-1}"), normalised(r"{\mu}b^{-1}")
        ('10^30cm^-2s^-1', 'ub^-1')
    """
    plain = text.replace(r"\mu", "u").replace("\N{MICRO SIGN}", "u")
    plain = plain.replace("\N{GREEK SMALL LETTER MU}", "u")
    plain = plain.replace("\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ONE}", "^-1")
    plain = re.sub(r"[{}\s$]", "", plain)
    inverse = _INVERSE.match(plain)
    return f"{inverse[1]}^-1" if inverse else plain


@cache
def factor(spelling: str, unit: str) -> float | None:
    r"""What turns a number in *spelling* into canonical *unit*; None: not known.

    Example:
        >>> factor("10^{34}cm^{-2}s^{-1}", "10^30 cm^-2 s^-1"), factor("nb^{-1}", "/pb")
        (10000.0, 0.001)
        >>> factor("furlong", "/pb") is None
        True
    """
    text = normalised(spelling)
    if unit == SPECIFIC:
        return _power_factor(_SPECIFIC.match(text), 30)
    if unit == INSTANTANEOUS:
        return _power_factor(_POWER.match(text), 30)
    known = _FACTORS.get(unit, {})
    found = known.get(text)
    if found is None and text == normalised(unit):
        return 1.0
    return found


def _power_factor(match: re.Match[str] | None, reference: int) -> float | None:
    if match is None:
        return None
    return float(10.0 ** (int(match[1] or 0) - reference))


def convert(value: float, spelling: str, unit: str) -> float:
    r"""*value* in canonical *unit*.

    Raises:
        UnitError: The spelling is not known for this quantity.

    Example:
        >>> convert(62.48, r"{\mu}b^{-1}", "/pb")
        6.248e-05
    """
    found = factor(spelling, unit)
    if found is None:
        message = (
            f"Cannot read {spelling!r} as a unit of the quantity {unit!r}. "
            "Ask with units='raw' for the service's own numbers."
        )
        raise UnitError(message)
    return value * found
