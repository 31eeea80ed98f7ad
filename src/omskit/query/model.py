"""Queries as values: what is asked, not how or where."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, runtime_checkable

from omskit._arguments import NOTHING, Wants, check_types, names_in, shown
from omskit.errors import OperatorError, SelectorError, UsageError
from omskit.query.operators import OPERATORS

Scalar: TypeAlias = int | float | str | bool | dt.date | dt.datetime | None
INCLUDES = ("meta", "presentation_timestamp", "data_only")
"""What ``include`` may name."""

_FIELD: Wants = {"field": ((str,), "the name of a field, e.g. 'l1_rate'")}
_TEXT_OR_NONE = (str, int, NOTHING), "text or a whole number"
_CUSTOM: Wants = {"key": ((str,), "text"), "value": ((str, int), _TEXT_OR_NONE[1])}


@runtime_checkable
class MaskLike(Protocol):
    """A set of lumisections, as a query needs it; `omskit.LumiMask` is one."""

    @property
    def runs(self) -> Any:
        """The runs that have lumisections in it."""

    def contains(self, runs: Any, lumisections: Any) -> Any:
        """Whether each pair is in the set."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; conditions of a query are ANDed, as OMS can do no other.

    Example:
        >>> field("l1_rate") > 1000
        Condition('l1_rate', 'GT', 1000)
    """

    field: str
    op: str
    value: Scalar | tuple[Scalar, ...]

    def __post_init__(self) -> None:
        """Hold values that can be hashed, pickled and compared."""
        check_types({"field": self.field}, _FIELD)
        if self.op not in OPERATORS:
            message = (
                f"OMS has no operator {self.op!r}; it knows {', '.join(OPERATORS)}."
            )
            raise OperatorError(message)
        value = self.value
        if self.op == "IN":
            if isinstance(value, str) or not isinstance(value, Iterable):
                message = f"is_in() on {self.field!r} takes a list, not {value!r}."
                raise OperatorError(message)
            plain = tuple(dict.fromkeys(plain_value(v) for v in value))
            if not plain:
                message = f"is_in() on {self.field!r} got an empty list: no row fits."
                raise SelectorError(message)
            object.__setattr__(self, "value", plain)
        else:
            object.__setattr__(self, "value", plain_value(value))

    def __repr__(self) -> str:
        """Repr that can be pasted back."""
        return f"Condition({self.field!r}, {self.op!r}, {self.value!r})"

    def __str__(self) -> str:
        """As on the command line."""
        return f"{self.field} {OPERATORS[self.op].symbol} {value_text(self.value)}"

    def __and__(
        self, other: Condition | tuple[Condition, ...]
    ) -> tuple[Condition, ...]:
        """Both; `Query.where` takes the pair."""
        return (self, *flatten((other,)))

    def __bool__(self) -> bool:
        """Refuse ``and``, ``or``, chained comparisons: Python would drop one side."""
        message = (
            f"The condition '{self}' has no truth value: Python would drop part of 'a "
            "< x < b' and of 'p and q' unsaid. Write where(p, q), or between(a, b)."
        )
        raise OperatorError(message)


def value_text(value: object) -> str:
    """A value, or several, as people write them."""
    if isinstance(value, tuple):
        shown = ", ".join(value_text(v) for v in value[:5])
        return shown if len(value) <= 5 else f"{shown}, ... ({len(value)} values)"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return time_text(value)
    return str(value)


def plain_value(value: Any) -> Scalar:
    """A plain Python value: numpy scalars unpacked, times aware and in UTC.

    A date without a time of day stays one: see `omskit.query.days`.

    Raises:
        OperatorError: It is not a number, text, flag, time or None.

    Example:
        >>> plain_value(dt.datetime(2017, 6, 16, 20)).isoformat()
        '2017-06-16T20:00:00+00:00'
    """
    plain = _unpacked(value)
    if isinstance(plain, dt.date) and not isinstance(plain, dt.datetime):
        return plain
    if isinstance(plain, dt.datetime) and str(plain) != "NaT":
        naive = plain.tzinfo is None
        try:
            return plain.replace(tzinfo=dt.UTC) if naive else plain.astimezone(dt.UTC)
        except OverflowError:
            plain = value
    elif plain is None or isinstance(plain, (bool, int, float, str)):
        return plain
    message = (
        f"Cannot compare with {value!r:.80} ({type(value).__name__}); "
        "use a number, text, flag, time or None."
    )
    raise OperatorError(message)


def _unpacked(value: Any) -> Any:
    """What a scalar of numpy or pandas holds."""
    if getattr(value, "shape", None) == ():
        if value.dtype.kind == "M" and value.dtype.str[-3:] != "[D]":
            # In nanoseconds .item() is a bare number; in days it is a date.
            value = value.astype("datetime64[us]")
        plain = value.item()
        return value if plain is None else plain  # NaT is no way to ask for null
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value


def time_text(value: dt.datetime) -> str:
    """A time as OMS writes it, with microseconds only where there are any.

    Example:
        >>> time_text(dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC))
        '2017-06-16T20:50:33Z'
    """
    return value.astimezone(dt.UTC).isoformat().removesuffix("+00:00") + "Z"


def flatten(
    conditions: Iterable[Condition | tuple[Condition, ...]],
) -> Iterator[Condition]:
    """Single conditions out of conditions and tuples of them."""
    entries: Iterable[object] = conditions  # What the types forbid, users still do.
    for entry in entries:
        if isinstance(entry, Condition):
            yield entry
        elif isinstance(entry, tuple):
            yield from flatten(entry)
        else:
            message = (
                f"where() takes conditions such as field('l1_rate') > 1000, "
                f"not {entry!r}."
            )
            raise OperatorError(message)


class Column:
    """A field that is about to be compared."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        check_types({"field": name}, _FIELD)
        self.name = name

    def __repr__(self) -> str:
        return f"field({self.name!r})"

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]  # builds
        return Condition(self.name, "EQ", other)  # type: ignore[arg-type]  # checked

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]  # builds
        return Condition(self.name, "NEQ", other)  # type: ignore[arg-type]  # checked

    def __lt__(self, other: Any) -> Condition:
        return Condition(self.name, "LT", other)

    def __le__(self, other: Any) -> Condition:
        return Condition(self.name, "LE", other)

    def __gt__(self, other: Any) -> Condition:
        return Condition(self.name, "GT", other)

    def __ge__(self, other: Any) -> Condition:
        return Condition(self.name, "GE", other)

    __hash__ = None  # type: ignore[assignment]  # == builds a condition

    def between(self, first: Any, last: Any) -> tuple[Condition, Condition]:
        """From *first* to *last*, both ends included."""
        return (self >= first, self <= last)

    def is_in(self, values: Iterable[Any]) -> Condition:
        """One of *values*; planned into several requests or a wider one."""
        return Condition(self.name, "IN", values)  # type: ignore[arg-type]  # checked

    def like(self, pattern: str) -> Condition:
        """LIKE of SQL: ``%`` stands for anything, ``_`` for one character."""
        return Condition(self.name, "LIKE", pattern)

    def matches(self, pattern: str) -> Condition:
        """Shell pattern: ``*``, ``?``, ``[..]``; matched exactly, case counts."""
        return Condition(self.name, "GLOB", pattern)

    def contains(self, value: str) -> Condition:
        """A list has this element, or a text this part."""
        return Condition(self.name, "CT", value)

    def is_null(self) -> Condition:
        """No value."""
        return Condition(self.name, "EQ", None)

    def not_null(self) -> Condition:
        """Any value."""
        return Condition(self.name, "NEQ", None)


class _Fields:
    """``field("name")`` and ``field.name``."""

    def __call__(self, name: str) -> Column:
        """The field of that name."""
        return Column(name)

    def __getattr__(self, name: str) -> Column:
        if name.startswith("__"):
            raise AttributeError(name)
        return Column(name)

    def __repr__(self) -> str:
        return "field"


field = _Fields()
"""Fields of OMS, to build conditions: ``field("l1_rate") > 1``, ``field.era == x``."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs or lumisections, where that takes a look at the service first.

    Attributes:
        fill: First and last fill, ends included.
        era: Name of an era.
        since, until: Bounds on the start time, ends included; a date is a whole day.
        last: The newest n runs (or fills, for fills).
        mask: A set of lumisections.
        said: What depends on when it is asked, by what it stands for: ``("runs",
            "today")``, ``("since", "-8h")``.
    """

    fill: tuple[int, int] | None = None
    era: str | None = None
    since: dt.date | dt.datetime | None = None
    until: dt.date | dt.datetime | None = None
    last: int | None = None
    mask: MaskLike | None = None
    said: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is selected."""
        plain = (name for name in self.__slots__ if name != "said")
        return bool(self.said) or any(getattr(self, n) is not None for n in plain)


@dataclass(frozen=True, slots=True)
class Query:
    """A question to OMS: immutable, hashable, picklable; asks nothing by itself.

    Attributes:
        resource: Name of the resource.
        conditions: All must hold.
        fields: Columns wanted, in order; None for all.
        order: Sort keys, first the most important; ``-`` descends; nulls come last.
        maximum: At most so many rows.
        includes: See `INCLUDES`.
        groups: Pairs for ``group[key]=value``.
        extras: Any other parameters, sent as they are.
        selection: What is still to be looked up, see `Selection`.

    Example:
        >>> q = Query("runs").where(field("l1_rate") > 1).sort("-run_number").limit(3)
        >>> q.order, q.maximum
        (('-run_number',), 3)
    """

    resource: str
    conditions: tuple[Condition, ...] = ()
    fields: tuple[str, ...] | None = None
    order: tuple[str, ...] = ()
    maximum: int | None = None
    includes: tuple[str, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    extras: tuple[tuple[str, str], ...] = ()
    selection: Selection = Selection()

    def __post_init__(self) -> None:
        """Refuse what is no part of a question.

        Raises:
            UsageError: The message names it.
        """
        check_types({name: getattr(self, name) for name in _WANTS}, _WANTS)
        for name, kind in _PARTS:
            for part in getattr(self, name) or ():
                if not isinstance(part, kind):
                    wanted = _WANTS[name][1]
                    message = f"{name}= holds {shown(part)}; it is {wanted}."
                    raise UsageError(message)

    def where(self, *conditions: Condition | tuple[Condition, ...]) -> Query:
        """Also require these."""
        return replace(self, conditions=(*self.conditions, *flatten(conditions)))

    def select(self, *fields: str | Iterable[str]) -> Query:
        """Only these columns, in this order."""
        names = tuple(dict.fromkeys(names_in(fields, "fields")))
        if not names:
            message = "select() needs at least one field; leave it out for all."
            raise UsageError(message)
        return replace(self, fields=names)

    def sort(self, *keys: str | Iterable[str]) -> Query:
        """By these fields, first the most important; a leading ``-`` descends."""
        return replace(self, order=tuple(dict.fromkeys(names_in(keys, "sort"))))

    def limit(self, rows: int) -> Query:
        """At most so many rows, the first in the order asked for."""
        given: object = rows
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            message = f"limit() takes a whole number from 1, not {rows!r}."
            raise UsageError(message)
        return replace(self, maximum=rows)

    def include(self, *keys: str) -> Query:
        """Ask for extra parts of the answer."""
        unknown = [key for key in keys if key not in INCLUDES]
        if unknown:
            message = f"include() knows {', '.join(INCLUDES)}, not {unknown[0]!r}."
            raise UsageError(message)
        return replace(self, includes=tuple(dict.fromkeys((*self.includes, *keys))))

    def group(self, granularity: str | None = None, **keys: str | int) -> Query:
        """Rows per run or per lumisection; further keys go out as ``group[key]``."""
        named: Mapping[str, str | int | None] = {"granularity": granularity, **keys}
        check_types(named, dict.fromkeys(named, _TEXT_OR_NONE))
        groups = dict(self.groups)
        groups.update({k: str(v) for k, v in named.items() if v is not None})
        return replace(self, groups=tuple(groups.items()))

    def custom(self, key: str, value: str | int) -> Query:
        """Send any other parameter, as it is."""
        check_types({"key": key, "value": value}, _CUSTOM)
        return replace(self, extras=(*self.extras, (key, str(value))))


_WANTS: Wants = {
    "resource": ((str,), "the name of a resource, e.g. 'runs'"),
    "conditions": ((tuple,), "a tuple of Condition"),
    "fields": ((tuple, NOTHING), "a tuple of names, or None"),
    "order": ((tuple,), "a tuple of names"),
    "maximum": ((int, NOTHING), "a whole number, or None"),
    "includes": ((tuple,), "a tuple of names"),
    "groups": ((tuple,), "a tuple of pairs"),
    "extras": ((tuple,), "a tuple of pairs"),
    "selection": ((Selection,), "a Selection"),
}
_PARTS = (
    ("conditions", Condition),
    ("fields", str),
    ("order", str),
    ("includes", str),
    ("groups", tuple),
    ("extras", tuple),
)
