"""The URL codec: a query as OMS's URL, and back.

Only what OMS itself can say has a URL: see `omskit.query.plan` for the rest. Brackets
and commas go out as they are, as the official client sends them; values are
percent-encoded, which it does not do.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, unquote_plus

from omskit.errors import OperatorError, UnknownFieldError, UsageError
from omskit.query.bind import bind, cast_value
from omskit.query.model import INCLUDES, Condition, Query, Scalar, time_text
from omskit.query.operators import WIRE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from omskit.schema import Catalogue, Resource

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_PARAMETER = re.compile(r"(?P<family>\w+)(?P<parts>(?:\[[^\[\]]*\])*)")
_OLD_INCLUDES = {"dataonly": "data_only"}


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of the whole answer; None: the service's own choice."""

    offset: int | None = None
    limit: int | None = None


def encode(query: Query, offset: int | None = None, limit: int | None = None) -> str:
    """The URL of *query*, relative to the service's base URL.

    Raises:
        OperatorError: OMS cannot say it (``IN``, ``GLOB``, the text ``null``).
        UnknownFieldError: A name that cannot stand in a URL.

    Example:
        >>> from omskit.query import Query, field
        >>> encode(Query("runs").where(field("era") == "2017B"), limit=5)
        'runs?filter[era][EQ]=2017B&page[limit]=5'
    """
    parameters = list(_parameters(query))
    if offset is not None:
        parameters.append(f"page[offset]={offset}")
    if limit is not None:
        parameters.append(f"page[limit]={limit}")
    path = _quoted(query.resource, safe="/")
    return f"{path}?{'&'.join(parameters)}" if parameters else path


def _parameters(query: Query) -> Iterator[str]:
    if query.fields is not None:
        yield "fields=" + ",".join(map(_name, query.fields))
    for condition in query.conditions:
        if condition.op not in WIRE:
            message = f"OMS cannot say '{condition}' in one request."
            raise OperatorError(message)
        name = _name(condition.field)
        yield f"filter[{name}][{condition.op}]={_wire(condition)}"
    if query.order:
        yield "sort=" + ",".join(map(_key, query.order))
    if query.includes:
        yield "include=" + ",".join(map(_name, query.includes))
    for key, value in query.groups:
        yield f"group[{_name(key)}]={_quoted(value)}"
    for key, value in query.extras:
        yield f"{_quoted(key, safe='[]')}={_quoted(value, safe=':,/')}"


def _key(key: str) -> str:
    name = _name(key.removeprefix("-"))
    return f"-{name}" if key.startswith("-") else name


def _name(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    message = f"{name!r} cannot be a name in OMS; letters, digits and '_' can."
    raise UnknownFieldError(message)


def _wire(condition: Condition) -> str:
    value = condition.value
    if isinstance(value, str) and value.lower() == "null":
        message = (
            f"'{condition}': OMS reads the text {value!r} as a missing value. "
            "Compare with None to ask for missing values."
        )
        raise OperatorError(message)
    return _quoted(wire_text(value), safe=":")


def _quoted(text: str, safe: str = "") -> str:
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError as error:
        message = f"{text!r} holds half a character (a lone surrogate): no such text."
        raise OperatorError(message) from error


def wire_text(value: Scalar | tuple[Scalar, ...]) -> str:
    """A value as OMS reads it, before percent-encoding.

    Example:
        >>> wire_text(True), wire_text(None), wire_text(6499.0)
        ('true', 'null', '6499.0')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, str)):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, tuple):
        message = "A list of values has no URL; is_in() is planned into requests."
        raise OperatorError(message)
    if not isinstance(value, dt.datetime):
        return value.isoformat()
    return time_text(value)


def parse(text: str, catalogue: Catalogue) -> tuple[Query, Page]:
    """The query and page that a URL means.

    Args:
        text: Path and parameters below the base URL, e.g. ``runs?filter[era]=2017B``.

    Raises:
        UnknownResourceError: The first part of the path is no resource.
        UnknownFieldError: It names a field that the resource does not have.
        UsageError: A parameter that makes no sense, or a value of another type.

    Example:
        >>> from omskit.schema import bundled
        >>> parse("runs?filter[runs][run_number]=5&page[limit]=2", bundled())[1]
        Page(offset=None, limit=2)
    """
    path, _, tail = text.partition("?")
    resource = catalogue[unquote(path).strip("/")]
    return parse_parameters(tail, resource)


def parse_parameters(tail: str, resource: Resource) -> tuple[Query, Page]:
    """The query and page that the parameters mean, for rows of *resource*."""
    found = _Found()
    for pair in filter(None, tail.split("&")):
        key, _, value = pair.partition("=")
        _read(found, unquote_plus(key), unquote_plus(value), resource)
    query = Query(
        resource.name,
        conditions=tuple(found.merged()),
        fields=tuple(dict.fromkeys(found.fields)) or None,
        order=tuple(dict.fromkeys(found.order)),
        includes=tuple(dict.fromkeys(found.includes)),
        groups=tuple(found.groups.items()),
    )
    return bind(query, resource, whole=False), Page(found.offset, found.limit)


_WIDEST: dict[str, Callable[[list[Any]], Any]] = {
    "GE": min,
    "GT": min,
    "LE": max,
    "LT": max,
}


class _Found:
    """What has been read so far."""

    def __init__(self) -> None:
        self.conditions: dict[tuple[str, str], list[Scalar]] = {}
        self.fields: list[str] = []
        self.order: list[str] = []
        self.includes: list[str] = []
        self.groups: dict[str, str] = {}
        self.offset: int | None = None
        self.limit: int | None = None

    def merged(self) -> Iterator[Condition]:
        """Conditions; the same key twice is a set of values, as katharsis reads it."""
        for (name, op), values in self.conditions.items():
            distinct = list(dict.fromkeys(values))
            if len(distinct) == 1:
                yield Condition(name, op, distinct[0])
            elif op == "EQ":
                yield Condition(name, "IN", tuple(distinct))
            elif op in _WIDEST and None not in distinct:
                # In a set of bounds, the widest is what holds for any of them.
                yield Condition(name, op, _WIDEST[op](distinct))
            elif op == "NEQ":
                yield from (Condition(name, op, value) for value in distinct)
            else:
                message = (
                    f"failed to parse parameter filter[{name}][{op}]: given twice, "
                    "with values that no one row can be compared with"
                )
                raise UsageError(message)


def _read(found: _Found, key: str, value: str, resource: Resource) -> None:
    match = _PARAMETER.fullmatch(key)
    parts = re.findall(r"\[([^\[\]]*)\]", match["parts"]) if match else []
    family = match["family"] if match else ""
    if family in {"fields", "filter", "sort"} and parts[:1] == [resource.name]:
        # The service itself writes filter[runs][run_number][EQ]; a field of the
        # resource's own name does not exist.
        parts = parts[1:]
    if family == "filter" and len(parts) in {1, 2}:
        _read_filter(found, parts, value, resource)
    elif family == "fields" and not parts:
        found.fields.extend(_list(value))
    elif family == "sort" and not parts:
        found.order.extend(_list(value))
    elif family == "include" and not parts:
        found.includes.extend(map(_include, _list(value)))
    elif family == "group" and len(parts) == 1:
        found.groups[parts[0]] = value
    elif family == "page" and parts == ["offset"]:
        found.offset = _whole(key, value, least=0)
    elif family == "page" and parts == ["limit"]:
        found.limit = _whole(key, value, least=1)
    else:
        message = f"invalid parameter {key!r}"
        raise UsageError(message)


def _read_filter(
    found: _Found, parts: list[str], value: str, resource: Resource
) -> None:
    name, op = parts[0], (parts[1].upper() if len(parts) > 1 else "EQ")
    if op not in WIRE:
        message = (
            f"failed to parse parameter filter[{name}][{op}]: "
            f"the operators are {', '.join(sorted(WIRE))}"
        )
        raise UsageError(message)
    column = resource.filtered_by(name)
    if column is None:
        resource.columns_of(name)  # nested fields are for bind() to refuse
    known: Scalar = None if value.lower() == "null" else value
    if column is not None and known is not None:
        known = cast_value(known, column)
    found.conditions.setdefault((name, op), []).append(known)


def _list(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _include(word: str) -> str:
    key = _OLD_INCLUDES.get(word, word)
    if key not in INCLUDES:
        message = f"invalid parameter include={word!r}; known: {', '.join(INCLUDES)}"
        raise UsageError(message)
    return key


def _whole(key: str, value: str, *, least: int) -> int:
    number = int(value) if re.fullmatch(r"\d{1,18}", value) else -1
    if number < least:
        message = f"failed to parse parameter {key}: {value!r} is no whole number"
        message += f" from {least}"
        raise UsageError(message)
    return number
