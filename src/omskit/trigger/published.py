"""Prescales as others publish them: tables of L1 menus, and what brilcalc prints."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from omskit.errors import DecodeError, UsageError
from omskit.table import Table
from omskit.trigger.names import split_version
from omskit.trigger.prescaling import exact

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = ("Index", "Name")


def read_l1_prescales(document: str | bytes) -> Table:
    """The prescales of a published L1 menu, a CSV with one column per prescale column.

    Menus are drafts: the prescales of a run are those of OMS, see `prescales`.

    Args:
        document: The text or the bytes, with or without a byte-order mark; not a path.

    Returns:
        One row per algorithm and column: ``bit``, ``name``, ``prescale_index`` (the
        place of the column in the file), ``prescale_name``, ``prescale``; 0 is off.

    Raises:
        DecodeError: It is no such table, or a prescale is none; the path names the
            line.

    Example:
        >>> text = "Index,Name,Emergency,2p0E34" + chr(10) + "7,L1_A,0,15"
        >>> row = read_l1_prescales(text).to_records()[1]
        >>> row["prescale_name"], row["prescale"]
        ('2p0E34', 15.0)
    """
    text = document.decode("utf-8") if isinstance(document, bytes) else document
    lines = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    if not lines or tuple(lines[0][:2]) != HEAD or len(lines[0]) < 3:
        message = "This is no table of L1 prescales: it begins with Index,Name,..."
        raise DecodeError(message, path="header")
    names, rows = lines[0][2:], []
    for number, cells in enumerate(lines[1:], 2):
        if not cells:
            continue
        try:
            values = [float(cell) for cell in cells[2:]]
            if len(values) != len(names):
                message = f"{len(values)} prescales for {len(names)} columns"
                raise ValueError(message)  # noqa: TRY301  # all faults of a line are told alike
            for value in values:
                exact(value, cells[1])
            rows += [
                (int(cells[0]), cells[1], index, name, value)
                for index, (name, value) in enumerate(zip(names, values, strict=True))
            ]
        except (ValueError, IndexError, UsageError) as error:
            message = f"No line of L1 prescales: {error}"
            raise DecodeError(message, path=f"line {number}") from error
    keys = ("bit", "name", "prescale_index", "prescale_name", "prescale")
    columns = {key: [row[at] for row in rows] for at, key in enumerate(keys)}
    return Table(pa.table(columns), resource="L1 prescales")


SCHEMA = pa.schema(
    [
        ("run_number", pa.int64()),
        ("first_lumisection_number", pa.int64()),
        ("path", pa.string()),
        ("prescale", pa.float64()),
        ("brilcalc_prescale", pa.float64()),
        ("agree", pa.bool_()),
        ("status", pa.string()),
    ]
)
"""The columns of `compare_prescales`."""


def compare_prescales(ours: Table, brilcalc: Table) -> Table:
    """The total prescales of paths beside those of ``brilcalc trg --prescale``.

    Args:
        ours: From `prescales`, of one or more runs.
        brilcalc: From `omskit.lumi.brilcalc.read_brilcalc_table`.

    Returns:
        One row per row of brilcalc whose run and path *ours* has: both prescales at its
        lumisection, and whether they agree. brilcalc's 0 and our null are both off;
        where ours is not known, ``agree`` is null.

    Raises:
        DecodeError: The table is no output of ``brilcalc trg``.
    """
    wanted = {"run_number", "lumisection_number", "hltpath", "total_prescale"}
    if not wanted <= set(brilcalc.columns):
        message = "This is no output of brilcalc trg --prescale."
        raise DecodeError(message, path="header")
    known: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    for row in ours.to_records():
        known.setdefault((row["run_number"], row["path"]), []).append(row)
    found = []
    for row in brilcalc.to_records():
        run, path = row["run_number"], split_version(row["hltpath"]).name
        ls, theirs = row["lumisection_number"], row["total_prescale"]
        before = [
            r for r in known.get((run, path), ()) if r["first_lumisection_number"] <= ls
        ]
        if not before:
            continue
        holds = max(before, key=lambda r: r["first_lumisection_number"])
        both = (holds["prescale"], theirs, _agree(holds, theirs))
        found.append((run, ls, path, *both, holds["status"]))
    rows = [dict(zip(SCHEMA.names, values, strict=True)) for values in found]
    return Table(pa.Table.from_pylist(rows, SCHEMA), resource="prescales")


def _agree(ours: Mapping[str, Any], theirs: float) -> bool | None:
    if ours["status"] == "unknown":
        return None
    return bool((ours["prescale"] or 0.0) == theirs)
