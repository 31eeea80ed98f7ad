"""Masks and tables: flags that become masks, masks that pick rows, and run lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import MaskError, did_you_mean
from omskit.lumi.edges import (
    OPEN,
    IntArray,
    canonical,
    combine,
    from_arrays,
    triples,
)
from omskit.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = "run_number"
SINGLE = "lumisection_number"
FIRST = "first_lumisection_number"
LAST = "last_lumisection_number"


def as_arrow(table: Any) -> pa.Table:
    """A `Table`, or anything that speaks Arrow, as ``pyarrow.Table``.

    Raises:
        MaskError: It is no table.
    """
    if isinstance(table, Table):
        return table.arrow
    try:
        return pa.table(table)
    except (TypeError, ValueError, pa.ArrowException) as error:
        message = (
            f"{type(table).__name__} is no table. Give an omskit Table, an Arrow table "
            "or a data frame."
        )
        raise MaskError(message) from error


def integers(table: pa.Table, name: str) -> IntArray:
    """An integer column without nulls.

    Raises:
        MaskError: There is none, or it holds something else.
    """
    if name not in table.column_names:
        hint = did_you_mean(name, table.column_names)
        message = f"The table has no column {name!r}.{hint} Ask for it with the rest."
        raise MaskError(message)
    column = table.column(name)
    if not pa.types.is_integer(column.type) or column.null_count:
        message = (
            f"Column {name!r} must be whole numbers without nulls, it is {column.type} "
            f"with {column.null_count} nulls."
        )
        raise MaskError(message)
    numbers: IntArray = column.to_numpy().astype(np.int64)
    return numbers


def _ends(table: pa.Table) -> tuple[IntArray, IntArray]:
    """First and last lumisection of each row."""
    if FIRST in table.column_names and SINGLE not in table.column_names:
        first = integers(table, FIRST)
        return first, integers(table, LAST) if LAST in table.column_names else first
    single = integers(table, SINGLE)
    return single, single


def flagged(table: Any, flag: str) -> tuple[IntArray, IntArray]:
    """The edges of the rows whose flag is true, and of those where it is false.

    Raises:
        MaskError: The flag is missing or not boolean, or rows contradict each other.
    """
    arrow = as_arrow(table)
    if flag not in arrow.column_names:
        hint = did_you_mean(flag, arrow.column_names)
        message = f"The table has no column {flag!r}.{hint}"
        raise MaskError(message)
    column = arrow.column(flag)
    if not pa.types.is_boolean(column.type) and not pa.types.is_null(column.type):
        message = (
            f"Column {flag!r} is {column.type}, not boolean. Make a boolean column "
            "of it first: what counts as good is yours to say."
        )
        raise MaskError(message)
    runs, (first, last) = integers(arrow, RUN), _ends(arrow)
    column = column.cast(pa.bool_())
    seen = np.asarray(column.is_valid()).astype(bool)
    off = pa.scalar(value=False)
    good = np.asarray(column.fill_null(off)).astype(bool)
    bad = seen & ~good
    yes, no = (from_arrays(runs[rows], first[rows], last[rows]) for rows in (good, bad))
    both = combine(yes, no, np.logical_and)
    if both.size:
        run, number, _ = (int(part[0]) for part in triples(both))
        message = (
            f"Run {run}, lumisection {number} has {flag!r} both true and false. "
            "Remove one of the rows."
        )
        raise MaskError(message)
    return yes, no


def filtered(table: Any, contains: Callable[[Any, Any], Any]) -> Any:
    """The rows whose (first) lumisection is a member, in a table of the same kind."""
    arrow = as_arrow(table)
    rows = contains(integers(arrow, RUN), _ends(arrow)[0])
    kind = type(table).__module__.partition(".")[0]
    if kind == "pandas":
        return table[rows]
    if kind == "polars":
        return table.filter(rows)
    kept = arrow.filter(pa.array(rows))
    if not isinstance(table, Table):
        return kept
    return Table(
        kept,
        resource=table.resource,
        complete=table.complete,
        warnings=table.warnings,
        gaps=table.gaps,
        receipt=table.receipt,
    )


def last_of_runs(table: Any) -> tuple[IntArray, IntArray]:
    """The runs of a table, sorted, and the last lumisection of each."""
    arrow = as_arrow(table)
    name = LAST if LAST in arrow.column_names else SINGLE
    known = arrow
    if name in arrow.column_names:
        # The last lumisection of a run that goes on is not known.
        known = arrow.filter(pc.is_valid(arrow.column(name)))
    runs, last = integers(known, RUN), integers(known, name)
    order = np.lexsort((last, runs))
    runs, last = runs[order], last[order]
    final = np.ones(runs.size, dtype=bool)
    final[:-1] = runs[1:] != runs[:-1]
    return runs[final], last[final]


def closed(edges: IntArray, ends: tuple[IntArray, IntArray]) -> IntArray:
    """The edges with every open end put at the last lumisection of its run.

    Raises:
        MaskError: The last lumisection of a run is not given.
    """
    runs, first, last = triples(edges)
    own, final = ends
    open_ = np.flatnonzero(last == OPEN)
    at = np.searchsorted(own, runs[open_])
    found = np.isin(runs[open_], own)
    if not found.all():
        run = int(runs[open_][~found][0])
        message = (
            f"Run {run} has a range without an end and the table does not say where "
            "the run ended. Fetch that run too."
        )
        raise MaskError(message)
    last = last.copy()
    last[open_] = final[at]
    start = runs << 32
    some = last >= first
    return canonical((start + first)[some], (start + last + 1)[some])


def of_ranges(runs: IntArray, first: IntArray, last: IntArray) -> pa.Table:
    """A table of ranges; the last of an open one is null."""
    return pa.table(
        {
            RUN: pa.array(runs),
            FIRST: pa.array(first),
            LAST: pa.array(last, mask=last == OPEN),
        }
    )


def counts(edges: IntArray) -> dict[int, int | None]:
    """How many lumisections each run has; None where one of its ranges is open.

    Cost: O(ranges).
    """
    runs, first, last = triples(edges)
    own, row = np.unique(runs, return_inverse=True)
    lengths = np.where(last == OPEN, 0, last - first + 1)
    sums = np.bincount(row, lengths, own.size).astype(np.int64)
    endless = np.bincount(row, last == OPEN, own.size) > 0
    return {
        run: None if open_ else count
        for run, count, open_ in zip(
            own.tolist(), sums.tolist(), endless.tolist(), strict=True
        )
    }
