"""Selectors: what a user gives to say which runs, fills or lumisections."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from omskit._arguments import shown
from omskit.errors import OperatorError, Remedy, SelectorError
from omskit.query.bind import parse_time
from omskit.query.days import end_of, parse_day, start_of
from omskit.query.model import Condition, MaskLike, Selection, plain_value
from omskit.query.spoken import DAYS, LAST_FILL, LATEST, is_spoken, word_of

_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{0,18}))?")
_LARGEST = 10**10
_WIDEST = 10**6


def numbers(selector: Any, column: str) -> tuple[Condition, ...]:
    """Conditions on *column* for a selector of numbers (runs or fills).

    Args:
        selector: ``297050``; ``(first, last)``, ends included, None for an open end;
            a list of numbers; or text such as ``"297050,315190-315290"``.

    Raises:
        SelectorError: It selects nothing, or is none of these.

    Example:
        >>> numbers((315190, 315290), "run_number")
        (Condition('run_number', 'GE', 315190), Condition('run_number', 'LE', 315290))
    """
    if isinstance(selector, str):
        return _from_text(selector, column)
    if isinstance(selector, tuple):
        return _from_pair(selector, column)
    single = getattr(selector, "shape", None) == ()  # an array of no dimension
    if isinstance(selector, Iterable) and not (single or isinstance(selector, bytes)):
        return _from_list(selector, column)
    return (Condition(column, "EQ", _number(selector, column)),)


def _refuse(selector: object, column: str, why: str) -> NoReturn:
    message = f"{selector!r} does not select any {column}: {why}."
    remedy = Remedy(
        "Write 297050, (315190, 315290) for first and last, [297050, 297056] for a "
        "list, '297050,315190-315290', 'today', 'yesterday', 'latest' or 'last fill'.",
        "Write 297050, 315190-315290, 315190-, 297050,297056, today, yesterday, "
        "latest or 'last fill'.",
    )
    raise SelectorError(message, remedy=remedy)


def _number(value: object, column: str) -> int:
    plain = plain_value(value) if getattr(value, "shape", None) == () else value
    if isinstance(plain, bool) or not isinstance(plain, int):
        _refuse(value, column, "it is no whole number")
    if not 0 < plain < _LARGEST:
        _refuse(value, column, "no such number is in use")
    return plain


def _from_pair(pair: tuple[Any, ...], column: str) -> tuple[Condition, ...]:
    if len(pair) != 2:
        _refuse(pair, column, "a tuple is (first, last); a list holds single numbers")
    first = None if pair[0] is None else _number(pair[0], column)
    last = None if pair[1] is None else _number(pair[1], column)
    if first is None and last is None:
        _refuse(pair, column, "one end must be given")
    if first is not None and last is not None and first > last:
        _refuse(f"{first}-{last}", column, "the first is after the last")
    if first == last:
        return (Condition(column, "EQ", first),)
    bounds = (("GE", first), ("LE", last))
    return tuple(Condition(column, op, v) for op, v in bounds if v is not None)


def _from_list(values: Iterable[Any], column: str) -> tuple[Condition, ...]:
    chosen = sorted({_number(v, column) for v in values})
    if not chosen:
        _refuse([], column, "the list is empty")
    if len(chosen) == 1:
        return (Condition(column, "EQ", chosen[0]),)
    return (Condition(column, "IN", tuple(chosen)),)


def _from_text(text: str, column: str) -> tuple[Condition, ...]:
    pairs: list[tuple[int, int | None]] = []
    for piece in filter(None, re.split(r"[,\s]+", re.sub(r"\s*-\s*", "-", text))):
        match = _RANGE.fullmatch(piece)
        if match is None:
            _refuse(text, column, f"{piece!r} is no number or range")
        first = int(match[1])
        last = first if match[2] is None else (int(match[2]) if match[2] else None)
        pairs.append((first, last))
    if len(pairs) == 1:
        return _from_pair(pairs[0], column)
    chosen: set[int] = set()
    for first, last in pairs:
        if last is None:
            _refuse(text, column, "an open range must stand alone")
        _from_pair((first, last), column)
        if last - first > _WIDEST:
            _refuse(text, column, f"{first}-{last} is too wide to stand in a list")
        chosen.update(range(first, last + 1))
    return _from_list(chosen, column)


def fill_range(selector: Any) -> tuple[int, int]:
    """First and last fill of ``fill=``.

    Raises:
        SelectorError: Neither one fill nor (first, last).

    Example:
        >>> fill_range(5839), fill_range((5838, 5840))
        ((5839, 5839), (5838, 5840))
    """
    conditions = numbers(selector, "fill_number")
    bounds = {c.op: c.value for c in conditions}
    if "EQ" in bounds:
        return (bounds["EQ"], bounds["EQ"])  # type: ignore[return-value]  # whole
    if bounds.keys() == {"GE", "LE"}:
        return (bounds["GE"], bounds["LE"])  # type: ignore[return-value]  # whole
    _refuse(selector, "fill_number", "fill= takes one fill, or first and last")


def moment(value: Any, name: str) -> dt.date | dt.datetime:
    """A time of ``since=`` or ``until=``; UTC where no zone is named.

    Returns:
        A date where no time of day is given: the whole day, see `omskit.query.days`.

    Raises:
        SelectorError: Not a time.
    """
    day = parse_day(value)
    if day is not None:
        return day
    try:
        plain = parse_time(value) if isinstance(value, str) else plain_value(value)
    except OperatorError:
        plain = None
    if plain is None or isinstance(plain, (str, int, float)):
        message = f"{name}={value!r} is no time."
        remedy = Remedy(
            "Write '2017-06-16' for a whole day, '2017-06-16T20:50:33Z' or a datetime; "
            "UTC where no zone is named.",
            "Write yesterday, today, now, -8h, -2d, 2017-06-16 for a whole day, or "
            "'2017-06-16 20:50'; UTC where no zone is named.",
        )
        raise SelectorError(message, remedy=remedy)
    return plain


def _is_after(start: dt.date | dt.datetime, end: dt.date | dt.datetime) -> bool:
    """Whether no time lies between the two; a day ends at its end."""
    first = start if isinstance(start, dt.datetime) else start_of(start)
    if isinstance(end, dt.datetime):
        return first > end
    return first >= end_of(end)


def selection(
    *,
    fill: Any = None,
    era: str | None = None,
    since: Any = None,
    until: Any = None,
    last: int | None = None,
    mask: MaskLike | None = None,
    runs: str | None = None,
) -> Selection:
    """The selectors that need a look at the service, checked.

    Args:
        runs: A word for runs, see `omskit.query.spoken.word_of`.

    Raises:
        SelectorError: One of them makes no sense.
    """
    given: tuple[object, object] = (era, last)  # What the types forbid, users still do.
    if era is not None and not (isinstance(given[0], str) and era.strip()):
        message = f"era={era!r} is no era; write e.g. era='2017B'."
        raise SelectorError(message)
    if last is not None and not (type(given[1]) is int and last > 0):
        message = f"last={last!r} is no count; write e.g. last=10 for the newest ten."
        raise SelectorError(message)
    if mask is not None and not is_mask(mask):
        message = (
            f"mask={shown(mask)} is no mask; give a LumiMask, or the path of its file."
        )
        raise SelectorError(message)
    said = _said(runs, fill, since, until, last)
    words = dict(said)
    if words.get("runs") == LAST_FILL:
        fill = None
    start = None if since is None or "since" in words else moment(since, "since")
    end = None if until is None or "until" in words else moment(until, "until")
    if start is not None and end is not None and _is_after(start, end):
        message = f"since={since!r} is after until={until!r}: no time lies between."
        raise SelectorError(message)
    return Selection(
        fill=None if fill is None else fill_range(fill),
        era=era,
        since=start,
        until=end,
        last=last,
        mask=mask,
        said=said,
    )


def _said(
    runs: str | None, fill: Any, since: Any, until: Any, last: int | None
) -> tuple[tuple[str, str], ...]:
    """What depends on when it is asked.

    Raises:
        SelectorError: Two of them say the same thing differently.
    """
    named = word_of(fill)
    if named in {LATEST, LAST_FILL}:
        if runs is not None:
            _clash(runs, f"fill={fill!r}")
        runs = LAST_FILL
    elif runs == LAST_FILL and fill is not None:
        _clash(runs, f"fill={fill!r}")
    if runs in DAYS and (since is not None or until is not None):
        _clash(runs, "since= and until=")
    if runs == LATEST and last is not None:
        _clash(runs, f"last={last}")
    times = (("since", since), ("until", until))
    said = [(name, value.strip().lower()) for name, value in times if is_spoken(value)]
    return (*said, *([] if runs is None else [("runs", runs)]))


def _clash(word: str, other: str) -> NoReturn:
    message = f"{word!r} and {other} both say which runs; give one of them."
    raise SelectorError(message)


def is_mask(selector: object) -> bool:
    """Whether a run selector is a set of lumisections."""
    return isinstance(selector, MaskLike)
