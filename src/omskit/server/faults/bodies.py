"""What a fault does to an answer: requests and bytes in, bytes out."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from omskit.effects import Response
from omskit.jsonapi.encode import encode
from omskit.server.answering import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.schema import Resource
    from omskit.server.faults.plan import Asked, Rule

PAGE = b"<!doctype html><html><head><title>CERN Single Sign-On</title></head>\n"
"""What proxies and login services send where JSON is expected."""


def damaged(
    rule: Rule,
    asked: Asked,
    answer: Response,
    ask: Callable[[str], Response],
    resource: Resource | None,
) -> Response:
    """The answer as the fault leaves it; what concerns its transport is not done here.

    Args:
        ask: The honest answer to other parameters of the same path.
        resource: What the rows are; None where that is not known.
    """
    if rule.fault in _INSTEAD:
        return _INSTEAD[rule.fault](rule)
    if rule.fault == "truncated_gzip":
        return _truncated(answer)
    if rule.fault == "moved":
        return _moved(rule, asked, answer, ask)
    if rule.fault in _EDITS:
        return _edited(rule, asked, answer, ask, resource)
    return answer


def _html(rule: Rule) -> Response:
    del rule
    return Response(200, {"content-type": "text/html"}, PAGE)


def _login(rule: Rule) -> Response:
    return Response(302, {"location": str(rule["location"])})


def _status(rule: Rule) -> Response:
    status = int(rule["status"])
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    headers = {}
    if rule["retry_after"] is not None:
        headers["retry-after"] = f"{rule['retry_after']:g}"
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer error="invalid_token"'
    return refusal(status, title, "This fault was asked for.", headers)


def _truncated(answer: Response) -> Response:
    packed = gzip.compress(answer.body, compresslevel=1, mtime=0)
    headers = {**answer.headers, "content-encoding": "gzip"}
    return Response(answer.status, headers, packed[: len(packed) // 2])


def parameters_with(url: str, **page: int) -> str:
    """The parameters of *url* with another page.

    Example:
        >>> parameters_with("runs?page[offset]=10&sort=era", offset=0)
        'sort=era&page%5Boffset%5D=0'
    """
    names = {f"page[{key}]": value for key, value in page.items()}
    kept = [pair for pair in parse_qsl(urlsplit(url).query) if pair[0] not in names]
    return urlencode([*kept, *names.items()])


def _moved(
    rule: Rule, asked: Asked, answer: Response, ask: Callable[[str], Response]
) -> Response:
    """Rows from further on (or back), under the total and links of this page."""
    document = _rows_of(answer)
    if document is None or asked.offset is None:
        return answer
    start = max(asked.offset + int(rule["by"]), 0)
    both: list[Any] = []
    first = start // asked.limit * asked.limit
    for offset in (first, first + asked.limit):
        tail = parameters_with(asked.url, offset=offset, limit=asked.limit)
        page = _rows_of(ask(tail))
        both += page["data"] if page else []
    document["data"] = both[start - first : start - first + asked.limit]
    return replace(answer, body=encode(document))


def _edited(
    rule: Rule,
    asked: Asked,
    answer: Response,
    ask: Callable[[str], Response],
    resource: Resource | None,
) -> Response:
    document = _rows_of(answer)
    if document is None:
        return answer
    data = document["data"]
    if rule.fault == "total":
        document["meta"]["totalResourceCount"] += int(rule["by"])
    elif rule.fault == "duplicate" and data:
        other = _rows_of(ask(parameters_with(asked.url, offset=0, limit=asked.limit)))
        data[-1] = other["data"][0] if other and other["data"] else data[0]
    elif rule.fault == "null_identity" and data:
        missed = _nullify(rule, data[0], resource)
        if missed is not None:
            return refusal(500, "This fault does nothing", missed)
    return replace(answer, body=encode(document))


def _nullify(rule: Rule, row: dict[str, Any], resource: Resource | None) -> str | None:
    """Make a value of the row null; what is wrong where it has none of the name.

    A fault that did nothing, silently, would let the test of it pass.
    """
    column = rule["column"]
    if column is None and resource is not None and resource.identity:
        column = resource.identity[0]
    field = resource.get(column) if resource is not None and column else None
    attribute = field.attribute if field else column
    if attribute not in row["attributes"]:
        named = "no column was named" if column is None else f"no {column!r} in them"
        return f"null_identity: the rows are not changed, as there is {named}."
    row["attributes"][attribute] = None
    return None


def _rows_of(answer: Response) -> dict[str, Any] | None:
    """The document of a page of rows; None for anything else."""
    if answer.status != HTTPStatus.OK:
        return None
    document: dict[str, Any] = json.loads(answer.body)
    return document if isinstance(document.get("data"), list) else None


_EDITS = frozenset({"total", "duplicate", "null_identity"})
_INSTEAD: dict[str, Callable[[Rule], Response]] = {
    "html": _html,
    "login": _login,
    "status": _status,
}
