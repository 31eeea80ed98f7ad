"""One unit per column: from what each row says to what the catalogue promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.schema import UNIT_SUFFIX
from omskit.schema.naming import free_name
from omskit.schema.units import factor

if TYPE_CHECKING:
    from collections.abc import Container

    from omskit.schema import Field, Resource

RAW_SUFFIX = "_unit"
"""With ``units="raw"``, ``X_unit`` stands beside X."""


def canonical(
    table: pa.Table, resource: Resource
) -> tuple[pa.Table, dict[str, str | None], list[str]]:
    """Every column in its canonical unit, as far as the rows tell which they are in.

    Returns:
        The table; the unit of each column of *resource*; what could not be learnt,
        one sentence each. A column whose unit is not known in every row keeps the
        service's numbers and gets the unit None.

    Cost: O(rows) for each scaled column.
    """
    units: dict[str, str | None] = {}
    notes: list[str] = []
    # Once: a table lists the names of its columns anew each time.
    places = {name: place for place, name in enumerate(table.column_names)}
    for field in resource.fields:
        if field.name not in places:
            continue
        units[field.name] = field.unit
        named = _named_units(table, field, places)
        if named is None and not field.scaled:
            continue
        column = table.column(field.name)
        converted, problem = _convert(column, named, field)
        if converted is None:
            units[field.name] = None
            notes.append(f"The unit of {field.name} is not known: {problem}.")
            continue
        if converted is not column:
            table = table.set_column(places[field.name], field.name, converted)
    return table, units, notes


def _named_units(
    table: pa.Table, field: Field, there: Container[str]
) -> pa.ChunkedArray | None:
    """The unit of each row; of the field that it takes its unit from, else."""
    own = _column(table, field.name, there)
    if field.unit_from is None:
        return own
    other = _column(table, field.unit_from, there)
    if own is None or other is None:
        return other if own is None else own
    return pc.coalesce(own, other)


def _column(
    table: pa.Table, name: str, there: Container[str]
) -> pa.ChunkedArray | None:
    name += UNIT_SUFFIX
    return table.column(name) if name in there else None


def _convert(
    column: pa.ChunkedArray, named: pa.ChunkedArray | None, field: Field
) -> tuple[pa.ChunkedArray | None, str]:
    """The column in its canonical unit, or why that cannot be."""
    if column.null_count == len(column):
        return column, ""
    if not _is_number(column):
        return None, f"its values are {column.type}, no numbers"
    if named is not None and not named.null_count:
        return _converted(column, named, 0, field)
    # Zero is zero in any unit, and OMS names none for it: a run without luminosity.
    counts = pc.fill_null(pc.not_equal(column, 0), fill_value=False)
    if named is None:
        unknown = pc.any(counts).as_py()
        return (None, "no row names it") if unknown else (column, "")
    bare = pc.and_(pc.is_null(named), counts)
    return _converted(column, named, pc.sum(bare).as_py() or 0, field)


def _converted(
    column: pa.ChunkedArray,
    named: pa.ChunkedArray,
    missing: int,
    field: Field,
) -> tuple[pa.ChunkedArray | None, str]:
    """The same, where rows name units; *missing* rows need one and name none."""
    if missing and field.scaled:
        return None, f"{missing} of {len(column)} rows with a value do not name it"
    scale, problem = _scale(named, _used(named, column), field)
    if scale is None:
        return None, problem
    if (scale == 1.0).all():
        return column, ""
    return pc.multiply(column.cast(pa.float64()), pa.array(scale)), ""


def _used(named: pa.ChunkedArray, column: pa.ChunkedArray) -> pa.Array:
    """The different units of the rows that have a value."""
    # Nearly always there is one, which is seen in half the time.
    if not named.null_count and pc.all(pc.equal(named, named[0])).as_py():
        return pa.array([named[0].as_py()], pa.string())
    used = named.filter(pc.is_valid(column)) if column.null_count else named
    return pc.unique(used)


def _scale(
    named: pa.ChunkedArray, used: pa.Array, field: Field
) -> tuple[np.ndarray | None, str]:
    """The factor of each row into the canonical unit, or why there is none.

    Args:
        used: The units of rows that have a value.

    Where it is 1 in all rows it is given once.
    """
    factors: dict[str | None, float] = {None: 1.0}
    for text in used.to_pylist():
        if text is None:
            continue
        found = factor(text, field.unit) if field.unit else None
        if found is None:
            quantity = field.unit or "which the catalogue has without a unit"
            return None, f"{text!r} is no unit of this quantity ({quantity})"
        factors[text] = found
    if set(factors.values()) == {1.0}:
        return np.ones(1), ""
    codes = named.combine_chunks().dictionary_encode()
    known = [factors.get(t, 1.0) for t in codes.dictionary.to_pylist()]
    last = len(known)  # where the rows without a unit point to
    indices = pc.fill_null(codes.indices, last).to_numpy(zero_copy_only=False)
    return np.asarray([*known, 1.0])[indices], ""


def _is_number(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_floating(column.type) or pa.types.is_integer(column.type))


def with_raw_units(table: pa.Table, resource: Resource) -> pa.Table:
    """The service's numbers, with a column ``X_unit`` beside each scaled X.

    An attribute of the service that has such a name moves out of the way.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    there = dict.fromkeys(table.column_names)
    for name in there:
        if name.endswith(UNIT_SUFFIX):
            continue
        columns[free_name(name, columns)] = table.column(name)
        field = resource.get(name)
        if field is None:
            continue
        named = _named_units(table, field, there)
        if named is None and field.scaled:
            named = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
        if named is not None:
            columns[name + RAW_SUFFIX] = named
    return pa.table(columns)


def next_values(
    table: pa.Table, value: str, run: str, lumisection: str
) -> tuple[pa.Array, np.ndarray]:
    """For each row, *value* of the next lumisection of the same run.

    Returns:
        The values, null where that lumisection is not in the table; and whether it is.

    Cost: O(n log n).
    """
    runs = table.column(run).to_numpy().astype(np.int64)
    lumis = table.column(lumisection).to_numpy().astype(np.int64)
    keys = (runs << 32) + lumis
    if not len(keys):
        return pa.array([], table.column(value).type), np.zeros(0, bool)
    wanted = keys + 1
    if (keys[1:] > keys[:-1]).all():
        rows = np.minimum(np.arange(1, len(keys) + 1), len(keys) - 1)
    else:
        order = np.argsort(keys, kind="stable")
        place = np.searchsorted(keys, wanted, sorter=order)
        rows = order[np.minimum(place, len(keys) - 1)]
    found = keys[rows] == wanted
    column = table.column(value).combine_chunks()
    taken = column.take(pa.array(np.where(found, rows, 0)))
    return pc.if_else(pa.array(found), taken, None), found
