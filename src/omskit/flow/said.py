"""Selectors that depend on when they are asked: what they are is found out first.

The clock is an effect, so that a test says what day it is. What a word came to takes
its place in the query: the receipt names it, and asks for the same runs again later.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omskit.effects import Now
from omskit.errors import NoRowError, SelectorError
from omskit.query import Condition, Query
from omskit.query.spoken import DAYS, LAST_FILL, moment_of

if TYPE_CHECKING:
    import datetime as dt

    import pyarrow as pa

    from omskit.effects import Effect
    from omskit.schema import Resource

Look = Callable[[Query], "Generator[Effect, Any, pa.Table]"]


def as_said(
    query: Query, resource: Resource, look: Look
) -> Generator[Effect, Any, tuple[Query, tuple[str, ...]]]:
    """*query* with runs and times in place of words, and what each word came to.

    Raises:
        SelectorError: The resource has no runs or fills.
        NoRowError: There is no run, or no fill.
    """
    said = query.selection.said
    if not said:
        return query, ()
    now: dt.datetime = yield Now()
    chosen = replace(query.selection, said=())
    notes: list[str] = []
    for name, word in said:
        if name in {"since", "until"}:
            time = moment_of(word, now)
            if name == "since":
                chosen = replace(chosen, since=time)
            else:
                chosen = replace(chosen, until=time)
            notes.append(f"{name} {word} = {time.isoformat()[:19]}")
        elif word in DAYS:
            day = moment_of(word, now)
            chosen = replace(chosen, since=day, until=day)
            notes.append(f"{word} = {day.isoformat()}")
        elif word == LAST_FILL:
            number = yield from _newest("fills", look)
            chosen = replace(chosen, fill=(number, number))
            notes.append(f"{word} = fill {number} (fills)")
        else:
            where = _where(word, resource)
            number = yield from _newest(where, look)
            key = f"{where[:-1]}_number"
            query = query.where(Condition(key, "EQ", number))
            notes.append(f"{word} = {where[:-1]} {number} ({where})")
    return replace(query, selection=chosen), tuple(notes)


def _where(word: str, resource: Resource) -> str:
    if "run_number" in resource or resource.filtered_by("run_number") is not None:
        return "fills" if resource.name == "fills" else "runs"
    if "fill_number" in resource:
        return "fills"
    message = f"{resource.name!r} has neither runs nor fills: {word!r} is none of them."
    raise SelectorError(message)


def _newest(where: str, look: Look) -> Generator[Effect, Any, int]:
    key = f"{where[:-1]}_number"
    rows = yield from look(Query(where, fields=(key,), order=(f"-{key}",), maximum=1))
    if not rows.num_rows:
        message = f"There is no {where[:-1]} at all."
        raise NoRowError(message)
    return int(rows.column(key)[0].as_py())
