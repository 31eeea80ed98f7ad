"""One row per lumisection, rates and masks beside it: what is asked, how joined."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit import flow
from omskit.client.given import as_mask
from omskit.errors import UsageError, did_you_mean
from omskit.flow.by_name import by_name, patterns_of
from omskit.query import MaskLike, Query
from omskit.table import Note, NoteKind, Table, with_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

KEYS = ("run_number", "lumisection_number")
FIRST = "first_lumisection_number"
HLT_RATE, L1_RATE = "rate", "post_dt_rate"
_VERSION = re.compile(r"_v\d+$")
_SPAN = 1 << 20
"""Lumisections that a run can have in a key; the longest seen has 5077."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rates of a frame.

    Attributes:
        totals: Columns of ``l1triggerrates``.
        algorithms: Names and patterns of level-1 algorithms.
        paths: Names and patterns of HLT paths.
    """

    totals: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


def wanted_rates(names: str | Iterable[str] | None, known: Iterable[str]) -> Wanted:
    """Sort names of rates by where they are asked for.

    Args:
        known: The columns of ``l1triggerrates``.

    Raises:
        UsageError: One of them names no rate.

    Example:
        >>> wanted_rates("l1a_total_rate,L1_ZeroBias,HLT_ZeroBias", ["l1a_total_rate"])
        Wanted(totals=('l1a_total_rate',), algorithms=('L1_ZeroBias',),
               paths=('HLT_ZeroBias',))
    """
    if names is None or (not isinstance(names, str) and not (names := list(names))):
        return Wanted()
    columns = [name for name in known if name not in {*KEYS, FIRST}]
    given = patterns_of(names, "rates") or []
    totals = tuple(name for name in given if name in columns)
    bits = tuple(name for name in given if name.startswith("L1_"))
    paths = tuple(name for name in given if re.match(r"[A-Z*?]", name))
    paths = tuple(name for name in paths if name not in bits)
    for name in given:
        if name not in {*totals, *bits, *paths}:
            message = (
                f"rates={name!r:.80} is no rate.{did_you_mean(name, columns)} It is a "
                "column of l1triggerrates, an algorithm (L1_...) or an HLT path."
            )
            raise UsageError(message)
    return Wanted(totals, bits, paths)


def questions(query: Query, wanted: Wanted) -> Iterator[tuple[Query, str, list[str]]]:
    """What is asked beside the lumisections: a query, a column of names, and names."""
    runs = tuple(c for c in query.conditions if c.field == KEYS[0])
    selection = query.selection
    for resource, column, names in (
        ("l1triggerrates", "", wanted.totals),
        ("l1algorithmtriggers", "name", wanted.algorithms),
        ("hltpathrates", "path_name", wanted.paths),
    ):
        if names:
            asked = replace(Query(resource, runs), selection=selection)
            asked = asked.group("lumisection")
            if not column:
                asked = asked.select(KEYS[0], FIRST, *names)
            yield asked, column, list(names)


def frame(
    query: Query,
    wanted: Wanted,
    masks: Mapping[str, Any] | None,
    context: flow.Context,
) -> flow.Flow[Table]:
    """The lumisections of *query*, with rates and masks beside them."""
    chosen = _masks(masks)
    lumis = yield from flow.fetch(_with_keys(query), context)
    tables = [lumis]
    columns: dict[str, tuple[Table, str]] = {}
    for asked, column, names in questions(query, wanted):
        if not column:
            table = yield from flow.fetch(asked, context)
            columns |= {name: (table, name) for name in names}
        else:
            lister = "hltpathinfo" if column == "path_name" else asked.resource
            table = yield from by_name(asked, column, names, lister, context)
            rate = HLT_RATE if column == "path_name" else L1_RATE
            columns |= {name: (t, rate) for name, t in _by_name(table, column)}
        tables.append(table)
    return joined(lumis, columns, chosen, tables, whole=_is_whole(query))


def explained(query: Query, wanted: Wanted, context: flow.Context) -> flow.Flow[str]:
    """What `frame` would ask, as text."""
    text = yield from flow.explain(_with_keys(query), context)
    parts = [text]
    for asked, column, names in questions(query, wanted):
        text = yield from flow.explain(asked, context)
        if column:
            text += f"\nfor each of {column}: {', '.join(names)}"
        parts.append(text)
    return "\n\n".join(parts)


def _with_keys(query: Query) -> Query:
    if query.fields is None:
        return query
    return query.select(*dict.fromkeys([*KEYS, *query.fields]))


def _is_whole(query: Query) -> bool:
    """Every lumisection of the runs is asked for, so that rates may have no others."""
    only_runs = all(c.field == KEYS[0] for c in query.conditions)
    return only_runs and query.maximum is None and query.selection.mask is None


def _masks(masks: Mapping[str, Any] | None) -> dict[str, MaskLike]:
    given: object = masks  # What the types forbid, users still do.
    if not isinstance(given, Mapping | None):
        message = "masks= is names and masks: masks={'golden': 'Cert_2017.json'}."
        raise UsageError(message)
    found = {name: as_mask(mask) for name, mask in (masks or {}).items()}
    for name, mask in found.items():
        if not isinstance(mask, MaskLike):
            message = (
                f"masks={{{name!r}: ...}} is no mask; give a LumiMask or its path."
            )
            raise UsageError(message)
    return found


def _by_name(table: Table, column: str) -> Iterator[tuple[str, Table]]:
    """The rows of each path or algorithm; a path goes by its name without version.

    The version changes with the menu, so that one path of many runs is one column.
    """
    names = np.array([_VERSION.sub("", str(name)) for name in table[column]])
    for name in dict.fromkeys(names.tolist()):
        yield name, table.part(table.arrow.filter(pa.array(names == name)))


def joined(
    lumis: Table,
    columns: Mapping[str, tuple[Table, str]],
    masks: Mapping[str, MaskLike],
    tables: Iterable[Table],
    *,
    whole: bool,
) -> Table:
    """Columns of rates and masks beside lumisections, by run and lumisection.

    Args:
        lumis: The rows that are there in any case.
        columns: For each new column the table that has it, and its name there.
        masks: For each new column of flags a mask.
        tables: All that must be complete, with their notes.
        whole: Rates of lumisections that *lumis* lacks get a row of their own.

    Raises:
        UsageError: Two columns would have one name, or a table has two rows for one
            lumisection.
    """
    twice = [n for n in (*columns, *masks) if n in lumis] or [
        n for n in masks if n in columns
    ]
    if twice:
        message = f"There is a column {twice[0]!r} already: call the mask otherwise."
        raise UsageError(message)
    here = _keys(lumis, KEYS[1], "lumisections")
    keyed = {name: _keys(t, FIRST, name) for name, (t, _) in columns.items()}
    keys, notes = here, []
    others = np.concatenate([np.empty(0, np.int64), *keyed.values()])
    more = np.setdiff1d(others, here)
    if whole and len(more):
        keys = np.concatenate([here, more])
        order = np.argsort(keys, kind="stable") if _is_sorted(here) else slice(None)
        keys = keys[order]
        text = f"{len(more)} lumisections have rates and no row of lumisections."
        notes.append(Note(NoteKind.GAPS, text))
    arrow = lumis.arrow.take(_places(here, keys))
    for name, values in zip(KEYS, (keys // _SPAN, keys % _SPAN), strict=True):
        at = arrow.column_names.index(name)
        arrow = arrow.set_column(at, arrow.schema.field(at), pa.array(values))
    for name, (table, source) in columns.items():
        field = with_unit(
            pa.field(name, table.schema.field(source).type), table.units[source]
        )
        column = table.arrow.column(source).take(_places(keyed[name], keys))
        arrow = arrow.append_column(field, column)
    for name, mask in masks.items():
        flags = np.asarray(mask.contains(keys // _SPAN, keys % _SPAN), bool)
        arrow = arrow.append_column(name, pa.array(flags))
    said = dict.fromkeys(note for table in tables for note in table.notes)
    return Table(
        arrow,
        resource="lumisections",
        complete=all(table.complete for table in tables),
        warnings=[*said, *notes],
        gaps=lumis.gaps,
    )


def _keys(table: Table, number: str, what: str) -> npt.NDArray[np.int64]:
    """Run and lumisection of each row as one number, each of them once."""
    runs = table[KEYS[0]].to_numpy().astype(np.int64)
    keys = runs * _SPAN + table[number].to_numpy().astype(np.int64)
    values, counts = np.unique(keys, return_counts=True)
    if (counts > 1).any():
        run, lumi = divmod(int(values[counts > 1][0]), _SPAN)
        message = (
            f"{what} has two rows for run {run}, lumisection {lumi}: which of them "
            "should stand beside it? Name the path with its version."
        )
        raise UsageError(message)
    found: npt.NDArray[np.int64] = keys
    return found


def _is_sorted(keys: npt.NDArray[np.int64]) -> bool:
    return bool((np.diff(keys) > 0).all())


def _places(have: npt.NDArray[np.int64], keys: npt.NDArray[np.int64]) -> pa.Array:
    """Where each of *keys* is in *have*; null where it is not."""
    if not len(have):
        return pa.nulls(len(keys), pa.int64())
    order = np.argsort(have, kind="stable")
    at = np.minimum(np.searchsorted(have, keys, sorter=order), len(have) - 1)
    places = order[at]
    return pa.array(places, mask=have[places] != keys)
