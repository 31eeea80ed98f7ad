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


def first_lookup(query: Query, resource: Resource) -> Query | None:
    """The first question that resolving *query* asks, or None where it asks none."""
    steps = resolve(query, resource, _stop)
    try:
        asked: Any = next(steps)
    except StopIteration:
        return None
    steps.close()
    return asked if isinstance(asked, Query) else None


def _stop(query: Query) -> Generator[Any, Any, pa.Table]:
    return (yield query)


def resolve(
    query: Query, resource: Resource, look: Look
) -> Generator[Effect, Any, Selected]:
    """*query* with every selector turned into conditions and a mask.

    Raises:
        SelectorError: A selector does not fit the resource.
    """
    chosen = query.selection
    conditions: list[Condition] = []
    masks: list[MaskLike] = [] if chosen.mask is None else [chosen.mask]
    notes: list[str] = []
    if chosen.mask is not None:
        conditions += _mask_runs(chosen.mask, resource)
    try:
        if chosen.era is not None:
            conditions += yield from _era(chosen.era, resource, look, masks, notes)
        if chosen.fill is not None:
            bounds = chosen.fill
            conditions += yield from _fills(bounds, resource, look, masks, notes)
        conditions += yield from _times(chosen, resource, look, notes)
        asked = query.where(*conditions)
        if chosen.last is not None:
            last = yield from _newest(asked, chosen.last, resource, look, notes)
            asked = asked.where(*last)
    except _Nothing as nothing:
        done = replace(query, selection=Selection())
        return Selected(done, str(nothing), tuple(notes))
    mask = masks[0] if len(masks) == 1 else (_Both(tuple(masks)) if masks else None)
    return Selected(replace(asked, selection=Selection(mask=mask)), None, tuple(notes))


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


def _mask_runs(mask: MaskLike, resource: Resource) -> list[Condition]:
    if "run_number" not in resource:
        _unfit("a mask", resource)
    runs = [int(run) for run in mask.runs]
    if not runs:
        raise SelectorError("The mask is empty: it selects no run.")
    return [Condition("run_number", "IN", tuple(runs))]


def _unfit(what: str, resource: Resource) -> NoReturn:
    message = (
        f"{resource.name!r} cannot be selected by {what}: it has no run, fill or time "
        "of its own. Use where()."
    )
    raise SelectorError(message)


def _era(
    era: str,
    resource: Resource,
    look: Look,
    masks: list[MaskLike],
    notes: list[str],
) -> Generator[Effect, Any, list[Condition]]:
    if "era" in resource:
        return [Condition("era", "EQ", era)]
    if resource.name == "eras":
        return [Condition("name", "EQ", era)]
    found = yield from look(Query("eras").where(Condition("name", "EQ", era)))
    if not found.num_rows:
        message = f"OMS knows no era {era!r}; 'oms get eras' lists all."
        raise SelectorError(message)
    first = found.column("start_fill")[0].as_py()
    last = found.column("end_fill")[0].as_py()
    if first is None:
        message = f"OMS does not say in which fill era {era!r} begins."
        raise SelectorError(message)
    bounds = (int(first), None if last is None else int(last))
    notes.append(f"era {era} = {_fill_text(bounds)} (eras)")
    return (yield from _fills(bounds, resource, look, masks, notes))


def _fills(
    bounds: tuple[int, int | None],
    resource: Resource,
    look: Look,
    masks: list[MaskLike],
    notes: list[str],
) -> Generator[Effect, Any, list[Condition]]:
    conditions = _between("fill_number", *bounds)
    column = resource.get("fill_number")
    sure = column is not None and column.filterable and column.evidence != "GUESS"
    if sure and resource.name != "runs":
        return conditions
    if "run_number" not in resource:
        _unfit("fill= or era=", resource)
    wanted = ("run_number", "lumisection_number")
    found = yield from look(Query("lumisections", tuple(conditions), fields=wanted))
    if not found.num_rows:
        raise _Nothing(f"no lumisection lies in {_fill_text(bounds)}")
    found = found.drop_null()
    runs = tuple(pc.unique(found.column("run_number")).to_pylist())
    notes.append(f"{_fill_text(bounds)} = {len(runs)} runs (lumisections)")
    if resource.lumisection is not None:
        pairs = PairSet.of(
            found.column("run_number").to_numpy(),
            found.column("lumisection_number").to_numpy(),
        )
        masks.append(pairs)
    return [Condition("run_number", "IN", runs)]


def _fill_text(bounds: tuple[int, int | None]) -> str:
    first, last = bounds
    return f"fill {first}" if first == last else f"fills {first} to {last or 'now'}"


def _between(name: str, first: int, last: int | None) -> list[Condition]:
    if first == last:
        return [Condition(name, "EQ", first)]
    upper = [] if last is None else [Condition(name, "LE", last)]
    return [Condition(name, "GE", first), *upper]


def _times(
    chosen: Selection, resource: Resource, look: Look, notes: list[str]
) -> Generator[Effect, Any, list[Condition]]:
    bounds = (("GE", chosen.since), ("LE", chosen.until))
    conditions = [
        Condition("start_time", op, value) for op, value in bounds if value is not None
    ]
    if not conditions or "start_time" in resource:
        return conditions
    if "run_number" not in resource:
        _unfit("since= or until=", resource)
    found = yield from look(Query("runs", tuple(conditions), fields=("run_number",)))
    if not found.num_rows:
        raise _Nothing("no run started in that time")
    days = "".join(f"; {note}" for note in day_notes(conditions))
    notes.append(f"since/until = {found.num_rows} runs (runs){days}")
    runs = tuple(found.column("run_number").to_pylist())
    return [Condition("run_number", "IN", runs)]


def _newest(
    asked: Query, count: int, resource: Resource, look: Look, notes: list[str]
) -> Generator[Effect, Any, list[Condition]]:
    """The newest runs (or fills) of those that the query otherwise asks for."""
    chosen = asked.selection
    if resource.name in {"runs", "fills"}:
        where, key = resource.name, resource.identity[0]
        question = Query(where, asked.conditions, fields=(key,))
    elif "run_number" in resource:
        where, key = "runs", "run_number"
        shared = tuple(c for c in asked.conditions if c.field == key)
        # What else was selected holds for the runs too; only a run that began before
        # `since` may still have lumisections after it.
        among = Selection(fill=chosen.fill, era=chosen.era, until=chosen.until)
        question = Query(where, shared, fields=(key,), selection=among)
    else:
        _unfit("last=", resource)
    question = replace(question, order=(f"-{key}",), maximum=count)
    found = yield from look(question)
    if not found.num_rows:
        raise _Nothing(f"there are no such {where}")
    notes.append(f"last {count} = {found.num_rows} {where}")
    return [Condition(key, "IN", tuple(found.column(key).to_pylist()))]
