"""The OMS proxy of DIALS, as its client knows it: what it carries to OMS.

``GET /api/v1/oms-proxy/?endpoint=runs&filter[run_number][EQ]=297050&page[limit]=10``.
The rows come as OMS gives them. Source: cmsdials 2.4.1, which sends an endpoint,
filters (no ``CT``) and a page, and nothing else; that others are refused is a choice
made here.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote

from omskit.errors import UsageError

PATH = "/api/v1/oms-proxy"
"""Where the proxy is, of the host of DIALS."""

_CARRIED = re.compile(
    r"filter\[\w+\]\[(EQ|NEQ|LT|GT|LE|GE|LIKE)\]|page\[(offset|limit)\]"
)


def carried(tail: str) -> str:
    """What OMS is asked for the parameters of a request to the proxy.

    Raises:
        UsageError: No endpoint, or a parameter that it does not carry.

    Example:
        >>> carried("endpoint=runs&page[limit]=2")
        'runs?page[limit]=2'
    """
    pairs = parse_qsl(tail, keep_blank_values=True)
    given = dict(pairs)
    endpoint = given.pop("endpoint", "")
    if not endpoint:
        message = "failed to parse parameter endpoint: it names the resource"
        raise UsageError(message)
    if len(given) + 1 < len(pairs):
        message = "the proxy keeps one filter for each attribute and operator"
        raise UsageError(message)
    for key in given:
        if not _CARRIED.fullmatch(key):
            message = f"invalid parameter {key!r}: the proxy does not carry it"
            raise UsageError(message)
    rest = "&".join(f"{key}={quote(value, safe='')}" for key, value in given.items())
    return f"{quote(endpoint)}?{rest}"
