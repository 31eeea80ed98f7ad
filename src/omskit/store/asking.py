"""Which runs or fills a question is about, and what to say where they are not held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omskit.store.coverage import spans_text
from omskit.store.layout import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omskit.query import Condition
    from omskit.store.coverage import Coverage, Span
    from omskit.store.layout import Layout


def lacks(layout: Layout, coverage: Coverage, missing: list[Span], place: str) -> str:
    """The message for what is not held, with the command that fetches it."""
    name, what = layout.name, layout.column.removesuffix("_number")
    command = f"oms sync {name}"
    if not what:
        return (
            f"The store {place} does not hold {name!r}. Try: {command} --store {place}"
        )
    held = spans_text(coverage.spans, OPEN)
    wanted = spans_text(missing, OPEN)
    if missing[-1][1] >= OPEN:
        return (
            f"This question is about all {what}s, of which the store {place} holds, of "
            f"{name!r}: {held}. Name {what}s that it holds, or fetch the others: "
            f"{command} --store {place}"
        )
    ranges = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in missing[:10])
    option = f" {ranges}" if what == "run" else ""
    return (
        f"The store {place} does not hold {name!r} of {what} {wanted}; it holds "
        f"{held}. Try: {command}{option} --store {place}"
    )


def spans_in(conditions: Iterable[Condition], column: str) -> list[Span]:
    """Which values of *column* rows can have for which *conditions* hold.

    Example:
        >>> from omskit.query import field
        >>> spans_in([field.run_number >= 5, field.run_number < 9], "run_number")
        [(5, 8)]
    """
    first, last = 0, OPEN
    chosen: set[int] | None = None
    for condition in conditions:
        value: Any = condition.value
        if condition.field != column or value is None:
            continue
        if condition.op in {"EQ", "IN"}:
            values = set(value if isinstance(value, tuple) else (value,))
            chosen = values if chosen is None else chosen & values
        elif condition.op in {"GE", "GT"}:
            first = max(first, value + (condition.op == "GT"))
        elif condition.op in {"LE", "LT"}:
            last = min(last, value - (condition.op == "LT"))
    if chosen is None:
        return [(first, last)] if first <= last else []
    return [(n, n) for n in sorted(chosen) if first <= n <= last]
