"""The prescale of a path in a lumisection, and how well it is known.

One bit as the seed gives an exact prescale. An OR or AND of bits with different
prescales does not have one: which events are kept depends on which bits each of them
fired. Let the prescalers decide independently. Of events that fire the set S of bits,
``1 - prod(1 - 1/p_i)`` are kept by an OR; so the prescale of the OR lies between
``1 / (1 - prod(1 - 1/p_i))`` over all bits that are on (all fire together) and the
largest of them (only that one fires). Events that fire only bits that are off are lost,
and no factor brings them back. The smallest is right where that bit contains the others
(nested thresholds, the common case). For an AND the product is right, unless the bits
are the same; the largest is the least that it can be.

A bit or path with prescale 0, or a masked bit, is *off*: there is no number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from omskit.errors import UsageError, did_you_mean
from omskit.trigger.seeds import And, Bit, Not, Or, Seed, bits_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import ArrayLike

    from omskit.trigger.counting import FloatArray

Rule: TypeAlias = Literal[
    "nested", "lower", "upper", "ratemon", "brilcalc", "brilcalc-earlier"
]
"""Which number stands for a prescale that has no exact one."""


class Status(StrEnum):
    """How well a prescale is known."""

    EXACT = "exact"
    ASSUMED_NESTED = "assumed nested"
    LOWER_BOUND = "lower bound"
    UPPER_BOUND = "upper bound"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Prescale:
    """A prescale with what is known of it.

    Attributes:
        value: The number, or None where the path is off or nothing is known.
        status: How well it is known; a bound is one on the prescale.
        low, high: The true factor lies between, ends included; None where not known.
        why: One sentence where the status needs one.
    """

    value: float | None
    status: Status
    low: float | None = None
    high: float | None = None
    why: str = ""


def exact(value: float | None, what: str = "The path") -> Prescale:
    """The prescale of one bit or path; None is unknown, 0 is off.

    Raises:
        UsageError: The prescale is neither 0 nor a finite number from 1.

    Example:
        >>> exact(15.0).value, exact(0.0).status.value, exact(None).status.value
        (15.0, 'off', 'unknown')
    """
    if value is None or math.isnan(value):
        return unknown(f"{what} has no prescale in OMS.")
    if value != 0 and not 1 <= value < math.inf:
        message = f"A prescale of {value} for {what}: it is 0 (off), or 1 and more."
        raise UsageError(message)
    if value == 0:
        return Prescale(None, Status.OFF, why=f"{what} is off.")
    return Prescale(value, Status.EXACT, value, value)


def unknown(why: str) -> Prescale:
    """Nothing is known, and why."""
    return Prescale(None, Status.UNKNOWN, why=why)


def seed_prescale(
    seed: Seed | None, prescales: Mapping[str, float | None], rule: Rule = "nested"
) -> Prescale:
    """The prescale of a level-1 seed.

    Args:
        seed: From `parse_seed`; None for a path without one, which has no L1 prescale.
        prescales: By L1 name; 0 for off or masked. A missing name is unknown.
        rule: Which number stands for an OR or AND. "nested": the smallest of an OR, the
            product of an AND. "lower", "upper": the bounds. "ratemon", "brilcalc" and
            "brilcalc-earlier": what these tools take, to compare with them.

    Raises:
        UsageError: There is no such rule, or a prescale is impossible.

    Example:
        >>> from omskit.trigger.seeds import parse_seed
        >>> seed_prescale(parse_seed("L1_A OR L1_B"), {"L1_A": 10, "L1_B": 30})
        ... # doctest: +ELLIPSIS
        Prescale(value=10, status=<Status.ASSUMED_NESTED: 'assumed nested'>, low=7.69...
    """
    if rule not in get_args(Rule):
        rules = get_args(Rule)
        message = f"There is no rule {rule!r}.{did_you_mean(rule, rules)}"
        raise UsageError(f"{message} There are: {', '.join(rules)}.")
    if seed is None:
        return unknown("The path has no L1 seed: it sees every event that L1 accepts.")
    bits = {name: exact(prescales.get(name), name) for name in bits_of(seed)}
    ours = _seed(seed, bits)
    if rule in {"lower", "upper"}:
        return _at_bound(ours, rule)
    # Tools take what they do not know for 1; that is never right.
    lost = any(bit.status is Status.UNKNOWN for bit in bits.values())
    if rule == "nested" or lost:
        return ours
    theirs = _RULES[rule](seed, bits)
    return theirs if theirs is not None else ours


def total_prescale(*factors: Prescale) -> Prescale:
    """The product of prescales that follow one another: L1, HLT, dataset.

    The worst status holds. One that is off switches the path off, whatever else is
    unknown.

    Example:
        >>> total_prescale(exact(15), exact(35099)).value
        526485
    """
    for status in (Status.OFF, Status.UNKNOWN):
        for factor in factors:
            if factor.status is status:
                return factor
    status = max((f.status for f in factors), key=_ORDER.index, default=Status.EXACT)
    if {Status.LOWER_BOUND, Status.UPPER_BOUND} <= {f.status for f in factors}:
        return unknown("A lower and an upper bound multiply to neither.")
    return Prescale(
        math.prod(f.value for f in factors if f.value is not None),
        status,
        _product([f.low for f in factors]),
        _product([f.high for f in factors]),
        " ".join(f.why for f in factors if f.why),
    )


def _product(bounds: list[float | None]) -> float | None:
    """The product of bounds; None where one of them is not known."""
    known = [b for b in bounds if b is not None]
    return math.prod(known) if len(known) == len(bounds) else None


_ORDER = (
    Status.EXACT,
    Status.ASSUMED_NESTED,
    Status.LOWER_BOUND,
    Status.UPPER_BOUND,
)


def _seed(seed: Seed, bits: Mapping[str, Prescale]) -> Prescale:
    """Our own rule."""
    if isinstance(seed, Bit):
        return bits[seed.name]
    if _is_off(seed, bits):
        return Prescale(None, Status.OFF, why=f"Every way through {seed} is off.")
    lost = [name for name in bits_of(seed) if bits[name].status is Status.UNKNOWN]
    if lost:
        return unknown(f"No prescale is known of {', '.join(lost)}.")
    if isinstance(seed, Or | And) and all(isinstance(p, Bit) for p in seed.parts):
        names = bits_of(seed)
        return (_or if isinstance(seed, Or) else _and)([bits[n] for n in names], names)
    if not _has_veto(seed) and all(b.value == 1 for b in bits.values()):
        return Prescale(1.0, Status.EXACT, 1.0, 1.0)
    return unknown(f"{seed} mixes OR, AND or NOT of prescaled bits.")


def _or(bits: list[Prescale], names: list[str]) -> Prescale:
    on = [b.value for b in bits if b.value is not None]
    off = [n for n, b in zip(names, bits, strict=True) if b.value is None]
    low = 1 / (1 - math.prod(1 - 1 / p for p in on))
    if not off and (len(on) == 1 or max(on) == min(on) == 1):
        return Prescale(on[0], Status.EXACT, on[0], on[0])
    why = f"The least prescaled bit is taken to contain the others of {len(bits)}."
    if off:
        why += f" Events of {', '.join(off)} alone are lost: off."
    low = min(low, *on)
    return Prescale(min(on), Status.ASSUMED_NESTED, low, max(on), why)


def _and(bits: list[Prescale], names: list[str]) -> Prescale:
    on = [b.value for b in bits if b.value is not None]
    product, most = math.prod(on), max(on)
    if product == most:
        return Prescale(most, Status.EXACT, most, most)
    why = f"{' AND '.join(names)}: the product, if the prescalers are independent."
    return Prescale(product, Status.UPPER_BOUND, most, product, why)


def _is_off(seed: Seed, bits: Mapping[str, Prescale]) -> bool:
    """No event can pass; a veto of a bit that is off lets all pass."""
    if isinstance(seed, Bit):
        return bits[seed.name].status is Status.OFF
    if isinstance(seed, Not):
        return False
    some_or_all = all if isinstance(seed, Or) else any
    return some_or_all(_is_off(part, bits) for part in seed.parts)


def _has_veto(seed: Seed) -> bool:
    if isinstance(seed, Bit | Not):
        return isinstance(seed, Not)
    return any(_has_veto(part) for part in seed.parts)


def _at_bound(ours: Prescale, rule: str) -> Prescale:
    """The same, with one of its bounds as the number."""
    if ours.value is None or ours.status is Status.EXACT:
        return ours
    lower = rule == "lower"
    status = Status.LOWER_BOUND if lower else Status.UPPER_BOUND
    value = ours.low if lower else ours.high
    return Prescale(value, status, ours.low, ours.high, ours.why)


def _ratemon(seed: Seed, bits: Mapping[str, Prescale]) -> Prescale | None:
    """RateMon: 1 where AND occurs, else the smallest of those that are on."""
    if " AND " in str(seed):
        return Prescale(1.0, Status.LOWER_BOUND, 1.0, None, "RateMon takes 1 for AND.")
    on = [b.value for b in bits.values() if b.value is not None]
    if isinstance(seed, Bit) or not on:
        return None
    return Prescale(min(on), Status.ASSUMED_NESTED, None, max(on), "RateMon's rule.")


def _brilcalc(seed: Seed, bits: Mapping[str, Prescale]) -> Prescale | None:
    """Brilcalc: the smallest of each OR that is on; the product over an AND."""
    if isinstance(seed, Bit):
        return None
    groups = seed.parts if isinstance(seed, And) else (seed,)
    found = []
    for group in groups:
        parts = group.parts if isinstance(group, Or) else (group,)
        if not all(isinstance(part, Bit) for part in parts):
            return unknown(f"brilcalc refuses {seed}.")
        members = [bits[name] for name in bits_of(group)]
        on = [b.value for b in members if b.value is not None]
        if not on:
            return None
        found.append(min(on))
    why = "brilcalc's rule."
    return Prescale(math.prod(found), Status.ASSUMED_NESTED, None, None, why)


def _brilcalc_earlier(seed: Seed, bits: Mapping[str, Prescale]) -> Prescale | None:
    """Earlier brilcalc: off where any bit is; smallest of OR, largest of AND."""
    if isinstance(seed, Bit):
        return None
    if isinstance(seed, Not) or not all(isinstance(p, Bit) for p in seed.parts):
        return unknown(f"brilcalc refuses {seed}.")
    off = [n for n, b in bits.items() if b.status is Status.OFF]
    if off:
        return Prescale(None, Status.OFF, why=f"Earlier brilcalc: {off[0]} is off.")
    on = [b.value for b in bits.values() if b.value is not None]
    value = min(on) if isinstance(seed, Or) else max(on)
    return Prescale(
        value, Status.ASSUMED_NESTED, None, None, "Earlier brilcalc's rule."
    )


_RULES = {
    "ratemon": _ratemon,
    "brilcalc": _brilcalc,
    "brilcalc-earlier": _brilcalc_earlier,
}


def column_at(
    changes: Iterable[tuple[int, int | None]], lumisections: ArrayLike
) -> FloatArray:
    """The index of the prescale column of each lumisection, from the changes of a run.

    A change holds from its lumisection until the next one.

    Args:
        changes: Pairs of lumisection and new index, of one run, in any order.
        lumisections: Shape (n,).

    Returns:
        Shape (n,); NaN before the first change, never column 0.

    Example:
        >>> column_at([(1148, 7), (5, 6)], [1, 5, 1147, 1148]).tolist()
        [nan, 6.0, 6.0, 7.0]
    """
    ordered = sorted(changes, key=lambda change: change[0])
    starts = np.array([ls for ls, _ in ordered], dtype=np.int64)
    wanted = np.asarray(lumisections, dtype=np.int64)
    # Index 0 of the columns stands for the time before the first change.
    columns = np.array([np.nan, *(c for _, c in ordered)], dtype=np.float64)
    return columns[np.searchsorted(starts, wanted, side="right")]
