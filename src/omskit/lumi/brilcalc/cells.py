"""Single cells of brilcalc as numbers, times and units."""

from __future__ import annotations

import datetime as dt
import math
import re

from omskit.errors import UnitError
from omskit.lumi.edges import LARGEST
from omskit.schema.units import INSTANTANEOUS, INTEGRATED, factor

_WHOLE = re.compile(r"[0-9]{1,20}")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def whole(text: str, least: int = 0) -> int:
    """A whole number, as DAQ counts runs and lumisections.

    Raises:
        ValueError: It is none, or an impossible one.
    """
    number = int(text) if _WHOLE.fullmatch(text) else None
    if number is None or not least <= number <= LARGEST:
        message = f"{text[:40]!r} is no number from {least} to {LARGEST}"
        raise ValueError(message)
    return number


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is no value: empty, ``n/a`` or ``None``."""
    return text.lower() in {"", "n/a", "none"}


def decimal(text: str) -> float:
    """A finite number.

    Raises:
        ValueError: It is none.
    """
    value = float(text) if _NUMBER.fullmatch(text) and len(text) < 400 else math.nan
    if not math.isfinite(value):
        message = f"{text[:40]!r} is no number"
        raise ValueError(message)
    return value


def moment(text: str) -> dt.datetime | None:
    """``06/16/17 20:55:44``, seconds since 1970 (``--tssec``) or ISO 8601, in UTC.

    Raises:
        ValueError: It is none of them.
    """
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        return dt.datetime.fromtimestamp(whole(text), dt.UTC)
    if _ISO.match(text):
        # As pandas writes it again.
        found = dt.datetime.fromisoformat(text[:40])
        return (
            found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
        )
    return dt.datetime.strptime(text[:40], "%m/%d/%y %H:%M:%S").replace(tzinfo=dt.UTC)


def scale_of(name: str, unit: str) -> tuple[str, float]:
    """The canonical unit of a luminosity, and what turns its numbers into it.

    Raises:
        UnitError: The unit is none of luminosity.
    """
    # Headers are met in small letters and in large ones, and as 1/pb.
    small = unit.lower().replace(" ", "")
    small = small[small.startswith("1/") :]
    found = factor(small, INTEGRATED) if unit else None
    if found is not None:
        return INTEGRATED, found
    found = factor(_rate(unit), INSTANTANEOUS) if unit else None
    if found is not None:
        return INSTANTANEOUS, found
    message = (
        f"The column {name!r} is in {unit[:40] or 'no unit'}, which is no unit of "
        "luminosity. Run brilcalc with -u /pb."
    )
    raise UnitError(message)


def _rate(unit: str) -> str:
    """``1e30/cm2s`` and ``hz/ub`` as OMS would write them."""
    text = unit.lower().replace(" ", "")
    match = re.fullmatch(r"(?:1e(\d{1,3}))?/cm2s", text)
    if match:
        return f"10^{{{match[1] or 0}}}cm^{{-2}}s^{{-1}}"
    powers = {
        "hz/b": 24, "hz/mb": 27, "hz/ub": 30, "hz/nb": 33, "hz/pb": 36, "hz/fb": 39,
    }  # fmt: skip
    return f"10^{{{powers[text]}}}cm^{{-2}}s^{{-1}}" if text in powers else unit
