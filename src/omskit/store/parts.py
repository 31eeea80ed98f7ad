"""The rows of a store in parts that can be read elsewhere: a part for each file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omskit.errors import NotSyncedError, UnknownFieldError, did_you_mean
from omskit.schema import UNIT_SUFFIX
from omskit.store.layout import SENT_SUFFIX
from omskit.store.log import translated
from omskit.store.sync import spans_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omskit.store.coverage import Span
    from omskit.store.kept import Kept


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one file; it pickles.

    Attributes:
        schema: The columns to read; null where the file is older than they are.
        column: By which rows are chosen, and which of them; empty: all.
    """

    path: str
    schema: pa.Schema
    column: str = ""
    spans: tuple[Span, ...] = ()


def parts_of(
    kept: Kept, key: str, chosen: Any = None, columns: Sequence[str] | None = None
) -> list[Part]:
    """The parts of the newest version that may have rows of what is chosen.

    Args:
        chosen: Numbers of runs, or of fills, as `Store.sync` takes runs; None: all.

    Raises:
        NotSyncedError: There are none.
        UnknownFieldError: A column is not there.
    """
    layout = kept.layout(key)
    folder = kept.folder(layout.name)
    files = folder.files(layout.column) if folder.exists else []
    spans: tuple[Span, ...] = ()
    if chosen is not None and layout.column:
        spans = tuple(spans_of(chosen, layout.column))
        files = [f for f in files if any(f.meets(*span) for span in spans)]
    if not files:
        which = "" if chosen is None else f" of {chosen}"
        message = (
            f"{kept.path} has no rows{which} of {key!r}. 'oms sync {key} "
            f"{'RUNS' if chosen is None else chosen} --store {kept.path}' fetches them."
        )
        raise NotSyncedError(message)
    beside = (UNIT_SUFFIX, SENT_SUFFIX)
    names = [n for n in folder.schema().names if n != layout.block]
    known = [name for name in names if not name.endswith(beside)]
    wanted = known if columns is None else list(columns)
    for name in wanted:
        if name not in names:
            message = f"{key!r} has no column {name!r}.{did_you_mean(name, known)}"
            raise UnknownFieldError(message)
    schema = pa.schema([folder.schema().field(name) for name in wanted])
    by = layout.column if spans else ""
    return [Part(file.path, schema, by, spans) for file in files]


def read_part(part: Part) -> pa.Table:
    """Its rows.

    Raises:
        StoreError: The file cannot be read.
    """
    with translated(Path(part.path), "read"):
        file = pq.ParquetFile(part.path)
        there = set(file.schema_arrow.names)
        names = dict.fromkeys([*part.schema.names, *filter(None, [part.column])])
        rows = file.read([name for name in names if name in there])
    if part.column:
        inside = pa.scalar(value=False)
        for first, last in part.spans:
            inside = pc.or_(inside, _between(rows[part.column], first, last))
        rows = rows.filter(inside)
    columns = [
        rows[field.name].cast(field.type)
        if field.name in there
        else pa.nulls(rows.num_rows, field.type)
        for field in part.schema
    ]
    return pa.table(columns, schema=part.schema)


def _between(column: pa.ChunkedArray, first: int, last: int) -> pa.ChunkedArray:
    above = pc.greater_equal(column, pa.scalar(first, pa.int64()))
    return pc.and_(above, pc.less_equal(column, pa.scalar(last, pa.int64())))
