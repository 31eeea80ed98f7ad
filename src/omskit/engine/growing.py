"""What a run or a fill that goes on says so far, from its lumisections.

Only what follows from the rows that are there at that moment, and in the unit of the
row itself. A sum never passes the value that the row has in the end, so what counters
say grows, and ends in exactly that value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omskit.engine.sql import quoted
from omskit.schema import UNIT_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omskit.engine.relations import Relation
    from omskit.schema import Field

PHYSICS = "starts_with(o.stream_name, 'Physics')"
"""The streams that hlt_physics_* of a run is about."""


@dataclass(frozen=True, slots=True)
class Growing:
    """How a column is made from rows of another table, ``o``.

    Attributes:
        table: Where those rows are.
        value: SQL for them all; null where they do not tell.
        needs: Columns of *table* that it is made of.
        where: Which rows, besides those of the run or fill.
        bounded: The value never passes the last one: it counts something.
        whole: It is known only where no row lacks any of *needs*.
    """

    table: str
    value: str
    needs: tuple[str, ...]
    where: str = "true"
    bounded: bool = True
    whole: bool = True


def _listed(name: str) -> Growing:
    """The sum, in the order of the lumisections: so it is the same each time."""
    summed = f"list_sum(list(o.{name} ORDER BY o.lumisection_number))"
    return Growing("lumisections", summed, (name,))


def _newest(name: str) -> Growing:
    return Growing("lumisections", f"max(o.{name})", (name,), whole=False)


def _physics(value: str, *needs: str, bounded: bool = False) -> Growing:
    return Growing("streams", value, ("stream_name", *needs), PHYSICS, bounded)


_ACTIVE = "nullif(count(*) FILTER (WHERE l.cms_active), 0)"
_ABOVE = "FILTER (WHERE o.l1a_total_counter > 0)"

GROWING: dict[str, dict[str, Growing]] = {
    "runs": {
        "delivered_lumi": _listed("delivered_lumi_per_lumisection"),
        "recorded_lumi": _listed("recorded_lumi_per_lumisection"),
        "l1_triggers_counter": Growing(
            "l1triggerrates", "sum(o.l1a_total_counter)", ("l1a_total_counter",)
        ),
        # A mean over samples above zero, as OMS has it for whole runs.
        "l1_rate": Growing(
            "l1triggerrates",
            f"round(avg(o.l1a_total_rate) {_ABOVE}, 3)",
            ("l1a_total_counter", "l1a_total_rate"),
            bounded=False,
        ),
        "hlt_physics_counter": _physics("sum(o.n_events)", "n_events", bounded=True),
        "hlt_physics_size": _physics(
            "round(sum(o.file_size), 3)", "file_size", bounded=True
        ),
        # Means over the lumisections in which CMS was active.
        "hlt_physics_rate": _physics(f"round(sum(o.rate) / {_ACTIVE}, 3)", "rate"),
        "hlt_physics_throughput": _physics(
            f"round(sum(o.bandwidth) / 1e3 / {_ACTIVE}, 8)", "bandwidth"
        ),
    },
    "fills": {
        # In lumisections these are sums over the fill already.
        "delivered_lumi": _newest("delivered_lumi"),
        "recorded_lumi": _newest("recorded_lumi"),
    },
}
"""Columns of what goes on that are known before the end, by resource."""

_TYPES = {"int": "BIGINT", "float": "DOUBLE"}


def sources(key: str) -> tuple[str, ...]:
    """The tables that the growing columns of *key* are made of.

    Example:
        >>> sources("fills")
        ('lumisections',)
    """
    found = [rule.table for rule in GROWING.get(key, {}).values()]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class SoFar:
    """What rows that go on say so far, as SQL.

    Attributes:
        joins: What stands behind the relation in FROM.
        columns: By column, what it says; columns that nothing tells of are not there.
    """

    joins: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


def growing(
    key: str, relations: Mapping[str, Relation], times: tuple[str, str]
) -> SoFar:
    """What the rows of *key* that go on say so far.

    Args:
        relations: What there is, that of *key* included.
        times: The moment, and that before which rates are there, as SQL.

    Cost: one scan of each table in `sources`.
    """
    resource = relations[key].resource
    rules = {
        name: rule
        for name, rule in GROWING.get(key, {}).items()
        if name in resource and _can(rule, relations)
    }
    groups = dict.fromkeys((rule.table, rule.where) for rule in rules.values())
    joins: list[str] = []
    columns: dict[str, str] = {}
    for number, group in enumerate(groups):
        alias = f"so_far_{number}"
        mine = {n: r for n, r in rules.items() if (r.table, r.where) == group}
        joins.append(_join(key, relations, mine, alias, times))
        for name, rule in mine.items():
            columns[name] = _shown(key, resource.field(name), rule, alias)
    return SoFar("".join(joins), columns)


def _can(rule: Growing, relations: Mapping[str, Relation]) -> bool:
    """Whether all that a rule needs is there."""
    if not {rule.table, "lumisections"} <= relations.keys():
        return False
    return all(name in relations[rule.table].resource for name in rule.needs)


def _join(
    key: str,
    relations: Mapping[str, Relation],
    rules: Mapping[str, Growing],
    alias: str,
    times: tuple[str, str],
) -> str:
    """The values of all rules over the same rows, for what goes on only."""
    resource, whole_rows = relations[key].resource, relations[key].source
    mine, begun = resource.identity[0], f"start_time <= {times[0]}"
    ongoing = (
        f"SELECT {mine} FROM {whole_rows} AS o "  # noqa: S608  # made of the catalogue and a time
        f"WHERE {begun} AND end_time > {times[0]}"
    )
    values = [f"o.{mine} AS of_{mine}"]
    for name, rule in rules.items():
        needs = rule.needs if rule.whole else ()
        whole = " AND ".join(["true", *(f"count(*) = count(o.{n})" for n in needs)])
        values.append(f"CASE WHEN {whole} THEN {rule.value} END AS so_far_{name}")
        if resource.field(name).scaled:
            unit = f"o.{quoted(rule.needs[0] + UNIT_SUFFIX)}"
            one = f"CASE WHEN min({unit}) = max({unit}) THEN min({unit}) END"
            values.append(f"{one} AS unit_of_{name}")
    rule = next(iter(rules.values()))
    rows = _rows(rule, relations, times)
    rows = f"{rows} AND {rule.where} AND o.{mine} IN ({ongoing})"
    said = f"SELECT {', '.join(values)} FROM {rows} GROUP BY o.{mine}"  # noqa: S608  # as above
    return f" LEFT JOIN ({said}) {alias} ON {alias}.of_{mine} = {quoted(key)}.{mine}"


def _rows(
    rule: Growing, relations: Mapping[str, Relation], times: tuple[str, str]
) -> str:
    """The rows that are there: lumisections when over, rates some time after."""
    now, before = times
    lumisections = relations["lumisections"].source
    if rule.table == "lumisections":
        return f"{lumisections} AS o WHERE o.end_time <= {now}"
    rows = f"{relations[rule.table].source} AS o JOIN {lumisections} AS l"
    number = "o.last_lumisection_number = l.lumisection_number"
    ended = f"l.end_time <= {before}"
    return f"{rows} ON o.run_number = l.run_number AND {number} WHERE {ended}"


def _shown(key: str, column: Field, rule: Growing, alias: str) -> str:
    """What a column says: never more than in the end, nothing where that is null."""
    value = f"{alias}.so_far_{column.name}"
    last = f"{quoted(key)}.{quoted(column.name)}"
    known = [f"{value} IS NOT NULL", f"{last} IS NOT NULL"]
    if column.scaled:
        unit = f"{quoted(key)}.{quoted(column.name + UNIT_SUFFIX)}"
        known.append(f"{alias}.unit_of_{column.name} = {unit}")
    shown = f"least({value}, {last})" if rule.bounded else value
    kind = _TYPES[column.kind]
    return f"CASE WHEN {' AND '.join(known)} THEN CAST({shown} AS {kind}) END"
