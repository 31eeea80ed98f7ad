"""Rows by run, made of those by lumisection: what a store need not fetch twice.

What is added up or looked up is the same whoever does it: counts, the lumisections that
a row covers, its start. The mean rate of the HLT is its count over the rows that there
are. What OMS does otherwise, or nobody knows how, is refused by name: rates of the L1
(over its active part), shares of dead time, prescales, volumes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omskit.engine.sql import quoted
from omskit.errors import NotSyncedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omskit.query import Condition
    from omskit.schema import Field, Resource
    from omskit.store.relations import StoreRelation

LUMISECTION_S = 3564 * 2**18 / 40.08e6
"""2^18 orbits, as in all recorded rates of the HLT (`docs/reference/trigger.md`)."""

_COUNTS = {"hltpathrates": "counter", "datasetrates": "events", "streams": "n_events"}
"""The count whose mean is the ``rate`` of a row."""

_FIRST = {"fill_number", "name"}
"""What a run-level row takes from its first lumisection."""


def _how(field: Field, resource: Resource) -> str | None:
    """SQL for a column by run; None: it cannot be made."""
    name, begin = quoted(field.name), quoted(resource.lumisection or "")
    if field.name in {resource.lumisection, "start_time"}:
        return f"min({name})"
    if field.name == "last_lumisection_number":
        return f"max({name})"
    if field.name in resource.identity:
        return name
    if field.name in _FIRST:
        return f"arg_min({name}, {begin})"
    counts = _COUNTS.get(resource.name)
    if field.name == counts or field.name.endswith("_counter"):
        return f"CAST(sum({name}) AS BIGINT)"
    if field.name == "rate" and counts is not None:
        count = quoted(counts)
        return f"sum({count}) / (count({count}) * {LUMISECTION_S!r}::DOUBLE)"
    return None


@dataclass(frozen=True, slots=True)
class DerivedRelation:
    """Rows by run, over those by lumisection; see `omskit.engine.relations`.

    Attributes:
        base: The rows by lumisection.
        key: What they stand for, e.g. ``"hltpathrates@run"``.
        direct: Rows by run that were fetched as such; they go first.
    """

    base: StoreRelation
    key: str
    direct: StoreRelation | None = None

    @property
    def resource(self) -> Resource:
        """The resource; columns that cannot be made are refused when they are used."""
        return self.base.resource

    @property
    def source(self) -> str:
        """The rows by lumisection, grouped."""
        found = self.resource
        keys = [n for n in found.identity if n != found.lumisection]
        columns = ", ".join(
            f"{_how(f, found) or 'NULL'} AS {quoted(f.name)}" for f in found.fields
        )
        group = ", ".join(map(quoted, keys))
        rows = f"{self.base.source} AS of_lumisections"
        return f"(SELECT {columns} FROM {rows} GROUP BY {group})"  # noqa: S608  # names of the catalogue

    @property
    def order(self) -> tuple[str, ...]:
        """The identity."""
        return self.base.order

    @property
    def ordered(self) -> bool:
        """Groups come in any order."""
        return False

    @property
    def count(self) -> int | None:
        """Nobody knows without looking."""
        return None

    def page(self, offset: int, limit: int) -> None:
        """There is no short cut."""
        del offset, limit

    def narrowed(
        self, conditions: Iterable[Condition]
    ) -> StoreRelation | DerivedRelation:
        """The runs that are asked for: fetched as such, or made of lumisections.

        Raises:
            NotSyncedError: Neither are all there.
        """
        runs = [c for c in conditions if c.field == self.base.layout.column]
        if self.direct is not None:
            with suppress(NotSyncedError):
                return self.direct.narrowed(conditions)
        return replace(self, base=self.base.narrowed(runs))

    def refuse(self, names: Iterable[str]) -> None:
        """Refuse columns that cannot be made of lumisections.

        Raises:
            NotSyncedError: The message names them, what can be had, and the command
                that fetches them.
        """
        found = self.resource
        made = [f.name for f in found.fields if _how(f, found) is not None]
        lost = [n for n in dict.fromkeys(names) if n in found and n not in made]
        if not lost:
            return
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise NotSyncedError(
            f"The store {self.base.place} holds {found.name!r} by lumisection; "
            f"{', '.join(lost[:3])}{more} by run cannot be made of it as OMS does. Ask "
            f"for others ({', '.join(made)}), or fetch them: oms sync {self.key} "
            f"--store {self.base.place}"
        )
