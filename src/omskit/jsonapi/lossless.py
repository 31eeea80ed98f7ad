"""What holds the values of a column without loss, where they are of several types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

EXACT_FLOAT = 2**53
"""The whole numbers up to this one are floats too; beyond it not all are."""

FIRST_US = -62_135_596_800_000_000
LAST_US = 253_402_300_799_999_999
"""The years 1 to 9999, in microseconds since 1970: Python has no others."""


def is_exact(numbers: Iterable[int | float | None]) -> bool:
    """Whether no whole number loses digits as a float.

    Example:
        >>> is_exact([0.5, 2**53, None]), is_exact([2**53 + 1])
        (True, False)
    """
    return all(not isinstance(n, int) or abs(n) <= EXACT_FLOAT for n in numbers)


def json_text(value: object) -> str | None:
    """A value as JSON, nothing as nothing.

    Example:
        >>> json_text([1, "a"]), json_text(None)
        ('[1,"a"]', None)
    """
    return None if value is None else msgspec.json.encode(value).decode()
