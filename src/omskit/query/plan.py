"""From what is asked to what OMS can say.

OMS ANDs its filters and knows no OR, no IN and no shell patterns; it reads two equal
keys as a set; it sorts and filters luminosities in whatever unit their row has. A plan
turns a query into requests that OMS understands, and into what is left to do here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from omskit.errors import OperatorError
from omskit.query.check import glob_like
from omskit.query.days import day_notes, whole_days
from omskit.query.order import are_neighbours, arranged, needs_next, orders
from omskit.query.pieces import is_widened, pieces
from omskit.query.projection import attributes_of, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omskit.query.model import Condition, MaskLike, Query
    from omskit.schema import Resource

MOST_REQUESTS = 5000
"""More first pages than this is taken for a mistake."""

_LOWER = {"GE", "GT"}
_UPPER = {"LE", "LT"}
_SAID = {False: ("EQ", "NEQ", "lower", "upper"), True: ("EQ", "NEQ")}
"""What a list says too that was narrowed by it: one of numbers, one of texts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is answered.

    Attributes:
        requests: What the service is asked, each a query that has a URL.
        local: Conditions applied here.
        checks: Conditions the service has applied and the rows are held against.
        mask: Lumisections to keep, applied here.
        order: Sort keys applied here; empty where the service's order will do.
        columns: The columns of the table in the end; None for all there are.
        maximum: At most so many rows in the end.
        empty: Why no row can match; then nothing is asked.
        notes: What `explain` says.
        whole: Why all rows must be read before the first is known; None where each
            page can be passed on as it comes.
        ahead: Rows to ask for beyond the maximum: the last row takes a column from the
            next one.
    """

    requests: tuple[Query, ...]
    local: tuple[Condition, ...] = ()
    checks: tuple[Condition, ...] = ()
    mask: MaskLike | None = None
    order: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None
    maximum: int | None = None
    empty: str | None = None
    notes: tuple[str, ...] = ()
    whole: str | None = None
    ahead: int = 0

    @property
    def wanted(self) -> int | None:
        """How many rows the service need send at most; None for all.

        At least two where they are sorted: one row alone shows no order.
        """
        here = self.local or self.order or self.mask is not None
        if here or len(self.requests) > 1 or self.maximum is None:
            return None
        most = self.maximum + self.ahead
        is_sorted = any(request.order for request in self.requests)
        return max(most, 2) if is_sorted else most


def plan(query: Query, resource: Resource, *, raw: bool = False) -> Plan:
    """The plan of a bound query whose selection is resolved.

    Args:
        raw: Luminosities stay in the service's units, so filters and sorting by them
            are left to the service.

    Raises:
        OperatorError: It would take more than `MOST_REQUESTS` requests.

    Example:
        >>> from omskit.query import Query, bind, field
        >>> from omskit.schema import bundled
        >>> runs = bundled()["runs"]
        >>> q = bind(Query("runs").where(field("run_number").is_in([5, 6, 9])), runs)
        >>> [r.conditions for r in plan(q, runs).requests]
        [(Condition('run_number', 'GE', 5), Condition('run_number', 'LE', 6)), \
(Condition('run_number', 'EQ', 9),)]
    """
    days = tuple(day_notes(query.conditions))
    query = replace(query, conditions=whole_days(query.conditions))
    sides = _divide(query.conditions, resource, raw=raw)
    mask = query.selection.mask
    notes = [*days, *sides.notes]
    if mask is not None:
        notes.append("applied here: the lumisection mask")
    if sides.empty:
        columns = columns_of(query, resource)
        return Plan((), columns=columns, empty=sides.empty, notes=tuple(notes))
    choices = [pieces(c, resource) for c in sides.lists]
    count = math.prod(len(c) for c in choices)
    if count > MOST_REQUESTS:
        message = (
            f"This takes {count} requests, one for each combination of values. "
            f"Ask for fewer values, or filter the table instead."
        )
        raise OperatorError(message)
    widened = [c for c in sides.lists if is_widened(c, resource)]
    local = [*sides.local, *widened]
    service_order, local_order = orders(query, resource, sides.wire, raw=raw)
    if count > 1 and not local_order:
        # Parts that follow each other need no sorting here.
        in_order = arranged(choices, sides.wire, service_order, resource)
        choices = choices if in_order is None else in_order
        local_order = service_order if in_order is None else ()
    base = replace(
        query,
        conditions=(),
        order=service_order,
        maximum=None,
        selection=replace(query.selection, mask=None),
        fields=attributes_of(query, resource, local, local_order, service_order),
    )
    requests = tuple(
        replace(base, conditions=(*sides.wire, *(c for part in chosen for c in part)))
        for chosen in product(*choices)
    )
    notes += [f"applied here: {c}" for c in local]
    if local_order:
        notes.append(f"sorted here: {', '.join(local_order)}")
    if base.fields is None and query.fields is not None:
        notes.append("whole rows: the units of scaled columns come with them only")
    columns = columns_of(query, resource)
    whole = f"sorted here: {', '.join(local_order)}" if local_order else None
    wanted = None if columns is None else {*columns, *(c.field for c in local)}
    follows = None if raw else needs_next(wanted, resource)
    neighbours = are_neighbours(service_order, sides.wire, resource)
    if whole is None and not neighbours:
        whole = follows
    if whole is not None:
        notes.append(f"pages() reads all rows before the first: {whole}")
    ahead = int(bool(follows) and neighbours)
    if ahead and query.maximum is not None:
        notes.append(f"one row more than the limit is asked for: {follows}")
    return Plan(
        requests=requests,
        local=tuple(local),
        checks=(*sides.wire, *(c for c in sides.lists if c not in widened)),
        mask=mask,
        order=local_order,
        columns=columns,
        maximum=query.maximum,
        notes=tuple(notes),
        whole=whole,
        ahead=ahead,
    )


@dataclass(slots=True)
class _Sides:
    """Conditions, by who applies them."""

    wire: list[Condition]
    lists: list[Condition]
    local: list[Condition]
    notes: list[str]
    empty: str | None = None


def _divide(
    conditions: Iterable[Condition], resource: Resource, *, raw: bool
) -> _Sides:
    sides = _Sides([], [], [], [])
    for condition in dict.fromkeys(conditions):
        column = resource.get(condition.field)
        scaled = column is not None and column.scaled and not raw
        nulls = condition.value is None
        depends = column is not None and column.after_filter is not None
        if (scaled and not nulls) or (depends and not raw):
            sides.local.append(condition)
        elif condition.op == "IN":
            sides.lists.append(condition)
        elif condition.op == "GLOB":
            pattern = str(condition.value)
            sides.local.append(condition)
            if pattern.strip("*"):
                like = replace(condition, op="LIKE", value=glob_like(pattern))
                sides.wire.append(like)
        else:
            sides.wire.append(condition)
    _merge(sides)
    return sides


def _merge(sides: _Sides) -> None:
    """One condition for each field and operator: the tightest, or the rest here."""
    merged: dict[tuple[str, str], Condition] = {}
    for condition in sides.wire:
        side = _side(condition.op)
        key = (condition.field, side)
        other = merged.get(key)
        if other is None:
            merged[key] = condition
        elif side in {"lower", "upper"}:
            merged[key] = _tighter(other, condition)
        elif condition.op == "EQ":
            sides.empty = f"'{other}' and '{condition}' cannot both hold"
            return
        else:
            sides.local.append(condition)
    sides.wire = list(merged.values())
    sides.empty = _contradiction(merged) or _narrow_lists(sides, merged)


def _side(op: str) -> str:
    return "lower" if op in _LOWER else "upper" if op in _UPPER else op


def _tighter(a: Condition, b: Condition) -> Condition:
    order = _compare(a.value, b.value)
    if order == 0:
        return a if a.op in {"GT", "LT"} else b
    larger, smaller = (a, b) if order > 0 else (b, a)
    return larger if a.op in _LOWER else smaller


def _compare(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def _contradiction(merged: dict[tuple[str, str], Condition]) -> str | None:
    """Why the merged conditions cannot all hold, as far as numbers and times tell."""
    for (name, side), condition in merged.items():
        for other in merged.values() if side == "EQ" else ():
            if other.field == name and not _allows(other, condition.value):
                return f"'{condition}' and '{other}' cannot both hold"
    for (name, side), low in merged.items():
        high = merged.get((name, "upper")) if side == "lower" else None
        if high is None or isinstance(low.value, str):
            continue  # text sorts as the service's collation says
        order = _compare(low.value, high.value)
        if order > 0 or (order == 0 and (low.op, high.op) != ("GE", "LE")):
            return f"'{low}' and '{high}' cannot both hold"
    return None


def _allows(condition: Condition, value: Any) -> bool:
    """Whether a field equal to *value* may fulfil *condition*; in doubt it may."""
    other: Any = condition.value
    if value is None:
        return other is None and condition.op == "EQ"
    if other is None:
        return condition.op == "NEQ"
    if condition.op == "NEQ":
        return bool(value != other)
    if condition.op in {"LIKE", "CT"} or isinstance(value, str):
        return True
    order = _compare(value, other)
    return {"GE": order >= 0, "GT": order > 0, "LE": order <= 0, "LT": order < 0}.get(
        condition.op, True
    )


def _narrow_lists(
    sides: _Sides, merged: dict[tuple[str, str], Condition]
) -> str | None:
    """Narrow the lists by each other and by the other conditions on the same field.

    Returns:
        Why no value is left in one of them, or None; *sides* has the narrowed ones.
    """
    narrowed: dict[str, Condition] = {}
    for given in sides.lists:
        others = [c for c in merged.values() if c.field == given.field]
        values = [
            v
            for v in given.value  # type: ignore[union-attr]  # IN holds a tuple
            if all(c.op != "EQ" or c.value == v for c in others)
            and all(_allows(c, v) for c in others)
        ]
        before = narrowed.get(given.field)
        if before is not None:
            values = [v for v in values if v in before.value]  # type: ignore[operator]
        if not values:
            return f"no value of '{given}' fulfils the other conditions"
        narrowed[given.field] = replace(given, value=tuple(values))
    # A list and a bound on one field: the list alone says it all. Bounds on text stay,
    # since it sorts as the service's collation says.
    said = {
        (c.field, side)
        for c in narrowed.values()
        for side in _SAID[isinstance(c.value[0], str)]  # type: ignore[index]  # a tuple
    }
    sides.wire = [c for c in sides.wire if (c.field, _side(c.op)) not in said]
    sides.lists = list(narrowed.values())
    return None
