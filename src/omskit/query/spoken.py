"""Runs and times as people say them: today, latest, last fill, -8h."""

from __future__ import annotations

import datetime as dt
import re

DAYS = {"today": 0, "yesterday": 1}
LATEST, LAST_FILL = "latest", "last fill"
RUNS = (*DAYS, LATEST, LAST_FILL)
"""What may stand where runs stand; for fills, too."""

TIMES = "yesterday, today, now, -8h, -2d, 2017-06-16 or '2017-06-16 20:50'"

_AGO = re.compile(r"-\s*(\d{1,6})\s*(s|min|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHORT = {"last": LATEST, "newest": LATEST}


def word_of(selector: object) -> str | None:
    """The word that stands for runs, or None where it is none.

    A shell may have cut ``last fill`` in two, which come with a comma.

    Example:
        >>> word_of("Today"), word_of("last,fill"), word_of("297050"), word_of(297050)
        ('today', 'last fill', None, None)
    """
    if not isinstance(selector, str):
        return None
    said = re.sub(r"[\s,_-]+", " ", selector.strip().lower())
    said = _SHORT.get(said, said)
    return said if said in RUNS else None


def is_spoken(value: object) -> bool:
    """Whether a time is said in relation to now.

    Example:
        >>> is_spoken("-8h"), is_spoken("2017-06-16")
        (True, False)
    """
    if not isinstance(value, str):
        return False
    said = value.strip().lower()
    return said == "now" or said in DAYS or _AGO.fullmatch(said) is not None


def moment_of(text: str, now: dt.datetime) -> dt.date | dt.datetime:
    """The time that is said; a day is the whole of it.

    Args:
        text: One for which `is_spoken` holds.
        now: The moment from which is counted.

    Example:
        >>> now = dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)
        >>> moment_of("yesterday", now), moment_of("-8h", now).hour
        (datetime.date(2017, 6, 15), 12)
    """
    said = text.strip().lower()
    ago = _AGO.fullmatch(said)
    if ago is not None:
        return now - dt.timedelta(**{_UNITS[ago[2][0]]: int(ago[1])})
    if said in DAYS:
        return (now - dt.timedelta(days=DAYS[said])).date()
    return now


def spoken(text: str, now: dt.datetime) -> str:
    """A time as it is written, for one that is said; anything else as it is.

    Example:
        >>> now = dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)
        >>> spoken("yesterday", now), spoken("-8h", now), spoken("2017-06-01", now)
        ('2017-06-15', '2017-06-16T12:50:33+00:00', '2017-06-01')
    """
    if not is_spoken(text):
        return text
    found = moment_of(text, now)
    if isinstance(found, dt.datetime):
        return found.isoformat(timespec="seconds")
    return found.isoformat()
