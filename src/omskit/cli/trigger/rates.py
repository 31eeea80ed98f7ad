"""``oms trigger rates``, ``prescales`` and ``table``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.options import Output, RunArgument, RunsArgument, sharing
from omskit.cli.trigger.options import (
    Kind,
    LiveOption,
    MaskOption,
    PathOption,
    RuleOption,
    patterns,
    selection,
)
from omskit.errors import NoRowError, UsageError

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
    live: LiveOption = "luminosity",
    rule: RuleOption = "nested",
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
        how = How(live, rule, names)
        cube = _cube(oms, kind, which, patterns(path), how)
        write(cube.table(*names), given, by="--columns")
    if not given.quiet:
        typer.echo(repr(cube), err=True)


@dataclass(frozen=True, slots=True)
class How:
    """How rates are made.

    Attributes:
        live, rule: As for `omskit.trigger.hlt`.
        columns: What is to be shown: menus are not read for counts.
    """

    live: str = "luminosity"
    rule: str = "nested"
    columns: Iterable[str] = ("prescale",)


def _cube(
    oms: Client, kind: Kind, runs: Any, names: list[str], how: How | None = None
) -> Cube:
    """The counts of paths, and what rates are made of.

    Raises:
        UsageError: Something was asked for that only HLT paths have.
    """
    from omskit import trigger

    how = how or How()
    if kind is Kind.HLT:
        needs = trigger.needs_prescales(how.columns)
        return trigger.hlt(
            oms,
            runs,
            paths=names,
            live=how.live,  # type: ignore[arg-type]  # checked there
            rule=how.rule,  # type: ignore[arg-type]
            prescales=needs,
        )
    for option in ("live", "rule"):
        if getattr(how, option) != getattr(How(), option):
            message = f"--{option} is for HLT paths, not for {kind.value}."
            raise UsageError(message)
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
    rule: RuleOption = "nested",
    given: Output,
) -> None:
    """The prescales of paths, from each lumisection where they change, and why.

    Example: oms trigger prescales 297050 --path HLT_Mu50 --ls 300
    """
    from omskit import trigger
    from omskit.cli.output import write

    with client_for(given) as oms:
        table = trigger.prescales(oms, run, paths=patterns(path), rule=rule)  # type: ignore[arg-type]  # checked there
        last = None if ls is None else _last(oms, run)
    write(table if ls is None else _at(table, run, ls, last), given)


def _last(oms: Client, run: int) -> int | None:
    """The last lumisection of a run; None where OMS does not say."""
    name = "last_lumisection_number"
    numbers = oms.query("runs", run).select("run_number", name).fetch()[name]
    return next(iter(numbers.to_pylist()), None)


def _at(table: Table, run: int, ls: int, last: int | None) -> Table:
    """The rows that hold in one lumisection.

    Raises:
        NoRowError: No column is known there, or the run does not go so far.
    """
    import pyarrow.compute as pc

    if last is not None and ls > last:
        message = f"Run {run} has no lumisection {ls}: its last is {last}."
        raise NoRowError(message)
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
