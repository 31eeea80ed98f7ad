"""Dates without a time of day: the whole day, wherever times are compared.

``until="2017-06-16"`` that left out the 16th would be wrong without a word. So a bare
date is kept as a date, and becomes bounds where a query is planned:

======  ==========================================
``>=``  from the start of the day
``<=``  to the end of the day
``>``   after the day
``<``   before the day
``=``   within the day
======  ==========================================

Days are days of UTC, as OMS's times are. On the wire a date remains what OMS makes of
it: this is about what people write.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from omskit.errors import OperatorError
from omskit.query.model import Condition, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def parse_day(value: object) -> dt.date | None:
    """The day that a bare date means, or None where *value* is none.

    Example:
        >>> parse_day("2017-06-16"), parse_day("2017-06-16T00:00")
        (datetime.date(2017, 6, 16), None)
    """
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value.strip()):
        return None
    try:
        return dt.date.fromisoformat(value.strip())
    except ValueError:
        return None


def start_of(day: dt.date) -> dt.datetime:
    """The first moment of a day."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def end_of(day: dt.date) -> dt.datetime:
    """The first moment after a day; the last of the calendar after its last day."""
    try:
        return start_of(day) + dt.timedelta(days=1)
    except OverflowError:
        return dt.datetime.max.replace(tzinfo=dt.UTC)


def check_day(condition: Condition) -> None:
    """Refuse what cannot be said of a day with one pair of bounds.

    Raises:
        OperatorError: A day is compared with ``!=``, or one of a list.
    """
    if condition.op in {"GE", "LE", "GT", "LT", "EQ"}:
        return
    message = (
        f"'{condition}': a date without a time of day is the whole day, which takes "
        "=, <, <=, > or >=. Write a time, as in '2017-06-16T00:00:00Z', or bounds."
    )
    raise OperatorError(message)


def whole_days(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """The same conditions, with bounds where a day is compared.

    Example:
        >>> whole_days([Condition("start_time", "LE", dt.date(2017, 6, 16))])[0].op
        'LT'
    """
    return tuple(bound for c in conditions for bound in _bounds(c))


def _bounds(condition: Condition) -> Iterator[Condition]:
    day = parse_day(condition.value) if _is_day(condition) else None
    if day is None:
        yield condition
        return
    first, after = start_of(day), end_of(day)
    said = {
        "GE": (("GE", first),),
        "LT": (("LT", first),),
        "LE": (("LT", after),),
        "GT": (("GE", after),),
        "EQ": (("GE", first), ("LT", after)),
    }
    for op, moment in said[condition.op]:
        yield Condition(condition.field, op, moment)


def day_notes(conditions: Iterable[Condition]) -> Iterator[str]:
    """What `explain` says of days."""
    for condition in conditions:
        if _is_day(condition):
            bounds = " and ".join(
                f"{bound.field} {_SYMBOLS[bound.op]} {time_text(bound.value)}"
                for bound in _bounds(condition)
                if isinstance(bound.value, dt.datetime)
            )
            yield f"{condition}, a whole day (UTC): {bounds}"


_SYMBOLS = {"GE": ">=", "LT": "<"}


def _is_day(condition: Condition) -> bool:
    value = condition.value
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)
