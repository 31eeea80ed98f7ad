"""Numbers, times and ranges as text for humans; the same on every page."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NONE = "\N{EM DASH}"
NAMED = 8
"""Ranges that a line spells out."""

LONG_S = 120
"""Seconds from which on they are told in hours and minutes, too."""

FEWEST, MOST = 1e-3, 1e15
"""Numbers outside are written with an exponent."""


def number(value: float) -> str:
    """A number with six significant digits, thousands apart.

    Example:
        >>> number(106.14806640625), number(0.0)
        ('106.148', '0')
        >>> number(900142261).split()
        ['900', '142', '261']
    """
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    size = abs(value)
    if value == 0:
        return "0"
    if not FEWEST <= size < MOST:  # nan and infinities, too
        return f"{value:.6g}"
    digits = max(0, 5 - len(str(int(size))) + 1 if size >= 1 else 5)
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}")


def cell(value: object, unit: str | None = None) -> str:
    """A value of a table for humans, with its unit.

    Example:
        >>> cell(None), cell(True), cell(3.35, "%"), cell(["CSC", "DT"])
        ('\N{EM DASH}', 'yes', '3.35 %', 'CSC, DT')
    """
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, int | float) and unit == "s" and value >= LONG_S:
        return f"{number(value)} s ({duration(value)})"
    text = number(value) if isinstance(value, int | float) else str(value)
    return with_unit(text, unit)


def with_unit(text: str, unit: str | None) -> str:
    """A number and its unit.

    Example:
        >>> with_unit("3.35", "%"), with_unit("12", None)
        ('3.35 %', '12')
        >>> with_unit("20.7", "10^30 cm^-2 s^-1").split()[1] == chr(215)
        True
    """
    if not unit:
        return text
    times = "\N{MULTIPLICATION SIGN} " if unit.startswith("10^") else ""
    return f"{text} {times}{unit_text(unit)}"


_RAISED = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)
_POWER = re.compile(r"\^(-?[0-9]+)")


def unit_text(unit: str | None) -> str:
    """A unit as people write it, with raised exponents; "" for none.

    Example:
        >>> unit_text("10^30 cm^-2 s^-1")
        '10\N{SUPERSCRIPT THREE}\N{SUPERSCRIPT ZERO} \
cm\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT TWO} \
s\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ONE}'
    """
    return _POWER.sub(lambda found: found[1].translate(_RAISED), unit or "")


def identifier(value: object) -> str:
    """A run, fill or lumisection number: no digits apart.

    Example:
        >>> identifier(297050)
        '297050'
    """
    return NONE if value is None else str(value)


def duration(seconds: float) -> str:
    """A length of time.

    Example:
        >>> duration(18444), duration(95), duration(40)
        ('5 h 7 min', '2 min', '40 s')
    """
    if seconds < 90:  # a minute and a half
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def spans(
    ranges: Sequence[tuple[int, int, int]], *, runs: bool, most: int = NAMED
) -> str:
    """Ranges of lumisections as text.

    Args:
        ranges: (run, first, last), ends included.
        runs: Name the runs.
        most: How many to spell out.

    Example:
        >>> spans([(297050, 1, 4), (297050, 9, 9)], runs=False)
        '1\N{EN DASH}4, 9'
    """
    told = []
    for run, first, last in ranges[:most]:
        text = str(first) if first == last else f"{first}\N{EN DASH}{last}"
        told.append(f"{run}:{text}" if runs else text)
    more = len(ranges) - most
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    Example:
        >>> plural(1, "run"), plural(3, "run")
        ('1 run', '3 runs')
    """
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Words in a sentence.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    found = list(words)
    return " and ".join([", ".join(found[:-1]), found[-1]] if found[1:] else found)
