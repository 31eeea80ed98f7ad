"""Whether an answer shows what was asked for, and who its rows are.

A service that does not know a parameter ignores it and says nothing; so what was asked
for is read off the rows, and ids are compared with the columns that they are made of.
For the order of rows see `omskit.flow.sorting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from omskit.jsonapi import ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omskit.query import Query
    from omskit.schema import Resource


def strangers(tables: Sequence[pa.Table], resource: Resource) -> str | None:
    """Rows whose id and whose columns name different rows, or None.

    Only ids that OMS is known to make of the identity columns are looked at
    (`Resource.id_is_real`): ``297050_1`` is lumisection 1 of run 297050.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.schema import bundled
        >>> rows = pa.table({"run_number": [2, 3], "@id": ["2", "x"]})
        >>> strangers([rows], bundled()["runs"])
        "1 row has another id than its columns say: 'x' for run_number 3"
    """
    names = list(resource.identity)
    if not resource.id_is_real or not names:
        return None
    wrong, example = 0, ""
    for table in tables:
        if not {ID, *names} <= set(table.column_names):
            continue
        parts = [table.column(name).cast(pa.string()) for name in names]
        wanted = pc.binary_join_element_wise(*parts, "_") if parts[1:] else parts[0]
        differ = pc.fill_null(
            pc.not_equal(table.column(ID), wanted), False
        )  # what stands for null
        count = pc.sum(differ).as_py() or 0
        if count and not wrong:
            row = table.filter(differ).slice(0, 1).to_pylist()[0]
            columns = ", ".join(f"{name} {row[name]}" for name in names)
            example = f"{row[ID]!r:.60} for {columns}"
        wrong += count
    if not wrong:
        return None
    rows, whose = (
        ("1 row has", "its") if wrong == 1 else (f"{wrong} rows have", "their")
    )
    return f"{rows} another id than {whose} columns say: {example}"


def _joined(tables: Sequence[pa.Table], names: list[str]) -> pa.Table | None:
    """The key columns of all pages, up to the first that a page lacks."""
    kept: list[str] = []
    for name in names:
        if not all(name in table.column_names for table in tables):
            break
        kept.append(name)
    if not kept or not tables:
        return None
    try:
        return pa.concat_tables([t.select(kept) for t in tables])
    except pa.ArrowInvalid:
        return None  # One type here, another there: joining the pages names it.


def another_granularity(
    tables: Sequence[pa.Table], query: Query, resource: Resource
) -> str | None:
    """Rows of lumisections where rows of runs were asked for, or the other way round.

    Example:
        >>> import pyarrow as pa
        >>> from omskit.query import Query
        >>> from omskit.schema import bundled
        >>> rows = pa.table({"run_number": [5, 5], "first_lumisection_number": [1, 2]})
        >>> by_run = Query("l1triggerrates").group("run")
        >>> another_granularity([rows], by_run, bundled()["l1triggerrates"])
        'rows are not one per run: run_number 5 comes twice'
    """
    wanted = dict(query.groups).get("granularity")
    if wanted is None or not resource.granularities or not resource.lumisection:
        return None
    names = [name for name in resource.identity if name != resource.lumisection]
    if wanted == "run":
        rows = _joined(tables, names)
        if rows is None or rows.column_names != names:
            return None
        return _comes_twice(rows)
    last = resource.lumisection.replace("first_", "last_")
    for table in tables:
        if {resource.lumisection, last} <= set(table.column_names):
            ends = pc.not_equal(table.column(resource.lumisection), table.column(last))
            wide = table.filter(pc.fill_null(ends, False))  # see above
            if wide.num_rows:
                row = wide.select([resource.lumisection, last]).to_pylist()[0]
                first, end = row.values()
                return (
                    f"rows are not one per lumisection: one goes from {first} to {end}"
                )
    return None


def _comes_twice(rows: pa.Table) -> str | None:
    """The first identity that two rows have, or None."""
    seen: set[tuple[Any, ...]] = set()
    for row in zip(
        *(rows.column(n).to_pylist() for n in rows.column_names), strict=True
    ):
        if row in seen:
            shown = ", ".join(
                f"{name} {value}"
                for name, value in zip(rows.column_names, row, strict=True)
            )
            return f"rows are not one per run: {shown:.120} comes twice"
        seen.add(row)
    return None


def ends_early(rows: int, offset: int, limit: int, expected: int) -> bool:
    """Whether a page is shorter than it must be where more rows are to come.

    Then the total is not true, or pages are cut: no later page can mend that.

    Example:
        >>> ends_early(3, 0, 1000, 999_999_999), ends_early(3, 0, 1000, 3)
        (True, False)
    """
    return rows < min(limit, expected - offset)


def miscounted(count: int, expected: int) -> str | None:
    """That more or fewer rows came than should, or None.

    Example:
        >>> miscounted(22, 25), miscounted(25, 25)
        ('22 of 25 rows came back', None)
        >>> miscounted(40, 3)
        '40 rows came back where 3 were asked for: the service ignores page[limit]'
    """
    if count > expected:
        said = f"{count} rows came back where {expected} were asked for"
        return f"{said}: the service ignores page[limit]"
    return f"{count} of {expected} rows came back" if count < expected else None


def comes_again(page: pa.Table, before: pa.Table | None) -> bool:
    """Whether a page is the one before it once more, told by the ids of its rows.

    Example:
        >>> import pyarrow as pa
        >>> page = pa.table({"@id": ["5"], "run_number": [5]})
        >>> comes_again(page, page), comes_again(page, None)
        (True, False)
    """
    if before is None or not page.num_rows or page.column(ID).null_count:
        return False
    if not page.column(ID).equals(before.column(ID)):
        return False  # nearly always, and 60 columns are not looked at
    return bool(page.equals(before))
