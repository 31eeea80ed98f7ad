"""Rates by path and by bit: names and patterns into conditions, services as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from omskit.errors import SelectorError, StatusError
from omskit.flow.asking import Context, fetch
from omskit.query import Condition, Query
from omskit.query.check import fnmatch_names

if TYPE_CHECKING:
    from omskit.flow.effects import Flow
    from omskit.table import Table

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
    entries = given.split(",") if isinstance(given, str) else list(given)
    names = [e.strip() if isinstance(e, str) else e for e in entries]
    if not names or not all(isinstance(n, str) and n for n in names):
        message = (
            f"{what}={given!r} names nothing; write {what}='HLT_ZeroBias_v*' "
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
    known = yield from _names(query, field, lister, context)
    matching = [n for pattern in names for n in fnmatch_names(known, pattern)]
    exact = [name for name in names if not _WILD.search(name)]
    wanted_names = list(dict.fromkeys([*matching, *exact])) or names[:1]
    return (yield from fetch(query.where(_one_of(field, wanted_names)), context))


def _one_of(field: str, names: list[str]) -> Condition:
    if len(names) == 1:
        return Condition(field, "EQ", names[0])
    return Condition(field, "IN", tuple(names))


def _names(query: Query, field: str, lister: str, context: Context) -> Flow[list[str]]:
    """All names that the runs of *query* have."""
    runs = tuple(c for c in query.conditions if c.field == "run_number")
    question = Query(lister, runs, fields=("run_number", field))
    question = replace(question, selection=query.selection)
    quiet = replace(context.options, audit=False)
    table = yield from fetch(question, replace(context, options=quiet))
    return sorted(set(table[field].drop_null().to_pylist()))
