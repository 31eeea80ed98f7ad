"""Why a lumisection is good or not: what flags, masks and neighbours say.

`why` answers for one lumisection, `why_differ` for all that two masks disagree on,
grouped by what speaks against them. Both only read a table of OMS's lumisections; flags
that the demo made up are called simulated in every verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from omskit.errors import (
    MaskError,
    Remedy,
)
from omskit.lumi.building import BEAM, PRESETS
from omskit.lumi.integral import is_simulated, shown
from omskit.lumi.mask import LumiMask
from omskit.lumi.tables import RUN, SINGLE, as_arrow, integers
from omskit.table.shown import Told

if TYPE_CHECKING:
    from collections.abc import Mapping

FLAGS = (*BEAM, *PRESETS["all"])
"""What is looked at: activity, beams, physics, and the high voltage of every part."""

Word = Literal["good", "bad", "unknown", "disputed", "missing"]
NAMED = 60
"""Ranges that a group names."""
SIMULATED = "The flags are simulated by the demo."


@dataclass(frozen=True, slots=True)
class State:
    """What OMS and the masks say of one lumisection.

    Attributes:
        held: OMS has the lumisection.
        off, unknown: Flags that are false, and flags that are null.
        masks: For each mask, whether it holds the lumisection.
    """

    held: bool
    off: tuple[str, ...]
    unknown: tuple[str, ...]
    masks: tuple[tuple[str, bool], ...] = ()

    def word(self) -> Word:
        """The state in one word; disputed where flags and masks do not agree."""
        votes = {inside for _, inside in self.masks}
        if not self.held:
            return "disputed" if True in votes else "missing"
        if self.off:
            votes.add(False)
        elif not self.unknown:
            votes.add(True)
        if len(votes) > 1:
            return "disputed"
        if self.unknown and not self.off:
            return "unknown"
        return "good" if True in votes else "bad"

    def text(self) -> str:
        """What speaks against it, and what for it."""
        if not self.held:
            flags = "OMS has no such lumisection"
        else:
            told = []
            if self.off:
                told.append(f"off: {named(self.off)}")
            if self.unknown:
                told.append(f"unknown: {named(self.unknown)}")
            flags = "; ".join(told) or "every flag is on"
        parts = [flags]
        inside = [name for name, held in self.masks if held]
        outside = [name for name, held in self.masks if not held]
        parts += [f"in {', '.join(inside)}"] if inside else []
        parts += [f"not in {', '.join(outside)}"] if outside else []
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Verdict(Told):
    """Why one lumisection is good or not.

    Attributes:
        run, lumisection: Which.
        word: good (flags and masks agree), bad, unknown (a flag is null), disputed
            (flags and masks, or masks among themselves, do not agree), missing.
        state: What speaks for and against it.
        stretch: The first and last lumisection around it of the same state.
        before, after: The states of the lumisections beside that stretch, None where
            there is none.
        simulated: The flags are the demo's.
    """

    run: int
    lumisection: int
    word: Word
    state: State
    stretch: tuple[int, int]
    before: State | None
    after: State | None
    simulated: bool

    def __str__(self) -> str:
        """The verdict in a few sentences."""
        text = f"Run {self.run}, lumisection {self.lumisection}: {self.word}. "
        text += f"{_sentence(self.state.text())}"
        first, last = self.stretch
        text += f" The same holds for {first}-{last}." if last > first else ""
        beside = [
            f"{number} {state.word()} ({state.text()})"
            for number, state in ((first - 1, self.before), (last + 1, self.after))
            if state is not None
        ]
        text += f" Beside it: {'; '.join(beside)}." if beside else ""
        return text + (f" {SIMULATED}" if self.simulated else "")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def named(flags: tuple[str, ...]) -> str:
    """Flags as text, with the preset's name where all of one are there.

    Example:
        >>> named(("bpix_ready", "fpix_ready", "hf_ready"))
        'all of pixel, hf'
    """
    left, told = list(flags), []
    for preset, parts in PRESETS.items():
        if set(parts) <= set(left) and preset != "all":
            told.append(f"all of {preset}")
            left = [flag for flag in left if flag not in parts]
    if len(told) == len(PRESETS) - 1:
        told = ["every detector"]
    return ", ".join([*told, *(flag.removesuffix("_ready") for flag in left)])


@dataclass(slots=True)
class _Rows:
    """The states of the lumisections of a table, looked up by run and number."""

    table: Any
    masks: Mapping[str, LumiMask]
    flags: tuple[str, ...] = ()
    held: dict[tuple[int, int], tuple[tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        arrow = as_arrow(self.table)
        runs, numbers = integers(arrow, RUN), integers(arrow, SINGLE)
        self.flags = tuple(flag for flag in FLAGS if flag in arrow.column_names)
        if not self.flags:
            message = f"The table has none of the flags ({', '.join(FLAGS[:4])} ...)."
            remedy = Remedy(
                "Fetch lumisections without fields=.", "Leave --fields out."
            )
            raise MaskError(message, remedy=remedy)
        values = [arrow[flag].to_pylist() for flag in self.flags]
        for run, number, *row in zip(
            runs.tolist(), numbers.tolist(), *values, strict=True
        ):
            pairs = list(zip(self.flags, row, strict=True))
            off = tuple(flag for flag, value in pairs if value is False)
            unknown = tuple(flag for flag, value in pairs if value is None)
            self.held[run, number] = (off, unknown)

    def state(self, run: int, number: int) -> State:
        off, unknown = self.held.get((run, number), ((), ()))
        inside = tuple(
            (name, mask.contains(run, number)) for name, mask in self.masks.items()
        )
        return State((run, number) in self.held, off, unknown, inside)


def why(
    run: int,
    lumisection: int,
    table: Any,
    masks: Mapping[str, LumiMask] | None = None,
) -> Verdict:
    """Why a lumisection is good or not.

    Args:
        run, lumisection: Which.
        table: Rows of ``lumisections`` of the run, with its flags.
        masks: Certification files by the names they shall have in the verdict.

    Raises:
        MaskError: The table has no flags, or numbers below 1 were given.

    Cost: O(rows).

    Example:
        >>> import pyarrow as pa
        >>> rows = pa.table({"run_number": [7, 7], "lumisection_number": [1, 2],
        ...     "cms_active": [True, True], "hf_ready": [True, False]})
        >>> print(why(7, 2, rows, {"golden": LumiMask.from_ranges([(7, 1, 1)])}))
        Run 7, lumisection 2: bad. Off: hf; not in golden. Beside it: 1 good (every flag
        is on; in golden).
    """
    if run < 1 or lumisection < 1:
        message = (
            f"Run {run}, lumisection {lumisection}: both count from 1. "
            "Try why(297050, 12, table)."
        )
        raise MaskError(message)
    rows = _Rows(table, masks or {})
    state = rows.state(run, lumisection)
    numbers = [number for held, number in rows.held if held == run]
    low, high = min(numbers, default=1), max(numbers, default=1)
    first = last = lumisection
    while first > low and rows.state(run, first - 1) == state:
        first -= 1
    while last < high and rows.state(run, last + 1) == state:
        last += 1
    return Verdict(
        run=run,
        lumisection=lumisection,
        word=state.word(),
        state=state,
        stretch=(first, last),
        before=rows.state(run, first - 1) if first > low else None,
        after=rows.state(run, last + 1) if last < high else None,
        simulated=is_simulated(table),
    )


@dataclass(frozen=True, slots=True)
class Group(Told):
    """Lumisections that two masks disagree on, for one reason.

    Attributes:
        state: What OMS and the two masks say of each.
        lumisections: Which they are.
        simulated: The flags are the demo's.
    """

    state: State
    lumisections: LumiMask
    simulated: bool

    def __str__(self) -> str:
        """How many, why and which."""
        count = len(self.lumisections)
        return (
            f"{count} lumisection{'s'[: count != 1]}: {self.state.text()}"
            f"{' (simulated flags)' if self.simulated else ''}: "
            f"{shown(self.lumisections, most=NAMED)}"
        )


def why_differ(
    a: LumiMask,
    b: LumiMask,
    table: Any,
    *,
    names: tuple[str, str] = ("a", "b"),
) -> tuple[Group, ...]:
    """The lumisections that two masks disagree on, grouped by what is said of them.

    Args:
        a, b: Two masks; the difference must have an end.
        table: Rows of ``lumisections`` of the runs that differ, with their flags.
        names: What the masks shall be called.

    Returns:
        The largest group first; together the groups are ``a ^ b``.

    Raises:
        MaskError: The table has no flags, or the difference has an open end.

    Cost: O(rows + differing lumisections).
    """
    rows = _Rows(table, dict(zip(names, (a, b), strict=True)))
    found: dict[State, list[tuple[int, int]]] = {}
    for run, number in (a ^ b).good:
        found.setdefault(rows.state(run, number), []).append((run, number))
    simulated = is_simulated(table)
    groups = [
        Group(state, LumiMask.from_pairs(pairs), simulated)
        for state, pairs in found.items()
    ]
    return tuple(sorted(groups, key=lambda group: -len(group.lumisections)))
