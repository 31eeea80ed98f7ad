"""Receipts that were kept: as text, in a file of their own, or in one with its rows."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omskit.errors import UsageError
from omskit.files import read_file
from omskit.table.receipt import FORMAT, Receipt

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class FoundReceipt:
    """A receipt as it was found.

    Attributes:
        altered: How the rows beside it are not those that it was written for, or None.
    """

    receipt: Receipt
    altered: str | None = None


ReceiptLike = Receipt | str | bytes | os.PathLike[str]
"""A receipt, its JSON, or the path of a file that holds it."""


def find_receipt(given: ReceiptLike) -> FoundReceipt:
    """The receipt that *given* is, holds or names.

    Args:
        given: A receipt; its JSON; or the path of a file with its JSON, or of a Parquet
            file of omskit. Text is JSON where it begins with a brace, else a path.

    Raises:
        UsageError: There is none.
    """
    if isinstance(given, Receipt):
        return FoundReceipt(given)
    if isinstance(given, bytes) or (
        isinstance(given, str) and given.lstrip().startswith("{")
    ):
        return FoundReceipt(Receipt.from_json(given))
    try:
        path = Path(given)
        content = read_file(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        message = f"{str(given)!r:.200} cannot be read: {why}."
        raise UsageError(message) from error
    except TypeError as error:
        message = (
            f"A {type(given).__name__} is no receipt. Give table.receipt, what its "
            "to_json() wrote, or the path of a file that holds it."
        )
        raise UsageError(message) from error
    if content.startswith(b"PAR1"):
        return _beside_rows(path, content)
    return FoundReceipt(Receipt.from_json(content))


def _beside_rows(path: Path, content: bytes) -> FoundReceipt:
    """The receipt in a Parquet file, held against the rows there."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = _as_written(parquet.read_table(pa.BufferReader(content)))
    except (pa.ArrowException, OSError) as error:
        message = (
            f"{path} is damaged, or was cut: it begins as a Parquet file and cannot be "
            "read as one. Copy it again."
        )
        raise UsageError(message) from error
    receipt = _receipt_of(path, table.schema.metadata or {})
    return FoundReceipt(receipt, altered(receipt, table))


def _as_written(table: pa.Table) -> pa.Table:
    """The table with its lists named as Arrow does; in Parquet their items are not."""
    import pyarrow as pa

    plain = [
        f.with_type(pa.list_(f.type.value_type)) if pa.types.is_list(f.type) else f
        for f in table.schema
    ]
    return table.cast(pa.schema(plain, metadata=table.schema.metadata))


def _receipt_of(path: Path, metadata: dict[bytes, bytes]) -> Receipt:
    try:
        facts: Any = json.loads(metadata[b"omskit"])["receipt"]
    except (KeyError, ValueError, TypeError) as error:
        message = f"{path} has no receipt: omskit did not write it."
        raise UsageError(message) from error
    if not isinstance(facts, dict):
        message = f"{path} has no receipt: its rows were not fetched by omskit."
        raise UsageError(message)
    return Receipt.from_json(json.dumps({"format": FORMAT, **facts}))


def altered(receipt: Receipt, table: pa.Table) -> str | None:
    """How *table* is not what *receipt* was written for; None where it is.

    Example:
        >>> from omskit import Client
        >>> with Client("demo") as oms:
        ...     runs = oms.runs((297050, 297056))
        >>> altered(runs.receipt, runs.arrow)
        >>> altered(runs.receipt, runs.arrow.slice(4))
        '3 rows, 7 in the receipt: 4 removed'
    """
    from omskit.table.fingerprint import difference, sealed

    if not receipt.sha256 or sealed(receipt, table).sha256 == receipt.sha256:
        return None
    found = difference(receipt, table)
    told = [
        f"{len(rows)} {what}"
        for what in ("added", "removed", "changed")
        if (rows := getattr(found, what))
    ]
    then, now = set(receipt.columns), set(table.column_names)
    told += [f"column {name} gone" for name in sorted(then - now)]
    told += [f"column {name} new" for name in sorted(now - then)]
    said = ", ".join(told) or "other types"
    return f"{table.num_rows} rows, {receipt.rows} in the receipt: {said}"
