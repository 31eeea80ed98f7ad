"""What rows are, in few bytes: a digest of each row, and one hash of all of them.

The digests depend on names and values of columns only: not on how the rows came in
pages, nor on the order of rows or columns. They tell rows apart that differ by chance;
they are no proof against somebody who wants two rows to look alike.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omskit.table.receipt import Receipt

_DIGEST = "@digest"
_NULL = np.uint64(0x9AE16A3B2F90404F)
_LARGEST = 2**30


def digests(table: pa.Table) -> np.ndarray:
    """A number for each row, shape (n,), uint64.

    Cost: O(rows x columns); text is hashed once for each different value.

    Example:
        >>> one = digests(pa.table({"a": [1, 2], "b": ["x", None]}))
        >>> two = digests(pa.table({"b": [None, "x"], "a": [2, 1]}))
        >>> bool((one == two[::-1]).all())
        True
    """
    total = np.zeros(table.num_rows, np.uint64)
    for name in table.column_names:
        seed = _hashed(name.encode())
        total += _mixed(_values(table.column(name)) ^ seed)
    return _mixed(total)


def _values(column: pa.ChunkedArray) -> np.ndarray:
    """The column as 64 bits for each value."""
    kind = column.type
    nulls = column.is_null().to_numpy()
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    kind = column.type
    if pa.types.is_integer(kind):
        found = pc.fill_null(column, 0).to_numpy().astype(np.int64).view(np.uint64)
    elif pa.types.is_floating(kind):
        numbers = pc.fill_null(column, 0.0).to_numpy().astype(np.float64) + 0.0
        numbers[np.isnan(numbers)] = np.nan
        found = numbers.view(np.uint64)
    else:
        found = _texts(column)
    return np.where(nulls, _NULL, found)


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    """Text, and whatever else there is as JSON, hashed value by value."""
    if not pa.types.is_string(column.type):
        texts = [json.dumps(v, default=str, sort_keys=True) for v in column.to_pylist()]
        column = pa.chunked_array([pa.array(texts, pa.string())])
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    known = [_hashed((v or "").encode()) for v in encoded.dictionary.to_pylist()]
    table = np.array([*known, 0], np.uint64)
    indices = pc.fill_null(encoded.indices, len(known)).to_numpy(zero_copy_only=False)
    found: np.ndarray = table[indices]
    return found


def _hashed(data: bytes) -> np.uint64:
    return np.frombuffer(hashlib.blake2b(data, digest_size=8).digest(), "<u8")[0]


def _mixed(values: np.ndarray) -> np.ndarray:
    """Every bit of the input in every bit of the output (splitmix64)."""
    mixed: np.ndarray = values.astype(np.uint64)
    # In place: half of the time went into making arrays.
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def sealed(receipt: Receipt, table: pa.Table) -> Receipt:
    """The receipt with the hash of the rows and what tells each of them."""
    numbers = digests(table)
    names = [name for name in receipt.identity if name in table.column_names]
    if len(names) < len(receipt.identity):
        names = []
    kept = table.select(names).append_column(_DIGEST, pa.array(numbers))
    # A copy: Arrow writes what lies behind a slice, so equal rows would differ.
    kept = kept.combine_chunks().take(pa.array(np.arange(len(kept))))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, kept.schema.remove_metadata()) as writer:
        writer.write_table(kept.replace_schema_metadata(None).cast(_bare(kept.schema)))
    schema = sorted(f"{f.name}:{f.type}" for f in table.schema)
    content = "\n".join(schema).encode() + np.sort(numbers).astype("<u8").tobytes()
    return replace(
        receipt,
        identity=tuple(names),
        columns=tuple(table.column_names),
        sha256=hashlib.sha256(content).hexdigest(),
        prints=zlib.compress(sink.getvalue().to_pybytes(), 1),
    )


def _bare(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(f.name, f.type) for f in schema])


@dataclass(frozen=True, slots=True)
class Difference:
    """Which rows are not as they were, by identity, sorted."""

    added: tuple[tuple[Any, ...], ...]
    removed: tuple[tuple[Any, ...], ...]
    changed: tuple[tuple[Any, ...], ...]


def difference(receipt: Receipt, table: pa.Table) -> Difference:
    """What is new, gone and changed in *table* since *receipt* was written.

    Columns that came later are not compared. Where the receipt has no identity, a row
    that changed is one gone and one new, named by its digest.

    Raises:
        UsageError: The receipt does not say what its rows were.
    """
    then = _unpacked(receipt)
    known = [name for name in receipt.columns if name in table.column_names]
    numbers = digests(table.select(known))
    if not receipt.identity or not set(receipt.identity) <= set(table.column_names):
        before, after = Counter(then[_DIGEST].tolist()), Counter(numbers.tolist())
        return Difference(_named(after - before), _named(before - after), ())
    old = dict(zip(_keys(then["@keys"]), then[_DIGEST].tolist(), strict=True))
    keys = _keys(table.select(list(receipt.identity)))
    new = dict(zip(keys, numbers.tolist(), strict=True))
    return Difference(
        added=_sorted(new.keys() - old.keys()),
        removed=_sorted(old.keys() - new.keys()),
        changed=_sorted(k for k in new.keys() & old.keys() if new[k] != old[k]),
    )


def _unpacked(receipt: Receipt) -> dict[str, Any]:
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(receipt.prints, _LARGEST)
        with pa.ipc.open_stream(content) as reader:
            kept = reader.read_all()
        return {
            _DIGEST: kept.column(_DIGEST).to_numpy(),
            "@keys": kept.select(list(receipt.identity)),
        }
    except (zlib.error, pa.ArrowException, KeyError, OSError) as error:
        message = (
            "This receipt does not say what its rows were: only the receipt of a table "
            "that omskit fetched can be replayed."
        )
        raise UsageError(message) from error


def _keys(table: pa.Table) -> list[tuple[Any, ...]]:
    columns = [column.to_pylist() for column in table.columns]
    return list(zip(*columns, strict=True))


def _named(rows: Counter[int]) -> tuple[tuple[Any, ...], ...]:
    return tuple((f"{number:016x}",) for number in sorted(rows.elements()))


def _sorted(keys: Iterable[tuple[Any, ...]]) -> tuple[tuple[Any, ...], ...]:
    # A null has no place among numbers or texts: it comes last.
    return tuple(
        sorted(keys, key=lambda key: [(1, 1) if v is None else (0, v) for v in key])
    )
