"""Queries as JSON text, to be kept in a receipt and asked again."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from omskit.errors import UsageError
from omskit.query.model import Condition, Query, Selection, time_text

if TYPE_CHECKING:
    from collections.abc import Callable

_TIME, _DAY = "time", "day"
_PLAIN = (
    "resource", "fields", "order", "maximum", "includes", "groups", "extras",
)  # fmt: skip


def write_query(query: Query) -> dict[str, Any] | None:
    """The query as what JSON can say; None where its mask has no such form.

    Example:
        >>> write_query(Query("runs").limit(3))
        {'resource': 'runs', 'maximum': 3}
    """
    found = {name: getattr(query, name) for name in _PLAIN}
    found["conditions"] = [(c.field, c.op, _out(c.value)) for c in query.conditions]
    chosen = {f.name: getattr(query.selection, f.name) for f in fields(Selection)}
    mask, said = chosen.pop("mask"), chosen.pop("said")
    chosen = {k: _out(v) for k, v in chosen.items() if v is not None}
    if said:
        chosen["said"] = _out(said)
    if mask is not None:
        to_json = getattr(mask, "to_json", None)
        if to_json is None or getattr(mask, "is_open", False):
            return None
        chosen["mask"] = to_json()
    found["selection"] = chosen
    return {name: value for name, value in found.items() if value}


def read_query(found: dict[str, Any], mask: Callable[[str], Any]) -> Query:
    """What `write_query` wrote.

    Args:
        mask: Makes a set of lumisections out of its JSON.

    Raises:
        UsageError: It is something else.

    Example:
        >>> read_query({"resource": "runs", "maximum": 3}, str).maximum
        3
    """
    try:
        plain = {name: _in(found[name]) for name in _PLAIN if name in found}
        conditions = tuple(
            Condition(field, op, _in(value))
            for field, op, value in found.get("conditions", ())
        )
        chosen = {k: _in(v) for k, v in found.get("selection", {}).items()}
        if "mask" in chosen:
            chosen["mask"] = mask(chosen["mask"])
        return Query(**plain, conditions=conditions, selection=Selection(**chosen))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        message = f"This is no query that omskit wrote: {json.dumps(found)[:80]}."
        raise UsageError(message) from error


def _out(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return {_TIME: time_text(value)}
    if isinstance(value, dt.date):
        return {_DAY: value.isoformat()}
    return [_out(v) for v in value] if isinstance(value, tuple) else value


def _in(value: Any) -> Any:
    if isinstance(value, dict):
        if _DAY in value:
            return dt.date.fromisoformat(value[_DAY])
        return dt.datetime.fromisoformat(value[_TIME])
    return tuple(_in(v) for v in value) if isinstance(value, list) else value
