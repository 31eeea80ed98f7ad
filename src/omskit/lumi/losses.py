"""A ledger with the downtimes that OMS lists beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omskit.table.shown import Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omskit.lumi.ledgers import Ledger
    from omskit.table import Table


@dataclass(frozen=True, slots=True)
class Lost(Told):
    """Where the delivered luminosity of a run or fill went.

    Attributes:
        ledger: The causes, which add up to what was delivered.
        downtimes: OMS's own lists, of Run 2 and Run 3; they need not add up.
        warnings: What was to be said of the rows that it is made of.
    """

    ledger: Ledger
    downtimes: tuple[Table, ...] = ()
    warnings: tuple[str, ...] = ()

    def table(self) -> Table:
        """One row per cause, see `Ledger.table`."""
        return self.ledger.table()

    def __str__(self) -> str:
        """A few lines for humans."""
        lines = [str(self.ledger), *_parts(self.ledger), *_downtimes(self.downtimes)]
        return "\n".join(lines)


def _parts(found: Ledger) -> Iterator[str]:
    """What was recorded while a subsystem was off, and while it alone was."""
    if found.parts:
        yield "Recorded in stable beams while off (alone off):"
    for part in found.parts:
        flags = ", ".join(f"{name} {lumi:.3f}" for name, lumi in part.flags)
        yield (
            f"  {part.inclusive_pb:10.3f} /pb ({part.exclusive_pb:.3f})  "
            f"{part.subsystem}: {flags}"
        )


def _downtimes(tables: Iterable[Table]) -> Iterator[str]:
    """One line per downtime; they are OMS's own list and need not add up."""
    if any(map(len, tables)):
        yield "Downtimes that OMS lists:"
    for table in tables:
        unit = table.units["lost_lumi"] or "(unit unknown)"
        for row in table.to_records():
            parts = [f"{row['start_time']:%Y-%m-%d %H:%M:%S} UTC"]
            parts += [f"{row['duration']} s"] if row["duration"] is not None else []
            lumi = row["lost_lumi"]
            parts += [f"{lumi:.3f} {unit}"] if lumi is not None else []
            cause = [row["subsystem"], row["category"]]
            parts.append(" ".join(c for c in cause if c) or "no cause given")
            yield "  " + ", ".join(parts)
