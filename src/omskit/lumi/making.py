"""Masks from conditions: all but the first lumisections of a run, or of a stretch."""

from __future__ import annotations

from typing import Any

import numpy as np

from omskit.errors import MaskError, UsageError
from omskit.lumi.mask import LumiMask
from omskit.lumi.tables import RUN, SINGLE, as_arrow, integers


def without_first(table: Any, count: int, *, of: str = RUN) -> LumiMask:
    """All lumisections of a table but the first ones of each run, or of each stretch.

    Args:
        table: Rows of ``lumisections``, all of their runs.
        count: How many are left out.
        of: A column: a stretch begins where the run or its value changes, as with
            ``prescale_index``. Rows in which it is null are left out.

    Raises:
        UsageError: *count* is no such number.
        MaskError: There is no such column.

    Example:
        >>> import pyarrow as pa
        >>> rows = pa.table({"run_number": [7] * 4, "lumisection_number": [1, 2, 3, 4],
        ...                  "prescale_index": [2, 2, 3, 3]})
        >>> without_first(rows, 1, of="prescale_index")
        LumiMask.from_ranges([(7, 2, 2), (7, 4, 4)])
    """
    given: object = count  # What the types forbid, users still do.
    if type(given) is not int or count < 0:
        message = f"count={given!r:.40}: a whole number of lumisections, from 0."
        raise UsageError(message)
    arrow = as_arrow(table)
    if of not in arrow.column_names:
        message = f"The rows have no column {of!r}. Fetch it too."
        raise MaskError(message)
    runs, numbers = integers(arrow, RUN), integers(arrow, SINGLE)
    order = np.lexsort((numbers, runs))
    values = arrow.column(of).to_pylist()
    kept: list[tuple[int, int]] = []
    before: tuple[int, Any] | None = None
    seen = 0
    for index in order.tolist():
        run, value = int(runs[index]), values[index]
        if before != (run, value):
            before, seen = (run, value), 0
        seen += 1
        if seen > count and value is not None:
            kept.append((run, int(numbers[index])))
    return LumiMask.from_pairs(kept) if kept else LumiMask.from_ranges([])
