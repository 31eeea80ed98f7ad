"""What the first row of a page says of the others, as a guess to be tried.

A guess costs microseconds and lets the fast reader read what the catalogue does not
know without inferring types. It is never trusted: a page that does not fit is read
again, in another way.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa

from omskit.jsonapi.depth import is_deep

_FIRST = re.compile(rb'\s*\{\s*"data"\s*:\s*\[\s*')
_WINDOW = 1 << 14
_LIKE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLAIN = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}


class _NoGuessError(ValueError):
    """The first row does not tell."""


def like_first_row(body: bytes, document: pa.Schema) -> pa.Schema:
    """*document* with what else the first row has, its types those of its values.

    Raises:
        pa.ArrowInvalid: The first row does not tell.
    """
    try:
        row = _first_row(body)
        known = document.field("data").type.value_type
        data = pa.field("data", pa.list_(_struct(row, known)))
    except (ValueError, RecursionError) as error:
        message = "the first row does not tell"
        raise pa.ArrowInvalid(message) from error
    return document.set(document.get_field_index("data"), data)


def _first_row(body: bytes) -> dict[str, Any]:
    start = _FIRST.match(body)
    text = body[start.end() if start else 0 :][:_WINDOW]
    if start is None or is_deep(text):
        raise _NoGuessError
    row: Any = json.JSONDecoder().raw_decode(text.decode("utf-8", "ignore"))[0]
    if not isinstance(row, dict):
        raise _NoGuessError
    return row


def _struct(found: dict[str, Any], known: pa.StructType) -> pa.StructType:
    """The members of *known* as they are, then those that were found beside them."""
    members = {field.name: field.type for field in known}
    for name, value in found.items():
        there = members.get(name)
        if there is None:
            members[name] = _type(value)
        elif pa.types.is_struct(there) and isinstance(value, dict):
            members[name] = _struct(value, there)
    return pa.struct(list(members.items()))


def _type(value: Any) -> pa.DataType:
    """The type that the fast reader would infer for a column of such values."""
    if isinstance(value, dict) and value:
        return pa.struct([(name, _type(v)) for name, v in value.items()])
    if isinstance(value, list) and value:
        kinds = {_type(item) for item in value}
        if len(kinds) == 1:
            return pa.list_(kinds.pop())
    if isinstance(value, str) and not _LIKE_TIME.match(value):
        return pa.string()
    if type(value) in _PLAIN:
        return _PLAIN[type(value)]
    raise _NoGuessError  # null tells nothing; a time may be one, or text
