"""What is asked to find where the luminosity of a run or fill went."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from omskit import flow
from omskit.errors import NoRowError, NotFoundError, UsageError
from omskit.query import Condition, Query
from omskit.query.selectors import selection

if TYPE_CHECKING:
    from omskit.lumi import Lost
    from omskit.table import Table

DOWNTIMES = ("downtimes", "downtimesrun3")
"""Of Run 2 and of Run 3. Source: SCHEMA, section 10."""
_SHOWN = ("start_time", "duration", "lost_lumi", "subsystem", "category")
# Not ``details``: it can name people.


def lost(run: object, fill: object, context: flow.Context) -> flow.Flow[Lost]:
    """The ledger of one run or one fill, with the downtimes that began in it.

    Raises:
        UsageError: Both or neither are given.
        NoRowError: There is no such run or fill.
    """
    from omskit.lumi import Lost, ledger

    if (run is None) == (fill is None):
        message = "Give one run, or one fill: lost(297050) or lost(fill=5839)."
        raise UsageError(message)
    if run is not None:
        number = yield from _one(run, "run_number", context)
        lumis = yield from _lumisections(Query("lumisections"), number, context)
        if not len(lumis):
            message = (
                f"There is no row of lumisections of run {number.value}. "
                "Is the number right?"
            )
            raise NoRowError(message)
        found = ledger(lumis, run=int(str(number.value)))
        times = yield from _downtimes("start_run_number", number, context)
        return Lost(found, tuple(times), lumis.warnings)
    number = yield from _one(fill, "fill_number", context)
    asked = Query("fills", (number,), fields=("fill_number", "delivered_lumi"))
    row = yield from flow.fetch(asked, context)
    if not len(row):
        message = f"There is no fill {number.value}. Is the number right?"
        raise NoRowError(message)
    chosen = Query("lumisections", selection=selection(fill=number.value))
    lumis = yield from _lumisections(chosen, None, context)
    if not len(lumis):
        message = (
            f"CMS has no lumisection in fill {number.value}, so there is no ledger "
            "of it."
        )
        raise NoRowError(message)
    whole = row["delivered_lumi"][0]
    found = ledger(lumis, fill=int(str(number.value)), fill_delivered_pb=whole)
    times = yield from _downtimes("start_fill_number", number, context)
    return Lost(found, tuple(times), lumis.warnings)


def _one(given: object, key: str, context: flow.Context) -> flow.Flow[Condition]:
    number = yield from flow.single(given, key, "lost", context)
    return Condition(key, "EQ", number)


def _lumisections(
    query: Query, number: Condition | None, context: flow.Context
) -> flow.Flow[Table]:
    from omskit.lumi.accounting import COLUMNS

    query = query.select(*COLUMNS)
    if number is not None:
        query = query.where(number)
    return (yield from flow.fetch(query, context))


def _downtimes(
    key: str, number: Condition, context: flow.Context
) -> flow.Flow[list[Table]]:
    """The downtimes that OMS lists; where there is none, that is no warning."""
    found = []
    for resource in DOWNTIMES:
        query = Query(resource, (Condition(key, "EQ", number.value),)).select(*_SHOWN)
        with contextlib.suppress(NotFoundError):
            found.append((yield from flow.fetch(query.sort("start_time"), context)))
    return found
