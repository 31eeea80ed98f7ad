"""Lists of values as conditions that OMS can say, one entry for each request."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from omskit.query.model import Condition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omskit.schema import Resource

MOST_PIECES = 32
"""A list of numbers becomes at most so many requests; beyond, near ones are joined."""


def pieces(condition: Condition, resource: Resource) -> list[tuple[Condition, ...]]:
    """Conditions that OMS can say, one entry for each request."""
    name, values = condition.field, condition.value
    column = resource.get(name)
    whole = column is not None and column.kind == "int"
    if not whole:
        return [(Condition(name, "EQ", v),) for v in values]  # type: ignore[union-attr]
    return [_range(name, first, last) for first, last in joined(values)]  # type: ignore[arg-type]


def _range(name: str, first: int, last: int) -> tuple[Condition, ...]:
    if first == last:
        return (Condition(name, "EQ", first),)
    return (Condition(name, "GE", first), Condition(name, "LE", last))


def joined(values: Iterable[int], most: int | None = None) -> list[tuple[int, int]]:
    """Ranges that cover *values*: runs of neighbours, then the nearest joined.

    Example:
        >>> joined([1, 2, 5, 100], most=2)
        [(1, 5), (100, 100)]
    """
    most = MOST_PIECES if most is None else most
    ordered = sorted(set(values))
    breaks = [(b - a, i) for i, (a, b) in enumerate(pairwise(ordered)) if b > a + 1]
    widest = sorted(sorted(breaks, reverse=True)[: most - 1], key=lambda gap: gap[1])
    cuts = [i for _, i in widest]
    starts = [ordered[0], *(ordered[i + 1] for i in cuts)]
    ends = [*(ordered[i] for i in cuts), ordered[-1]]
    return list(zip(starts, ends, strict=True))


def is_widened(condition: Condition, resource: Resource) -> bool:
    """The requests for a list let through numbers that are not in it."""
    column = resource.get(condition.field)
    if column is None or column.kind != "int":
        return False
    values: Any = condition.value
    covered = sum(last - first + 1 for first, last in joined(values))
    return covered > len(set(values))
