"""What two masks have in common and what not, as data: `compare`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from omskit.lumi.integral import Luminosity, luminosity, shown, table_for
from omskit.lumi.tables import counts
from omskit.schema.units import INTEGRATED
from omskit.table import Table, with_unit
from omskit.table.shown import Told

if TYPE_CHECKING:
    from omskit.lumi.mask import LumiMask

PARTS = ("only_a", "only_b", "both")
SHOWN_RUNS = 20
"""Runs that a report names."""


@dataclass(frozen=True, slots=True)
class Comparison(Told):
    """Two masks, lumisection by lumisection.

    Attributes:
        names: What the two are called.
        only_a, only_b, both: The three parts, as masks.
        table: One row per run of either: run_number, only_a, only_b, both (counts, null
            where a range is open) and, where luminosity was given, what is delivered
            and recorded in the lumisections that differ.
        stake_a, stake_b: The luminosity of only_a and only_b, where it was given.
    """

    names: tuple[str, str]
    only_a: LumiMask
    only_b: LumiMask
    both: LumiMask
    table: Table
    stake_a: Luminosity | None = None
    stake_b: Luminosity | None = None

    @property
    def equal(self) -> bool:
        """The same lumisections are good in both."""
        return not (self.only_a or self.only_b)

    @property
    def lumisections(self) -> dict[str, int | None]:
        """How many are only in a, only in b, in both; None where there is no end."""
        parts = (self.only_a, self.only_b, self.both)
        return {
            name: None if part.good.is_open else len(part)
            for name, part in zip(PARTS, parts, strict=True)
        }

    @property
    def differing(self) -> LumiMask:
        """The lumisections that are in one of the two."""
        return (self.only_a | self.only_b).good

    def __str__(self) -> str:
        """The report: totals, then the runs that differ most."""
        return "\n".join(_report(self))


def compare(
    a: LumiMask,
    b: LumiMask,
    *,
    luminosity: Any = None,
    names: tuple[str, str] = ("a", "b"),
) -> Comparison:
    """Hold two masks against each other.

    Args:
        a, b: What is compared is which lumisections are good.
        luminosity: Rows of ``lumisections``, or a client to ask for those of the runs
            that differ: then the luminosity at stake is told too.
        names: What to call them in reports.

    Raises:
        MaskError: Luminosity was asked for where the difference has an open end.
        UnitError: The luminosity has no unit.

    Cost: O((n + m) log(n + m)), and with a client one request per 1000 lumisections of
    the runs that differ.

    Example:
        >>> from omskit import LumiMask
        >>> golden = LumiMask.from_ranges([(297050, 12, 137)])
        >>> mine = LumiMask.from_ranges([(297050, 12, 140)])
        >>> print(compare(mine, golden, names=("mine", "golden")))
        126 lumisections in both, 3 only in mine, 0 only in golden.
        1 of 1 runs differs:
          297050: only in mine 138-140
    """
    only_a, only_b, both = (a - b).good, (b - a).good, (a & b).good
    stakes: list[Luminosity | None] = [None, None]
    if luminosity is not None:
        rows = table_for((only_a | only_b).good, luminosity)
        stakes = [_sum(part, rows) for part in (only_a, only_b)]
    return Comparison(
        names=names,
        only_a=only_a,
        only_b=only_b,
        both=both,
        table=Table(_rows((only_a, only_b, both), stakes), resource="comparison"),
        stake_a=stakes[0],
        stake_b=stakes[1],
    )


def _sum(mask: LumiMask, rows: Any) -> Luminosity:
    return luminosity(mask, rows)


def _rows(
    parts: tuple[LumiMask, LumiMask, LumiMask], stakes: list[Luminosity | None]
) -> pa.Table:
    found = [counts(part._good) for part in parts]  # noqa: SLF001  # of our own kind
    runs = sorted(set().union(*found))
    columns: dict[str, Any] = {"run_number": pa.array(runs, pa.int64())}
    fields = [pa.field("run_number", pa.int64())]
    for name, part in zip(PARTS, found, strict=True):
        columns[name] = pa.array([part.get(run, 0) for run in runs], pa.int64())
        fields.append(pa.field(name, pa.int64()))
    for name, stake in zip(PARTS, stakes, strict=False):
        if stake is None:
            continue
        sums = {row["run_number"]: row for row in stake.table.to_records()}
        for what in ("delivered_lumi", "recorded_lumi"):
            values = [sums[run][what] if run in sums else 0.0 for run in runs]
            columns[f"{what}_{name}"] = pa.array(values, pa.float64())
            plain = pa.field(f"{what}_{name}", pa.float64())
            fields.append(with_unit(plain, INTEGRATED))
    return pa.table(columns, schema=pa.schema(fields))


def _report(found: Comparison) -> list[str]:
    a, b = found.names
    total = {k: "open" if v is None else v for k, v in found.lumisections.items()}
    head = (
        f"{total['both']} lumisections in both, {total['only_a']} only in {a}, "
        f"{total['only_b']} only in {b}."
    )
    if found.equal:
        return [f"{head} They are equal."]
    lines = [head]
    for name, stake in ((a, found.stake_a), (b, found.stake_b)):
        if stake is not None and (stake.counted or stake.missing):
            lines.append(f"At stake only in {name}: {stake}")
    runs = _differing_runs(found)
    verb = "differs" if len(runs) == 1 else "differ"
    lines.append(f"{len(runs)} of {len(found.table)} runs {verb}:")
    for run in runs[:SHOWN_RUNS]:
        told = [
            f"only in {name} {_numbers(part.restrict(run))}"
            for name, part in ((a, found.only_a), (b, found.only_b))
            if part.restrict(run)
        ]
        lines.append(f"  {run}: {'; '.join(told)}")
    if len(runs) > SHOWN_RUNS:
        lines.append(f"  and {len(runs) - SHOWN_RUNS} more, with smaller differences")
    return lines


def _differing_runs(found: Comparison) -> list[int]:
    """The runs that differ, those that differ most first."""
    rows = found.table.to_records()
    size = {
        row["run_number"]: sum(
            float("inf") if row[part] is None else row[part] for part in PARTS[:2]
        )
        for row in rows
    }
    return sorted((run for run in size if size[run]), key=lambda r: (-size[r], r))


def _numbers(mask: LumiMask) -> str:
    """The lumisections of one run, without its number."""
    run = f"{mask.runs[0]}:"
    return shown(mask).replace(run, "")
