"""From arrays to tables that are exactly what the catalogue says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.schema import TIME, bundled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from omskit.demo.dice import Ints


def table(
    resource: str,
    columns: Mapping[str, Any],
    rows: int,
    unseen: Mapping[str, Any] | None = None,
) -> pa.Table:
    """A table with the catalogue's columns, types and order, sorted by identity.

    Args:
        resource: Name in the catalogue.
        columns: What there is, by column name; ``X@unit`` for the unit texts of a
            scaled column X. Columns of the catalogue that are not named are null;
            what rows are only filtered by is not there unless it is named.
        rows: Number of rows.
        unseen: Columns that the catalogue does not have: ids are made of them, and
            rows can be filtered by them.

    Raises:
        KeyError: *columns* names one that the catalogue does not have.
    """
    entry = bundled()[resource]
    names: list[str] = []
    arrays: list[pa.Array[Any]] = []
    for field in entry.fields:
        names.append(field.name)
        arrays.append(_column(columns.get(field.name), field.arrow_type, rows))
        if field.scaled:
            unit = f"{field.name}@unit"
            names.append(unit)
            arrays.append(_column(columns.get(unit), pa.string(), rows))
    filters = [field for field in entry.filters if field.name in columns]
    for field in filters:
        values = columns[field.name]
        several = bool(values) and isinstance(values[0], list)
        kind = pa.list_(field.arrow_type) if several else field.arrow_type
        names.append(field.name)
        arrays.append(_column(values, kind, rows))
    strange = sorted(set(columns) - set(names))
    if strange:
        message = f"The catalogue has no columns {strange} in {resource!r}."
        raise KeyError(message)
    for name, values in (unseen or {}).items():
        names.append(name)
        arrays.append(pa.array(values))
    made = pa.table(arrays, names=names)
    if len(made) < 2 or not entry.identity:
        return made
    single = (f.name for f in filters if not pa.types.is_list(made[f.name].type))
    keys = (*entry.identity, *single)
    return made.sort_by([(name, "ascending") for name in keys])


def _column(values: Any, kind: pa.DataType, rows: int) -> pa.Array[Any]:
    if values is None:
        values = pa.array([None] * rows, kind)
    if isinstance(values, pa.Array):
        found: pa.Array[Any] = values
    else:
        found = pa.array(values, None if isinstance(values, np.ndarray) else kind)
    return found if found.type == kind else found.cast(kind)


def times(seconds: Ints) -> pa.Array[Any]:
    """Times from seconds since 1970."""
    return pa.array(seconds * 1_000_000, pa.int64()).cast(TIME)


def nullable(values: NDArray[Any], valid: NDArray[np.bool_]) -> pa.Array[Any]:
    """Values that are null where not *valid*.

    Example:
        >>> nullable(np.array([1, 2]), np.array([True, False])).to_pylist()
        [1, None]
    """
    made: pa.Array[Any] = pa.array(values, mask=~valid)
    return made


def words(names: Sequence[str | None], index: NDArray[Any]) -> pa.Array[Any]:
    """Texts by their number in *names*; null where the number is negative."""
    codes = pa.array(index, mask=index < 0)
    texts: pa.Array[Any] = pa.array(names, pa.string())
    return texts.take(codes)


def replaced(made: pa.Table, row: int, values: Mapping[str, Any]) -> pa.Table:
    """The same table with recorded facts in one row."""
    for name, value in values.items():
        old = made.column(name)
        one = pa.array([value], old.type)
        pieces = [old.slice(0, row), one, old.slice(row + 1)]
        chunks = [c for p in pieces for c in ([p] if p is one else p.chunks)]
        new = pa.chunked_array(chunks, old.type).combine_chunks()
        made = made.set_column(made.schema.get_field_index(name), name, new)
    return made
