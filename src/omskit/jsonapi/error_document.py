"""What an error document says."""

from __future__ import annotations

import msgspec

from omskit.jsonapi.depth import is_deep
from omskit.redact import LONGEST, one_line


def error_detail(body: bytes) -> str | None:
    """What an error document says, or None where it is none.

    It is fit for a terminal: one printable line, of `LONGEST` characters at most.

    Example:
        >>> error_detail(b'{"errors": [{"status": "400", "detail": "too big"}]}')
        'too big'
    """
    if is_deep(body):
        return None
    try:
        document = msgspec.json.decode(body)
        first = document["errors"][0]
        said = first.get("detail") or first.get("title")
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError):
        return None  # msgspec.DecodeError is a ValueError
    return one_line(str(said), LONGEST) or None if said else None
