"""What a store can answer for good, so that nobody else need be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit.store.asking import spans_in
from omskit.store.layout import OPEN, layout_of

if TYPE_CHECKING:
    from omskit.query import Query
    from omskit.store.coverage import Span
    from omskit.store.kept import Kept
    from omskit.store.layout import Layout


def holds_final(kept: Kept, query: Query) -> bool:
    """Whether all rows that a query can match are here, and final."""
    layout = _layout(kept, query)
    if layout is None or not layout.column:
        return False
    spans = spans_in(query.conditions, layout.column)
    if not spans or spans[-1][1] >= OPEN or kept.table(layout.name) is None:
        return False
    return not kept.coverage(layout.name).missing(spans, final=True)


def final_pieces(kept: Kept, query: Query, column: str) -> list[tuple[int, int | None]]:
    """The runs of a query in order, cut where what is final begins or ends.

    Returns:
        First and last of each piece, None where it is open; nothing where the rows are
        not kept by *column*.
    """
    layout = _layout(kept, query)
    if layout is None or layout.hidden or not column or layout.column != column:
        return []
    coverage = kept.coverage(layout.name)
    found: list[tuple[int, int | None]] = []
    for first, last in spans_in(query.conditions, column):
        lacking = coverage.missing([(first, last)], final=True)
        cuts: list[Span] = []
        begin = first
        for a, b in lacking:
            cuts += [(begin, a - 1)] if a > begin else []
            cuts.append((a, b))
            begin = b + 1
        cuts += [(begin, last)] if begin <= last else []
        found += ((a, None if b >= OPEN else b) for a, b in cuts)
    return found


def _layout(kept: Kept, query: Query) -> Layout | None:
    """How the rows of a query are kept; None where they are not."""
    if query.resource not in kept.catalogue or query.extras or query.includes:
        return None
    granularity = dict(query.groups).get("granularity")
    name = f"{query.resource}@{granularity}" if granularity else query.resource
    layout = layout_of(name, kept.catalogue)
    return layout if layout.resource.identity or layout.hidden else None
