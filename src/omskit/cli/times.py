"""The moment at which a command is given; what people say of times is in `query`."""

from __future__ import annotations

import datetime as dt

from omskit.query.spoken import TIMES as WORDS
from omskit.query.spoken import spoken

__all__ = ["WORDS", "right_now", "spoken"]


def right_now() -> dt.datetime:
    """The moment at which somebody asks, in UTC."""
    return dt.datetime.now(dt.UTC)
