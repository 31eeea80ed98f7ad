"""What holds in each lumisection of some runs: beam, luminosity, live time, column."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from omskit.errors import NoRowError, UsageError, did_you_mean
from omskit.lumi import LumiMask
from omskit.query.selectors import is_mask
from omskit.trigger.counting import bunches_of_pileup, live_fraction, live_fraction_of
from omskit.trigger.prescaling import column_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from omskit.client.options import Selector
    from omskit.table import Table
    from omskit.trigger.columns import Asks
    from omskit.trigger.counting import FloatArray

    IntArray = NDArray[np.int64]

Live: TypeAlias = Literal["luminosity", "deadtime", "none"]
"""What the live fraction is taken from; "none" leaves the dead time in rates."""

MANY_ROWS = 20_000
"""Rows a page of rates: 220 of 218 508 rows are eleven pages instead of 219."""

_LUMISECTIONS = (
    "run_number",
    "lumisection_number",
    "fill_number",
    "delivered_lumi_per_lumisection",
    "recorded_lumi_per_lumisection",
    "pileup",
    "prescale_index",
    "cms_active",
    "beams_stable",
)
_RUNS = ("run_number", "hlt_key", "l1_key", "l1_menu")


@dataclass(frozen=True, slots=True)
class Conditions:
    """The lumisections of some runs, sorted by run and number; arrays of one length.

    Floats are NaN where OMS has nothing.

    Attributes:
        run, lumisection: Which they are.
        delivered, recorded: Luminosity, /pb.
        pileup: That of OMS, with 80 mb.
        live: The share of the time that was not dead; 1 where it was not asked for.
        column: Prescale index.
        bunches: Colliding bunches.
        active, stable: CMS takes data; beams are stable. Unknown is false.
        fill: The LHC fill; NaN where it is not known.
    """

    run: IntArray
    lumisection: IntArray
    delivered: FloatArray
    recorded: FloatArray
    pileup: FloatArray
    live: FloatArray
    column: FloatArray
    bunches: FloatArray
    active: NDArray[np.bool_]
    stable: NDArray[np.bool_]
    fill: FloatArray

    def __len__(self) -> int:
        return int(self.run.size)

    @property
    def keys(self) -> IntArray:
        """One sorted number per lumisection, see `key`."""
        return key(self.run, self.lumisection)

    def mask(self, which: NDArray[np.bool_]) -> LumiMask:
        """Some of the lumisections as a mask."""
        pairs = np.stack([self.run[which], self.lumisection[which]], axis=1)
        return LumiMask.from_pairs(pairs)

    def only(self, which: NDArray[Any]) -> Conditions:
        """Some of the lumisections."""
        return replace(
            self, **{f.name: getattr(self, f.name)[which] for f in fields(self)}
        )


def key(run: Any, lumisection: Any) -> IntArray:
    """Run and lumisection as one number that sorts like the pair."""
    return (np.asarray(run, np.int64) << 32) | np.asarray(lumisection, np.int64)


@dataclass(slots=True)
class Asked:
    """A client, with what was asked of it and is to be told.

    Attributes:
        requests: How many there were.
        notes: What a reader should know.
        simulated: Rows were made up.
    """

    client: Asks
    requests: int = 0
    notes: tuple[str, ...] = ()
    simulated: bool = False

    def rows(
        self, resource: str, runs: Any, select: Iterable[str] = (), **options: Any
    ) -> Table:
        """All rows of a resource, as one table."""
        query = self.client.query(resource, runs)
        if select:
            query = query.select(*select)
        return self.heard(query.options(audit=False, **options).fetch())

    def heard(self, table: Table) -> Table:
        """The same table, its requests counted."""
        receipt = table._receipt  # noqa: SLF001  # asked for aloud, it hashes all rows
        if receipt is not None and not receipt.service.startswith("store:"):
            self.requests += len(receipt.urls)
        self.simulated |= table.simulated
        return table

    def say(self, note: str) -> None:
        """Keep a note, once."""
        if note not in self.notes:
            self.notes += (note,)


def conditions(
    asked: Asked, runs: Selector, live: Live = "luminosity"
) -> tuple[Conditions, dict[int, dict[str, Any]]]:
    """The lumisections of some runs, and the row of each run with its keys.

    Raises:
        NoRowError: OMS has no lumisection of these runs.
        UsageError: There is no such *live*.

    Cost: one question for runs and lumisections each, one for fills; one more of dead
    times where they are asked for, and one of prescale changes where lumisections do
    not have their column.
    """
    if live not in get_args(Live):
        message = f"live={live!r}: it is one of {', '.join(get_args(Live))}."
        raise UsageError(message + did_you_mean(str(live), get_args(Live)))
    rows = asked.rows("lumisections", runs, _LUMISECTIONS, page_size=MANY_ROWS)
    if not len(rows):
        message = f"OMS has no lumisection of {_said(runs)}. Is that right?"
        raise NoRowError(message)
    number = {name: _floats(rows, name) for name in _LUMISECTIONS}
    order = np.argsort(
        key(number["run_number"].astype(np.int64), number["lumisection_number"]),
        kind="stable",
    )
    number = {name: values[order] for name, values in number.items()}
    run = number["run_number"].astype(np.int64)
    numbers = [int(n) for n in np.unique(run)]
    which = numbers if is_mask(runs) else runs
    keys = asked.rows("runs", which, _RUNS).to_records()
    delivered = number["delivered_lumi_per_lumisection"]
    recorded = number["recorded_lumi_per_lumisection"]
    found = Conditions(
        run=run,
        lumisection=number["lumisection_number"].astype(np.int64),
        delivered=delivered,
        recorded=recorded,
        pileup=number["pileup"],
        live=np.ones(run.size),
        column=number["prescale_index"],
        bunches=_bunches(asked, number),
        active=number["cms_active"] == 1,
        stable=number["beams_stable"] == 1,
        fill=number["fill_number"],
    )
    if live == "luminosity":
        found = replace(found, live=live_fraction(recorded, delivered))
    elif live == "deadtime":
        found = replace(found, live=_from_deadtime(asked, which, found))
    found = replace(found, column=_columns(asked, found, numbers))
    return found, {row["run_number"]: row for row in keys}


def _said(runs: Any) -> str:
    """A choice of runs in words."""
    if is_mask(runs):
        return "the mask"
    text = f"{runs!s:.60}"
    return f"run {text}" if text.isdecimal() else f"runs {text}"


def _floats(table: Table, name: str) -> FloatArray:
    """A column as float64; null is NaN."""
    values = table[name].cast(pa.float64())
    return np.asarray(values.to_numpy(), dtype=np.float64)


def _bunches(asked: Asked, number: dict[str, FloatArray]) -> FloatArray:
    """Colliding bunches: of the fill, else by luminosity and pileup."""
    fill = number["fill_number"]
    known = np.unique(fill[np.isfinite(fill)]).astype(np.int64)
    found = np.full(fill.size, np.nan)
    if known.size:
        select = ("fill_number", "bunches_colliding")
        for row in asked.rows("fills", known.tolist(), select).to_records():
            value = row["bunches_colliding"]
            here = fill == row["fill_number"]
            found[here] = np.nan if value is None else value
    lost = ~(found > 0) & (number["pileup"] > 0)
    if lost.any():
        by_pileup = bunches_of_pileup(
            number["delivered_lumi_per_lumisection"], number["pileup"]
        )
        for one in np.unique(fill[lost]):
            here = lost & (fill == one)
            found[here] = np.round(np.nanmedian(by_pileup[here]))
            asked.say(
                f"Fill {int(one)} does not say its bunches: "
                f"{found[here][0]:.0f} by luminosity and pileup."
            )
    return found


def _from_deadtime(asked: Asked, which: Any, found: Conditions) -> FloatArray:
    """The live fraction of crossings with beam, by the dead time of OMS."""
    name = "beamactive_total_deadtime_percent"
    select = ("run_number", "first_lumisection_number", name)
    query = asked.client.query("deadtimes", which).group("lumisection").select(*select)
    rows = asked.heard(query.options(audit=False, page_size=MANY_ROWS).fetch())
    at = place(found, _floats(rows, select[0]), _floats(rows, select[1]))
    live = np.full(len(found), np.nan)
    live[at[at >= 0]] = live_fraction_of(_floats(rows, name)[at >= 0])
    return live


def _columns(asked: Asked, found: Conditions, numbers: Sequence[int]) -> FloatArray:
    """The prescale column: of the lumisection, else by the changes of the run."""
    column = found.column.copy()
    for run in numbers:
        here = found.run == run
        # Where some lumisections have an index, those without have no trigger running.
        if np.isfinite(column[here]).any() or not found.active[here].any():
            continue
        rows = asked.rows("prescalechanges", run).to_records()
        changes = [(r["lumisection_number"], r["new_prescale_index"]) for r in rows]
        by_change = column_at(changes, found.lumisection[here])
        column[here] = np.where(found.active[here], by_change, np.nan)
        if changes:
            asked.say(f"The columns of run {run} are those of its prescale changes.")
    return column


def place(found: Conditions, run: Any, lumisection: Any) -> IntArray:
    """Where lumisections are among the conditions; -1 for those that are not.

    Example:
        >>> nothing = np.zeros(2)
        >>> some = Conditions(np.array([1, 1]), np.array([2, 5]), *[nothing] * 9)
        >>> place(some, [1, 1], [5, 3]).tolist()
        [1, -1]
    """
    wanted = key(np.asarray(run, np.int64), np.asarray(lumisection, np.int64))
    keys = found.keys
    at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return np.where(keys[at] == wanted, at, -1)
