"""Prescales of the paths of some runs, as arrays: a slot per run and column in use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.trigger.columns import columns_of, numbers_of
from omskit.trigger.prescaling import (
    Prescale,
    Rule,
    Status,
    exact,
    seed_prescale,
    total_prescale,
    unknown,
)
from omskit.trigger.seeds import parse_seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from omskit.trigger.columns import Values
    from omskit.trigger.conditions import Asked, Conditions, IntArray
    from omskit.trigger.counting import FloatArray

STATUSES = tuple(Status)
"""The status by its number."""
_UNKNOWN = STATUSES.index(Status.UNKNOWN)
_PARTS = ("total", "low", "high", "hlt", "level_1")


@dataclass(frozen=True, slots=True)
class Prescales:
    """The prescales of paths: arrays of paths x slots, and the slot of a lumisection.

    Attributes:
        slot: Shape (lumisections,); -1 where no column is known.
        total, low, high: The total prescale and its bounds; NaN where there is none.
        hlt, level_1: Its two factors.
        status: Numbers into `STATUSES`.
        why: Sentences, by path and slot.
    """

    slot: IntArray
    total: FloatArray
    low: FloatArray
    high: FloatArray
    hlt: FloatArray
    level_1: FloatArray
    status: NDArray[np.int8]
    why: Mapping[tuple[int, int], str]

    def matrix(self, part: str) -> FloatArray:
        """One of the numbers as paths x lumisections; NaN where none is known."""
        return self._spread(getattr(self, part), np.nan)

    def statuses(self) -> NDArray[np.int8]:
        """The status as paths x lumisections, as numbers into `STATUSES`."""
        return self._spread(self.status, np.int8(_UNKNOWN))

    def _spread(self, values: NDArray[Any], nothing: Any) -> NDArray[Any]:
        if not values.shape[1]:
            return np.full((values.shape[0], self.slot.size), nothing)
        return np.where(self.slot >= 0, values[:, self.slot], nothing)

    def only(self, paths: Any, lumisections: Any) -> Prescales:
        """Some of the paths and lumisections."""
        chosen = np.arange(self.total.shape[0])[paths]
        place = {int(old): new for new, old in enumerate(chosen)}
        why = {(place[p], s): t for (p, s), t in self.why.items() if p in place}
        parts: dict[str, Any] = {n: getattr(self, n)[chosen] for n in _PARTS}
        return replace(
            self,
            slot=self.slot[lumisections],
            status=self.status[chosen],
            why=why,
            **parts,
        )


@dataclass(frozen=True, slots=True)
class Menu:
    """What one run was set up with.

    Attributes:
        seeds: The L1 seed of each path, by full name; None where it has none.
        hlt, level_1: Prescales by name and column.
    """

    seeds: Mapping[str, str | None]
    hlt: Values
    level_1: Values


NO_MENU = Menu({}, {}, {})
"""That of a run whose menu was not asked for."""


def menu_of(asked: Asked, run: int) -> Menu:
    """The menu of a run: three questions."""
    config = asked.rows("hltconfigdata", run).to_records()
    hlt = asked.rows("hltprescalesets", run).to_records()
    level_1 = asked.rows("l1prescalesets", run).to_records()
    if not config:
        asked.say(f"OMS has no HLT configuration of run {run}: no prescale is known.")
    return Menu(
        {row["path_name"]: row["l1_prerequisite"] for row in config},
        columns_of(hlt, "path_name", numbers_of(level_1)),
        columns_of(level_1, "algo_name"),
    )


def hlt_prescales(
    found: Conditions,
    menus: Mapping[int, Menu],
    names: Mapping[int, Mapping[int, str]],
    height: int,
    rule: Rule = "nested",
) -> Prescales:
    """The total prescales of HLT paths.

    Args:
        found: The lumisections.
        menus: By run.
        names: Full names by run and row.
        height: How many rows there are.
        rule: See `seed_prescale`.
    """
    seed_of = cache(parse_seed)

    @cache
    def bits_at(run: int, column: int) -> dict[str, float | None]:
        bits = menus[run].level_1.items()
        return {bit: columns.get(column) for bit, columns in bits}

    def make(run: int, row: int, column: int) -> tuple[Prescale, Prescale, Prescale]:
        name, menu = names.get(run, {}).get(row), menus[run]
        if name is None or name not in menu.seeds:
            nothing = unknown("The path is not in the menu of the run.")
            return nothing, nothing, nothing
        own = exact(menu.hlt.get(name, {}).get(column), name)
        seed = seed_prescale(seed_of(menu.seeds[name]), bits_at(run, column), rule)
        return total_prescale(seed, own), own, seed

    return _filled(found, menus, range(height), make)


def l1_prescales(
    found: Conditions, menus: Mapping[int, Values], names: Sequence[str]
) -> Prescales:
    """The prescales of L1 algorithms, by name."""

    def make(run: int, row: int, column: int) -> tuple[Prescale, Prescale, Prescale]:
        own = exact(menus[run].get(names[row], {}).get(column), names[row])
        return own, exact(1.0), own

    return _filled(found, menus, range(len(names)), make)


def _filled(
    found: Conditions, menus: Iterable[int], rows: Sequence[int], make: Any
) -> Prescales:
    slot = np.full(len(found), -1, dtype=np.int64)
    slots: list[tuple[int, int]] = []
    for run in menus:
        here = found.run == run
        used = np.unique(found.column[here])
        for column in used[np.isfinite(used)]:
            slot[here & (found.column == column)] = len(slots)
            slots.append((run, int(column)))
    shape = (len(rows), len(slots))
    parts = {name: np.full(shape, np.nan) for name in _PARTS}
    status = np.full(shape, _UNKNOWN, dtype=np.int8)
    why: dict[tuple[int, int], str] = {}
    for at, (run, column) in enumerate(slots):
        for row in rows:
            total, own, seed = make(run, row, column)
            values = (total.value, total.low, total.high, own.value, seed.value)
            for name, value in zip(_PARTS, values, strict=True):
                parts[name][row, at] = np.nan if value is None else value
            status[row, at] = STATUSES.index(total.status)
            if total.why:
                why[row, at] = total.why
    return Prescales(slot=slot, status=status, why=why, **parts)
