"""Rates by path and by bit: names and patterns into what a service can be asked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omskit.errors import (
    DecodeError,
    IncompleteError,
    SelectorError,
    ServiceError,
    StatusError,
)
from omskit.flow.fetch import fetch
from omskit.query import Condition, Query
from omskit.query.check import fnmatch_names
from omskit.table import Table
from omskit.table.note import Note, NoteKind

if TYPE_CHECKING:
    from omskit.effects import Flow
    from omskit.flow.context import Context

_WILD = re.compile(r"[*?\[]")
_VERSION = re.compile(r"_v\d+$")


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
        table = yield from fetch(query.where(_one_of(field, names)), context)
        return (yield from _versions(query, field, names, lister, context, table))
    if len(names) == 1:
        try:
            like = query.where(Condition(field, "GLOB", names[0]))
            table = yield from fetch(like, context)
            if len(table):
                return table
            there = yield from _names_or_none(query, field, lister, context)
            return _noted(table, _near(names, there, field))
        except StatusError as error:
            if error.status != 400:
                raise
    there = yield from _names(query, field, lister, context)
    versions = {
        name: _versions_of(name, there) if name not in {*wild, *there} else []
        for name in names
    }
    matches = {
        name: fnmatch_names(there, name) if name in wild else versions[name] or [name]
        for name in names
    }
    chosen = list(dict.fromkeys(n for matching in matches.values() for n in matching))
    table = yield from fetch(query.where(_one_of(field, chosen or names[:1])), context)
    bare = [name for name, them in matches.items() if not them]
    texts = (f"No {field} matches {name!r}." for name in bare if chosen)
    notes = [Note(NoteKind.NO_ROW, text) for text in texts]
    notes += _chosen(versions)
    return _noted(table, notes or _near(bare, there, field))


def _versions(
    query: Query,
    field: str,
    names: list[str],
    lister: str,
    context: Context,
    table: Table,
) -> Flow[Table]:
    """The table, or one with the versions of paths that were named without.

    Menus append a version to each path: ``HLT_ZeroBias`` is ``HLT_ZeroBias_v6`` in one
    run and ``_v7`` in another. Only where a name has no row are they looked up.
    """
    found = set(table[field].to_pylist()) if field in table else set()
    bare = [name for name in names if name not in found]
    if not bare or (len(table) and field not in table):
        return table
    there = yield from _names_or_none(query, field, lister, context)
    versions = {name: _versions_of(name, there) for name in bare}
    known = [n for name in names for n in versions.get(name) or [name]]
    rest = [name for name in bare if not versions[name] and name not in there]
    if not any(versions.values()):
        return _noted(table, _near(rest, there, field))
    chosen = [name for name in dict.fromkeys(known) if name not in rest]
    table = yield from fetch(query.where(_one_of(field, chosen)), context)
    return _noted(table, [*_chosen(versions), *_near(rest, there, field)])


def _versions_of(name: str, there: list[str]) -> list[str]:
    return [n for n in there if n != name and _VERSION.sub("", n) == name]


def _chosen(versions: dict[str, list[str]]) -> Iterator[Note]:
    for name, them in versions.items():
        if them:
            text = f"{name} has no version; taken: {', '.join(them)}."
            yield Note(NoteKind.OTHER, text)


def _near(bare: list[str], there: list[str], field: str) -> list[Note]:
    """What there is that looks like each name that is not there."""
    what = {"path_name": "path", "name": "algorithm"}.get(field, field)
    notes = []
    for name in bare if there else []:
        near = _nearest(name, there)
        text = f"There is no {what} {name!r} among {len(there)}. Near it: {near}."
        notes.append(Note(NoteKind.NO_ROW, text))
    return notes


def _nearest(name: str, there: list[str]) -> str:
    """Up to five names that resemble one, those that contain it first."""
    plain = _WILD.sub("", _VERSION.sub("", name)).replace("]", "").lower()
    inside = [n for n in there if plain and plain in n.lower()]
    inside.sort(key=len)  # What has least beside it is likeliest meant.
    bare = {_VERSION.sub("", n).lower(): n for n in reversed(there)}
    like = difflib.get_close_matches(plain, bare, n=5, cutoff=0.5)
    near = list(dict.fromkeys([*inside, *(bare[n] for n in like)])) or there
    more = f" and {len(near) - 5} more" if len(near) > 5 else ""
    return ", ".join(near[:5]) + more


def _names_or_none(
    query: Query, field: str, lister: str, context: Context
) -> Flow[list[str]]:
    """All names; none where they cannot be had, as the answer is there without."""
    try:
        return (yield from _names(query, field, lister, context))
    except (ServiceError, DecodeError, IncompleteError):
        return []


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
