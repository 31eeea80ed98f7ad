"""Times as people say them: yesterday, today, now, -8h, -2d."""

from __future__ import annotations

import datetime as dt
import re

_AGO = re.compile(r"-\s*(\d{1,6})\s*(s|min|m|h|d|w)", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
WORDS = "yesterday, today, now, -8h, -2d, 2017-06-16 or '2017-06-16 20:50'"


def spoken(text: str, now: dt.datetime) -> str:
    """A time as it is written, for one that is said; anything else as it is.

    Args:
        now: The moment from which is counted.

    Example:
        >>> now = dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)
        >>> spoken("yesterday", now), spoken("-8h", now), spoken("2017-06-01", now)
        ('2017-06-15', '2017-06-16T12:50:33+00:00', '2017-06-01')
    """
    said = text.strip().lower()
    ago = _AGO.fullmatch(said)
    if ago is not None:
        span = {_UNITS[ago[2][0]]: int(ago[1])}
        return (now - dt.timedelta(**span)).isoformat(timespec="seconds")
    if said == "now":
        return now.isoformat(timespec="seconds")
    days = {"today": 0, "yesterday": 1}
    if said in days:
        return (now - dt.timedelta(days=days[said])).date().isoformat()
    return text


def right_now() -> dt.datetime:
    """The moment at which somebody asks, in UTC."""
    return dt.datetime.now(dt.UTC)
