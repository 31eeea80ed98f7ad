"""``oms trigger rates``, ``prescales`` and ``table``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.options import Output, RunArgument, RunsArgument, sharing
from omskit.cli.trigger.options import Kind, MaskOption, PathOption, patterns, selection
from omskit.errors import NoRowError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omskit.client import Client
    from omskit.table import Table
    from omskit.trigger import Cube

USUAL = {
    Kind.HLT: ("counts", "rate", "unprescaled_rate", "prescale"),
    Kind.L1: ("counts", "rate", "unprescaled_rate", "prescale"),
    Kind.STREAMS: ("counts", "rate", "bandwidth"),
    Kind.DATASETS: ("counts", "rate"),
}
"""The columns of each kind, where none are named."""


@sharing(Output)
def rates(
    runs: RunsArgument = None,
    *,
    path: PathOption = None,
    mask: MaskOption = None,
    kind: Annotated[Kind, typer.Option(help="What is counted.")] = Kind.HLT,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Such as rate, unprescaled_rate, cross_section, prescale, "
            "rate_per_bunch, pileup, live_fraction.",
        ),
    ] = None,
    given: Output,
) -> None:
    """Counts, rates and prescales of paths, one row per path and lumisection.

    Numbers are null where OMS has none, or the path was off. What is missing is said on
    stderr.

    Example: oms trigger rates 297050 --path 'HLT_*' --output rates.parquet
    """
    from omskit.cli.output import write

    names = [n.strip() for n in columns.split(",")] if columns else USUAL[kind]
    which = selection(runs, mask, quiet=given.quiet)
    with client_for(given) as oms:
        cube = _cube(oms, kind, which, patterns(path), names)
        write(cube.table(*names), given)
    if not given.quiet:
        typer.echo(repr(cube), err=True)


def _cube(
    oms: Client,
    kind: Kind,
    runs: Any,
    names: list[str],
    columns: Iterable[str] = ("prescale",),
) -> Cube:
    """What the columns need: menus are not read for counts."""
    from omskit import trigger

    if kind is Kind.HLT:
        needs = trigger.needs_prescales(columns)
        return trigger.hlt(oms, runs, paths=names, prescales=needs)
    make = {
        Kind.L1: trigger.l1,
        Kind.STREAMS: trigger.streams,
        Kind.DATASETS: trigger.datasets,
    }[kind]
    return make(oms, runs, names=names)


@sharing(Output)
def prescales(
    run: RunArgument,
    *,
    path: PathOption = None,
    ls: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Only what holds in this lumisection."),
    ] = None,
    rule: Annotated[
        str,
        typer.Option(
            help="For seeds of several bits: nested, lower, upper, ratemon, brilcalc, "
            "brilcalc-earlier."
        ),
    ] = "nested",
    given: Output,
) -> None:
    """The prescales of paths, from each lumisection where they change, and why.

    Example: oms trigger prescales 297050 --path HLT_Mu50 --ls 300
    """
    from omskit import trigger
    from omskit.cli.output import write

    with client_for(given) as oms:
        table = trigger.prescales(oms, run, paths=patterns(path), rule=rule)  # type: ignore[arg-type]  # checked there
    write(table if ls is None else _at(table, run, ls), given)


def _at(table: Table, run: int, ls: int) -> Table:
    """The rows that hold in one lumisection.

    Raises:
        NoRowError: No column is known there.
    """
    import pyarrow.compute as pc

    start = table["first_lumisection_number"].arrow
    before = pc.less_equal(start, ls)
    newest = pc.max(pc.filter(start, before)).as_py()
    if newest is None:
        message = f"Run {run} has no prescale column in lumisection {ls}."
        raise NoRowError(message)
    rows = table.arrow.filter(pc.equal(start, newest))
    return table.part(rows, warnings=table.notes)


@sharing(Output)
def table(
    runs: RunsArgument = None,
    *,
    path: PathOption = None,
    mask: MaskOption = None,
    by_run: Annotated[
        bool, typer.Option("--by-run", help="One row per path and run.")
    ] = False,
    kind: Annotated[Kind, typer.Option(help="What is counted.")] = Kind.HLT,
    given: Output,
) -> None:
    """Counts, mean rate, luminosity and cross-section of paths, one row each.

    Lumisections that do not count are named in the row: where the path was off, and
    where OMS has no counts.

    Example: oms trigger table 297050 --path 'HLT_ZeroBias_v*' --mask golden.json
    """
    from omskit.cli.output import write
    from omskit.trigger import summary

    which = selection(runs, mask, quiet=given.quiet)
    with client_for(given) as oms:
        cube = _cube(oms, kind, which, patterns(path))
    write(summary(cube, by_run=by_run), given)
