"""Whether a service did what it was asked for, page by page.

That a filter, an order, a limit or a granularity was asked for is no reason to believe
that it was applied: services ignore what they do not understand. So each effect is held
against the rows that came.
"""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import DecodeError
from omskit.flow.sorting import Order, asked_order
from omskit.jsonapi import ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.query import Query
    from omskit.schema import Resource


class Answered:
    """What one request asked for, held against its pages in their order.

    Attributes:
        flaw: Why the pages do not fit together, or None.
        lost: There is no use in further pages.
    """

    def __init__(self, query: Query, resource: Resource, patience: int = 1) -> None:
        """Nothing has come yet.

        Args:
            patience: After so many pages that do not fit the others, `lost` is set.
        """
        self.flaw: str | None = None
        self.lost = False
        self._query = query
        self._resource = resource
        self._order = Order(asked_order(query, resource), resource.identity)
        self._patience = patience
        self._before: pa.Table | None = None

    def take(self, table: pa.Table, offset: int, limit: int, expected: int) -> None:
        """Hold a page against what was asked for.

        Args:
            expected: How many rows there should be on all pages.

        Raises:
            DecodeError: The page by itself is not what was asked for.
        """
        check_ids(table, self._resource)
        check_granularity(table, self._query, self._resource)
        count, before = table.num_rows, self._before
        self._before = table
        flaw = self._order.flaw(table)
        if count > limit:
            flaw = f"page[limit]={limit} was asked for, and a page has {count} rows"
        elif count and before is not None and table.equals(before):
            flaw = f"the page from row {offset} is the page before it once more"
        # A short page needs no words: the number of rows tells that some are missing.
        if flaw or (count < limit and offset + count < expected):
            self.flaw = self.flaw or flaw
            self._patience -= 1
        self.lost = self._patience <= 0


def check_ids(table: pa.Table, resource: Resource) -> None:
    """Refuse rows whose id says something else than their attributes.

    Only where the form of the id was seen in recorded answers, and where row and id
    both say it.

    Raises:
        DecodeError: A row's id and its identity disagree.

    Cost: about 0.2 ms for 1000 rows.

    Example:
        >>> from omskit.schema import bundled
        >>> rows = pa.table({"@id": ["5"], "run_number": [6]})
        >>> check_ids(rows, bundled()["runs"])
        Traceback (most recent call last):
        ...
        omskit.errors.DecodeError: The row has the id '5', and by its run_number it is \
'6': which of the two it is cannot be told, at $.data[0].id
    """
    if not resource.id_is_real or ID not in table.column_names:
        return
    parts = [(text, name) for text, name, _, _ in Formatter().parse(resource.row_id)]
    names = [name for _, name in parts if name]
    if not names or not set(names) <= set(table.column_names):
        return
    pieces: list[pa.Array | pa.ChunkedArray | str] = []
    for text, name in parts:
        pieces += [text] if text else []
        if name:
            column = table.column(name)
            if not pa.types.is_integer(column.type):
                return
            pieces.append(column.cast(pa.string()))
    join: Callable[..., pa.ChunkedArray] = pc.binary_join_element_wise
    built = join(*pieces, "")
    given = table.column(ID)
    differ = pc.fill_null(pc.not_equal(given, built), fill_value=False)
    row = pc.index(differ, pa.scalar(value=True)).as_py()
    if row < 0:
        return
    message = (
        f"The row has the id {given[row].as_py()!r:.60}, and by its "
        f"{' and '.join(names)} it is {built[row].as_py()!r}: which of the two it is "
        "cannot be told"
    )
    raise DecodeError(message, path=f"$.data[{row}].id")


def check_granularity(table: pa.Table, query: Query, resource: Resource) -> None:
    """Refuse rows of another granularity than the one that was asked for.

    Rows of whole runs are one for each run (and path, bit, ...); rows of a lumisection
    begin and end with it.

    Raises:
        DecodeError: A row is of another one.
    """
    asked = dict(query.groups).get("granularity")
    first, last = resource.lumisection, "last_lumisection_number"
    if asked == "lumisection" and first and {first, last} <= set(table.column_names):
        one, other = table.column(first), table.column(last)
        if not (pa.types.is_integer(one.type) and pa.types.is_integer(other.type)):
            return
        differ = pc.fill_null(pc.not_equal(one, other), fill_value=False)
        row = pc.index(differ, pa.scalar(value=True)).as_py()
        if row >= 0:
            span = f"the lumisections {one[row].as_py()} to {other[row].as_py()}"
            _wrong_granularity(asked, f"row {row} is of {span}", row, first)
    elif asked == "run":
        rest = [name for name in resource.identity if name != resource.lumisection]
        row = _twice(table, rest)
        if row is not None:
            which = ", ".join(f"{n} {table.column(n)[row].as_py()}" for n in rest)
            said = f"row {row} is the second of {which}"
            _wrong_granularity(asked, said, row, rest[0])


def _twice(table: pa.Table, names: list[str]) -> int | None:
    """The first row that is equal to another in these columns."""
    if not names or not set(names) <= set(table.column_names):
        return None
    seen: set[tuple[object, ...]] = set()
    columns = (table.column(name).to_pylist() for name in names)
    for row, key in enumerate(zip(*columns, strict=True)):
        if key in seen:
            return row
        if None not in key:
            seen.add(key)
    return None


def _wrong_granularity(asked: str, said: str, row: int, name: str) -> None:
    message = (
        f"Rows of one {asked} each were asked for, and {said}: the service did not "
        "apply group[granularity]"
    )
    raise DecodeError(message, path=f"$.data[{row}].attributes.{name}")
