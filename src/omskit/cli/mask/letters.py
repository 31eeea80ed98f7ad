"""Letters for masks whose names are too long for a screen."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 16
"""Names up to so many characters are said as they are."""
TOGETHER = 28
"""So much room the names of several masks have in a table."""


def lettered(names: Sequence[str], *, together: bool = False) -> dict[str, str]:
    """What each mask is called on a screen: its name, or a letter.

    Args:
        together: They stand in one cell of a table.

    Example:
        >>> lettered(["mine.json", "golden.json"])
        {'mine.json': 'mine.json', 'golden.json': 'golden.json'}
        >>> lettered(["mine.json", "Cert_314472-325175_13TeV_Legacy2018.txt"])
        {'mine.json': 'A', 'Cert_314472-325175_13TeV_Legacy2018.txt': 'B'}
    """
    room = len(", ".join(names)) <= TOGETHER if together else True
    if (room and max(map(len, names)) <= LONGEST) or len(names) > len(ascii_uppercase):
        return {name: name for name in names}
    return dict(zip(names, ascii_uppercase, strict=False))


def legend(called: dict[str, str]) -> list[str]:
    """A line for each letter; nothing where names are said as they are."""
    return [f"{letter} = {name}" for name, letter in called.items() if letter != name]
