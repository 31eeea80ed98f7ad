"""Fills, eras and what else belongs to the LHC."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.demo import facts
from omskit.demo.build import table
from omskit.demo.dice import normal, uniform
from omskit.demo.schedule import RUN2, colliding, fills
from omskit.schema.units import INSTANTANEOUS, convert

if TYPE_CHECKING:
    import pyarrow as pa

SLOTS = 3564
BUNCHES_OF = (5839, 8489, 10209, 10210)
"""The fills whose bunches are simulated; bunches_colliding of 10209 is null."""

TIMES = ("start_time", "end_time", "start_stable_beam", "end_stable_beam")
SAME = (
    "injection_scheme",
    "energy",
    "b_field",
    "beta_star",
    "crossing_angle",
    "peak_lumi",
    "peak_specific_lumi",
    "peak_pileup",
    "delivered_lumi",
    "recorded_lumi",
    "efficiency_lumi",
    "efficiency_time",
    "to_ready_time",
)


@cache
def _era_fills() -> dict[str, tuple[int, int]]:
    found = facts.document("eras")["fills"]
    return {name: (first, last) for name, (first, last) in found.items()}


def era_of(fill: int) -> str | None:
    """The era of a fill.

    Example:
        >>> era_of(5839), era_of(1)
        ('2017B', None)
    """
    for name, (first, last) in _era_fills().items():
        if first <= fill <= last:
            return name
    return None


def build() -> pa.Table:
    """All fills of the demo; the recorded ones in the figures of their source."""
    rows = [_row(fill) for fill in fills()]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return table("fills", columns, len(rows))


def _row(fill: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {name: fill.get(name) for name in SAME}
    row |= {name: facts.moment(fill[name]) if name in fill else None for name in TIMES}
    stable = "start_stable_beam" in fill
    particles = fill.get("type", ["PROTONS", "PROTON", "PROTON"])
    bunches = fill.get("bunches", [None] * 4)
    intensity = fill.get("intensity", [None, None])
    first, last = fill.get("runs", (None, None))
    row |= {
        "fill_number": fill["number"],
        "era": era_of(fill["number"]),
        "stable_beams": stable,
        "duration": _duration(fill) if stable else None,
        "first_run_number": first,
        "last_run_number": last,
        "fill_type_runtime": particles[0],
        "fill_type_party1": particles[1],
        "fill_type_party2": particles[2],
        "bunches_beam1": bunches[0],
        "bunches_beam2": bunches[1],
        "bunches_colliding": bunches[2] or None,
        "bunches_target": bunches[3],
        "intensity_beam1": intensity[0],
        "intensity_beam2": intensity[1],
        "beta_star": None,
        "beta_star_start": fill.get("beta_star"),
        "beta_star_stop": fill.get("beta_star"),
        "init_lumi": fill.get("peak_lumi"),
        "delivered_lumi_stablebeams": fill.get("delivered_lumi"),
        "recorded_lumi_stablebeams": fill.get("recorded_lumi"),
        **_readiness(fill, stable=stable),
    }
    return {**row, **_units(fill, row)}


def _duration(fill: dict[str, Any]) -> int:
    begin, end = (facts.seconds(fill[name]) for name in TIMES[2:])
    return end - begin


def _readiness(fill: dict[str, Any], *, stable: bool) -> dict[str, int | None]:
    """Times without a record: made up from what is recorded, or from the number."""
    if not stable:
        return dict.fromkeys(
            ("downtime", "to_dump_ready_time", "dump_ready_to_dump_time")
        )
    share = 1.0 - fill["efficiency_time"] / 100.0
    draw = uniform(2, fill["number"], 20)
    return {
        "downtime": round(share * _duration(fill)),
        "to_dump_ready_time": 20 + int(draw[0] * 60),
        "dump_ready_to_dump_time": 5 + int(draw[1] * 90),
    }


def _units(fill: dict[str, Any], row: dict[str, Any]) -> dict[str, str | None]:
    """The unit texts of the scaled columns, null where there is no value."""
    instantaneous = fill.get("instantaneous_unit", "10^{30}cm^{-2}s^{-1}")
    integrated = fill.get("integrated_unit", "pb^{-1}")
    by_name = {
        "beta_star": "cm",
        "beta_star_start": "cm",
        "beta_star_stop": "cm",
        "crossing_angle": r"{\mu}rad",
        "init_lumi": instantaneous,
        "peak_lumi": instantaneous,
        "delivered_lumi": integrated,
        "recorded_lumi": integrated,
        "delivered_lumi_stablebeams": integrated,
        "recorded_lumi_stablebeams": integrated,
    }
    return {
        f"{name}@unit": None if row[name] is None else unit
        for name, unit in by_name.items()
    }


def eras() -> pa.Table:
    """All eras by name; fills only where the demo needs them."""
    names = facts.document("eras")["names"]
    ends = [_era_fills().get(name, (None, None)) for name in names]
    columns = {
        "name": names,
        "start_fill": [first for first, _ in ends],
        "end_fill": [last for _, last in ends],
    }
    return table("eras", columns, len(names))


def details() -> pa.Table:
    """The filldetails resource, as far as its attributes are known."""
    columns = {
        "fill_number": [fill["number"] for fill in fills()],
        "stable_beams": ["start_stable_beam" in fill for fill in fills()],
    }
    return table("filldetails", columns, len(fills()))


def schemes() -> pa.Table:
    """The lhcrunconfigurations: one announcement for each fill."""
    known = fills()
    names: list[str] = []
    for fill in known:
        made = _scheme(fill["bunches"]) if fill.get("bunches") else names[-1:]
        # The LHC often fills as it did before.
        names.append(fill.get("injection_scheme") or "".join(made) or "25ns_simulated")
    columns = {
        "fill_number": [fill["number"] for fill in known],
        "dip_time": [facts.moment(fill["start_time"]) for fill in known],
        "active_injection_scheme": names,
    }
    return table("lhcrunconfigurations", columns, len(known))


def _scheme(bunches: list[int]) -> str:
    """A name such as LHC gives, for a fill whose name is not known."""
    first, _, colliding, _ = bunches
    return f"25ns_{first}b_{colliding}_0_0_simulated"


def bunches() -> pa.Table:
    """The 3564 slots of some fills: trains of 48; all but the first few collide."""
    blocks = [_slots(fill) for fill in fills() if fill["number"] in BUNCHES_OF]
    columns = {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}
    return table("bunches", columns, SLOTS * len(blocks))


def _slots(fill: dict[str, Any]) -> dict[str, Any]:
    number = np.arange(1, SLOTS + 1)
    in_train = (number % 55 < 48) | (fill["bunches"][0] > 2000)
    order = np.cumsum(in_train)
    first, second = fill["bunches"][:2]
    meeting = colliding(fill)
    alone = first - meeting
    # Those that meet are in both beams; before them are some of beam 1 alone, behind
    # them as many of beam 2: slots filled in both beams are those that collide.
    filled = [
        in_train & (order <= first),
        in_train & (order > alone) & (order <= alone + second),
    ]
    both = filled[0] & filled[1]
    intensity = [
        np.where(filled[beam], total / fill["bunches"][beam], 0.0)
        * (1.0 + 0.02 * normal(SLOTS, fill["number"], 21 + beam))
        for beam, total in enumerate(fill["intensity"])
    ]
    unit = fill.get("instantaneous_unit", RUN2.instantaneous)
    each = convert(fill["peak_lumi"], unit, INSTANTANEOUS) / meeting
    return {
        "fill_number": np.full(SLOTS, fill["number"]),
        "bunch_number": number,
        "initial_lumi": np.where(both, each, 0.0),
        "intensity_beam_1": intensity[0],
        "intensity_beam_2": intensity[1],
        "beam_1_configured": filled[0],
        "beam_2_configured": filled[1],
    }
