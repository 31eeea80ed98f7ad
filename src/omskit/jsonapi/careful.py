"""The careful way to read a page: slower, tolerant, exact in blame.

Numbers written as ``12.0`` in a column of whole numbers are mended. A column whose
values are all of one other plain type takes that type, with a note, where that loses
nothing. Everything else that does not fit is a `DecodeError` that names its path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
import pyarrow as pa

from omskit.errors import DecodeError
from omskit.jsonapi.depth import MOST_LEVELS, is_deep
from omskit.jsonapi.error_document import error_detail
from omskit.jsonapi.lossless import (
    EXACT_FLOAT,
    FIRST_US,
    LAST_US,
    is_exact,
    json_text,
)
from omskit.jsonapi.rows import Rows
from omskit.jsonapi.shape import ID, MIXED
from omskit.jsonapi.twice import refuse_twice
from omskit.jsonapi.witnesses import row_contradicts
from omskit.schema import ARROW, TIME, UNIT_SUFFIX, Field, Resource
from omskit.schema.naming import new_name, part_name

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    Columns = dict[str, pa.Array]

MOST_ROWS = 10**12
"""More than any service holds: ten thousand years of rates of all paths."""

_INT64 = 2**63


def read_carefully(body: bytes, resource: Resource) -> Rows:
    """The rows of one page; see `omskit.jsonapi.decode`.

    Raises:
        DecodeError: Not a page of OMS; the message ends with the path.
    """
    document = _document(body)
    rows = _rows(document)
    for number, row in enumerate(rows):
        row_contradicts(row, number, resource)
    notes: list[str] = []
    attributes = [row["attributes"] for row in rows]
    columns: Columns = {f.name: _known(attributes, f, notes) for f in resource.fields}
    unknown = dict(_unknown(attributes, resource))
    columns |= unknown
    columns[ID] = pa.array([_id(row, n) for n, row in enumerate(rows)], pa.string())
    columns.update(_units(rows, resource))
    return Rows(
        table=pa.table(columns),
        total=_total(document),
        unknown=tuple(unknown),
        notes=tuple(notes),
    )


def _document(body: bytes) -> dict[str, Any]:
    start = body.lstrip()[:1]
    if start == b"<":
        message = (
            "The service sent a web page instead of data, which is what a login page "
            "or a proxy in between does"
        )
        raise DecodeError(message)
    message = (
        "The answer is nested too deeply to be a page of OMS: over "
        f"{MOST_LEVELS} levels, or its brackets do not match"
    )
    if is_deep(body):
        raise DecodeError(message)
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        broken = f"The answer breaks off or is no JSON ({error})"
        raise DecodeError(broken, broken=True) from error
    except RecursionError as error:
        raise DecodeError(message) from error
    if not isinstance(document, dict):
        _wrong("an object", document, "$")
    refuse_twice(body, document)
    return document


def _rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    if "errors" in document:
        said = error_detail(msgspec.json.encode(document)) or "no reason given"
        message = f"The service sent an error document with a good status ({said})"
        raise DecodeError(message, path="$.errors")
    if "data" not in document:
        message = f"The answer has no 'data' but {sorted(document) or 'nothing'}"
        raise DecodeError(message)
    data = document["data"]
    rows = [data] if isinstance(data, dict) else data
    if not isinstance(rows, list):
        _wrong("a list of rows", data, "$.data")
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            _wrong("a row", row, f"$.data[{number}]")
        if not isinstance(row.get("attributes"), dict):
            where = f"$.data[{number}].attributes"
            _wrong("an object", row.get("attributes"), where)
    return rows


def _wrong(wanted: str, found: object, path: str) -> NoReturn:
    shown = "null" if found is None else f"{_kind_of(found)} {found!r:.40}"
    message = f"Expected {wanted}, got {shown}"
    raise DecodeError(message, path=path)


def _total(document: dict[str, Any]) -> int | None:
    meta = document.get("meta")
    total = meta.get("totalResourceCount") if isinstance(meta, dict) else None
    if total is None:
        return None
    if isinstance(total, float) and total.is_integer():
        total = int(total)
    whole = isinstance(total, int) and not isinstance(total, bool)
    if not whole or not 0 <= total <= MOST_ROWS:
        most = f" of at most {MOST_ROWS}" if whole and total > 0 else ""
        _wrong(f"a count{most}", total, "$.meta.totalResourceCount")
    return total


def _id(row: dict[str, Any], number: int) -> str | None:
    found = row.get("id")
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if found is not None and not isinstance(found, str):
        _wrong("an id", found, f"$.data[{number}].id")
    return found


def _values(attributes: list[dict[str, Any]], path: tuple[str, ...]) -> list[Any]:
    first, *rest = path
    values = [row.get(first) for row in attributes]
    for part in rest:
        for number, value in enumerate(values):
            if value is not None and not isinstance(value, dict):
                where = f"$.data[{number}].attributes.{first}"
                _wrong("an object", value, where)
        values = [None if v is None else v.get(part) for v in values]
    return values


def _known(
    attributes: list[dict[str, Any]], field: Field, notes: list[str]
) -> pa.Array:
    values = _values(attributes, field.path)

    def where(number: int) -> str:
        return f"$.data[{number}].attributes.{'.'.join(field.path)}"

    if field.kind == "json":
        return pa.array([json_text(v) for v in values], pa.string())
    if field.kind == "list":
        return _list_column(values, field, where)
    kinds = {_kind_of(v) for v in values if v is not None}
    fitted = _fit(values, field.kind, kinds)
    if fitted is not None:
        return pa.array(fitted, ARROW[field.kind])
    wider = _wider(values, kinds)
    widened = None if wider is None else _fit(values, wider, kinds)
    if wider is None or widened is None:
        number, bad = _first_misfit(values, field.kind)
        _wrong(_WANTED[field.kind], bad, where(number))
    notes.append(
        f"The service sends {field.name} as {wider}, not as {field.kind}: "
        "the column has the service's type."
    )
    return pa.array(widened, ARROW[wider])


_WANTED = {
    "int": "a whole number of 64 bits",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "time": "a time such as 2017-06-16T20:50:33Z, of the years 1 to 9999",
}


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return {int: "int", float: "float", str: "str", list: "list", dict: "object"}.get(
        type(value), "null"
    )


def _fit(values: list[Any], kind: str, kinds: set[str]) -> list[Any] | None:
    """The values in *kind*, or None where one of them does not fit."""
    if not kinds <= _ACCEPTED[kind]:
        return None
    if kind in {"str", "bool"}:
        return values
    convert = _CONVERT[kind]
    fitted = [None if v is None else convert(v) for v in values]
    lost = any(f is None and v is not None for f, v in zip(fitted, values, strict=True))
    return None if lost else fitted


_ACCEPTED = {
    "int": {"int", "float"},
    "float": {"int", "float"},
    "str": {"str"},
    "bool": {"bool"},
    "time": {"str"},
}


def _to_int(value: float) -> int | None:
    if not isinstance(value, int):
        exact = value.is_integer() and abs(value) <= EXACT_FLOAT
        return int(value) if exact else None
    return value if -_INT64 <= value < _INT64 else None


def _to_float(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _to_time(value: str) -> int | None:
    """Microseconds, read just as the fast reader reads them; None where it is no time.

    Arrow knows times before the year 1, which Python, pandas and files do not.
    """
    for kind in (TIME, pa.timestamp("us")):
        try:
            found: int = pa.scalar(value).cast(kind).value
        except pa.ArrowInvalid:
            continue
        return found if FIRST_US <= found <= LAST_US else None
    return None


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "int": _to_int,
    "float": _to_float,
    "time": _to_time,
}


def _wider(values: list[Any], kinds: set[str]) -> str | None:
    """The plain type that holds all values without loss, or None."""
    if kinds in ({"int"}, {"str"}, {"bool"}):
        return next(iter(kinds))
    if kinds <= {"int", "float"}:
        return "float" if is_exact(values) else None
    return None


def _first_misfit(values: list[Any], kind: str) -> tuple[int, Any]:
    for number, value in enumerate(values):
        if value is not None and _fit([value], kind, {_kind_of(value)}) is None:
            return number, value
    message = "every value fits on its own"  # pragma: no cover  # _fit is elementwise
    raise AssertionError(message)  # pragma: no cover


def _list_column(
    values: list[Any], field: Field, where: Callable[[int], str]
) -> pa.Array:
    item = field.items or "str"
    fitted: list[list[Any] | None] = []
    for number, value in enumerate(values):
        if value is None:
            fitted.append(None)
            continue
        if not isinstance(value, list):
            _wrong("a list", value, where(number))
        kinds = {_kind_of(v) for v in value if v is not None}
        items = _fit(value, item, kinds)
        if items is None:
            index, bad = _first_misfit(value, item)
            _wrong(_WANTED[item], bad, f"{where(number)}[{index}]")
        fitted.append(items)
    return pa.array(fitted, field.arrow_type)


def _unknown(
    attributes: list[dict[str, Any]], resource: Resource
) -> Iterator[tuple[str, pa.Array]]:
    """What the catalogue does not know: parts of known attributes, then new ones."""
    nested = {f.attribute: len(f.path) > 1 for f in resource.fields}
    paths = {f.path for f in resource.fields}
    taken = set(resource.names)
    came = dict.fromkeys(k for row in attributes for k in row)
    for name in [*nested, *(n for n in came if n not in nested)]:
        values = [row.get(name) for row in attributes]
        if name not in nested:
            yield from _inferred(new_name(name, taken), values, taken)
        elif nested[name]:
            yield from _parts(name, values, taken, paths)


def _parts(
    name: str,
    values: list[Any],
    taken: set[str],
    known: Container[tuple[str, ...]] = (),
) -> Iterator[tuple[str, pa.Array]]:
    """The columns of a nested value."""
    for part in dict.fromkeys(k for v in values if v is not None for k in v):
        if (name, part) not in known:
            column = [None if v is None else v.get(part) for v in values]
            yield from _inferred(part_name(name, part, taken), column, taken)


def _inferred(
    name: str, values: list[Any], taken: set[str]
) -> Iterator[tuple[str, pa.Array]]:
    """A column whose type the values tell; objects apart, a mixture as JSON text."""
    kinds = {_kind_of(v) for v in values if v is not None}
    if kinds == {"object"}:
        yield from _parts(name, values, taken)
        return
    taken.add(name)
    kind = _plain(values, kinds)
    if kinds == {"str"} and (times := _fit(values, "time", kinds)) is not None:
        yield name, pa.array(times, TIME)
    elif kind is not None:
        yield name, pa.array(values, kind)
    else:
        yield name, pa.array([json_text(v) for v in values], MIXED)


def _plain(values: list[Any], kinds: set[str]) -> pa.DataType | None:
    """The type of plain values, or of lists of them, that loses nothing; or None."""
    if not kinds:
        return pa.null()
    if kinds == {"list"}:
        items = [item for v in values if v is not None for item in v]
        inner = {_kind_of(item) for item in items if item is not None}
        item_type = None if "list" in inner else _plain(items, inner)
        return None if item_type is None else pa.list_(item_type)
    word = _wider(values, kinds)
    if word is None or _fit(values, word, kinds) is None:
        return None
    return ARROW[word]


def _units(
    rows: list[dict[str, Any]], resource: Resource
) -> Iterator[tuple[str, pa.Array]]:
    """The unit columns: of scaled fields always, of others where a row names one."""
    per_row = [_row_units(row, number) for number, row in enumerate(rows)]
    for field in resource.fields:
        texts = [units.get(field.attribute) for units in per_row]
        if field.scaled or any(t is not None for t in texts):
            yield field.name + UNIT_SUFFIX, pa.array(texts, pa.string())


def _row_units(row: dict[str, Any], number: int) -> dict[str, str]:
    meta = row.get("meta")
    units = meta.get("row") if isinstance(meta, dict) else None
    if units is None:
        return {}
    if not isinstance(units, dict):
        _wrong("an object", units, f"$.data[{number}].meta.row")
    return {
        name: entry["units"]
        for name, entry in units.items()
        if isinstance(entry, dict) and isinstance(entry.get("units"), str)
    }
