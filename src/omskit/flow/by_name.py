"""Rates by path and by bit: names and patterns into what a service can be asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omskit.errors import SelectorError, StatusError
from omskit.flow.fetch import fetch
from omskit.query import Condition, Query
from omskit.query.check import fnmatch_names
from omskit.table import Table
from omskit.table.note import Note, NoteKind

if TYPE_CHECKING:
    from omskit.effects import Flow
    from omskit.flow.context import Context

_WILD = re.compile(r"[*?\[]")


def patterns_of(given: str | Iterable[str] | None, what: str) -> list[str] | None:
    """Names and shell patterns as a list; None for all.

    Raises:
        SelectorError: Empty, or not text.

    Example:
        >>> patterns_of("HLT_ZeroBias_v*, HLT_Physics_v7", "paths")
        ['HLT_ZeroBias_v*', 'HLT_Physics_v7']
    """
    if given is None:
        return None
    entries: list[Any] = []
    if isinstance(given, str):
        entries = given.split(",")
    elif isinstance(given, Iterable):
        entries = list(given)
    names = [e.strip() if isinstance(e, str) else e for e in entries]
    if not names or not all(isinstance(n, str) and n for n in names):
        message = (
            f"{what}={given!r:.80} names nothing; write {what}='HLT_ZeroBias_v*' "
            "or a list of names and patterns."
        )
        raise SelectorError(message)
    return list(dict.fromkeys(names))


def by_name(
    query: Query, field: str, names: list[str] | None, lister: str, context: Context
) -> Flow[Table]:
    """Rows whose *field* is one of *names*, which may be shell patterns.

    One pattern goes to the service as LIKE. Several patterns, or a service that refuses
    LIKE there, cost one look-up of all names in *lister* first.
    """
    if names is None:
        return (yield from fetch(query, context))
    wild = [name for name in names if _WILD.search(name)]
    if not wild:
        wanted = query.where(_one_of(field, names))
        return (yield from fetch(wanted, context))
    if len(names) == 1:
        try:
            like = query.where(Condition(field, "GLOB", names[0]))
            return (yield from fetch(like, context))
        except StatusError as error:
            if error.status != 400:
                raise
    there = yield from _names(query, field, lister, context)
    matches = {
        name: fnmatch_names(there, name) if name in wild else [name] for name in names
    }
    chosen = list(dict.fromkeys(n for matching in matches.values() for n in matching))
    table = yield from fetch(query.where(_one_of(field, chosen or names[:1])), context)
    bare = [name for name, them in matches.items() if not them] if chosen else []
    texts = (f"No {field} matches {name!r}." for name in bare)
    return _noted(table, [Note(NoteKind.NO_ROW, text) for text in texts])


def _noted(table: Table, notes: list[Note]) -> Table:
    """The same table with more to be said of it."""
    return Table(
        table.arrow,
        resource=table.resource,
        complete=table.complete,
        warnings=[*table.notes, *notes],
        gaps=table.gaps,
        receipt=table._receipt,  # noqa: SLF001  # the rows are hashed when asked
    )


def _one_of(field: str, names: list[str]) -> Condition:
    if len(names) == 1:
        return Condition(field, "EQ", names[0])
    return Condition(field, "IN", tuple(names))


def _names(query: Query, field: str, lister: str, context: Context) -> Flow[list[str]]:
    """All names that the runs of *query* have."""
    runs = tuple(c for c in query.conditions if c.field == "run_number")
    question = Query(lister, runs, fields=("run_number", field))
    question = replace(question, selection=query.selection)
    if "run" in context.catalogue[lister].granularities:
        # One row of each name, not one of each name and lumisection.
        question = question.group("run")
    # A name that could not be had would be a path left out of a table called complete.
    table = yield from fetch(question, context.strict())
    names: list[Any] = table[field].drop_null().to_pylist()
    return sorted(set(names))
