"""Verdicts of ``oms why`` as short tables: the cause first, long lines wrapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from omskit.cli.lines import facts, wrapped
from omskit.lumi.integral import shown
from omskit.lumi.reasons import SIMULATED, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omskit.lumi import LumiMask
    from omskit.lumi.reasons import Group, State, Verdict
    from omskit.table import Table

NAMED = 60
"""Ranges that a group names."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Lumisections that are judged differently for one reason, by one or more masks.

    Attributes:
        state: What OMS says of each.
        inside, outside: The masks that hold them, and those that do not.
        lumisections: Which they are.
        simulated: The flags are the demo's.
    """

    state: State
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    lumisections: LumiMask
    simulated: bool


def merged(groups: Sequence[Group]) -> list[Cause]:
    """Groups of several pairs of masks, those of the same lumisections as one."""
    found: list[Cause] = []
    for group in groups:
        sides: dict[bool, list[str]] = {True: [], False: []}
        for name, held in group.state.masks:
            sides[held].append(name)
        same = next((c for c in found if _alike(c, group)), None)
        if same is not None:
            found.remove(same)
            sides[True] = [
                *same.inside,
                *(n for n in sides[True] if n not in same.inside),
            ]
            sides[False] = [
                *same.outside,
                *(n for n in sides[False] if n not in same.outside),
            ]
        inside, outside = tuple(sides[True]), tuple(sides[False])
        found.append(
            Cause(group.state, inside, outside, group.lumisections, group.simulated)
        )
    return found


def _alike(cause: Cause, group: Group) -> bool:
    """The same lumisections, the same flags, and no mask on the other side."""
    state = group.state
    sides = {**dict.fromkeys(cause.inside, True), **dict.fromkeys(cause.outside, False)}
    return (
        (cause.state.held, cause.state.off, cause.state.unknown)
        == (state.held, state.off, state.unknown)
        and cause.lumisections == group.lumisections
        and all(sides.get(name, held) == held for name, held in state.masks)
    )


def why_not(state: State) -> str:
    """What speaks against a lumisection, or that nothing does."""
    if not state.held:
        return "OMS has no such lumisection"
    told = [f"off: {named(state.off)}"] if state.off else []
    told += [f"unknown: {named(state.unknown)}"] if state.unknown else []
    return "; ".join(told) or "every flag is on"


def verdict_lines(verdict: Verdict, width: int) -> list[str]:
    """One verdict: the word, the cause, the masks, and what is beside it."""
    head = f"Run {verdict.run}, lumisection {verdict.lumisection}: {verdict.word}"
    return [*wrapped(head, width), *facts(dict(_facts(verdict)), width)]


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield "cause", why_not(verdict.state)
    for words, wanted in (("in", True), ("not in", False)):
        names = [name for name, held in verdict.state.masks if held is wanted]
        if names:
            yield words, ", ".join(names)
    first, last = verdict.stretch
    if last > first:
        yield "the same", f"{first}-{last}"
    for words, number, state in (
        ("before", first - 1, verdict.before),
        ("after", last + 1, verdict.after),
    ):
        if state is not None:
            yield words, f"{number} {state.word()} ({state.text()})"
    if verdict.simulated:
        yield "note", SIMULATED


def cause_lines(causes: Sequence[Cause], head: str, width: int) -> list[str]:
    """What is judged differently, one block a cause, the largest first."""
    total = sum(len(cause.lumisections) for cause in causes)
    noun = "lumisection differs" if total == 1 else "lumisections differ"
    lines = wrapped(f"{head}{total} {noun}", width)
    for cause in causes:
        count = len(cause.lumisections)
        told = {f"{count} lumisection{'s'[: count != 1]}": why_not(cause.state)}
        told |= {"in": ", ".join(cause.inside)} if cause.inside else {}
        told |= {"not in": ", ".join(cause.outside)} if cause.outside else {}
        told["which"] = shown(cause.lumisections, most=NAMED)
        lines += facts(told, width)
    if any(cause.simulated for cause in causes):
        lines += wrapped(SIMULATED, width)
    return lines


def verdict_table(verdict: Verdict) -> Table:
    """A verdict as one row."""
    masks = verdict.state.masks
    row = {
        "run_number": verdict.run,
        "lumisection_number": verdict.lumisection,
        "verdict": verdict.word,
        "held_by_oms": verdict.state.held,
        "off": list(verdict.state.off),
        "unknown": list(verdict.state.unknown),
        "in": [name for name, held in masks if held],
        "not_in": [name for name, held in masks if not held],
        "first_of_same": verdict.stretch[0],
        "last_of_same": verdict.stretch[1],
        "simulated": verdict.simulated,
    }
    return _table([row])


def cause_table(causes: Sequence[Cause]) -> Table:
    """Causes, one row for each range of lumisections."""
    rows = [
        {
            "run_number": run,
            "first_lumisection_number": first,
            "last_lumisection_number": last,
            "held_by_oms": cause.state.held,
            "off": list(cause.state.off),
            "unknown": list(cause.state.unknown),
            "in": list(cause.inside),
            "not_in": list(cause.outside),
            "simulated": cause.simulated,
        }
        for cause in causes
        for run, first, last in cause.lumisections.ranges()
    ]
    return _table(rows)


def _table(rows: list[dict[str, Any]]) -> Table:
    from omskit.table import Table

    texts = pa.list_(pa.string())
    arrow = pa.Table.from_pylist(rows)
    for name in ("off", "unknown", "in", "not_in"):
        if name in arrow.column_names:
            at = arrow.column_names.index(name)
            arrow = arrow.set_column(at, name, arrow.column(at).cast(texts))
    return Table(arrow, resource="why")
