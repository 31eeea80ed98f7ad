"""Facts and sentences as lines that fit a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from omskit.redact import visible

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

DASH = "\N{EN DASH}"
"""What stands for nothing, as in tables."""


def facts(named: Mapping[str, str], width: int) -> list[str]:
    """One line for each fact, or more where it is long.

    Example:
        >>> facts({"CMS": "active", "off": "bpix, fpix"}, 40)
        ['  CMS  active', '  off  bpix, fpix']
    """
    indent = max(map(len, named), default=0) + 4
    lines: list[str] = []
    for name, text in named.items():
        folded = textwrap.wrap(visible(text), max(width - indent, 20)) or [DASH]
        lines.append(f"  {name:<{indent - 2}}{folded[0]}")
        lines += [" " * indent + more for more in folded[1:]]
    return lines


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A sentence in lines of at most *width*; words stay whole."""
    return textwrap.wrap(
        visible(text),
        max(width, 20),
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def folded(line: str, width: int) -> list[str]:
    """One line in as many as it takes; what goes on is further in.

    Example:
        >>> folded("  355374: only in A 59-84", 20)
        ['  355374: only in A', '    59-84']
    """
    indent = " " * (len(line) - len(line.lstrip()))
    if len(line) <= width:
        return [line]
    return [indent + part for part in wrapped(line.strip(), width - len(indent), "  ")]


def number(value: float | None) -> str:
    """A number as people read it: four digits, a dash for none.

    Example:
        >>> number(49130.85), number(0.5)
        ('49131', '0.5')
    """
    if value is None:
        return DASH
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def span(length: dt.timedelta) -> str:
    """A length of time in hours and minutes.

    Example:
        >>> import datetime as dt
        >>> span(dt.timedelta(seconds=18444)), span(dt.timedelta(seconds=90))
        ('5 h 07 min', '1 min 30 s')
    """
    seconds = int(length.total_seconds())
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds % 60} s"
