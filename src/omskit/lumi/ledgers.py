"""Where the delivered luminosity of a fill or run went: a ledger that adds up.

OMS gives two numbers per lumisection: what was delivered and recorded in it, and what
was delivered in the fill up to its end. The difference of two such running sums, less
what the lumisections between them delivered, is what no lumisection has: beam without a
run. So every bit of the delivered luminosity gets one cause, and the causes add up to
the whole by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from omskit.table import Table, with_unit
from omskit.table.shown import Told

CAUSES = {
    "recorded": "recorded in stable beams, every detector on",
    "detector_off": "recorded in stable beams, a detector off",
    "flag_unknown": "recorded, a flag is unknown",
    "not_stable": "recorded, beams not declared stable",
    "deadtime": "delivered while CMS ran, not recorded (deadtime)",
    "inactive": "delivered while CMS was not active",
    "missing": "in lumisections that OMS lacks",
    "no_value": "in lumisections without a value",
    "before": "before the first run of the fill",
    "between": "between two runs",
    "after": "after the last run of the fill",
    "unexplained": "running sum and lumisections disagree",
}
"""What can become of delivered luminosity, in the order of a ledger."""

SHOWN = 5e-4
"""Smaller entries, in /pb, are in the table but not in the text."""

RECORDING = ("recorded", "detector_off", "flag_unknown", "not_stable")
"""The causes that are luminosity on tape."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a ledger.

    Attributes:
        cause: A key of `CAUSES`.
        lumi_pb: How much, in /pb. It can be slightly negative where OMS's own numbers
            are (a lumisection that recorded more than was delivered).
        lumisections: In how many lumisections.
    """

    cause: str
    lumi_pb: float
    lumisections: int

    @property
    def words(self) -> str:
        """The cause for humans."""
        return CAUSES[self.cause]


@dataclass(frozen=True, slots=True)
class Part:
    """Luminosity that was recorded in stable beams while a subsystem was off.

    Attributes:
        subsystem: pixel, tracker, ecal, hcal or muon.
        inclusive_pb: Recorded while any of its flags was off.
        exclusive_pb: Recorded while only flags of this subsystem were off.
        flags: Its flags that were off, each with what was recorded meanwhile, in /pb.
    """

    subsystem: str
    inclusive_pb: float
    exclusive_pb: float
    flags: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Ledger(Told):
    """Where the delivered luminosity of a fill or run went.

    Attributes:
        of: ``"fill 5839"`` or ``"run 297050"``.
        delivered_pb: The whole, in /pb.
        entries: One per cause that occurs; they add up to *delivered_pb*.
        parts: Per subsystem, what its flags would cost.
        notes: What a reader should know.
        simulated: The rows come from the demo.
    """

    of: str
    delivered_pb: float
    entries: tuple[Entry, ...]
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    simulated: bool = False

    @property
    def recorded_pb(self) -> float:
        """What was recorded, in /pb, whatever the flags say."""
        return sum(e.lumi_pb for e in self.entries if e.cause in RECORDING)

    @property
    def efficiency(self) -> float | None:
        """Recorded over delivered; None where nothing was delivered."""
        return self.recorded_pb / self.delivered_pb if self.delivered_pb else None

    def lost(self) -> tuple[Entry, ...]:
        """The entries that were not recorded, the largest first."""
        lost = [e for e in self.entries if e.cause not in RECORDING]
        return tuple(sorted(lost, key=lambda e: -e.lumi_pb))

    def table(self) -> Table:
        """One row per cause: cause, lumi (/pb), fraction, lumisections."""
        whole = self.delivered_pb
        rows = pa.table(
            {
                "cause": [e.cause for e in self.entries],
                "lumi": pa.array([e.lumi_pb for e in self.entries], pa.float64()),
                "fraction": pa.array(
                    [100 * e.lumi_pb / whole if whole else None for e in self.entries],
                    pa.float64(),
                ),
                "lumisections": pa.array(
                    [e.lumisections for e in self.entries], pa.int64()
                ),
                "meaning": [e.words for e in self.entries],
            }
        )
        units = {"lumi": "/pb", "fraction": "%"}
        fields = [with_unit(f, units.get(f.name)) for f in rows.schema]
        return Table(rows.cast(pa.schema(fields)), resource="ledger")

    def __str__(self) -> str:
        """A few lines for humans; entries that would show as 0.000 are left out."""
        head = f"{self.of[:1].upper()}{self.of[1:]}: {self.delivered_pb:.3f} /pb"
        head += f" delivered, {self.recorded_pb:.3f} /pb recorded"
        if self.efficiency is not None:
            head += f" ({100 * self.efficiency:.1f} %)"
        lines = [head + ("; simulated by the demo." if self.simulated else ".")]
        for entry in self.entries:
            share = entry.lumi_pb / self.delivered_pb if self.delivered_pb else 0.0
            if abs(entry.lumi_pb) >= SHOWN:
                lines.append(
                    f"  {entry.lumi_pb:10.3f} /pb {100 * share:6.2f} %  {entry.words}"
                )
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)
