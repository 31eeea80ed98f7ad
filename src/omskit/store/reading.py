"""Files that people keep rows of OMS in, as columns of plain values."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from omskit.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

Columns = dict[str, list[Any]]
"""Values by column: text from CSV, what JSON has, what Parquet has."""

_KNOWN = "CSV (.csv), JSON (.json, .jsonl) or Parquet (.parquet), also .gz"


def read_columns(path: Path) -> Columns:
    """The columns of a file; the ending of its name says what it is.

    JSON may be a list of rows, columns with lists, rows one a line, or a page of OMS.

    Raises:
        StoreError: There is no such file, or it has no rows in one of these forms.
    """
    kinds = [suffix.lower() for suffix in path.suffixes]
    packed = kinds[-1:] == [".gz"]
    kind = (kinds[:-1] if packed else kinds)[-1:]
    try:
        if kind == [".parquet"]:
            return _from_parquet(path)
        data = path.read_bytes()
        text = (gzip.decompress(data) if packed else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowException) as error:
        message = f"Cannot read {path}: {error}."
        raise StoreError(message) from error
    if kind == [".csv"]:
        return _from_csv(text, path)
    if kind in ([".json"], [".jsonl"]):
        return _from_json(text, path, lines=kind == [".jsonl"])
    message = f"{path}: the ending says what a file is: {_KNOWN}."
    raise StoreError(message)


def _from_parquet(path: Path) -> Columns:
    # A run_block beside the file is no column of it.
    table = pq.ParquetFile(path).read()
    return {name: table[name].to_pylist() for name in table.column_names}


def _from_csv(text: str, path: Path) -> Columns:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(rows, [])
        found: Columns = {name: [] for name in names}
        if len(found) < len(names) or not names:
            message = f"{path}: the first line is to name each column, once."
            raise StoreError(message)
        for row in rows:
            if not row:
                continue
            if len(row) != len(names):
                message = (
                    f"{path}, line {rows.line_num}: {len(row)} values, and there are "
                    f"{len(names)} columns."
                )
                raise StoreError(message)
            for name, value in zip(names, row, strict=True):
                # CSV cannot tell an empty text from none; OMS has no empty texts.
                found[name].append(value or None)
    except csv.Error as error:
        message = f"{path}, line {rows.line_num}: no CSV ({error})."
        raise StoreError(message) from error
    return found


def _from_json(text: str, path: Path, *, lines: bool) -> Columns:
    try:
        document = (
            [json.loads(line) for line in text.splitlines() if line.strip()]
            if lines
            else json.loads(text)
        )
    except (ValueError, RecursionError) as error:
        message = f"{path} is no JSON: {error}."
        raise StoreError(message) from error
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        document = [_attributes(row) for row in document["data"]]
    if isinstance(document, list) and all(isinstance(row, dict) for row in document):
        names = dict.fromkeys(name for row in document for name in row)
        return {name: [row.get(name) for row in document] for name in names}
    if isinstance(document, dict):
        sizes = {len(v) if isinstance(v, list) else -1 for v in document.values()}
        if len(sizes) == 1 and -1 not in sizes:
            return document
    message = (
        f"{path} has no rows: it is to be a list of objects, an object of lists that "
        "are equally long, or a page of OMS."
    )
    raise StoreError(message)


def _attributes(row: Any) -> Any:
    """The attributes of a row of JSON:API, nested ones by the names of columns.

    Units of ``meta.row`` stand beside: ``X@unit``.
    """
    if not isinstance(row, dict) or not isinstance(row.get("attributes"), dict):
        return row
    found: dict[str, Any] = {}
    for name, value in row["attributes"].items():
        if isinstance(value, dict):
            found |= {f"{name}_{part}": inner for part, inner in value.items()}
        else:
            found[name] = value
    meta = row.get("meta")
    units = meta.get("row") if isinstance(meta, dict) else None
    for name, said in (units or {}).items():
        if isinstance(said, dict) and isinstance(said.get("units"), str):
            found[f"{name}@unit"] = said["units"]
    return found
