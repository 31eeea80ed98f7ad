"""Whether an answer shows what was asked for: its order, and who its rows are.

A service that does not know ``sort`` ignores it and says nothing; then the last three
runs are the first three, and pages that were swapped look whole. So the order of the
sort columns that came back is read off the rows, and ids are compared with the columns
that they are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.jsonapi import ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omskit.query import Query
    from omskit.schema import Resource

    BoolArray = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

SLACK = 1e-6
"""Relative: OMS sorts by numbers that it writes with the digits of 32-bit floats."""


@dataclass(frozen=True, slots=True)
class _Key:
    """One sort key, read off the rows.

    Attributes:
        back: Pairs of neighbouring rows that stand in the wrong order.
        differs: Pairs of neighbouring rows whose values differ.
    """

    back: BoolArray
    differs: BoolArray


def disorder(
    tables: Sequence[pa.Table],
    order: Iterable[str],
    resource: Resource,
) -> str | None:
    """Where rows are not in the order that was asked for, or None.

    Numbers, times and flags must ascend or descend. Of text only that equal values
    stand together is required, as the collation of the service is not known. Nulls may
    stand at either end. Keys are looked at up to the first that did not come back.

    Args:
        tables: The rows as they came, in the order of the answer.
        order: Sort keys as they were sent, ``-`` in front of descending ones.
        resource: What the rows are; its scaled columns say nothing of the order, as
            their units differ by row.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.schema import bundled
        >>> rows = pa.table({"run_number": [1, 2, 3]})
        >>> disorder([rows], ["run_number"], bundled()["runs"])
        >>> disorder([rows], ["-run_number"], bundled()["runs"])
        'rows are not sorted by -run_number: 1 comes before 2'
    """
    keys = list(order)
    names = []
    for key in keys:
        column = resource.get(key.removeprefix("-"))
        if column is None or column.scaled or column.after_filter:
            break
        names.append(column.name)
    keys = keys[: len(names)]
    rows = _joined(tables, names)
    count = 0 if rows is None else rows.num_rows
    if rows is None or count < 2:
        return None
    same: BoolArray = np.ones(count - 1, bool)
    for key, name in zip(keys, names, strict=True):
        if name not in rows.column_names:
            return None
        column = rows.column(name).combine_chunks()
        found = _pairs(column, same, descending=key.startswith("-"))
        if found is None:
            return None
        if found.back.any():
            at = int(np.flatnonzero(found.back)[0])
            return _told(key, column, at)
        same &= ~found.differs
    return None


def _joined(tables: Sequence[pa.Table], names: list[str]) -> pa.Table | None:
    """The key columns of all pages, up to the first that a page lacks."""
    kept: list[str] = []
    for name in names:
        if not all(name in table.column_names for table in tables):
            break
        kept.append(name)
    if not kept or not tables:
        return None
    try:
        return pa.concat_tables([t.select(kept) for t in tables])
    except pa.ArrowInvalid:
        return None  # One type here, another there: joining the pages names it.


def _pairs(column: pa.Array, same: BoolArray, *, descending: bool) -> _Key | None:
    """How neighbouring rows stand to each other; None: of this type nothing is known.

    Args:
        column: The values of one key.
        same: Pairs that are equal in all keys before it.
        descending: The key descends.
    """
    valid = np.asarray(column.is_valid())
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        codes = column.dictionary_encode("encode").indices.to_numpy()
        differs = codes[1:] != codes[:-1]
        back = same & differs & _comes_again(codes, same)[1:]
        return _Key(back, differs)
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    values = column.fill_null(0).to_numpy(zero_copy_only=False)
    first, second = values[:-1], values[1:]
    if descending:
        first, second = second, first
    both = valid[:-1] & valid[1:]
    wrong = second < first
    if pa.types.is_floating(kind):
        with np.errstate(all="ignore"):
            wrong &= np.abs(second - first) > SLACK * np.abs(first)
    differs = (values[:-1] != values[1:]) | (valid[:-1] != valid[1:])
    back = same & ((both & wrong) | _nulls_inside(valid, same))
    return _Key(back, differs)


def _groups(same: BoolArray) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """A number for each row: equal where all keys before are."""
    return np.concatenate([[0], np.cumsum(~same)]).astype(np.int64)


def _comes_again(codes: np.ndarray, same: BoolArray) -> BoolArray:
    """Rows whose value was left in the same group before, and comes again."""
    groups = _groups(same)
    starts = np.concatenate([[True], (codes[1:] != codes[:-1]) | ~same])
    places = np.flatnonzero(starts)
    pairs = np.stack([groups[places], codes[places]])
    order = np.lexsort(pairs[::-1])
    ordered = pairs[:, order]
    again = np.zeros(codes.size, bool)
    equal = (ordered[:, 1:] == ordered[:, :-1]).all(axis=0)
    again[places[order[1:][equal]]] = True
    return again


def _nulls_inside(valid: BoolArray, same: BoolArray) -> BoolArray:
    """Pairs where values follow nulls that values came before, within one group."""
    falls = same & valid[:-1] & ~valid[1:]
    rises = same & ~valid[:-1] & valid[1:]
    if not falls.any() or not rises.any():
        return np.zeros(same.size, bool)
    groups = _groups(same)[1:]
    both = np.intersect1d(groups[falls], groups[rises])
    return rises & np.isin(groups, both)


def _told(key: str, column: pa.Array, at: int) -> str:
    first, second = (_shown(column[at + n]) for n in (0, 1))
    return f"rows are not sorted by {key}: {first} comes before {second}"


def _shown(value: pa.Scalar) -> str:
    plain = value.as_py()
    if plain is None:
        return "null"
    return plain.isoformat() if hasattr(plain, "isoformat") else f"{plain!r:.60}"


def strangers(tables: Sequence[pa.Table], resource: Resource) -> str | None:
    """Rows whose id and whose columns name different rows, or None.

    Only ids that OMS is known to make of the identity columns are looked at
    (`Resource.id_is_real`): ``297050_1`` is lumisection 1 of run 297050.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.schema import bundled
        >>> rows = pa.table({"run_number": [2, 3], "@id": ["2", "x"]})
        >>> strangers([rows], bundled()["runs"])
        "1 row has another id than its columns say: 'x' for run_number 3"
    """
    names = list(resource.identity)
    if not resource.id_is_real or not names:
        return None
    wrong, example = 0, ""
    for table in tables:
        if not {ID, *names} <= set(table.column_names):
            continue
        parts = [table.column(name).cast(pa.string()) for name in names]
        wanted = pc.binary_join_element_wise(*parts, "_") if parts[1:] else parts[0]
        differ = pc.fill_null(
            pc.not_equal(table.column(ID), wanted), False
        )  # what stands for null
        count = pc.sum(differ).as_py() or 0
        if count and not wrong:
            row = table.filter(differ).slice(0, 1).to_pylist()[0]
            columns = ", ".join(f"{name} {row[name]}" for name in names)
            example = f"{row[ID]!r:.60} for {columns}"
        wrong += count
    if not wrong:
        return None
    rows, whose = (
        ("1 row has", "its") if wrong == 1 else (f"{wrong} rows have", "their")
    )
    return f"{rows} another id than {whose} columns say: {example}"


def another_granularity(
    tables: Sequence[pa.Table], query: Query, resource: Resource
) -> str | None:
    """Rows of lumisections where rows of runs were asked for, or the other way round.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.query import Query
        >>> from omskit.schema import bundled
        >>> rows = pa.table({"run_number": [5, 5], "first_lumisection_number": [1, 2]})
        >>> by_run = Query("l1triggerrates").group("run")
        >>> another_granularity([rows], by_run, bundled()["l1triggerrates"])
        'rows are not one per run: run_number 5 comes twice'
    """
    wanted = dict(query.groups).get("granularity")
    if wanted is None or not resource.granularities or not resource.lumisection:
        return None
    names = [name for name in resource.identity if name != resource.lumisection]
    if wanted == "run":
        rows = _joined(tables, names)
        if rows is None or rows.column_names != names:
            return None
        return _comes_twice(rows)
    last = resource.lumisection.replace("first_", "last_")
    for table in tables:
        if {resource.lumisection, last} <= set(table.column_names):
            ends = pc.not_equal(table.column(resource.lumisection), table.column(last))
            wide = table.filter(pc.fill_null(ends, False))  # see above
            if wide.num_rows:
                row = wide.select([resource.lumisection, last]).to_pylist()[0]
                first, end = row.values()
                return (
                    f"rows are not one per lumisection: one goes from {first} to {end}"
                )
    return None


def _comes_twice(rows: pa.Table) -> str | None:
    """The first identity that two rows have, or None."""
    seen: set[tuple[Any, ...]] = set()
    for row in zip(
        *(rows.column(n).to_pylist() for n in rows.column_names), strict=True
    ):
        if row in seen:
            shown = ", ".join(
                f"{name} {value}"
                for name, value in zip(rows.column_names, row, strict=True)
            )
            return f"rows are not one per run: {shown:.120} comes twice"
        seen.add(row)
    return None


def ends_early(rows: int, offset: int, limit: int, expected: int) -> bool:
    """Whether a page is shorter than it must be where more rows are to come.

    Then the total is not true, or pages are cut: no later page can mend that.

    Example:
        >>> ends_early(3, 0, 1000, 999_999_999), ends_early(3, 0, 1000, 3)
        (True, False)
    """
    return rows < min(limit, expected - offset)
