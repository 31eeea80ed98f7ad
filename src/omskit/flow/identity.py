"""Which rows are which: twice the same row, rows without identity, strange rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import ServiceError
from omskit.jsonapi import ID
from omskit.query.check import failing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omskit.query import Condition, Query
    from omskit.schema import Resource


def unnamed(
    tables: Sequence[pa.Table], resource: Resource, asked: tuple[str, ...] | None
) -> str | None:
    """How many rows lack a part of their identity that was asked for, or None."""
    for name in _needed(resource, asked):
        there = (t for t in tables if name in t.column_names)
        missing = sum(table.column(name).null_count for table in there)
        if missing:
            return f"{missing} rows have no {name}"
    return None


def named(
    table: pa.Table, resource: Resource, asked: tuple[str, ...] | None
) -> pa.Table:
    """The rows that lack no part of their identity that was asked for."""
    for name in _needed(resource, asked):
        if name in table.column_names and table.column(name).null_count:
            table = table.filter(pc.is_valid(table.column(name)))
    return table


def _needed(resource: Resource, asked: tuple[str, ...] | None) -> list[str]:
    """Which columns of the identity a row must have."""
    return [
        name
        for name in resource.identity
        if (asked is None or resource.field(name).attribute in asked)
        # A row of a whole run need not say where its lumisections begin.
        and not (name == resource.lumisection and resource.granularities)
    ]


def repeated(tables: Sequence[pa.Table], resource: Resource) -> str | None:
    """Which rows came twice or without identity, or None."""
    columns = _identity(tables, resource)
    if not columns:
        return None
    try:
        keys = pa.concat_tables([t.select(columns) for t in tables])
    except pa.ArrowInvalid:
        return None  # One type here, another there: joining the pages names it.
    for name in columns:
        # A row of a whole run need not say where its lumisections begin.
        if keys.column(name).null_count and name != resource.lumisection:
            return f"{keys.column(name).null_count} rows have no {name.lstrip('@')}"
    if _ascends([keys.column(name) for name in columns]):
        return None
    codes = _codes(keys)
    if len(codes.unique()) == keys.num_rows:
        return None
    counts = codes.value_counts()
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    row = pc.index(codes, twice.field("values")[0]).as_py()
    first = ", ".join(str(keys.column(name)[row]) for name in columns)
    return f"{len(twice)} rows came more than once, the first {first}"


def ascends(tables: Sequence[pa.Table], resource: Resource) -> bool:
    """Whether rows ascend by the columns that their ids are made of.

    Where ids are what those columns say (`omskit.flow.witness.strangers`), none comes
    twice then: it is seen in a tenth of the time that the ids take, as texts.
    """
    names = [ID, *resource.identity]
    if not resource.id_is_real or not all(
        set(names) <= set(t.column_names) for t in tables
    ):
        return False
    try:
        keys = pa.concat_tables([t.select(names) for t in tables])
    except pa.ArrowInvalid:
        return False
    is_told = not keys.column(ID).null_count
    return is_told and _ascends([keys.column(name) for name in resource.identity])


def _ascends(columns: Sequence[pa.ChunkedArray]) -> bool:
    """Whether whole numbers ascend from row to row: then none comes twice.

    Rows mostly come so, and it is seen in a tenth of the time.
    """
    if any(c.null_count or not pa.types.is_integer(c.type) for c in columns):
        return False
    higher, same = False, True
    for column in columns:
        steps = np.diff(column.to_numpy())
        higher = higher | (same & (steps > 0))
        same = same & (steps == 0)
    return bool(np.all(higher))


def _codes(keys: pa.Table) -> pa.Array:
    """A number for each row, equal where all columns are.

    Not Table.group_by: that imports pyarrow.dataset and with it all of pandas, for
    0.5 s and 100 MB.
    """
    codes: pa.Array | None = None
    for column in keys.columns:
        encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
        here = encoded.indices.cast(pa.int64())
        if codes is not None:
            both = pc.add(pc.multiply(codes, len(encoded.dictionary)), here)
            here = both.dictionary_encode().indices.cast(pa.int64())
        codes = here
    return codes


def _identity(tables: Sequence[pa.Table], resource: Resource) -> list[str]:
    """The columns that tell rows apart; none where that cannot be told."""
    columns = [ID] if resource.id_is_real else list(resource.identity)
    if not columns and not any(t.column(ID).null_count for t in tables):
        # A resource outside the catalogue: its ids tell, where it has any.
        columns = [ID]
    there = bool(tables) and set(columns) <= set(tables[0].column_names)
    return columns if there else []


def own_conditions(requests: Sequence[Query]) -> list[list[Condition]]:
    """What tells each request from the others."""
    every = [frozenset(request.conditions) for request in requests]
    shared = frozenset.intersection(*every) if every else frozenset()
    return [[c for c in r.conditions if c not in shared] for r in requests]


def check_page(table: pa.Table, own: Iterable[Condition], resource: Resource) -> None:
    """Hold a page against what was asked of it and of no other part.

    Rows without a value are left to `unnamed`.

    Raises:
        ServiceError: A row breaks a condition.
    """
    for condition in own:
        if condition.field in table.column_names:
            there = table.filter(pc.is_valid(table.column(condition.field)))
            broken = failing(there, condition)
            if broken:
                message = (
                    f"The service answered another question on {resource.name!r}: "
                    f"{broken}. Nothing of this answer can be trusted."
                )
                raise ServiceError(message)


class Seen:
    """The rows that have been seen, in little memory: `repeated` for a stream.

    Identities that are numbers are kept as ranges, (run, first, last) for lumisections.

    Cost: rows that come by run and lumisection take some 32 bytes a run and page, rows
    in no order 24 bytes each; ids that are no numbers take their text. See
    `Seen.nbytes`.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.schema import bundled
        >>> seen = Seen(bundled()["runs"])
        >>> seen.add(pa.table({"@id": ["5", "6", "7"]}))
        >>> seen.nbytes, seen.flaw()
        (16, None)
        >>> seen.add(pa.table({"@id": ["6"]}))
        >>> seen.flaw()
        '1 rows came more than once, the first 6'
    """

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._names: list[str] = []
        self._worded: set[str] = set()
        self._codes: dict[str | None, int] = {}
        self._ranges: list[np.ndarray] = []
        self._texts: list[pa.Table] = []
        self._bare: dict[str, int] = {}

    @property
    def nbytes(self) -> int:
        """How much is kept."""
        kept = [*self._texts, *self._ranges]
        return sum(part.nbytes for part in kept)

    def add(self, table: pa.Table) -> None:
        """Note the rows of a page."""
        names = _identity([table], self._resource)
        if not names:
            return
        self._names = names
        for name in names:
            column = table.column(name)
            if pa.types.is_string(column.type):
                self._worded.add(name)
            missing = column.null_count
            if missing and name != self._resource.lumisection:
                self._bare[name] = self._bare.get(name, 0) + missing
        columns = _numbers(table, names, self._codes)
        if columns is not None and self._is_alike(columns):
            self._ranges.append(_ranges(columns))
        else:
            # A copy: a slice would keep the whole page.
            keys = [pa.concat_arrays(table.column(n).chunks) for n in names]
            self._texts.append(pa.table(keys, names=names))

    def _is_alike(self, columns: list[np.ndarray]) -> bool:
        return not self._ranges or len(self._ranges[0]) == len(columns) + 1

    def flaw(self) -> str | None:
        """Which rows came twice or without identity, or None."""
        for name, missing in self._bare.items():
            return f"{missing} rows have no {name.lstrip('@')}"
        if not self._ranges:
            return repeated(self._texts, self._resource)
        kept = np.concatenate(self._ranges, axis=1)
        if self._texts or _overlap(kept):
            return repeated([self._named(kept), *self._texts], self._resource)
        return None

    def _named(self, kept: np.ndarray) -> pa.Table:
        """Ranges as the identities that they stand for."""
        counts = kept[-1] - kept[-2] + 1
        columns = list(np.repeat(kept[:-2], counts, axis=1))
        steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        columns.append(np.repeat(kept[-2], counts) + steps)
        if self._names == [ID]:
            texts = [pa.array(column).cast(pa.string()) for column in columns]
            joined = pc.binary_join_element_wise(*texts, _BETWEEN)
            return pa.table({ID: joined})
        words = pa.array(list(self._codes), pa.string())
        return pa.table(
            {
                name: words.take(pa.array(column))
                if name in self._worded
                else pa.array(column, mask=column == _NULL)
                for name, column in zip(self._names, columns, strict=True)
            }
        )


_BETWEEN = "_"
"""Parts the numbers of an id: ``297050_1`` is lumisection 1 of run 297050."""

_NULL = -(2**62)


def _numbers(
    table: pa.Table, names: list[str], codes: dict[str | None, int]
) -> list[np.ndarray] | None:
    """The identities as whole numbers, one to one; None where that cannot be."""
    if names == [ID]:
        return _numbers_of(pa.concat_arrays(table.column(ID).chunks))
    columns = []
    for name in names:
        column = table.column(name)
        if pa.types.is_integer(column.type):
            columns.append(pc.fill_null(column, _NULL).to_numpy())
        elif pa.types.is_string(column.type) and len(names) > 1:
            columns.append(_coded(pa.concat_arrays(column.chunks), codes))
        else:
            return None
    return columns


def _numbers_of(ids: pa.Array) -> list[np.ndarray] | None:
    """The numbers in ids such as ``297050_1``; None where they are others."""
    if ids.null_count or not len(ids):
        return None
    parts = pc.split_pattern(ids, _BETWEEN)
    counts = pc.unique(pc.list_value_length(parts))
    texts = pc.list_flatten(parts)
    try:
        numbers = texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    if len(counts) > 1 or not numbers.cast(pa.string()).equals(texts):
        return None  # 007 is not 7
    return list(numbers.to_numpy().reshape(len(ids), -1).T)


def _coded(column: pa.Array, codes: dict[str | None, int]) -> np.ndarray:
    encoded = column.dictionary_encode("encode")
    known = [codes.setdefault(t, len(codes)) for t in encoded.dictionary.to_pylist()]
    return np.asarray(known, np.int64)[encoded.indices.to_numpy()]


def _ranges(columns: list[np.ndarray]) -> np.ndarray:
    """Rows as ranges of their last number: the others, first and last."""
    keys = np.stack(columns)
    steps = np.diff(keys[-1])
    if (steps == -1).sum() > (steps == 1).sum():
        keys, steps = keys[:, ::-1], -steps[::-1]
    breaks = (steps != 1) | (np.diff(keys[:-1]) != 0).any(axis=0)
    starts = np.flatnonzero(np.concatenate([[True], breaks]))
    ends = np.concatenate([starts[1:], [keys.shape[1]]]) - 1
    return np.concatenate([keys[:, starts], keys[-1:, ends]])


def _overlap(ranges: np.ndarray) -> bool:
    """Whether two ranges have a row in common."""
    ordered = ranges[:, np.lexsort(ranges[-2::-1])]
    before, after = ordered[:, :-1], ordered[:, 1:]
    same = (before[:-2] == after[:-2]).all(axis=0)
    return bool((same & (after[-2] <= before[-1])).any())
