"""What is known of runs and fills before anything of them is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omskit.store.log import translated

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from omskit.store.coverage import Span
    from omskit.store.kept import Kept


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a run or fill.

    Attributes:
        ended: When it ended; None: it goes on, or nobody knows.
        lumisections: How many it has; an estimate of its rows.
        fill: The fill at the start of a run.
    """

    ended: dt.datetime | None
    lumisections: int = 1
    fill: int | None = None


_WANTED = {
    "runs": ("run_number", "end_time", "last_lumisection_number", "fill_number"),
    "fills": ("fill_number", "end_time"),
}


def facts_from(rows: pa.Table | None, name: str) -> dict[int, Fact]:
    """What rows of ``runs`` or ``fills`` say."""
    if rows is None:
        return {}
    columns = [rows[column].to_pylist() for column in _WANTED[name]]
    if name == "fills":
        return {key: Fact(end) for key, end in zip(*columns, strict=True)}
    return {
        key: Fact(end, last or 1, fill)
        for key, end, last, fill in zip(*columns, strict=True)
    }


def facts_of(kept: Kept, name: str, spans: Iterable[Span]) -> dict[int, Fact]:
    """What the stored ``runs`` or ``fills`` say of some of them.

    Cost: four columns of the files that may have them.
    """
    folder = kept.folder(name)
    if not folder.exists:
        return {}
    wanted = list(spans)
    column = _WANTED[name][0]
    found: dict[int, Fact] = {}
    for file in folder.files(column):
        for first, last in wanted:
            if file.meets(first, last):
                with translated(folder.path, "read"):
                    rows = pq.ParquetFile(file.path).read(list(_WANTED[name]))
                inside = pc.and_(
                    pc.greater_equal(rows[column], first),
                    pc.less_equal(rows[column], pa.scalar(last, pa.int64())),
                )
                found |= facts_from(rows.filter(inside), name)
    return found
