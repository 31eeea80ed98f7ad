"""How much luminosity a mask holds, from rows of lumisections.

Only the luminosity of each lumisection is summed (``*_lumi_per_lumisection``): what OMS
calls ``delivered_lumi`` is cumulative over the fill. A lumisection without a value is
missing, is named, and is never 0; one counts where both values are there. Rows come
from OMS or from brilcalc (`omskit.lumi.brilcalc`), in any unit that the columns name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import MaskError, UnitError
from omskit.lumi.edges import SHIFT, IntArray
from omskit.lumi.mask import LumiMask
from omskit.lumi.tables import RUN, SINGLE, as_arrow, integers
from omskit.schema.units import INTEGRATED, factor
from omskit.table import Table, unit_of, with_unit
from omskit.table.shown import Told

if TYPE_CHECKING:
    from omskit.lumi.edges import BoolArray

FILL = "fill_number"
DELIVERED = "delivered_lumi_per_lumisection"
RECORDED = "recorded_lumi_per_lumisection"
COLUMNS = (RUN, SINGLE, FILL, DELIVERED, RECORDED)
"""What is asked of a client."""

By = Literal["run", "fill", "era"]


@runtime_checkable
class Lumisections(Protocol):
    """Who can be asked for rows, as an `omskit.Client` can."""

    def lumisections(self, runs: Any = None, /, **options: Any) -> Table:
        """The lumisections of some runs."""
        ...


@dataclass(frozen=True, slots=True)
class Luminosity(Told):
    """The luminosity of a mask, in /pb.

    Attributes:
        delivered, recorded: Sums over the lumisections that have both values; None
            where none has.
        counted: How many have.
        missing: Those that have not, or have no row.
        table: One row per run, fill or era: lumisections, missing, both sums; a sum is
            null where nothing is known.
        simulated: The rows come from the demo.
    """

    delivered: float | None
    recorded: float | None
    counted: int
    missing: LumiMask
    table: Table
    simulated: bool = False

    @property
    def complete(self) -> bool:
        """Every lumisection of the mask has a value."""
        return not self.missing

    def __str__(self) -> str:
        """Two or three sentences for humans."""
        text = f"{self.counted} lumisections: {_pb(self.delivered)} delivered, "
        text += f"{_pb(self.recorded)} recorded."
        if self.missing:
            text += f" {len(self.missing)} have no luminosity: {shown(self.missing)}."
        return text + (" Simulated by the demo." if self.simulated else "")


def _pb(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g} /pb"


def shown(mask: LumiMask, most: int = 6) -> str:
    """The first ranges of a mask as text.

    Example:
        >>> some = LumiMask.from_ranges([(1, 2, 3), (1, 9, 9), (2, 1, None), (3, 1, 1)])
        >>> shown(some, most=3)
        '1:2-3, 9; 2:1-end and 1 range more'
    """
    ranges = list(mask.ranges())
    runs: dict[int, list[str]] = {}
    for run, first, last in ranges[:most]:
        end = "" if last == first else f"-{last or 'end'}"
        runs.setdefault(run, []).append(f"{first}{end}")
    rest = len(ranges) - most
    tail = f" and {rest} range{'s'[: rest > 1]} more" if rest > 0 else ""
    return "; ".join(f"{run}:{', '.join(found)}" for run, found in runs.items()) + tail


def table_for(mask: LumiMask, source: Any, fields: tuple[str, ...] = COLUMNS) -> Any:
    """The rows of *source*: itself, or what it answers when asked for runs of a mask.

    Cost: one request per 1000 rows where it is a client.
    """
    if not isinstance(source, Lumisections):
        return source
    if not mask:
        return Table(pa.table({name: pa.array([], pa.int64()) for name in fields}))
    return source.lumisections(mask.runs.tolist(), fields=list(fields))


def is_simulated(table: Any) -> bool:
    """Whether rows, of whatever kind of table, are known to be made up."""
    return isinstance(table, Table) and table.simulated


def luminosity(
    mask: LumiMask, source: Any, *, by: By = "run", eras: Any = None
) -> Luminosity:
    """Delivered and recorded luminosity of a mask.

    Args:
        mask: Which lumisections; an open end must be closed first.
        source: Rows of ``lumisections`` (a `Table`, Arrow, a data frame whose Arrow
            fields name their unit), rows of brilcalc, or a client to ask.
        by: What one row of the resulting table stands for.
        eras: For ``by="era"``: rows of ``eras``, with name, start_fill and end_fill.

    Raises:
        MaskError: The mask has an open end, or the rows lack a column or repeat a
            lumisection.
        UnitError: A luminosity column does not name its unit.

    Cost: O(n log n) for n lumisections.

    Example:
        >>> import pyarrow as pa
        >>> unit = {"unit": "/nb"}
        >>> schema = pa.schema([("run_number", pa.int64()),
        ...     ("lumisection_number", pa.int64()), ("fill_number", pa.int64()),
        ...     pa.field("delivered_lumi_per_lumisection", pa.float64(), metadata=unit),
        ...     pa.field("recorded_lumi_per_lumisection", pa.float64(), metadata=unit)])
        >>> columns = [[7, 7], [1, 2], [9, 9], [200.0, None], [100.0, None]]
        >>> rows = pa.table(columns, schema=schema)
        >>> print(luminosity(LumiMask.from_ranges([(7, 1, 3)]), rows))
        1 lumisections: 0.2 /pb delivered, 0.1 /pb recorded.
        2 have no luminosity: 7:2-3.
    """
    found = table_for(mask, source)
    asked = joined(mask, as_arrow(found))
    known = np.asarray(asked["known"]).astype(bool)
    runs, numbers = asked[RUN].to_numpy(), asked[SINGLE].to_numpy()
    missing = LumiMask.from_pairs(np.column_stack((runs[~known], numbers[~known])))
    keys = _keys(asked, by, eras)
    return Luminosity(
        delivered=_total(asked[DELIVERED]),
        recorded=_total(asked[RECORDED]),
        counted=int(known.sum()),
        missing=missing,
        table=Table(_grouped(asked, keys, by), resource="luminosity"),
        simulated=is_simulated(found),
    )


def joined(mask: LumiMask, rows: pa.Table) -> pa.Table:
    """Every lumisection of a mask with fill and luminosity in /pb, null where unknown.

    A lumisection with one of the two values has none, so that sums go together.
    """
    runs, numbers = mask.pairs()
    keys = (runs << SHIFT) + numbers
    at, found = places(rows, keys)
    columns = {name: _values(rows, name) for name in (DELIVERED, RECORDED)}
    index = pa.array(at, mask=~found)
    delivered, recorded = (values.take(index) for values in columns.values())
    both = pc.and_(pc.is_finite(delivered), pc.is_finite(recorded))
    known = pc.fill_null(both, False)  # what stands for null
    nothing = pa.scalar(None, pa.float64())
    fills = rows[FILL] if FILL in rows.column_names else pa.nulls(len(rows), pa.int64())
    return pa.table(
        {
            RUN: runs,
            SINGLE: numbers,
            FILL: fills.take(index),
            DELIVERED: pc.if_else(known, delivered, nothing),
            RECORDED: pc.if_else(known, recorded, nothing),
            "known": known,
        }
    )


def places(rows: pa.Table, keys: IntArray) -> tuple[IntArray, BoolArray]:
    """Where each lumisection is among the rows, and whether it is there.

    Raises:
        MaskError: Two rows are of the same lumisection.
    """
    own = (integers(rows, RUN) << SHIFT) + integers(rows, SINGLE)
    order = np.argsort(own, kind="stable")
    own = own[order]
    twice = own[1:][own[1:] == own[:-1]]
    if twice.size:
        run, number = int(twice[0]) >> SHIFT, int(twice[0]) & ((1 << SHIFT) - 1)
        message = (
            f"Run {run}, lumisection {number} has several rows, so its luminosity "
            "would count more than once. Remove all but one."
        )
        raise MaskError(message)
    if not own.size:
        return np.zeros(keys.size, np.int64), np.zeros(keys.size, bool)
    at = np.minimum(np.searchsorted(own, keys), own.size - 1)
    return order[at], own[at] == keys


def _values(rows: pa.Table, name: str) -> Any:
    """A column of luminosities in /pb."""
    if name not in rows.column_names:
        message = (
            f"The rows have no column {name!r}, which luminosity is summed from "
            "(delivered_lumi of OMS is cumulative over the fill). Fetch it too."
        )
        raise MaskError(message)
    unit = unit_of(rows.schema.field(name))
    scale = factor(unit, INTEGRATED) if unit else None
    if scale is None:
        if not len(rows):
            return rows[name].cast(pa.float64())
        message = (
            f"Column {name!r} names {'the unit ' + repr(unit) if unit else 'no unit'}, "
            "so it cannot be summed as /pb. Name it in the Arrow field metadata: "
            '{"unit": "/pb"}.'
        )
        raise UnitError(message)
    return pc.multiply(rows[name].cast(pa.float64()), scale)


def _total(column: Any) -> float | None:
    # Nothing was asked for: that is 0, and not unknown.
    value: float | None = pc.sum(column, min_count=1 if len(column) else 0).as_py()
    return 0.0 if value is None and not len(column) else value


def _keys(asked: pa.Table, by: By, eras: Any) -> tuple[str, Any]:
    """The name and the values of what is grouped by."""
    if by == "run":
        return RUN, asked[RUN]
    if by == "fill":
        return FILL, asked[FILL]
    if by not in {"run", "fill", "era"}:
        message = f"by={by!r} is none of 'run', 'fill' and 'era'."
        raise MaskError(message)
    if eras is None:
        message = (
            "by='era' needs eras=, the rows of eras: luminosity(mask, oms, by='era', "
            "eras=oms.eras())."
        )
        raise MaskError(message)
    return "era", _eras(asked[FILL].to_pylist(), as_arrow(eras))


def _eras(fills: list[int | None], eras: pa.Table) -> Any:
    """The era of each fill; the shortest where several overlap, null where none is."""
    spans = []
    for row in eras.select(["name", "start_fill", "end_fill"]).to_pylist():
        if row["start_fill"] is not None:
            last = row["end_fill"]
            last = 2**62 if last is None else last
            spans.append((last - row["start_fill"], row["start_fill"], last, row))
    spans.sort(key=lambda span: span[:3])
    names = {
        fill: next((r["name"] for _, a, b, r in spans if a <= fill <= b), None)
        for fill in set(fills) - {None}
        if fill is not None
    }
    return pa.array([names.get(f) if f is not None else None for f in fills], "string")


def _grouped(asked: pa.Table, keys: tuple[str, Any], by: By) -> pa.Table:
    name, values = keys
    known = asked["known"].cast(pa.int64())
    table = pa.table(
        {
            name: values,
            "lumisections": known,
            "missing": pc.subtract(1, known),
            "delivered_lumi": asked[DELIVERED],
            "recorded_lumi": asked[RECORDED],
        }
    )
    some = pc.ScalarAggregateOptions(min_count=1)
    wanted = [("lumisections", "sum"), ("missing", "sum")]
    sums = [("delivered_lumi", "sum", some), ("recorded_lumi", "sum", some)]
    grouped = table.group_by(name, use_threads=False).aggregate([*wanted, *sums])
    grouped = grouped.select([name, *(f"{n}_sum" for n in table.column_names[1:])])
    grouped = grouped.rename_columns(table.column_names)
    if by != "era":
        grouped = grouped.sort_by(name)
    fields = [
        with_unit(f, INTEGRATED) if f.name.endswith("_lumi") else f
        for f in grouped.schema
    ]
    return grouped.cast(pa.schema(fields))
