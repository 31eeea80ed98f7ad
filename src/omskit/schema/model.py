"""What OMS calls its things: fields, resources and the catalogue that holds them.

Values only: nothing here reads a file or asks a service.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from omskit.errors import (
    Remedy,
    UnknownFieldError,
    UnknownResourceError,
    did_you_mean,
    names_with,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Kind = Literal["int", "float", "str", "bool", "time", "list", "json"]
"""The type words of the catalogue; ``list`` is a list of plain values."""

Evidence = Literal["REAL", "USED", "FRONT", "SRV", "GUESS", "META"]
"""How a fact is known; META: a live ``/meta`` document said so."""

UNIT_SUFFIX = "@unit"
"""In tables as a service has them, ``X@unit`` holds the unit of X row by row."""

TIME = pa.timestamp("us", tz="UTC")
ARROW: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "float": pa.float64(),
    "str": pa.string(),
    "bool": pa.bool_(),
    "time": TIME,
    "json": pa.string(),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a resource.

    Attributes:
        name: Column name in tables, e.g. ``l1a_physics_rate``.
        path: Keys below ``attributes`` on the wire, e.g. ``("l1a_physics", "rate")``.
        kind: Type word; ``list`` takes its element type from *items*.
        unit: Canonical unit of the column, or None where it has none.
        scaled: The service scales this value row by row and names the unit in
            ``meta.row``.
        unit_from: The field whose row unit holds for this one too, where the service
            names none of its own.
        after_filter: The expression a service computes after its WHERE, which so
            depends on the filters of the request; None for ordinary columns.
        nullable: The value may be missing.
    """

    name: str
    path: tuple[str, ...]
    kind: Kind
    items: Kind | None = None
    unit: str | None = None
    scaled: bool = False
    unit_from: str | None = None
    after_filter: str | None = None
    nullable: bool = True
    filterable: bool = True
    sortable: bool = True
    title: str = ""
    evidence: Evidence = "USED"

    @property
    def attribute(self) -> str:
        """The attribute this column comes from; its own name where it is not nested."""
        return self.path[0]

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type of the column."""
        if self.kind == "list":
            return pa.list_(ARROW[self.items or "str"])
        return ARROW[self.kind]


@dataclass(frozen=True, slots=True)
class Relationship:
    """A way from one row to rows of another resource.

    Attributes:
        name: As in the URL, ``runs/297050/<name>``.
        resource: The resource it leads to.
        on: Pairs (field of the target, field of this row) that must be equal.
    """

    name: str
    resource: str
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """One endpoint of OMS and its columns, in the order in which tables show them.

    Attributes:
        identity: Columns that tell any two rows apart.
        row_id: Template of the row's ``id``, e.g. ``"{run_number}_{bit}"``.
        id_is_real: The form of the id was seen in recorded answers.
        lumisection: The column that holds the lumisection, for rows that belong to one.
        granularities: What ``group[granularity]`` may be; the first is the default.
        filters: What rows can be filtered by although they do not show it, such as the
            run of a prescale set. Nothing but one value of it can be asked for: rows
            of several could not be told apart.
        within: The filter within one value of which the identity tells rows apart, so
            that a query must name one; None where it always does.
    """

    name: str
    fields: tuple[Field, ...]
    title: str = ""
    identity: tuple[str, ...] = ()
    row_id: str = ""
    id_is_real: bool = False
    lumisection: str | None = None
    granularities: tuple[str, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    filters: tuple[Field, ...] = ()
    within: str | None = None
    evidence: Evidence = "USED"
    source: str = ""
    note: str = ""
    _by_name: dict[str, Field] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Index the columns by name; what a service does show is no mere filter."""
        self._by_name.update({f.name: f for f in self.fields})
        unseen = tuple(f for f in self.filters if f.name not in self._by_name)
        object.__setattr__(self, "filters", unseen)

    def __contains__(self, name: str) -> bool:
        """Whether there is a column of that name."""
        return name in self._by_name

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(self._by_name)

    def get(self, name: str) -> Field | None:
        """The column of that name, or None."""
        return self._by_name.get(name)

    def filtered_by(self, name: str) -> Field | None:
        """What a condition on *name* compares: a column, or what rows do not show.

        Example:
            >>> from omskit.schema import bundled
            >>> sets = bundled()["hltprescalesets"]
            >>> "run_number" in sets, sets.filtered_by("run_number").kind
            (False, 'int')
        """
        unseen = (f for f in self.filters if f.name == name)
        return self._by_name.get(name) or next(unseen, None)

    def field(self, name: str) -> Field:
        """The column of that name.

        Raises:
            UnknownFieldError: There is none; the message names the nearest.
        """
        found = self._by_name.get(name)
        if found is None:
            raise self._unknown(name)
        return found

    def columns_of(self, name: str) -> tuple[Field, ...]:
        """The columns that a name stands for: itself, or all parts of a nested one.

        Raises:
            UnknownFieldError: There is none; the message names the nearest.

        Example:
            >>> from omskit.schema import bundled
            >>> [f.name for f in bundled()["l1triggerrates"].columns_of("l1a_physics")]
            ['l1a_physics_counter', 'l1a_physics_rate']
        """
        if name in self._by_name:
            return (self._by_name[name],)
        parts = tuple(f for f in self.fields if f.attribute == name)
        if not parts:
            raise self._unknown(name)
        return parts

    def _unknown(self, name: str) -> UnknownFieldError:
        if self.filtered_by(name) is not None:
            return UnknownFieldError(
                f"{self.name!r} can be filtered by {name!r}, but does not show it: it "
                "is no column of its rows.",
                remedy=Remedy(f"'oms fields {self.name}' lists those."),
            )
        every = (*self.fields, *self.filters)
        known = (*(f.name for f in every), *(f.attribute for f in every))
        hint = did_you_mean(name, dict.fromkeys(known)) or names_with(name, known)
        listed = f"'oms fields {self.name}' lists all {len(self.fields)};"
        return UnknownFieldError(
            f"{self.name!r} has no field {name!r}.{hint}",
            remedy=Remedy(
                f"{listed} unchecked=True sends the name as it is.",
                f"{listed} oms get --unchecked sends the name as it is.",
            ),
        )


class Catalogue:
    """All resources, by name.

    Example:
        >>> from omskit.schema import bundled
        >>> bundled()["runs"].field("duration").unit
        's'
    """

    def __init__(self, resources: Mapping[str, Resource]) -> None:
        self._resources = resources

    def __contains__(self, name: object) -> bool:
        return name in self._resources

    def __iter__(self) -> Iterator[str]:
        return iter(self._resources)

    def __len__(self) -> int:
        return len(self._resources)

    def __getitem__(self, name: str) -> Resource:
        """The resource of that name.

        Raises:
            UnknownResourceError: There is none; the message names the nearest.
        """
        try:
            return self._resources[name]
        except KeyError:
            raise UnknownResourceError(self.unknown(name)) from None

    def unknown(self, name: str) -> str:
        """The message for a resource that does not exist."""
        hint = did_you_mean(name, self._resources)
        return (
            f"OMS has no resource {name!r}.{hint} "
            f"Known: {', '.join(sorted(self._resources))}."
        )

    def with_resource(self, resource: Resource) -> Catalogue:
        """A catalogue that also holds *resource*, or holds it instead."""
        return Catalogue({**self._resources, resource.name: resource})


def with_fields(resource: Resource, fields: Iterable[Field]) -> Resource:
    """The same resource with other columns."""
    return replace(resource, fields=tuple(fields))
