"""What kind of thing each argument is: held against a table, in one place.

Users give what the types forbid; then the message names the argument and what would do,
where Python would name an attribute that some other thing lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from omskit.errors import UsageError

Wants = Mapping[str, tuple[tuple[type, ...], str]]
"""For each argument the types that will do, and the same in words."""

NOTHING = type(None)


def check_types(values: Mapping[str, object], wants: Wants) -> None:
    """Refuse the first of *values* that is not what *wants* says.

    A flag is no number, though Python says so.

    Raises:
        UsageError: The message names the argument, what was given and what would do.

    Example:
        >>> check_types({"retries": 4}, {"retries": ((int,), "a whole number")})
        >>> check_types({"retries": "4"}, {"retries": ((int,), "a whole number")})
        Traceback (most recent call last):
        omskit.errors.UsageError: retries='4'; it is a whole number.
    """
    for name, (kinds, words) in wants.items():
        value = values[name]
        flag = isinstance(value, bool) and bool not in kinds
        if flag or not isinstance(value, kinds):
            message = f"{name}={shown(value)}; it is {words}."
            raise UsageError(message)


def shown(value: Any) -> str:
    """A plain value as it was given, else its type: a long one may hold anything.

    Example:
        >>> shown(5), shown(b"x")
        ('5', '<bytes>')
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return f"{value!r:.60}"
    return f"<{type(value).__name__}>"


def names_in(entries: Iterable[object], what: str) -> Iterator[str]:
    """Single names out of names, lists of them, and ``"a,b"``.

    Raises:
        UsageError: There is something else among them.

    Example:
        >>> list(names_in(["era, l1_rate", ["run_number"]], "fields"))
        ['era', 'l1_rate', 'run_number']
    """
    for entry in entries:
        if isinstance(entry, str):
            yield from (part.strip() for part in entry.split(",") if part.strip())
        elif isinstance(entry, Iterable) and not isinstance(entry, bytes):
            yield from names_in(entry, what)
        else:
            message = (
                f"{what}={shown(entry)}; it is names, e.g. 'run_number,era' or "
                "['run_number', 'era']."
            )
            raise UsageError(message)
