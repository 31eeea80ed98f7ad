"""Page bytes -> Arrow, on two ways that agree.

The fast way is ``pyarrow.json`` with the catalogue's schema: it parses without holding
the GIL, so pages are decoded side by side. It refuses, without saying where, whatever
is not exactly of the expected type, and it takes for an empty page what is none (an
error document). So its result is checked, and what it refuses goes the careful way
(`omskit.jsonapi.careful`), which mends what can be mended and names the path of what
cannot.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from omskit.jsonapi.careful import MOST_ROWS, read_carefully
from omskit.jsonapi.depth import is_deep
from omskit.jsonapi.lossless import EXACT_FLOAT, FIRST_US, LAST_US
from omskit.jsonapi.rows import Rows
from omskit.jsonapi.sample import like_first_row
from omskit.jsonapi.shape import ID, Shape, shape_of
from omskit.jsonapi.witnesses import agree
from omskit.schema import TIME, UNIT_SUFFIX, Field, Resource
from omskit.schema.naming import new_name, part_name

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from typing import TypeAlias

    Columns: TypeAlias = Iterator[tuple[str, pa.Array]]

_BOM = b"\xef\xbb\xbf"
_SLACK = 64
_LARGE = 2**20
"""Bytes of a page after which memory is given back: 60 MB where six threads decode."""
_UNEXPECTED = "unexpected field"
_PLAIN_ITEMS = (pa.int64(), pa.string(), pa.bool_(), pa.null())
_LIKE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}")


class _Refused(Exception):  # noqa: N818  # never leaves this module
    """The fast reader's result cannot be trusted."""


def decode(body: bytes, resource: Resource) -> Rows:
    """The rows of one page.

    Args:
        body: The whole answer, uncompressed.
        resource: What the rows are; unknown attributes are kept with an inferred type.

    Returns:
        Columns of *resource* in its order (null where the page has no such attribute),
        then unknown ones, then ``@id`` and ``X@unit`` columns.

    Raises:
        DecodeError: Not a page of OMS; the message ends with the path.

    Cost: about 7 us per row of 60 fields, without the GIL.

    Example:
        >>> from omskit.schema import bundled
        >>> page = b'{"data": [{"id": "5", "attributes": {"run_number": 5}}], '
        >>> page += b'"meta": {"totalResourceCount": 1}}'
        >>> rows = decode(page, bundled()["runs"])
        >>> rows.total, rows.table["run_number"].to_pylist()
        (1, [5])
    """
    body = body.removeprefix(_BOM)
    shape = shape_of(resource)
    if shape.fast and _is_object(body) and _is_utf8(body):
        try:
            return _fast(body, resource, shape)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, RecursionError, _Refused):
            pass  # The careful way says what is wrong, or mends it.
    return read_carefully(body, resource)


def _is_object(body: bytes) -> bool:
    """Anything else is no page, and ``null`` ends the process in pyarrow 26."""
    return body[:1] == b"{" or body.lstrip()[:1] == b"{"


def _is_utf8(body: bytes) -> bool:
    """The fast reader does not look."""
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fast(body: bytes, resource: Resource, shape: Shape) -> Rows:
    read = _read(body, shape.document)
    if len(body) > _LARGE:
        pa.default_memory_pool().release_unused()
    data = read.column("data")
    if read.num_rows != 1 or data.null_count or "errors" in read.column_names:
        raise _Refused
    rows = data.chunk(0).flatten()
    attributes = rows.field("attributes")
    if rows.null_count or attributes.null_count or not agree(rows, resource):
        raise _Refused
    # All at once: one struct_field for each of 60 columns takes 0.8 ms.
    whole = dict(zip(_names(attributes), attributes.flatten(), strict=True))
    columns = {f.name: _column(whole, f.path) for f in resource.fields}
    unknown = dict(_unknown(attributes, shape))
    columns |= unknown
    if not all(map(_is_plain, columns.values())):
        raise _Refused
    columns[ID] = rows.field("id")
    columns.update(_units(rows, resource))
    meta = read.column("meta").chunk(0)
    total = pc.struct_field(meta, "totalResourceCount")[0].as_py()
    if total is not None and not 0 <= total <= MOST_ROWS:
        raise _Refused
    return Rows(
        table=pa.table(columns),
        total=total,
        unknown=tuple(unknown),
    )


def _read(body: bytes, document: pa.Schema) -> pa.Table:
    """The page as one row.

    Where the reader infers a type it calls itself for each level, and ends the process
    where there are too many (`omskit.jsonapi.depth`). So it first reads what the
    catalogue and the first row lead us to expect, which costs no look at the depth.
    """
    for expected in (document, None):
        try:
            schema = expected or like_first_row(body, document)
            return _parsed(body, schema, "error")
        except pa.ArrowInvalid as error:
            if expected is not None and _UNEXPECTED not in str(error):
                raise
    if is_deep(body):
        raise _Refused
    return _parsed(body, document, "infer")


def _parsed(body: bytes, schema: pa.Schema, unexpected: str) -> pa.Table:
    return pj.read_json(
        pa.BufferReader(body),
        # One block, or the reader would look for several documents.
        read_options=pj.ReadOptions(use_threads=False, block_size=len(body) + _SLACK),
        parse_options=pj.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior=unexpected
        ),
    )


def _names(struct: pa.StructArray) -> list[str]:
    return [field.name for field in struct.type]


def _column(whole: dict[str, pa.Array], path: tuple[str, ...]) -> pa.Array:
    values = whole[path[0]]
    # struct_field, not .field(): a part of a null object is null.
    return values if len(path) == 1 else pc.struct_field(values, list(path[1:]))


def _is_plain(column: pa.Array) -> bool:
    """Whether the values are such as JSON and Python have.

    The fast reader takes NaN and Infinity for numbers, and ``0000-01-01`` for a time.
    """
    if pa.types.is_list(column.type):
        column = column.flatten()
    if column.type == TIME:
        ends = pc.min_max(column.view(pa.int64()))
        first, last = ends["min"].as_py(), ends["max"].as_py()
        return first is None or (first >= FIRST_US and last <= LAST_US)
    if not pa.types.is_floating(column.type):
        return True
    return pc.all(pc.is_finite(column), min_count=0).as_py() is not False


def _unknown(attributes: pa.StructArray, shape: Shape) -> Columns:
    """What the catalogue does not know: attributes, and parts of known ones."""
    taken, paths = set(shape.names), shape.paths
    for field in attributes.type:
        nested = shape.attributes.get(field.name)
        if nested is None:
            name = new_name(field.name, taken)
            yield from _flat(name, attributes.field(field.name), taken)
        elif nested and any((field.name, p.name) not in paths for p in field.type):
            values = pc.struct_field(attributes, [field.name])
            yield from _parts(field.name, values, taken, paths)


def _parts(
    name: str,
    values: pa.StructArray,
    taken: set[str],
    known: Container[tuple[str, ...]] = (),
) -> Columns:
    for part in values.type:
        if (name, part.name) not in known:
            child = pc.struct_field(values, [part.name])
            yield from _flat(part_name(name, part.name, taken), child, taken)


def _flat(name: str, values: pa.Array, taken: set[str]) -> Columns:
    """An inferred column; the parts of objects apart, times as all times are.

    Where the reader infers a type that loses something, or takes what is a time for
    text, the careful way has to decide.
    """
    kind = values.type
    if pa.types.is_struct(kind):
        yield from _parts(name, values, taken)
        return
    taken.add(name)
    if pa.types.is_null(kind):
        values = pa.nulls(len(values))  # struct_field gives it an undue bitmap
    elif pa.types.is_timestamp(kind):
        values = values.cast(TIME)
    elif pa.types.is_floating(kind):
        # 2^53 may have been 2^53 + 1.
        if (pc.max(pc.abs(values)).as_py() or 0.0) >= EXACT_FLOAT:
            raise _Refused
    elif pa.types.is_string(kind):
        first = values.drop_null()[:1].to_pylist()
        if first and _LIKE_TIME.match(first[0]):
            raise _Refused
    elif pa.types.is_list(kind) and kind.value_type not in _PLAIN_ITEMS:
        raise _Refused
    yield name, values


def _units(rows: pa.StructArray, resource: Resource) -> Columns:
    """The unit columns: of scaled fields always, of others where a row names one."""
    if rows.type.get_field_index("meta") < 0:
        return
    meta = rows.field("meta")
    if not pa.types.is_struct(meta.type) or meta.type.get_field_index("row") < 0:
        return
    units = pc.struct_field(meta, ["row"])
    if not pa.types.is_struct(units.type):
        raise _Refused
    for field in resource.fields:
        index = units.type.get_field_index(field.attribute)
        if index >= 0:
            yield field.name + UNIT_SUFFIX, _unit(units, field)


def _unit(units: pa.StructArray, field: Field) -> pa.Array:
    kind = units.type.field(field.attribute).type
    if not pa.types.is_struct(kind) or kind.get_field_index("units") < 0:
        raise _Refused
    column = pc.struct_field(units, [field.attribute, "units"])
    if not pa.types.is_string(column.type):
        raise _Refused
    return column
