"""What an error document says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from omskit.jsonapi.depth import is_deep
from omskit.redact import LONGEST, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping


def error_detail(body: bytes, longest: int = LONGEST) -> str | None:
    """What an error document says, or None where it is none.

    It is fit for a terminal: one printable line.

    Args:
        longest: Characters of it, at most.

    Example:
        >>> error_detail(b'{"errors": [{"status": "400", "detail": "too big"}]}')
        'too big'
    """
    first = _first(body)
    said = first.get("detail") or first.get("title")
    return one_line(str(said), longest) or None if said else None


def error_title(body: bytes) -> str | None:
    """The kind of error that an error document names, or None.

    Example:
        >>> error_title(b'{"errors": [{"status": "404", "title": "NOT_SYNCED"}]}')
        'NOT_SYNCED'
    """
    said = _first(body).get("title")
    return said if isinstance(said, str) else None


def _first(body: bytes) -> Mapping[str, object]:
    """The first error of a document; empty where it is none."""
    if is_deep(body):
        return {}
    try:
        document = msgspec.json.decode(body)
        first = document["errors"][0]
    except (LookupError, TypeError, ValueError, RecursionError):
        return {}  # msgspec.DecodeError is a ValueError
    return first if isinstance(first, dict) else {}
