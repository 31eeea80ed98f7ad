"""Where the rows of a page are, so that a page deep in an answer costs little more.

Of all rows the relation knows it. Of those that match conditions, in natural order, it
is counted how many there are of each run, or fill, at the first question; pages of the
same rows are then read from the runs that have them, and nobody counts again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from omskit.engine.sql import (
    MANY,
    Statement,
    by_key_statement,
    is_natural,
    is_newest,
    late_names,
)
from omskit.query import Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import pyarrow as pa

    from omskit.engine.relations import Relation
    from omskit.query import Query

KEPT = 64
"""Of the last so many filters it is kept where their rows are."""

LONGEST = 50_000
"""Runs that are kept of a filter; 16 bytes each."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to read a page.

    Attributes:
        query: What to ask.
        relation: Of which rows.
        offset: How many of them come before the page.
        total: How many rows match in all; None: not known here.
        is_near: Nothing but rows around the page is in the relation, and all match.
    """

    query: Query
    relation: Relation
    offset: int
    total: int | None = None
    is_near: bool = False


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many rows match: those of each key, added up."""

    keys: np.ndarray
    ends: np.ndarray

    @property
    def total(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0


class Places:
    """Where the rows of filters are; threads share it.

    Cost: 16 bytes for each run of each of the last `KEPT` filters.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: OrderedDict[Hashable, _Counted | None] = OrderedDict()

    def of(
        self,
        query: Query,
        relation: Relation,
        window: tuple[int, int],
        state: Hashable | None,
        run: Callable[[Statement], pa.Table],
    ) -> Place:
        """Where the rows of a window, offset and limit, are.

        Args:
            state: Which rows *relation* has; None: nobody knows, and nothing is kept.
            run: Asks SQL.
        """
        offset, limit = window
        if not query.conditions and not query.order:
            # One row more than wanted: what is computed may look at the next one.
            near = relation.page(offset, limit + 1)
            found, before = near or (relation, offset)
            return Place(query, found, before, is_near=near is not None)
        if state is None or not _is_counted(query, relation):
            return Place(query, relation, offset)
        counted = self._count(query, relation, state, run)
        if counted is None:
            return Place(query, relation, offset)
        total, keys, ends = counted.total, counted.keys, counted.ends
        if not is_natural(query, relation.resource) or offset >= total:
            return Place(query, relation, offset, total)
        first = int(np.searchsorted(ends, offset, "right"))
        last = min(int(np.searchsorted(ends, offset + limit + 1)), len(ends) - 1)
        before = int(ends[first - 1]) if first else 0
        name = relation.resource.identity[0]
        span = (
            Condition(name, "GE", int(keys[first])),
            Condition(name, "LE", int(keys[last])),
        )
        narrow = replace(query, conditions=(*query.conditions, *span))
        found = relation.narrowed(narrow.conditions)
        return Place(narrow, found, offset - before, total)

    def _count(
        self,
        query: Query,
        relation: Relation,
        state: Hashable,
        run: Callable[[Statement], pa.Table],
    ) -> _Counted | None:
        which = state, relation.resource.name, query.conditions
        with self._lock:
            if which in self._counted:
                self._counted.move_to_end(which)
                return self._counted[which]
        found = run(by_key_statement(query, relation))
        keys, counts = found.columns
        kept = None
        if not keys.null_count and len(keys) <= LONGEST:
            kept = _Counted(keys.to_numpy(), np.cumsum(counts.to_numpy()))
        with self._lock:
            self._counted[which] = kept
            while len(self._counted) > KEPT:
                self._counted.popitem(last=False)
        return kept


def _is_counted(query: Query, relation: Relation) -> bool:
    """Whether rows are many, and each matches or not whatever the others are."""
    resource = relation.resource
    if not query.conditions or not resource.identity or (relation.count or 0) <= MANY:
        return False
    if resource.field(resource.identity[0]).kind != "int":
        return False
    late = late_names(resource)
    return not any(c.field in late or is_newest(c, resource) for c in query.conditions)
