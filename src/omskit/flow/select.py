"""Selectors that need a look at the service: fills, eras, times, the newest runs.

Each rule is one look-up on another resource; the rules are listed in ``docs``. A rule
gives conditions that the service can apply, and for rates per lumisection the exact set
of lumisections, since a run may span fills.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow.compute as pc

from omskit.errors import SelectorError
from omskit.query import Condition, MaskLike, Query, Selection
from omskit.query.days import day_notes
from omskit.query.pairs import PairSet

if TYPE_CHECKING:
    import pyarrow as pa

    from omskit.effects import Effect
    from omskit.schema import Resource

Look = Callable[[Query], "Generator[Effect, Any, pa.Table]"]
"""Asks for all rows of a query on another resource."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A query without open selectors.

    Attributes:
        empty: Why nothing can match, or None.
        notes: What was looked up, for `explain`.
    """

    query: Query
    empty: str | None = None
    notes: tuple[str, ...] = ()


class _Nothing(Exception):  # noqa: N818  # a result, not an error
    """A look-up found nothing, so nothing can match."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What one selector comes to.

    Attributes:
        conditions: What the service can apply.
        masks: Lumisections that rows must be in.
        notes: What was looked up.
    """

    conditions: tuple[Condition, ...] = ()
    masks: tuple[MaskLike, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: _Rule) -> _Rule:
        return _Rule(
            self.conditions + other.conditions,
            self.masks + other.masks,
            self.notes + other.notes,
        )


_Steps = Generator["Effect", Any, _Rule]


def resolve(
    query: Query, resource: Resource, look: Look
) -> Generator[Effect, Any, Selected]:
    """*query* with every selector turned into conditions and a mask.

    Raises:
        SelectorError: A selector does not fit the resource.
    """
    chosen = query.selection
    rule = _Rule()
    try:
        if chosen.mask is not None:
            rule += _Rule(_mask_runs(chosen.mask, resource), (chosen.mask,))
        if chosen.era is not None:
            rule += yield from _era(chosen.era, resource, look)
        if chosen.fill is not None:
            rule += yield from _fills(chosen.fill, resource, look)
        rule += yield from _times(chosen, resource, look)
        if chosen.last is not None:
            narrowed = query.where(*rule.conditions)
            rule += yield from _newest(narrowed, chosen.last, resource, look)
    except _Nothing as nothing:
        done = replace(query, selection=Selection())
        return Selected(done, str(nothing), rule.notes)
    resolved = query.where(*rule.conditions)
    selection = Selection(mask=_in_all(rule.masks))
    return Selected(replace(resolved, selection=selection), None, rule.notes)


def _in_all(masks: tuple[MaskLike, ...]) -> MaskLike | None:
    if not masks:
        return None
    return masks[0] if len(masks) == 1 else _Both(masks)


@dataclass(frozen=True, slots=True)
class _Both:
    """Lumisections that are in all of several masks."""

    masks: tuple[MaskLike, ...]

    @property
    def runs(self) -> list[int]:
        """The runs of the first; the others can only take away."""
        return list(self.masks[0].runs)

    def contains(self, runs: Any, lumisections: Any) -> Any:
        """Whether each pair is in all of them."""
        kept = self.masks[0].contains(runs, lumisections)
        for mask in self.masks[1:]:
            kept = kept & mask.contains(runs, lumisections)
        return kept


def _mask_runs(mask: MaskLike, resource: Resource) -> tuple[Condition, ...]:
    if "run_number" not in resource:
        _unfit("a mask", resource)
    runs = [int(run) for run in mask.runs]
    if not runs:
        raise SelectorError("The mask is empty: it selects no run.")
    return (Condition("run_number", "IN", tuple(runs)),)


def _unfit(what: str, resource: Resource) -> NoReturn:
    message = (
        f"{resource.name!r} cannot be selected by {what}: it has no run, fill or time "
        "of its own. Use where()."
    )
    raise SelectorError(message)


def _era(era: str, resource: Resource, look: Look) -> _Steps:
    if "era" in resource:
        return _Rule((Condition("era", "EQ", era),))
    if resource.name == "eras":
        return _Rule((Condition("name", "EQ", era),))
    eras = yield from look(Query("eras").where(Condition("name", "EQ", era)))
    if not eras.num_rows:
        message = f"OMS knows no era {era!r}; 'oms get eras' lists all."
        raise SelectorError(message)
    first = eras.column("start_fill")[0].as_py()
    last = eras.column("end_fill")[0].as_py()
    if first is None:
        message = f"OMS does not say in which fill era {era!r} begins."
        raise SelectorError(message)
    bounds = (int(first), None if last is None else int(last))
    note = f"era {era} = {_fill_text(bounds)} (eras)"
    return _Rule(notes=(note,)) + (yield from _fills(bounds, resource, look))


def _fills(bounds: tuple[int, int | None], resource: Resource, look: Look) -> _Steps:
    conditions = _between("fill_number", *bounds)
    column = resource.get("fill_number")
    sure = column is not None and column.filterable and column.evidence != "GUESS"
    if sure and resource.name != "runs":
        return _Rule(conditions)
    if "start_fill_number" in resource:
        # What began in a fill, as a downtime does.
        return _Rule(_between("start_fill_number", *bounds))
    if "run_number" not in resource:
        _unfit("fill= or era=", resource)
    wanted = ("run_number", "lumisection_number")
    rows = yield from look(Query("lumisections", conditions, fields=wanted))
    if not rows.num_rows:
        raise _Nothing(f"no lumisection lies in {_fill_text(bounds)}")
    rows = rows.drop_null()
    runs = tuple(pc.unique(rows.column("run_number")).to_pylist())
    pairs: tuple[MaskLike, ...] = ()
    if resource.lumisection is not None:
        numbers = (rows.column(name).to_numpy() for name in wanted)
        pairs = (PairSet.of(*numbers),)
    note = f"{_fill_text(bounds)} = {len(runs)} runs (lumisections)"
    return _Rule((Condition("run_number", "IN", runs),), pairs, (note,))


def _fill_text(bounds: tuple[int, int | None]) -> str:
    first, last = bounds
    return f"fill {first}" if first == last else f"fills {first} to {last or 'now'}"


def _between(name: str, first: int, last: int | None) -> tuple[Condition, ...]:
    if first == last:
        return (Condition(name, "EQ", first),)
    upper = () if last is None else (Condition(name, "LE", last),)
    return (Condition(name, "GE", first), *upper)


def _times(chosen: Selection, resource: Resource, look: Look) -> _Steps:
    bounds = (("GE", chosen.since), ("LE", chosen.until))
    conditions = tuple(
        Condition("start_time", op, value) for op, value in bounds if value is not None
    )
    if not conditions or "start_time" in resource:
        return _Rule(conditions)
    if "run_number" not in resource:
        _unfit("since= or until=", resource)
    rows = yield from look(Query("runs", conditions, fields=("run_number",)))
    if not rows.num_rows:
        raise _Nothing("no run started in that time")
    days = "".join(f"; {note}" for note in day_notes(conditions))
    note = f"since/until = {rows.num_rows} runs (runs){days}"
    runs = tuple(rows.column("run_number").to_pylist())
    return _Rule((Condition("run_number", "IN", runs),), notes=(note,))


def _newest(narrowed: Query, count: int, resource: Resource, look: Look) -> _Steps:
    """The newest runs (or fills) of those that the query otherwise asks for."""
    chosen = narrowed.selection
    if resource.name in {"runs", "fills"}:
        where, key = resource.name, resource.identity[0]
        question = Query(where, narrowed.conditions, fields=(key,))
    elif "run_number" in resource:
        where, key = "runs", "run_number"
        shared = tuple(c for c in narrowed.conditions if c.field == key)
        # What else was selected holds for the runs too; only a run that began before
        # `since` may still have lumisections after it.
        among = Selection(fill=chosen.fill, era=chosen.era, until=chosen.until)
        question = Query(where, shared, fields=(key,), selection=among)
    else:
        _unfit("last=", resource)
    question = replace(question, order=(f"-{key}",), maximum=count)
    rows = yield from look(question)
    if not rows.num_rows:
        raise _Nothing(f"there are no such {where}")
    newest = tuple(rows.column(key).to_pylist())
    note = f"last {count} = {rows.num_rows} {where}"
    return _Rule((Condition(key, "IN", newest),), notes=(note,))
