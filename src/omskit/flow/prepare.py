"""From a query to what is asked: names checked, selectors looked up, requests planned.

There is one way to a plan. `prepare` takes it with a service to ask for what selectors
mean; `first_page` takes it as far as nobody need be asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from omskit.errors import UsageError
from omskit.flow.audit import can_audit
from omskit.flow.describe import describe
from omskit.flow.read import limit_of
from omskit.flow.said import as_said
from omskit.flow.select import Selected, resolve
from omskit.flow.source import Page
from omskit.query import Query, bind
from omskit.query.plan import Plan, plan
from omskit.schema import Resource
from omskit.table.note import Note, NoteKind

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import pyarrow as pa

    from omskit.effects import Effect, Flow
    from omskit.flow.context import Context
    from omskit.table import Table


class Fetch(Protocol):
    """All rows of a query, as `omskit.flow.fetch.fetch` reads them."""

    def __call__(self, query: Query, context: Context) -> Flow[Table]:
        """The rows."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that can be asked.

    Attributes:
        query: As the user put it.
        plan: What is asked, and what is done here.
        notes: What the table shall say.
    """

    query: Query
    resource: Resource
    plan: Plan
    notes: tuple[Note, ...]

    def audits(self, context: Context) -> bool:
        """Missing lumisections are looked for, which takes a list of runs."""
        can = can_audit(self.query, self.resource, self.plan)
        return context.settings.audit and can and "runs" in context.catalogue

    @property
    def names_something(self) -> bool:
        """More than runs is asked for, such as paths, which may not be there at all."""
        return any(c.field != "run_number" for c in self.query.conditions)


def prepare(query: Query, context: Context, fetch: Fetch) -> Flow[Prepared]:
    """Check, resolve and plan a query.

    Args:
        fetch: Reads what selectors need to look up.
    """
    resource = yield from describe(query.resource, context)

    def look(question: Query) -> Generator[Effect, Any, pa.Table]:
        table = yield from fetch(question, context.strict())
        return table.arrow

    query, told = yield from as_said(query, resource, look)
    bound, unchecked = _bound(query, resource, context)
    selected: Selected = yield from resolve(bound, resource, look)
    selected = replace(selected, notes=(*told, *selected.notes))
    made = _plan(query, selected, resource, context)
    notes: list[Note] = []
    if unchecked and not resource.fields:
        text = (
            f"Neither the catalogue nor the service describes {query.resource!r}: "
            "its columns have the types that their values have."
        )
        notes.append(Note(NoteKind.SERVICE, text))
    return Prepared(query, resource, made, tuple(notes))


def first_page(query: Query, context: Context) -> Page | None:
    """The first page that is asked for *query*, or None where nothing need be asked.

    Nobody is asked: where selectors take a look-up, it is that look-up's page.

    Raises:
        UsageError: The query cannot be asked.
    """
    if query.selection.said:
        words = " and ".join(word for _, word in query.selection.said)
        message = f"What {words!r} is, is known when it is asked; see explain()."
        raise UsageError(message)
    resource = context.known(query.resource) or Resource(query.resource, ())
    bound, _ = _bound(query, resource, context)
    steps = resolve(bound, resource, _stop)
    try:
        lookup: Any = next(steps)
    except StopIteration as end:
        made = _plan(query, end.value, resource, context)
    else:
        steps.close()
        return first_page(lookup, context)
    if not made.requests:
        return None
    return Page(made.requests[0], 0, limit_of(made.wanted, context.page_size))


def _stop(query: Query) -> Generator[Any, Any, pa.Table]:
    """A look-up that stops there: nobody sends its rows."""
    return (yield query)


def _bound(query: Query, resource: Resource, context: Context) -> tuple[Query, bool]:
    """The query with every name checked, where there is anything to check against."""
    unchecked = context.settings.unchecked or not resource.fields
    return bind(query, resource, unchecked=unchecked), unchecked


def _plan(
    query: Query, selected: Selected, resource: Resource, context: Context
) -> Plan:
    """What is asked, once nothing is left to look up."""
    checked, _ = _bound(selected.query, resource, context)
    if selected.empty:
        made = Plan((), columns=query.fields, empty=selected.empty)
    else:
        made = plan(checked, resource, raw=context.settings.raw)
        made = context.source.suited(made, resource)
    if made.columns is not None:
        names = [name for column in made.columns for name in _names(column, resource)]
        made = replace(made, columns=tuple(dict.fromkeys(names or made.columns)))
    return replace(made, notes=(*selected.notes, *made.notes))


def _names(name: str, resource: Resource) -> Iterator[str]:
    """The columns of a name; itself where the catalogue does not know it."""
    if name in resource or any(f.attribute == name for f in resource.fields):
        yield from (field.name for field in resource.columns_of(name))
    else:
        yield name
