"""What an address says: parameters read with care, and written back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from omskit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST = 2000
"""Characters of one parameter."""
_LARGEST = 10**10


class Parameters:
    """The parameters of an address.

    Example:
        >>> given = Parameters({"from": "10", "states": "stable"})
        >>> given.number("from"), given.choice("states", ("all", "stable"))
        (10, 'stable')
        >>> given.link("/run/297050", **{"from": None})
        '/run/297050?states=stable'
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        for name, value in given.items():
            if len(value) > LONGEST:
                message = f"The parameter {name[:40]!r} has more than {LONGEST} signs."
                raise UsageError(message)
        self._given = {name: value for name, value in given.items() if value != ""}

    def text(self, name: str, default: str = "") -> str:
        """A parameter as it is, without blanks around it."""
        return self._given.get(name, default).strip()

    def number(self, name: str) -> int | None:
        """A whole number, or None where there is none.

        Raises:
            UsageError: It is no number.
        """
        text = self.text(name)
        if not text:
            return None
        if not (text.isascii() and text.isdigit()) or int(text) > _LARGEST:
            message = f"{name}={text[:40]!r} in the address is no whole number."
            raise UsageError(message)
        return int(text)

    def choice(self, name: str, known: Sequence[str]) -> str:
        """One of some words; the first where none is given.

        Raises:
            UsageError: It is none of them.
        """
        text = self.text(name, known[0])
        if text not in known:
            message = (
                f"{name}={text[:40]!r} in the address is none of {', '.join(known)}."
            )
            raise UsageError(message)
        return text

    def link(self, path: str, **changed: object) -> str:
        """An address with these parameters and some changed; None takes one away."""
        values = {**self._given, **changed}
        kept = {n: str(v) for n, v in values.items() if v is not None and v != ""}
        return f"{path}?{urlencode(kept)}" if kept else path
