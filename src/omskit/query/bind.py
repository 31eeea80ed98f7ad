"""Holding a query against the catalogue, before anything is sent."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

from omskit.errors import (
    NotFilterableError,
    NotSortableError,
    OperatorError,
    UnknownFieldError,
    UsageError,
)
from omskit.query.days import check_day, parse_day, start_of
from omskit.query.model import Condition, Query, Scalar, time_text
from omskit.query.operators import OPERATORS

if TYPE_CHECKING:
    from omskit.schema import Field, Resource


def bind(
    query: Query, resource: Resource, *, unchecked: bool = False, whole: bool = True
) -> Query:
    """*query* with every name checked and every value in the type of its field.

    Args:
        unchecked: Let names pass that the catalogue does not know.
        whole: Also miss what the resource cannot be asked without; False where *query*
            may be a part of one.

    Raises:
        UnknownFieldError: No such field; the message names the nearest.
        NotFilterableError, NotSortableError: The service cannot do that.
        OperatorError: Operator or value do not fit the field.
        UsageError: The resource has no such granularity, or rows that belong to
            different runs could not be told apart.
    """
    conditions = tuple(
        _condition(c, resource, unchecked=unchecked) for c in query.conditions
    )
    for name in query.fields or ():
        if not (unchecked and name not in resource):
            resource.columns_of(name)
    for key in query.order:
        _sortable(key.removeprefix("-"), resource, unchecked=unchecked)
    granularity = dict(query.groups).get("granularity")
    if granularity is not None and granularity not in resource.granularities:
        can = " or ".join(map(repr, resource.granularities)) or "no granularity"
        message = f"{resource.name!r} has {can}, not {granularity!r}."
        if not unchecked:
            raise UsageError(message)
    if whole and not unchecked:
        _within(conditions, resource)
    return replace(query, conditions=conditions)


def _within(conditions: tuple[Condition, ...], resource: Resource) -> None:
    name = resource.within
    if name is None or name in resource or any(c.field == name for c in conditions):
        return
    message = (
        f"Name one {name}, as in where(field.{name} == 297050): the rows of "
        f"{resource.name!r} do not say to which they belong."
    )
    raise UsageError(message)


def _condition(given: Condition, resource: Resource, *, unchecked: bool) -> Condition:
    column = resource.filtered_by(given.field)
    if column is None:
        if unchecked:
            return given
        parts = resource.columns_of(given.field)
        message = (
            f"{given.field!r} has parts ({', '.join(p.name for p in parts)}); "
            "OMS cannot filter by them. Filter the table instead."
        )
        raise NotFilterableError(message)
    if not column.filterable:
        able = (f for f in (*resource.fields, *resource.filters) if f.filterable)
        message = (
            f"OMS cannot filter {resource.name!r} by {column.name!r}. "
            f"It can by: {', '.join(f.name for f in able)}. Filter the table instead."
        )
        raise NotFilterableError(message)
    bound = replace(given, value=_value(given, column))
    if column.kind == "time" and _has_day(given):
        check_day(given)
    if column.name not in resource and (bound.op != "EQ" or bound.value is None):
        message = (
            f"'{given}': the rows of {resource.name!r} do not show their "
            f"{column.name}, so those of several could not be told apart. "
            "Ask for one of them at a time, with =."
        )
        raise OperatorError(message)
    return bound


def _has_day(condition: Condition) -> bool:
    value = condition.value
    values = value if isinstance(value, tuple) else (value,)
    return any(parse_day(one) is not None for one in values)


def _sortable(name: str, resource: Resource, *, unchecked: bool) -> None:
    column = resource.get(name)
    if column is None:
        if unchecked:
            return
        resource.columns_of(name)
    if column is None or not column.sortable:
        able = [f.name for f in resource.fields if f.sortable]
        message = (
            f"OMS cannot sort {resource.name!r} by {name!r}. "
            f"It can by: {', '.join(able)}."
        )
        raise NotSortableError(message)


def _value(given: Condition, column: Field) -> Scalar | tuple[Scalar, ...]:
    operator = OPERATORS[given.op]
    if column.kind not in operator.kinds:
        fitting = [o.symbol for o in OPERATORS.values() if column.kind in o.kinds]
        message = (
            f"'{given}': {column.name!r} is of type {column.kind}, "
            f"which takes {' '.join(fitting)}."
        )
        raise OperatorError(message)
    if isinstance(given.value, tuple):
        return tuple(cast_value(v, column) for v in given.value)
    if given.value is None:
        if operator.nullable:
            return None
        message = f"'{given}': null can only be compared with = and !=."
        raise OperatorError(message)
    if column.kind == "time":
        day = parse_day(given.value)
        if day is not None:
            return day
    return cast_value(given.value, column)


def cast_value(value: Scalar, column: Field) -> Scalar:
    """*value* in the type of *column*.

    Raises:
        OperatorError: It does not fit; the message says what would.

    Example:
        >>> from omskit.schema import Field
        >>> cast_value("5839", Field("fill_number", ("fill_number",), "int"))
        5839
    """
    if value is None:
        message = f"null cannot be one of several values of {column.name!r}."
        raise OperatorError(message)
    kind = (column.items or "str") if column.kind == "list" else column.kind
    found = _CASTS[kind](value)
    if found is None:
        shown = repr(value)
        if isinstance(value, dt.datetime):
            shown = time_text(value)
        elif isinstance(value, dt.date):
            shown = value.isoformat()
        message = (
            f"{column.name!r} is {_WANTED[kind]}, and {shown:.80} is none. "
            f"{_EXAMPLES[kind]}"
        )
        raise OperatorError(message)
    return found


def _is_number(value: Scalar) -> TypeGuard[int | float | str]:
    """A number, or text of one: ASCII, without the underscores that Python allows."""
    if isinstance(value, str):
        return value.isascii() and "_" not in value
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _int(value: Scalar) -> int | None:
    if not _is_number(value):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None


def _float(value: Scalar) -> float | None:
    if not _is_number(value):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _str(value: Scalar) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    # On the wire "null", in any case, is SQL's NULL, and Oracle reads '' as NULL too.
    return None if value.lower() == "null" else value


def _bool(value: Scalar) -> bool | None:
    if isinstance(value, bool):
        return value
    words = {"true": True, "false": False}
    return words.get(value.lower()) if isinstance(value, str) else None


def _time(value: Scalar) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return start_of(value)
    return parse_time(value) if isinstance(value, str) else None


def parse_time(text: str) -> dt.datetime | None:
    """A time as people and OMS write it, in UTC where no zone is named; else None.

    Example:
        >>> parse_time("2023-09-19T19:00").isoformat()
        '2023-09-19T19:00:00+00:00'
    """
    try:
        found = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return (
            found.replace(tzinfo=dt.UTC)
            if found.tzinfo is None
            else found.astimezone(dt.UTC)
        )
    except OverflowError:
        return None


_CASTS = {
    "int": _int,
    "float": _float,
    "str": _str,
    "bool": _bool,
    "time": _time,
    "json": _str,
}
_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "str": "text that is neither empty nor 'null' (== None asks for missing values)",
    "bool": "true or false",
    "time": "a time",
    "json": "text",
}
_EXAMPLES = {
    "int": "Write 297050.",
    "float": "Write 1000.5.",
    "str": "Write 'PROTONS'.",
    "bool": "Write True or False.",
    "time": "Write '2017-06-16T20:50:33Z'.",
    "json": "",
}

__all__ = ["UnknownFieldError", "bind", "cast_value", "parse_time"]
