"""Lumisections that are in several of many masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from omskit.errors import UsageError
from omskit.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omskit.lumi.mask import LumiMask


def overlaps(masks: Mapping[str, LumiMask], *, at_least: int = 2) -> Table:
    """The lumisections that are in several masks, as ranges.

    Args:
        masks: Masks by name.
        at_least: In how many of them.

    Returns:
        One row per range of the same masks: run_number, first_lumisection_number,
        last_lumisection_number (null for an open end), count, masks (their names).

    Raises:
        UsageError: There are fewer masks than *at_least*.

    Example:
        >>> from omskit import LumiMask
        >>> a, b = (LumiMask.from_ranges([(7, 1, n)]) for n in (5, 3))
        >>> overlaps({"a": a, "b": b})[0]["last_lumisection_number"]
        3
    """
    if not 1 <= at_least <= len(masks):
        message = (
            f"at_least={at_least} of {len(masks)} masks: give more masks, or less."
        )
        raise UsageError(message)
    steps: dict[int, dict[int, list[tuple[bool, str]]]] = {}
    for name, mask in masks.items():
        for run, first, last in mask.ranges():
            changes = steps.setdefault(run, {})
            changes.setdefault(first, []).append((True, name))
            if last is not None:
                changes.setdefault(last + 1, []).append((False, name))
    rows = [row for run in sorted(steps) for row in _of_run(run, steps[run], at_least)]
    schema = pa.schema(
        [
            ("run_number", pa.int64()),
            ("first_lumisection_number", pa.int64()),
            ("last_lumisection_number", pa.int64()),
            ("count", pa.int64()),
            ("masks", pa.list_(pa.string())),
        ]
    )
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)]
    return Table(pa.table(arrays, schema=schema), resource="overlaps")


Row = tuple[int, int, int | None, int, list[str]]


def _of_run(
    run: int, changes: dict[int, list[tuple[bool, str]]], at_least: int
) -> list[Row]:
    inside: dict[str, int] = {}
    rows: list[Row] = []
    places = sorted(changes)
    for place, following in zip(places, [*places[1:], None], strict=True):
        for enters, name in changes[place]:
            inside[name] = inside.get(name, 0) + (1 if enters else -1)
        names = sorted(name for name, depth in inside.items() if depth)
        if len(names) >= at_least:
            last = None if following is None else following - 1
            rows.append((run, place, last, len(names), names))
    return rows
