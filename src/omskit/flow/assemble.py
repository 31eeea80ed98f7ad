"""From pages to the table that was asked for: pure, and the same on every way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import ServiceError, UnitError
from omskit.flow.fitting import as_text, unified
from omskit.jsonapi import ID
from omskit.jsonapi.units import (
    RAW_SUFFIX,
    canonical,
    next_values,
    with_raw_units,
)
from omskit.query.check import failing, keep
from omskit.schema import UNIT_SUFFIX, with_fields
from omskit.table import with_unit
from omskit.table.note import Note, NoteKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omskit.jsonapi import Rows
    from omskit.query.plan import Plan
    from omskit.schema import Field, Resource


@dataclass(frozen=True, slots=True)
class Assembled:
    """Rows in their final form, and what is to be said of them."""

    table: pa.Table
    notes: tuple[Note, ...]


def empty_rows(resource: Resource) -> pa.Table:
    """No rows, with every column."""
    columns = {f.name: pa.array([], f.arrow_type) for f in resource.fields}
    columns[ID] = pa.array([], pa.string())
    for field in resource.fields:
        if field.scaled:
            columns[field.name + UNIT_SUFFIX] = pa.array([], pa.string())
    return pa.table(columns)


def joined(pages: Sequence[pa.Table], resource: Resource) -> pa.Table:
    """One table of all pages, see `omskit.flow.fitting`.

    Raises:
        DecodeError: A column of the catalogue has one type here and another there.
    """
    if not pages:
        return empty_rows(resource)
    if any(page.schema != pages[0].schema for page in pages):
        pages = unified(pages, resource)
        return pa.concat_tables(pages, promote_options="default")
    return pa.concat_tables(pages)


def assemble(
    pages: Sequence[pa.Table],
    plan: Plan,
    resource: Resource,
    *,
    raw: bool,
    ids: bool = False,
    around: Sequence[pa.Table] = (),
) -> Assembled:
    """The rows of *pages* as the query wants them.

    Args:
        ids: Keep those of the rows, in a column ``@id``.
        around: Rows that come before and after these in the whole answer, to look up
            what depends on the next lumisection.

    Raises:
        ServiceError: The service sent rows that a filter forbids.
        DecodeError: Pages that do not fit together.
        UnitError: A filter on a luminosity whose unit is not known.
    """
    table = joined(pages, resource)
    verify(table, plan, resource)
    notes: list[Note] = []
    if raw:
        units = dict.fromkeys(resource.names, None)
        units |= {f.name: f.unit for f in resource.fields if not f.scaled}
        table = with_raw_units(table, resource)
    else:
        concerned = _concerned(plan, resource)
        followed = _followed(table, concerned)
        own = with_fields(
            concerned, (f for f in concerned.fields if f.name not in followed)
        )
        table, units, unknown = canonical(table, own)
        # What is taken from the next row is in that row's unit, whatever the service
        # says of its own number: it is not used.
        units |= {name: units.get(source) for name, source in followed.items()}
        notes += (Note(NoteKind.UNIT, text) for text in unknown)
        _comparable(plan, resource, units)
        around = [_like(rows, units, followed, own) for rows in around]
        table = _after_filter(table, concerned, followed, around)
    table = _local(table, plan, resource)
    table = _ordered(table, plan)
    if plan.maximum is not None:
        table = table.slice(0, plan.maximum)
    notes += _empty(table, plan)
    kept = table[ID] if ids else None
    table, mixed = as_text(_selected(table, plan, resource))
    if kept is not None:
        table = table.append_column(ID, kept)
    notes += [
        Note(
            NoteKind.SERVICE,
            f"The values of {name} are of several types: each is kept as JSON text.",
        )
        for name in mixed
    ]
    return Assembled(_described(table, resource, units), tuple(notes))


def _concerned(plan: Plan, resource: Resource) -> Resource:
    """The resource with the columns alone that are wanted, or needed to find them.

    A row comes whole where one of its columns has a unit; what nobody wants of it is
    not converted, and no unit of it is missed.
    """
    if plan.columns is None:
        return resource
    wanted = {
        *plan.columns,
        *(condition.field for condition in plan.local),
        *(key.removeprefix("-") for key in plan.order),
        "run_number",
        resource.lumisection,
    }
    fields = [f for f in resource.fields if f.name in wanted]
    wanted.update(_source(f.after_filter) for f in fields if f.after_filter)
    return with_fields(resource, (f for f in resource.fields if f.name in wanted))


def _comparable(plan: Plan, resource: Resource, units: dict[str, str | None]) -> None:
    """Refuse to filter numbers whose unit is not known by numbers whose unit is."""
    for condition in plan.local:
        column = resource.get(condition.field)
        if column is not None and units.get(column.name) != column.unit:
            message = (
                f"'{condition}' cannot be applied: it is in {column.unit}, and the "
                f"service does not say in which unit {column.name} is. "
                "units='raw' leaves the filter to the service."
            )
            raise UnitError(message)


def _source(after_filter: str) -> str:
    """The column that a service takes the next row's value of."""
    return after_filter.removeprefix("lead(").removesuffix(")")


def verify(table: pa.Table, plan: Plan, resource: Resource) -> None:
    """Hold the rows against the filters that the service was given.

    Raises:
        ServiceError: A row breaks one.
    """
    if not table.num_rows:
        return
    asked = plan.requests[0].fields
    for condition in plan.checks:
        column = resource.get(condition.field)
        came = asked is None or (column.attribute if column else None) in asked
        if not came or condition.field not in table.column_names:
            continue  # A projection left it out: there is nothing to hold against.
        broken = failing(table, condition)
        if broken:
            message = (
                f"The service did not apply a filter on {resource.name!r}: {broken}. "
                "Nothing of this answer can be trusted."
            )
            raise ServiceError(message)


def _followed(table: pa.Table, resource: Resource) -> dict[str, str]:
    """The columns of *table* that are taken from the next row, and from which column.

    The service computes them after its filters (SCHEMA: end_lumi), so that its own
    value depends on what was asked.
    """
    if not _can_follow(table, resource):
        return {}
    names = set(table.column_names)
    sources = {
        f.name: _source(f.after_filter) for f in resource.fields if f.after_filter
    }
    return {n: source for n, source in sources.items() if {n, source} <= names}


_NEXT = "@next"
"""``X@next`` beside X, which is taken from the next row: whether that row is there."""


def _after_filter(
    table: pa.Table,
    resource: Resource,
    followed: Mapping[str, str],
    others: Sequence[pa.Table],
) -> pa.Table:
    """Take what the service computes after its filters from the next row."""
    column = resource.lumisection or ""
    for name, source in followed.items():
        around = table.select(["run_number", column, source])
        more = [rows.select(around.column_names) for rows in others if len(rows)]
        around = joined([around, *more], resource)
        values, is_there = next_values(around, source, "run_number", column)
        values, is_there = values.slice(0, table.num_rows), is_there[: table.num_rows]
        index = table.column_names.index(name)
        table = table.set_column(index, name, pa.chunked_array([values]))
        table = table.append_column(name + _NEXT, pa.array(is_there))
    return table


def _empty(table: pa.Table, plan: Plan) -> list[Note]:
    """Where the next row was not there, of the columns and rows that are shown."""
    notes: list[Note] = []
    for flag in table.column_names:
        name = flag.removesuffix(_NEXT)
        if name == flag or is_whole_runs(plan):
            continue
        if plan.columns is not None and name not in plan.columns:
            continue
        missing = len(table) - (pc.sum(table.column(flag)).as_py() or 0)
        if missing:
            text = (
                f"{name} is null in {missing} row{'s'[: missing != 1]}: the "
                "lumisection after, whose "
                "init_lumi it is, was not asked for."
            )
            notes.append(Note(NoteKind.UNIT, text))
    return notes


def _can_follow(table: pa.Table, resource: Resource) -> bool:
    needed = ("run_number", resource.lumisection or "")
    there = all(name in table.column_names for name in needed)
    return there and not any(table.column(name).null_count for name in needed)


def _like(
    rows: pa.Table,
    units: Mapping[str, str | None],
    followed: Mapping[str, str],
    resource: Resource,
) -> pa.Table:
    """Other rows in the same units; none of them where they have others."""
    other, theirs, _ = canonical(rows, resource)
    same = all(theirs.get(name) == units.get(name) for name in followed.values())
    return other if same and _can_follow(other, resource) else other.slice(0, 0)


def is_whole_runs(plan: Plan) -> bool:
    """Runs were asked for, whole: no filter below the run, no limit."""
    fields = {c.field for request in plan.requests for c in request.conditions}
    return fields == {"run_number"} and plan.maximum is None and plan.mask is None


def _local(table: pa.Table, plan: Plan, resource: Resource) -> pa.Table:
    for condition in plan.local:
        table = keep(table, condition)
    if plan.mask is not None and resource.lumisection:
        names = ("run_number", resource.lumisection)
        runs, lumis = (pc.fill_null(table.column(n), 0).to_numpy() for n in names)
        table = table.filter(pa.array(plan.mask.contains(runs, lumis)))
    return table


def _ordered(table: pa.Table, plan: Plan) -> pa.Table:
    """Sort as OMS does: nulls last, whichever way."""
    if not plan.order or not table.num_rows:
        return table
    keys = []
    for key in plan.order:
        name = key.removeprefix("-")
        # Arrow has one null placement for all keys; a flag column before each key
        # keeps nulls last in both directions.
        flag = f"{name}@null"
        if flag not in table.column_names:
            table = table.append_column(flag, pc.is_null(table.column(name)))
        keys += [(flag, "ascending")]
        keys += [(name, "descending" if key[0] == "-" else "ascending")]
    indices = pc.sort_indices(table, sort_keys=keys)
    flags = dict.fromkeys(key for key, _ in keys if key.endswith("@null"))
    return table.take(indices).drop_columns(list(flags))


def _selected(table: pa.Table, plan: Plan, resource: Resource) -> pa.Table:
    """The columns asked for, in the order asked for; helpers are dropped."""
    shown = [n for n in table.column_names if "@" not in n]
    if plan.columns is None:
        return table.select(shown)
    names: list[str] = []
    for name in plan.columns:
        if name not in table.column_names:
            column = resource.get(name)
            nulls = pa.nulls(table.num_rows, column.arrow_type if column else None)
            table = table.append_column(name, nulls)
        names.append(name)
        if name + RAW_SUFFIX in shown and resource.get(name) is not None:
            names.append(name + RAW_SUFFIX)
    return table.select(dict.fromkeys(names))


def _described(
    table: pa.Table, resource: Resource, units: dict[str, str | None]
) -> pa.Table:
    """The same table with unit, path and meaning in the metadata of its fields."""
    fields = []
    for f in table.schema:
        known, unit = resource.get(f.name), units.get(f.name)
        if known is None or not f.nullable:
            fields.append(with_unit(_metadata(f, known), unit))
        else:
            fields.append(_named(f.name, f.type, known, unit))
    # Not cast(): that would walk through every chunk.
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


@lru_cache(maxsize=4096)
def _named(name: str, kind: pa.DataType, known: Field, unit: str | None) -> pa.Field:
    """A column of the catalogue, made once: 20 us, and there are 53 lumisections."""
    return with_unit(_metadata(pa.field(name, kind), known), unit)


def _metadata(field: pa.Field, known: Field | None) -> pa.Field:
    if known is None:
        return field
    said = {"path": ".".join(known.path), "title": known.title}
    if known.unit_from:
        said["unit_from"] = f"{known.unit_from} (inferred)"
    return field.with_metadata(said)


def notes_of(pages: Iterable[Rows]) -> list[Note]:
    """What the decoder had to say, each thing once."""
    texts: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for page in pages:
        texts.update(dict.fromkeys(page.notes))
        unknown.update(dict.fromkeys(page.unknown))
    if unknown:
        names = ", ".join(unknown)
        texts[
            f"The service sends columns that the catalogue does not know: {names}. "
            "They are kept with the type that their values have."
        ] = None
    return [Note(NoteKind.SERVICE, text) for text in texts]
