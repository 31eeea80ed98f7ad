"""One type for each column, where the pages of an answer have several.

The types of what the catalogue knows are the catalogue's. What it does not know has
the type that its values have, and those of one page may look like times or whole
numbers, and those of the next like text. Nothing is lost in making one of them: null
fits all, whole numbers become floats where that is exact, and all else becomes JSON
text, as it does within one page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import DecodeError
from omskit.jsonapi import MIXED
from omskit.jsonapi.cells import cells
from omskit.jsonapi.lossless import EXACT_FLOAT, is_exact, json_text
from omskit.schema import TIME

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from omskit.schema import Resource

_NUMBERS = {pa.int64(), pa.float64()}


def unified(pages: Sequence[pa.Table], resource: Resource) -> list[pa.Table]:
    """The pages with one type for each column.

    Raises:
        DecodeError: A column that the catalogue knows has one type here and another
            there, and no number type holds both.
    """
    types: dict[str, list[pa.DataType]] = {}
    for page in pages:
        for field in page.schema:
            there = types.setdefault(field.name, [])
            if field.type not in there and not pa.types.is_null(field.type):
                there.append(field.type)
    several = {name: found for name, found in types.items() if len(found) > 1}
    wanted = {name: found[0] for name, found in types.items() if len(found) == 1}
    for name, found in several.items():
        columns = [p.column(name) for p in pages if name in p.column_names]
        wanted[name] = _common(found, columns)
        if wanted[name] == MIXED and resource.get(name) is not None:
            message = f"The service sends {name} with one type here, another there"
            raise DecodeError(message, path=f"$.data[*].attributes.{name}")
    return [_cast(page, wanted) for page in pages]


def _common(
    types: list[pa.DataType], columns: Iterable[pa.ChunkedArray]
) -> pa.DataType:
    """A type that holds all values of columns of these types, and loses none."""
    if set(types) <= _NUMBERS:
        return pa.float64() if all(map(_is_exact, columns)) else MIXED
    if set(types) == {TIME, pa.string()}:
        return pa.string()
    if all(map(pa.types.is_list, types)):
        items = [t.value_type for t in types if not pa.types.is_null(t.value_type)]
        values = (pc.list_flatten(c) for c in columns if pa.types.is_list(c.type))
        inner = items[0] if len(items) == 1 else _common(items, values)
        # A list of texts among which are times is left as the service wrote it.
        return pa.list_(inner) if inner in {*_NUMBERS, *items} else MIXED
    return MIXED


def _is_exact(column: pa.ChunkedArray) -> bool:
    """No whole number loses digits as a float."""
    return is_exact(pc.min_max(column).as_py().values())


def _cast(page: pa.Table, wanted: dict[str, pa.DataType]) -> pa.Table:
    for index, field in enumerate(page.schema):
        target = wanted.get(field.name)
        if target is not None and target != field.type:
            column = _cast_column(page.column(index), target)
            page = page.set_column(index, field.name, column)
    return page


def _cast_column(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_null(column.type):
        return pa.chunked_array([pa.nulls(len(column), target)])
    if target == MIXED:
        texts = [json_text(value) for value in cells(column)]
        return pa.chunked_array([pa.array(texts, MIXED)])
    if column.type == TIME:
        return pa.chunked_array([pa.array(cells(column), pa.string())])
    return column.cast(target)


def as_text(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """The table with plain text for the columns of several types, and their names."""
    names = [field.name for field in table.schema if field.type == MIXED]
    for name in names:
        index = table.column_names.index(name)
        table = table.set_column(index, name, table.column(name).cast(pa.string()))
    return table, names


class Fitting:
    """Fits each page to those before it, which cannot change any more."""

    def __init__(self, resource: Resource, columns: Container[str] | None) -> None:
        self._resource = resource
        self._columns = columns
        self._types: dict[str, pa.DataType] = {}

    def __call__(self, page: pa.Table) -> pa.Table:
        """The page with the columns and types of those before it, and what it adds.

        Raises:
            DecodeError: A column does not fit.
        """
        wanted = {
            field.name: self._target(field, page.column(field.name))
            for field in page.schema
        }
        page = _cast(page, wanted)
        for name, kind in self._types.items():
            if name not in page.column_names:
                page = page.append_column(name, pa.nulls(page.num_rows, kind))
        self._types = {field.name: field.type for field in page.schema}
        return page

    def _target(self, field: pa.Field, column: pa.ChunkedArray) -> pa.DataType:
        before = self._types.get(field.name, pa.null())
        ignored = self._columns is not None and field.name not in self._columns
        if pa.types.is_null(before) or (ignored and "@" not in field.name):
            return field.type
        if before in {field.type, MIXED} or _fits(column, before):
            return before
        known = self._resource.get(field.name) is not None
        instead = "leave it out with select()" if known else "use fetch()"
        message = (
            f"The service sends {field.name} as {field.type} from here on and as "
            f"{before} before; the pages already given cannot change. To have all "
            f"rows, {instead}"
        )
        raise DecodeError(message, path=f"$.data[*].attributes.{field.name}")


def _fits(column: pa.ChunkedArray, target: pa.DataType) -> bool:
    """Whether no value is lost or changed by taking the other type."""
    kind = column.type
    if pa.types.is_null(kind) or column.null_count == len(column):
        return True
    if {kind, target} == _NUMBERS:
        if target == pa.float64():
            return _is_exact(column)
        whole = pc.and_(
            pc.equal(pc.floor(column), column),
            pc.less(pc.abs(column), float(EXACT_FLOAT)),
        )
        return bool(pc.all(whole, min_count=0).as_py())
    if kind == TIME:
        return bool(target == pa.string())
    if pa.types.is_list(kind) and pa.types.is_list(target):
        inner = pc.list_flatten(column)
        return not len(inner) or _fits(inner, target.value_type)
    return False
