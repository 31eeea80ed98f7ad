"""Rows as OMS sends them, and as they are stored: pure, in both directions.

What is stored can be read by hand, in one unit per column; what a service over the
store says is exactly what OMS said. So both numbers are kept where they differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.engine.memory import conformed
from omskit.engine.sql import quoted
from omskit.errors import StoreError
from omskit.jsonapi.units import RAW_SUFFIX, next_values
from omskit.schema import UNIT_SUFFIX
from omskit.schema.units import factor
from omskit.store.layout import BLOCK, SENT_SUFFIX, has_sent
from omskit.table.fingerprint import digests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omskit.schema import Field
    from omskit.store.layout import Layout


def stored(table: pa.Table, layout: Layout, key: int | None = None) -> pa.Table:
    """Rows of the service, with ``X_unit`` beside scaled X, as they are stored.

    Args:
        table: Whole keys: all rows of each run or fill that has any.
        key: The run that they were asked for, where rows do not show it.

    Returns:
        The columns of ``layout.schema``, then those that the catalogue does not know,
        in the order of the identity.

    Raises:
        StoreError: A value is not of the catalogue's type, or a row does not say which
            it is.
    """
    resource = layout.resource
    table = _with_unit_columns(table, layout)
    extra = _unknown(table, layout)
    try:
        rows = conformed(table, resource.fields)
    except pa.ArrowException as error:
        message = f"{resource.name}: a value is of another type than OMS's: {error}"
        raise StoreError(message) from error
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    if layout.column:
        number = rows[layout.column] if not layout.hidden else _same(key, rows)
        columns[layout.block] = pc.divide(number, BLOCK)
        if layout.hidden:
            columns[layout.column] = number
    for field in resource.fields:
        column, sent = _canonical(rows, field, table)
        columns[field.name] = column
        if field.scaled:
            columns[field.name + UNIT_SUFFIX] = rows[field.name + UNIT_SUFFIX]
        if has_sent(field):
            columns[field.name + SENT_SUFFIX] = sent
    columns |= {name: table[name] for name in extra}
    schema = layout.schema
    for name in extra:
        schema = schema.append(pa.field(name, _plain(table[name].type)))
    made = pa.table(columns).cast(schema)
    _refuse_nameless(made, layout)
    made = _followed(made, layout)
    order = [(n, "ascending") for n in resource.identity if n in made.column_names]
    if layout.hidden:
        order.insert(0, (layout.column, "ascending"))
    return made.sort_by(order) if order else made


def _with_unit_columns(table: pa.Table, layout: Layout) -> pa.Table:
    """``X_unit``, as raw tables have it, under the name that services have for it."""
    named = {
        f.name + RAW_SUFFIX: f.name + UNIT_SUFFIX
        for f in layout.resource.fields
        if has_sent(f)
    }
    known = set(layout.resource.names)
    names = [n if n in known else named.get(n, n) for n in table.column_names]
    return table.rename_columns(names)


def _unknown(table: pa.Table, layout: Layout) -> list[str]:
    """Columns that the catalogue does not know: OMS has new ones."""
    known = set(layout.schema.names) | set(layout.resource.names)
    return [n for n in table.column_names if n not in known and "@" not in n]


def _plain(kind: pa.DataType) -> pa.DataType:
    """A type that Delta Lake has; nothing known yet is kept as text."""
    return pa.string() if pa.types.is_null(kind) else kind


def _same(key: int | None, rows: pa.Table) -> pa.Array:
    return pa.array(np.full(rows.num_rows, key or 0, np.int64))


def _canonical(
    rows: pa.Table, field: Field, table: pa.Table
) -> tuple[pa.ChunkedArray, pa.ChunkedArray | pa.Array]:
    """A column in its canonical unit, null where a row's unit is not known.

    Returns:
        It, and the numbers that were sent where those are others.
    """
    column = rows[field.name]
    nothing = pa.nulls(len(column), column.type)
    if not has_sent(field) or column.null_count == len(column):
        return column, nothing
    named = _named(table, field)
    if named is None:
        named = pa.chunked_array([pa.nulls(len(column), pa.string())])
    codes = named.combine_chunks().dictionary_encode()
    known = [_factor(text, field) for text in codes.dictionary.to_pylist()]
    # Without a unit of its own, a number that takes it from another has ours.
    bare = np.nan if field.scaled else 1.0
    place = pc.fill_null(codes.indices, len(known)).to_numpy(zero_copy_only=False)
    scale = np.asarray([*known, bare], np.float64)[place]
    values = column.cast(pa.float64())
    # Zero is zero in any unit, and OMS names none for it.
    zero = pc.fill_null(pc.equal(column, 0), fill_value=False).to_numpy()
    scale = np.where(zero, 1.0, scale)
    same = scale == 1.0
    if same.all():
        return values, nothing
    unit_known = pa.array(~np.isnan(scale))
    converted = pc.multiply(values, pa.array(scale))
    made = pc.if_else(unit_known, converted, pa.scalar(None, pa.float64()))
    return made, pc.if_else(pa.array(same), pa.scalar(None, column.type), column)


def _named(table: pa.Table, field: Field) -> pa.ChunkedArray | None:
    """The unit of each row; of the field that it takes its unit from, else."""
    found: pa.ChunkedArray | None = None
    for name in (field.name, field.unit_from):
        unit = f"{name}{UNIT_SUFFIX}"
        if name is not None and unit in table.column_names:
            column = table[unit].cast(pa.string())
            found = column if found is None else pc.coalesce(found, column)
    return found


def _factor(text: str | None, field: Field) -> float:
    found = factor(text, field.unit) if text is not None and field.unit else None
    return np.nan if found is None else found


def _refuse_nameless(rows: pa.Table, layout: Layout) -> None:
    """Refuse rows that do not say which they are: they would be found by nobody.

    Raises:
        StoreError: The message names the column.
    """
    if layout.column and rows[layout.column].null_count:
        message = (
            f"{layout.name}: {rows[layout.column].null_count} rows have no "
            f"{layout.column}: nobody could find them again. Nothing was written."
        )
        raise StoreError(message)


def _followed(rows: pa.Table, layout: Layout) -> pa.Table:
    """What is the next row's value, taken from there: OMS's depends on the filters."""
    resource = layout.resource
    if not resource.lumisection or not rows.num_rows:
        return rows
    if rows[resource.lumisection].null_count:
        return rows
    for field in resource.fields:
        if not field.after_filter:
            continue
        source = field.after_filter.removeprefix("lead(").removesuffix(")")
        values, _ = next_values(rows, source, "run_number", resource.lumisection)
        index = rows.schema.get_field_index(field.name)
        rows = rows.set_column(index, rows.schema.field(index), values)
    return rows


def expressions(layout: Layout, names: Mapping[str, object]) -> str:
    """SQL for the columns as OMS sent them, from those on disk.

    Args:
        names: The columns that the files have.
    """
    parts: list[str] = []
    for field in layout.resource.fields:
        name = quoted(field.name)
        if field.name not in names:
            continue
        if has_sent(field):
            kind = "BIGINT" if field.kind == "int" else "DOUBLE"
            sent = quoted(field.name + SENT_SUFFIX)
            parts.append(f"CAST(coalesce({sent}, {name}) AS {kind}) AS {name}")
        else:
            parts.append(name)
        if field.scaled:
            parts.append(quoted(field.name + UNIT_SUFFIX))
    if layout.hidden:
        parts.append(f"[{quoted(layout.column)}] AS {quoted(layout.column)}")
    known = set(layout.schema.names)
    parts += [quoted(name) for name in names if name not in known]
    return ", ".join(parts)


Tally = tuple[int, int, int]
"""Rows, and two sums of their digests, whatever the order."""

_ODD = np.uint64(0x9E3779B97F4A7C15)
_WORD = 1 << 64


def tallies(rows: pa.Table, column: str) -> dict[int, Tally]:
    """What the rows of each key come to.

    Args:
        column: What holds the keys; empty: all rows are of one, 0.

    Cost: O(rows x columns).
    """
    if not rows.num_rows:
        return {}
    numbers = np.zeros(rows.num_rows, np.uint64)
    for name in rows.column_names:
        nulls = rows[name].null_count
        # Nothing adds nothing: a column that came later changes no older hash.
        if name.endswith("_block") or nulls == rows.num_rows:
            continue
        found = digests(rows.select([name]))
        if nulls:
            found[rows[name].is_null().to_numpy()] = 0
        numbers += found
    keys = np.zeros(rows.num_rows, np.int64)
    if column:
        keys = rows[column].to_numpy().astype(np.int64)
    order = np.argsort(keys, kind="stable")
    keys, numbers = keys[order], numbers[order]
    mixed = (numbers ^ (numbers >> np.uint64(29))) * _ODD
    mixed ^= mixed >> np.uint64(32)
    unique, starts, counts = np.unique(keys, return_index=True, return_counts=True)
    sums, others = (np.add.reduceat(n, starts) for n in (numbers, mixed))
    return {
        int(key): (int(count), int(one), int(two))
        for key, count, one, two in zip(unique, counts, sums, others, strict=True)
    }


def added(one: Tally, other: Tally) -> Tally:
    """What the rows of both come to."""
    return (
        one[0] + other[0],
        (one[1] + other[1]) % _WORD,
        (one[2] + other[2]) % _WORD,
    )


def hash_of(tally: Tally) -> str:
    """The hash of rows, as coverage keeps it; of none it is empty."""
    return f"{tally[1]:016x}{tally[2]:016x}" if tally[0] else ""


def hashes(rows: pa.Table, column: str) -> dict[int, tuple[int, str]]:
    """How many rows each key has, and a hash of them.

    Example:
        >>> hashes(pa.table({"run_number": [1, 1]}), "run_number")[1][0]
        2
    """
    found = tallies(rows, column)
    return {key: (tally[0], hash_of(tally)) for key, tally in found.items()}
