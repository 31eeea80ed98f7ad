"""Rows from files into a store: typed, checked, and what was refused told."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from omskit.errors import StoreError, did_you_mean
from omskit.jsonapi.units import RAW_SUFFIX
from omskit.query.bind import parse_time
from omskit.schema import UNIT_SUFFIX
from omskit.store.chunks import Chunk
from omskit.store.coverage import Coverage, Finality, joined
from omskit.store.fetching import Fetched, Judge, commit, entries
from omskit.store.layout import OPEN
from omskit.store.reading import read_columns
from omskit.store.rows import stored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from omskit.schema import Field
    from omskit.store.kept import Kept
    from omskit.store.layout import Layout
    from omskit.store.reading import Columns

_FLAGS = {"true": True, "false": False, "1": True, "0": False}
_SHOWN = 20


@dataclass(slots=True)
class Imported:
    """What came of a file; `print` shows it.

    Attributes:
        rows: How many rows are in the store now.
        keys: Of how many runs, or fills.
        refused: Which rows are not, counted from 1, and why.
        left_out: Columns that OMS does not have.
    """

    path: str
    rows: int = 0
    keys: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.rows} rows of {self.keys} runs or fills"]
        if self.left_out:
            names = ", ".join(self.left_out)
            lines.append(f"  columns that OMS does not have, left out: {names}")
        lines += [f"  row {n} refused: {why}" for n, why in self.refused[:_SHOWN]]
        if len(self.refused) > _SHOWN:
            lines.append(f"  and {len(self.refused) - _SHOWN} more were refused")
        return "\n".join(lines)


def import_file(
    kept: Kept,
    key: str,
    path: Path,
    columns: Mapping[str, str],
    *,
    simulated: bool,
) -> Imported:
    """Put the rows of a file into the table of *key*; see `Store.import_file`."""
    layout = kept.layout(key)
    if layout.hidden:
        message = (
            f"{key!r} cannot be imported: its rows do not say which run they are of."
        )
        raise StoreError(message)
    made = Imported(str(path))
    given = _renamed(read_columns(path), columns, path)
    rows = _typed(given, layout, made)
    if not rows.num_rows:
        message = f"{path} has no row that can be kept.\n{made}"
        raise StoreError(message.replace("\n", " "))
    rows = stored(rows, layout)
    now = dt.datetime.now(dt.UTC)
    spans = [(0, OPEN)]
    if layout.column:
        keys = rows[layout.column].unique().to_pylist()
        spans = joined((number, number) for number in keys)
        made.keys = len(keys)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    said = {"imported": path.name, "sha256": digest, "at": now.isoformat()}
    came = Fetched([rows], now, rows.num_rows, 0, simulated, json.dumps(said))
    judge = Judge(Finality(), {}, now)
    chunk = Chunk(tuple(spans))
    told = entries(rows, layout, chunk, judge, Coverage())
    kept.record({layout.name: commit(kept, layout, chunk, came, told)})
    made.rows = rows.num_rows
    return made


def _renamed(given: Columns, columns: Mapping[str, str], path: Path) -> Columns:
    """The columns by OMS's names."""
    for name in columns:
        if name not in given:
            hint = did_you_mean(name, given)
            message = (
                f"{path} has no column {name!r}.{hint} It has: {', '.join(given)}."
            )
            raise StoreError(message)
    names = [columns.get(name, name) for name in given]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        message = f"{path}: two columns would be {min(twice)!r}."
        raise StoreError(message)
    return dict(zip(names, given.values(), strict=True))


def _typed(given: Columns, layout: Layout, made: Imported) -> pa.Table:
    """The rows in the catalogue's types, without those that have others."""
    resource = layout.resource
    count = len(next(iter(given.values()), []))
    bad: dict[int, str] = {}
    found: dict[str, list[Any]] = {}
    units: dict[str, list[Any]] = {}
    for name, values in given.items():
        known = resource.get(name)
        if known is not None:
            found[name] = _column(known, values, bad)
        elif (scaled := _unit_of(name, layout)) is not None:
            units[scaled] = [None if v is None else str(v) for v in values]
        else:
            made.left_out.append(name)
    for name in resource.identity:
        if name not in found:
            hint = did_you_mean(name, given)
            message = (
                f"{made.path} has no column {name!r}, which tells rows apart.{hint} "
                "Say which column it is: columns={'theirs': 'ours'}."
            )
            raise StoreError(message)
    _identities(resource.identity, found, count, bad)
    keep = [n for n in range(count) if n not in bad]
    made.refused = sorted((n + 1, why) for n, why in bad.items())
    table: dict[str, pa.Array] = {}
    for name, values in found.items():
        kind = resource.field(name).arrow_type
        table[name] = pa.array([values[n] for n in keep], kind)
    for one in resource.fields:
        if one.scaled and one.name in found:
            # Without a word on its unit, a number is in the one of the catalogue.
            said = units.get(one.name, [one.unit] * count)
            table[one.name + RAW_SUFFIX] = pa.array([said[n] for n in keep])
    return pa.table(table)


def _unit_of(name: str, layout: Layout) -> str | None:
    """The scaled column whose unit a column is."""
    for suffix in (UNIT_SUFFIX, RAW_SUFFIX):
        known = layout.resource.get(name.removesuffix(suffix))
        if name.endswith(suffix) and known is not None and known.scaled:
            return known.name
    return None


def _identities(
    names: tuple[str, ...], found: Columns, count: int, bad: dict[int, str]
) -> None:
    """Refuse rows that do not say which they are, or are there twice."""
    seen: dict[tuple[Any, ...], int] = {}
    for number in range(count):
        if number in bad:
            continue
        row = tuple(found[name][number] for name in names)
        if None in row:
            lacking = names[row.index(None)]
            bad[number] = f"it has no {lacking}"
        elif row in seen:
            same = ", ".join(f"{n} {v}" for n, v in zip(names, row, strict=True))
            bad[number] = f"{same} was in row {seen[row] + 1} already"
        else:
            seen[row] = number


def _column(known: Field, values: list[Any], bad: dict[int, str]) -> list[Any]:
    """The values in the type of a field; rows that have another are *bad*."""
    made: list[Any] = []
    for number, value in enumerate(values):
        try:
            made.append(None if value is None else _value(known, value))
        except (ValueError, TypeError, LookupError):
            made.append(None)
            shown = f"{value!r:.40}"
            bad.setdefault(number, f"{known.name} is {shown}, no {known.kind}")
    return made


def _value(known: Field, value: Any) -> Any:
    kind = known.kind
    if kind == "list":
        items = value if isinstance(value, list) else json.loads(value)
        return [None if v is None else _plain(known.items or "str", v) for v in items]
    return _plain(kind, value)


def _plain(kind: str, value: Any) -> Any:
    """A value of a kind, from what it is or from text; nothing is rounded.

    Raises:
        ValueError, TypeError, LookupError: It is none.
    """
    if kind == "bool":
        return value if isinstance(value, bool) else _FLAGS[str(value).lower()]
    if isinstance(value, bool) and kind in {"int", "float"}:
        raise TypeError(kind)
    if kind == "int":
        return int(value) if not isinstance(value, float) else _whole(value)
    if kind == "float":
        return float(value)
    if kind == "time":
        found = value if isinstance(value, dt.datetime) else parse_time(str(value))
        if found is None:
            raise ValueError(value)
        return found
    if kind == "json":
        return value if isinstance(value, str) else json.dumps(value)
    if not isinstance(value, str):
        raise TypeError(kind)
    return value


def _whole(value: float) -> int:
    if not value.is_integer():
        raise ValueError(value)
    return int(value)
