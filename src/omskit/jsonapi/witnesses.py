"""What else a row says of itself: its ``type``, and its own address.

A row of another resource, or one whose address is that of another row, is no row that
was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omskit.schema import Resource


def row_contradicts(row: Mapping[str, Any], number: int, resource: Resource) -> None:
    """Refuse a row that says it is another one.

    Only where rows were recorded: of others it is not known what they say.

    Raises:
        DecodeError: Its type is another resource, or its address another row's.

    Example:
        >>> from omskit.schema import bundled
        >>> row_contradicts({"id": "5", "type": "runs"}, 0, bundled()["runs"])
    """
    if not resource.id_is_real:
        return
    kind = row.get("type")
    if isinstance(kind, str) and kind.lower() != resource.name:
        message = f"Rows of {resource.name!r} were asked for, this is of {kind!r:.60}"
        raise DecodeError(message, path=f"$.data[{number}].type")
    links = row.get("links")
    address = links.get("self") if isinstance(links, dict) else None
    if not isinstance(address, str) or not isinstance(row.get("id"), str):
        return
    other = _row_at(address, resource)
    if other is not None and other != row["id"]:
        message = (
            f"The row has the id {row['id']!r:.60} and the address of {other!r:.60}"
        )
        raise DecodeError(message, path=f"$.data[{number}].links.self")


def _row_at(address: str, resource: Resource) -> str | None:
    """The id in an address such as ``.../runs/297050``, or None."""
    start, _, last = address.partition("?")[0].rpartition("/")
    return unquote(last) or None if start.endswith(f"/{resource.name}") else None


def agree(rows: pa.StructArray, resource: Resource) -> bool:
    """Whether no row contradicts itself, as far as a quick look tells.

    False where `row_contradicts` has to look at each.

    Cost: 0.13 ms for 1000 rows.
    """
    if not resource.id_is_real or not len(rows):
        return True
    return _all_equal(rows.field("type"), resource.name) and _own_addresses(rows)


def _all_equal(column: pa.Array, text: str) -> bool:
    return pc.all(pc.equal(column, text), min_count=0).as_py() is not False


def _own_addresses(rows: pa.StructArray) -> bool:
    ids, addresses = rows.field("id"), pc.struct_field(rows, ["links", "self"])
    if addresses.null_count == len(addresses):
        return True
    first, address = ids[0].as_py(), addresses[0].as_py()
    if not first or not address or not address.endswith(first):
        return False
    join: Callable[..., pa.Array] = pc.binary_join_element_wise
    expected = join(address.removesuffix(first), ids, "")
    same = pc.equal(addresses, expected)
    return pc.all(same, min_count=0).as_py() is not False
