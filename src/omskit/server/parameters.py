"""From the parameters of a URL to a query that this service answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from omskit.errors import UnknownFieldError, UsageError
from omskit.query.url import parse_parameters
from omskit.schema import Field, with_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.query import Query
    from omskit.query.url import Page
    from omskit.schema import Resource
    from omskit.server.service import Service

ALIAS = "lumisection_number"
"""Scripts filter rate tables by it although it is not among their attributes."""

_FILTER = re.compile(r"filter(?:\[[^\[\]]*\])?\[([^\[\]]+)\]\[[^\[\]]*\]")
_SHORT_FILTER = re.compile(r"filter\[([^\[\]]+)\]")
_NAMES = re.compile(r"(?:fields|sort)(?:\[[^\[\]]*\])?")


class LimitError(UsageError):
    """More rows a page than the service gives."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, understood."""

    query: Query
    offset: int
    limit: int


def read(service: Service, resource: Resource, tail: str) -> Asked:
    """The query and page that the parameters *tail* ask for.

    Raises:
        UsageError: A parameter that makes no sense; the text is the service's.
    """
    parsed = _parse(service, resource, tail)
    query, page = parsed
    limit = service.default_limit if page.limit is None else page.limit
    if limit > service.max_limit:
        message = (
            f"limit parameter value {limit} is larger than the maximum allowed of "
            f"of {service.max_limit}"
        )
        raise LimitError(message)
    offset = page.offset or 0
    if offset % limit and not service.switches.any_offset:
        message = f"offset {offset} is not a multiple of limit {limit}"
        raise UsageError(message)
    return Asked(query, offset, limit)


def read_one(service: Service, resource: Resource, tail: str) -> Query:
    """The query for one row, which takes ``fields``, ``include`` and ``group`` only.

    ``page`` is read over: the official client sends it with everything.

    Raises:
        UsageError: It filters or sorts.
    """
    query, _ = _parse(service, resource, tail)
    if query.conditions or query.order:
        message = "invalid parameter: filter and sort have no meaning for one row"
        raise UsageError(message)
    return query


def _parse(service: Service, resource: Resource, tail: str) -> tuple[Query, Page]:
    hidden = service.engine.hidden(resource.name)
    also = [*hidden, *_alias(resource)]
    if service.switches.ignore_unknown:
        names = {f.name for f in (*resource.fields, *also)}
        names |= {f.attribute for f in resource.fields}
        tail = "&".join(_known_only(tail, resource, names))
    query, page = parse_parameters(
        tail, with_fields(resource, [*resource.fields, *also])
    )
    _check_attributes(query, resource)
    if _alias(resource) and resource.lumisection:
        query = _without_alias(query, resource.lumisection)
    return query, page


def _alias(resource: Resource) -> list[Field]:
    if resource.lumisection in {None, ALIAS} or ALIAS in resource:
        return []
    return [Field(ALIAS, (ALIAS,), "int")]


def _without_alias(query: Query, column: str) -> Query:
    conditions = (
        replace(c, field=column) if c.field == ALIAS else c for c in query.conditions
    )
    words = {ALIAS: column, f"-{ALIAS}": f"-{column}"}
    order = (words.get(key, key) for key in query.order)
    return replace(query, conditions=tuple(conditions), order=tuple(order))


def _check_attributes(query: Query, resource: Resource) -> None:
    """``fields`` names attributes of OMS, not our columns of nested ones."""
    known = {f.attribute for f in resource.fields}
    for name in query.fields or ():
        if name not in known:
            # A hidden column, or a part of a nested value.
            message = f"{resource.name!r} has no attribute {name!r}."
            raise UnknownFieldError(message)


def _known_only(tail: str, resource: Resource, names: set[str]) -> Iterator[str]:
    """The parameters without the names that the resource does not have."""
    for pair in filter(None, tail.split("&")):
        key, _, value = pair.partition("=")
        key, value = unquote_plus(key), unquote_plus(value)
        short = _SHORT_FILTER.fullmatch(key)
        match = short or _FILTER.fullmatch(key)
        if match is not None and match[1] not in names | {resource.name}:
            continue
        if _NAMES.fullmatch(key):
            kept = [n for n in value.split(",") if n.strip().lstrip("-") in names]
            if kept:
                yield f"{key}={','.join(kept)}"
        else:
            yield pair
