"""``oms lost``: where the delivered luminosity of a run or fill went."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.asking import client_for, of_run
from omskit.cli.options import Output, sharing
from omskit.errors import NoRowError, NotFoundError, OMSWarning, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.client import Client
    from omskit.lumi import Ledger
    from omskit.table import Table


@sharing(Output)
def lost(
    run: Annotated[
        int | None,
        typer.Argument(metavar="[RUN]", help="One run, 297050.", show_default=False),
    ] = None,
    *,
    fill: Annotated[
        int | None, typer.Option(metavar="FILL", help="A whole fill instead of a run.")
    ] = None,
    given: Output,
) -> None:
    """Where the delivered luminosity of a run or a fill went.

    Recorded, deadtime, detectors that were off, and beam without a run: the lines add
    up to what was delivered. What each subsystem was off for follows. With --output or
    --format, one row per cause is written.

    Example: oms lost --fill 5839 --instance demo
    """
    if (run is None) == (fill is None):
        message = "Name one run, or one fill with --fill: oms lost 297050"
        raise UsageError(message)
    with client_for(given) as oms:
        found, downtimes = (
            ledger_of_run(oms, run) if run is not None else ledger_of_fill(oms, fill)
        )
    wants_rows = given.output is not None or given.format is not None
    if wants_rows:
        from omskit.cli.output import write

        write(found.table(), given)
        return
    typer.echo("\n".join([str(found), *_parts(found), *_downtimes(downtimes)]))


DOWNTIMES = ("downtimes", "downtimesrun3")
"""Of Run 2 and of Run 3. Source: SCHEMA, section 10."""
_SHOWN = ("start_time", "duration", "lost_lumi", "subsystem", "category")
# Not ``details``: it can name people.


def ledger_of_run(oms: Client, run: int) -> tuple[Ledger, list[Table]]:
    """The ledger of a run, and the downtimes that began in it."""
    from omskit.lumi import ledger
    from omskit.lumi.accounting import COLUMNS

    lumis = of_run(oms.lumisections(run, fields=list(COLUMNS)), run)
    return ledger(lumis, run=run), downtimes_of(oms, f"start_run_number = {run}")


def ledger_of_fill(oms: Client, fill: int | None) -> tuple[Ledger, list[Table]]:
    """The ledger of a fill, and the downtimes that OMS lists for it."""
    from omskit.lumi import ledger
    from omskit.lumi.accounting import COLUMNS

    row = oms.fills(fill, fields=["fill_number", "delivered_lumi"])
    if not len(row):
        message = f"There is no fill {fill}. Is the number right?"
        raise NoRowError(message)
    whole = row["delivered_lumi"][0]
    lumis = oms.lumisections(fill=fill, fields=list(COLUMNS))
    if not len(lumis):
        message = f"CMS has no lumisection in fill {fill}, so there is no ledger of it."
        raise NoRowError(message)
    found = ledger(lumis, fill=fill, fill_delivered_pb=whole)
    return found, downtimes_of(oms, f"start_fill_number = {fill}")


def downtimes_of(oms: Client, which: str) -> list[Table]:
    """The downtimes that OMS lists; where there is none, that is no warning."""
    found = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No row of ", category=OMSWarning)
        for resource in DOWNTIMES:
            query = oms.query(resource).where(which).select(*_SHOWN)
            with contextlib.suppress(NotFoundError):
                found.append(query.sort("start_time").fetch())
    return found


def _parts(found: Ledger) -> Iterator[str]:
    """What was recorded while a subsystem was off, and while it alone was."""
    if found.parts:
        yield "Recorded in stable beams while off (alone off):"
    for part in found.parts:
        flags = ", ".join(f"{name} {lumi:.3f}" for name, lumi in part.flags)
        yield (
            f"  {part.inclusive_pb:10.3f} /pb ({part.exclusive_pb:.3f})  "
            f"{part.subsystem}: {flags}"
        )


def _downtimes(tables: list[Table]) -> Iterator[str]:
    """One line per downtime; they are OMS's own list and need not add up."""
    if any(map(len, tables)):
        yield "Downtimes that OMS lists:"
    for table in tables:
        unit = table.units["lost_lumi"] or "(unit unknown)"
        for row in table.to_records():
            parts = [f"{row['start_time']:%Y-%m-%d %H:%M:%S} UTC"]
            parts += [f"{row['duration']} s"] if row["duration"] is not None else []
            lumi = row["lost_lumi"]
            parts += [f"{lumi:.3f} {unit}"] if lumi is not None else []
            cause = [row["subsystem"], row["category"]]
            parts.append(" ".join(c for c in cause if c) or "no cause given")
            yield "  " + ", ".join(parts)
