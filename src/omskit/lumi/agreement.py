"""Two sources of luminosity, lumisection by lumisection: OMS beside brilcalc, say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omskit.lumi.integral import (
    DELIVERED,
    RECORDED,
    Luminosity,
    joined,
    luminosity,
    shown,
    table_for,
)
from omskit.lumi.mask import LumiMask
from omskit.lumi.tables import RUN, SINGLE, as_arrow, integers
from omskit.schema.units import INTEGRATED
from omskit.table import Table, with_unit
from omskit.table.shown import Told


@dataclass(frozen=True, slots=True)
class Agreement(Told):
    """Two luminosities of the same lumisections.

    Attributes:
        names: What the sources are called.
        a, b: The luminosity of each, over the lumisections that *both* know.
        only_a, only_b: Lumisections that only one of them knows.
        table: One row per lumisection that both know: both values of delivered and
            recorded, and their ratio a / b (null where b is 0).
    """

    names: tuple[str, str]
    a: Luminosity
    b: Luminosity
    only_a: LumiMask
    only_b: LumiMask
    table: Table

    @property
    def delivered_ratio(self) -> float | None:
        """Delivered of a over delivered of b; None where there is no b."""
        return _ratio(self.a.delivered, self.b.delivered)

    @property
    def recorded_ratio(self) -> float | None:
        """Recorded of a over recorded of b; None where there is no b."""
        return _ratio(self.a.recorded, self.b.recorded)

    def __str__(self) -> str:
        """Totals and what only one of them has."""
        a, b = self.names
        lines = [f"{a}: {self.a}", f"{b}: {self.b}"]
        told = [
            f"{what} {a}/{b} = {ratio:.6g}"
            for what, ratio in (
                ("delivered", self.delivered_ratio),
                ("recorded", self.recorded_ratio),
            )
            if ratio is not None
        ]
        lines += [", ".join(told)] if told else []
        for name, part in ((a, self.only_a), (b, self.only_b)):
            if part:
                lines.append(f"only {name} has {len(part)}: {shown(part)}")
        return "\n".join(lines)


def _ratio(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b


def compare_luminosity(
    mask: LumiMask | None,
    a: Any,
    b: Any,
    *,
    names: tuple[str, str] = ("OMS", "brilcalc"),
) -> Agreement:
    """Hold two sources of luminosity against each other.

    Args:
        mask: Which lumisections; None takes all that either table has (then neither
            may be a client).
        a, b: Rows as for `omskit.lumi.integral.luminosity`, or a client.
        names: What to call them.

    Raises:
        MaskError, UnitError: As for `luminosity`.

    Cost: O(n log n).
    """
    if mask is None:
        mask = pairs_of(a) | pairs_of(b)
    tables = [table_for(mask, source) for source in (a, b)]
    rows = [joined(mask, as_arrow(table)) for table in tables]
    known = [np.asarray(r["known"]).astype(bool) for r in rows]
    both = known[0] & known[1]
    pairs = np.column_stack((rows[0][RUN].to_numpy(), rows[0][SINGLE].to_numpy()))
    common = LumiMask.from_pairs(pairs[both])
    return Agreement(
        names=names,
        a=luminosity(common, tables[0]),
        b=luminosity(common, tables[1]),
        only_a=LumiMask.from_pairs(pairs[known[0] & ~both]),
        only_b=LumiMask.from_pairs(pairs[known[1] & ~both]),
        table=Table(_side_by_side(rows, both), resource="agreement"),
    )


def pairs_of(rows: Any) -> LumiMask:
    """Every lumisection that a table has a row of."""
    arrow = as_arrow(rows)
    pairs = np.column_stack((integers(arrow, RUN), integers(arrow, SINGLE)))
    return LumiMask.from_pairs(pairs)


def _side_by_side(rows: list[pa.Table], both: Any) -> pa.Table:
    kept = [r.filter(pa.array(both)) for r in rows]
    columns = {RUN: kept[0][RUN], SINGLE: kept[0][SINGLE]}
    for name in (DELIVERED, RECORDED):
        short = name.removesuffix("_per_lumisection")
        a, b = kept[0][name], kept[1][name]
        columns |= {f"{short}_a": a, f"{short}_b": b}
        divisor = pc.if_else(pc.equal(b, 0.0), pa.scalar(None, pa.float64()), b)
        columns[f"{short}_ratio"] = pc.divide(a, divisor)
    table = pa.table(columns)
    fields = [
        with_unit(f, INTEGRATED) if f.name.endswith(("_a", "_b")) else f
        for f in table.schema
    ]
    return table.cast(pa.schema(fields))
