"""A query as one SQL statement; text from the catalogue, values as parameters.

No text of a request ever becomes text of a statement: columns are those of the
catalogue, quoted; operators are templates of `omskit.query.operators`; values are
bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omskit.errors import UsageError
from omskit.query.check import glob_regex
from omskit.query.operators import OPERATORS
from omskit.schema import UNIT_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from omskit.engine.relations import Relation
    from omskit.query import Condition, Query
    from omskit.schema import Field, Resource

_LEAD = re.compile(r"lead\((\w+)\)")
_NEWEST = frozenset({"lumisection_number", "last_lumisection_number"})

MANY = 200_000
"""Of so many rows it pays to read some columns twice."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and the values of its parameters, in order.

    Attributes:
        following: Columns that hold what is to stand one row higher; where there are
            any, one row more than wanted is asked for.
    """

    text: str
    values: tuple[Any, ...] = ()
    following: tuple[str, ...] = ()


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it.

    Example:
        >>> quoted("init_lumi@unit")
        '"init_lumi@unit"'
    """
    return '"' + name.replace('"', '""') + '"'


def chosen(query: Query, resource: Resource) -> tuple[Field, ...]:
    """The columns of the answer, in order, each once.

    Raises:
        UnknownFieldError: There is no such field; the message names the nearest.
    """
    if query.fields is None:
        return resource.fields
    wanted = (f for name in query.fields for f in resource.columns_of(name))
    return tuple({f.name: f for f in wanted}.values())


def column_names(fields: Iterable[Field]) -> list[str]:
    """The names of *fields*, each scaled one followed by its column of units."""
    names: list[str] = []
    for field in fields:
        names.append(field.name)
        if field.scaled:
            names.append(field.name + UNIT_SUFFIX)
    return names


def rows_statement(
    query: Query, relation: Relation, *, offset: int, limit: int | None
) -> Statement:
    """The rows of the answer, sorted and cut; see `omskit.engine.places` for which."""
    moved = following(query, relation.resource)
    if limit is not None and not moved and (relation.count or 0) > MANY:
        found = _looked_up(query, relation, offset, limit)
        if found is not None:
            return found
    matching = _matching(query, relation, done=moved)
    columns = ", ".join(
        f"{quoted(moved[name])} AS {quoted(name)}" if name in moved else quoted(name)
        for name in column_names(chosen(query, relation.resource))
    )
    order = _order(query, relation, done=moved)
    text = f"SELECT {columns} {matching.text}{order}"
    values = [*matching.values]
    if limit is not None:
        text += " LIMIT ?"
        values.append(limit + bool(moved))
    if offset:
        text += " OFFSET ?"
        values.append(offset)
    return Statement(text, tuple(values), tuple(moved))


def _looked_up(
    query: Query, relation: Relation, offset: int, limit: int
) -> Statement | None:
    """A page of many rows in another order than theirs; None where none need be.

    A window over all columns of all rows would be sorted for the sake of one page
    (3.5 s for two million lumisections): it has the column alone that it is about, and
    the rows of the page find theirs in it (1.8 s).
    """
    resource = relation.resource
    late = {f.name: f for f in chosen(query, resource) if f.after_filter}
    used = {key.removeprefix("-") for key in query.order}
    used |= {c.field for c in query.conditions}
    if not late or used & late_names(resource):
        return None
    matching = _matching(query, relation, done=late)
    order = _order(query, relation, done=late)
    keys = {name: quoted(f"{name}@next") for name in relation.order}
    windows = [f"{_window(late[n], resource)} AS {quoted(n)}" for n in late]
    known = [f"{quoted(name)} AS {key}" for name, key in keys.items()]
    page = f"SELECT * {matching.text}{order} LIMIT ? OFFSET ?"
    every = f"SELECT {', '.join([*known, *windows])} {matching.text}"
    same = " AND ".join(
        f'"@page".{quoted(name)} IS NOT DISTINCT FROM {key}'
        for name, key in keys.items()
    )
    columns = ", ".join(
        f"{quoted('@every' if name in late else '@page')}.{quoted(name)}"
        for name in column_names(chosen(query, resource))
    )
    text = f'SELECT {columns} FROM ({page}) AS "@page" JOIN ({every}) AS "@every"'  # noqa: S608  # names of the catalogue
    values = (*matching.values, limit, offset, *matching.values)
    return Statement(f"{text} ON {same}{order}", values)


def is_natural(query: Query, resource: Resource) -> bool:
    """Whether rows are wanted in the order of their identity."""
    return query.order == resource.identity[: len(query.order)]


def late_names(resource: Resource) -> set[str]:
    """The columns that are computed after the filters, from the next row."""
    return {f.name for f in resource.fields if f.after_filter}


def following(query: Query, resource: Resource) -> dict[str, str]:
    """Columns that are the next row's value of another one, as rows are read.

    Where rows come in natural order anyway, the next row stands below: nothing need be
    computed by a window, which sorts (40 ms for 100 runs with all columns).

    Returns:
        The other column, by name.
    """
    late = {f.name: f for f in resource.fields if f.after_filter}
    needed = late.keys() & {f.name for f in chosen(query, resource)}
    used = {key.removeprefix("-") for key in query.order}
    used |= {c.field for c in query.conditions}
    if not is_natural(query, resource) or used & late.keys():
        return {}
    return {name: _next_of(late[name], resource) for name in sorted(needed)}


def count_statement(query: Query, relation: Relation) -> Statement:
    """How many rows match."""
    matching = _matching(query, relation, done=_unused(query, relation.resource))
    return Statement(f"SELECT count(*) {matching.text}", matching.values)


def by_key_statement(query: Query, relation: Relation) -> Statement:
    """How many rows match of each run, or what else comes first in their identity."""
    resource = relation.resource
    matching = _matching(query, relation, done=_unused(query, resource))
    key = quoted(resource.identity[0])
    text = f"SELECT {key}, count(*) {matching.text} GROUP BY {key} ORDER BY {key}"
    return Statement(text, matching.values)


def _unused(query: Query, resource: Resource) -> set[str]:
    """Computed columns that no condition is about: to count, none need be computed."""
    return late_names(resource) - {c.field for c in query.conditions}


def _matching(query: Query, relation: Relation, done: Container[str] = ()) -> Statement:
    """FROM and WHERE: ordinary conditions inside, those on computed columns outside.

    Args:
        done: Columns that need not be computed.
    """
    resource = relation.resource
    late = late_names(resource)
    inside = [c for c in query.conditions if c.field not in late]
    outside = [c for c in query.conditions if c.field in late]
    table = f"{relation.source} AS {quoted(resource.name)}"
    where = _where(inside, resource, table)
    computed = ", ".join(_computed(query, resource, late, done))
    source = f"FROM {table}{where.text}"
    if not computed:
        return Statement(source, where.values)
    inner = f"(SELECT * REPLACE ({computed}) {source})"
    again = _where(outside, resource, table)
    return Statement(f"FROM {inner}{again.text}", (*where.values, *again.values))


def _computed(
    query: Query, resource: Resource, late: set[str], done: Container[str]
) -> Iterator[str]:
    """What the service computes after its WHERE, for the columns that are needed."""
    needed = {f.name for f in chosen(query, resource)}
    needed |= {key.removeprefix("-") for key in query.order}
    needed |= {c.field for c in query.conditions}
    for name in sorted(late & needed):
        if name in done:
            continue
        yield f"{_window(resource.field(name), resource)} AS {quoted(name)}"


def _next_of(field: Field, resource: Resource) -> str:
    """The column whose next value this one is."""
    match = _LEAD.fullmatch(field.after_filter or "")
    if match is None:
        message = (
            f"The catalogue computes {field.name!r} as {field.after_filter!r}; "
            "the engine only knows lead(column)."
        )
        raise UsageError(message)
    return resource.field(match[1]).name


def _window(field: Field, resource: Resource) -> str:
    source = quoted(_next_of(field, resource))
    order = ", ".join(map(quoted, resource.identity))
    return f"LEAD({source}, 1, 0) OVER (ORDER BY {order})"


def _order(query: Query, relation: Relation, done: Container[str]) -> str:
    """NULLS LAST both ways, as OMS sorts; ties in natural order."""
    order, resource = query.order, relation.resource
    if is_natural(query, resource):
        order = ()  # The natural order is that of the identity.
        if relation.ordered and not _is_computed(query, resource, done):
            return ""
    keys = []
    for key in order:
        name = resource.field(key.removeprefix("-")).name
        direction = "DESC" if key.startswith("-") else "ASC"
        keys.append(f"{quoted(name)} {direction} NULLS LAST")
    natural = (f"{quoted(name)} ASC NULLS LAST" for name in relation.order)
    return " ORDER BY " + ", ".join([*keys, *natural])


def _is_computed(query: Query, resource: Resource, done: Container[str]) -> bool:
    """Whether a column looks at other rows: that may change their order."""
    return any(True for _ in _computed(query, resource, late_names(resource), done))


def _where(conditions: list[Condition], resource: Resource, table: str) -> Statement:
    if not conditions:
        return Statement("")
    parts = [_condition(c, conditions, resource, table) for c in conditions]
    text = " AND ".join(f"({part.text})" for part in parts)
    return Statement(f" WHERE {text}", tuple(v for part in parts for v in part.values))


def _condition(
    condition: Condition, beside: list[Condition], resource: Resource, table: str
) -> Statement:
    field = resource.filtered_by(condition.field) or resource.field(condition.field)
    column = quoted(field.name)
    value = condition.value
    if is_newest(condition, resource):
        others = [c for c in beside if not is_newest(c, resource)]
        where = _where(others, resource, table)
        newest = f"SELECT max({column}) FROM {table}{where.text}"  # noqa: S608  # as above
        return Statement(f"{column} = ({newest})", where.values)
    if value is None:
        return Statement(f"{column} IS {'' if condition.op == 'EQ' else 'NOT '}NULL")
    # A filter that is not shown holds the list of all values that find the row.
    word = condition.op if field.name in resource else "CT"
    template = OPERATORS[word].sql
    if isinstance(value, tuple):
        marks = "(" + ", ".join("?" * len(value)) + ")"
        return Statement(template.format(column=column, value=marks), value)
    if condition.op == "GLOB":
        value = glob_regex(str(value))
    return Statement(template.format(column=column, value="?"), (value,))


def is_newest(condition: Condition, resource: Resource) -> bool:
    """Whether this asks for the newest lumisection, as OMS's front-end does with -1."""
    return (
        condition.op == "EQ"
        and condition.value == -1
        and bool(resource.granularities)
        and condition.field in _NEWEST | {resource.lumisection}
    )
