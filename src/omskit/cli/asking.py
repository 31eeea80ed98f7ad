"""The commands that ask for rows: a resource, selectors, conditions, and a format."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.completion import complete_algorithm, complete_path
from omskit.cli.exits import ANSWER_IS_NO, INCOMPLETE, say, warnings_on_stderr
from omskit.cli.options import (
    Asked,
    Granularity,
    Output,
    ResourceArgument,
    RunsArgument,
    runs_text,
    sharing,
)
from omskit.errors import NoRowError, OMSWarning, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omskit.client import Client
    from omskit.table import Table

GranularityOption = Annotated[
    Granularity | None,
    typer.Option(help="One row per lumisection or per run.", show_default=False),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="Every lumisection that OMS has; it takes long.")
]


@contextmanager
def client_for(given: Output, **settings: Any) -> Iterator[Client]:
    """The client that *given* asks for, its warnings on stderr.

    Raises:
        UsageError: The answer could not be written where it should go.
    """
    from omskit.cli.output import check_output
    from omskit.client import Client

    check_output(given)

    progress = sys.stderr.isatty() if given.progress is None else given.progress
    progress = progress and not given.quiet
    with (
        warnings_on_stderr(quiet=given.quiet),
        Client(given.asks, progress=progress, **settings) as oms,
    ):
        yield oms


def of_run(table: Table, run: int | str, *, patterns: Sequence[str] = ()) -> Table:
    """The table, where it has rows: nothing is said or drawn of a run without.

    Args:
        patterns: What the rows were also chosen by.

    Raises:
        NoRowError: It has none; a number is easily mistyped.
    """
    if len(table):
        return table
    what = table.resource or "this table"
    chosen = f" with {' or '.join(map(repr, patterns))}" if patterns else ""
    hint = "Are the run and the pattern right?" if patterns else "Is the number right?"
    message = f"There is no row of {what} of run {run}{chosen}. {hint}"
    raise NoRowError(message)


def deliver(
    table: Table, given: Output, *, named: str | None = None, totals: bool = False
) -> None:
    """Write the table; exit with 5 where rows are missing, and with 1 without rows.

    As grep does: a script learns of a mistyped run, path or fill, and of a condition
    that nothing fulfils, without reading what was written.
    """
    from omskit.cli.output import write

    write(table, given, named=named, totals=totals, by="--fields")
    if not table.complete:
        raise typer.Exit(INCOMPLETE)
    if not len(table):
        raise typer.Exit(ANSWER_IS_NO)


def ask(shortcut: str, selector: str | None, given: Asked, **options: Any) -> None:
    """Ask through a shortcut of the client, and write the answer."""
    chosen = {key: value for key, value in options.items() if value is not None}
    with client_for(given, allow_partial=given.allow_partial) as oms:
        table = getattr(oms, shortcut)(selector, **given.question(), **chosen)
        _hint_at_eras(oms, table, given)
        deliver(table, given, named=given.fields, totals=given.fill is not None)


def check_not_everything(
    resource: str, runs: str | None, given: Asked, *, everything: bool
) -> None:
    """Refuse to read every lumisection that OMS has, unless that was asked for.

    Raises:
        UsageError: Neither runs nor anything that bounds the rows is given.
    """
    if everything or runs is not None or given.limit is not None:
        return
    bounds = (given.fill, given.era, given.since, given.until, given.last, given.where)
    if any(bound is not None for bound in bounds):
        return
    message = (
        f"Without runs, {resource!r} has a row for every lumisection that OMS knows. "
        "Give RUNS, --fill, --era, --since, --last or --limit; --all fetches them all."
    )
    raise UsageError(message)


def _has_lumisections(resource: str, granularity: Granularity | None) -> bool:
    """Whether a row is of a lumisection, as far as the catalogue knows."""
    from omskit.schema import bundled

    known = bundled()
    if resource not in known or granularity is Granularity.RUN:
        return False
    return any("lumisection_number" in name for name in known[resource].identity)


def _hint_at_eras(oms: Client, table: Table, given: Asked) -> None:
    """Where an era has nothing, say which begin like it: 2017 is no era, 2017B is."""
    if given.era is None or len(table):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OMSWarning)
        names = [str(n) for n in oms.eras(fields=["name"])["name"]]
    begin = sorted(n for n in names if n.lower().startswith(given.era.lower()))
    if given.era not in names:
        near = ", ".join(begin) or did_you_mean(given.era, names).strip()
        say(f"There is no era {given.era}. {f'Eras: {near}' if begin else near}")


@sharing(Asked)
def get(
    resource: ResourceArgument,
    runs: RunsArgument = None,
    *,
    granularity: GranularityOption = None,
    count: Annotated[
        bool, typer.Option("--count", help="Only say how many rows match.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Only say what would be asked.")
    ] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Send names that omskit does not know.")
    ] = False,
    everything: AllOption = False,
    given: Asked,
) -> None:
    """Rows of any resource of OMS.

    Example: oms get hltpathinfo 297050 --sort -rate --limit 5
    """
    settings = {"unchecked": unchecked, "allow_partial": given.allow_partial}
    with client_for(given, **settings) as oms:
        asked = given.question()
        if granularity is not None:
            asked["granularity"] = granularity
        query = oms.query(resource, runs_text(runs), **asked)
        if count:
            typer.echo(found := query.count())
            if not found:
                raise typer.Exit(ANSWER_IS_NO)
        elif explain:
            typer.echo(query.explain())
        else:
            if _has_lumisections(resource, granularity):
                check_not_everything(
                    resource, runs_text(runs), given, everything=everything
                )
            deliver(query.fetch(), given, named=given.fields)


@sharing(Asked)
def runs(runs: RunsArgument = None, *, given: Asked) -> None:
    """Runs: one row per run.

    Example: oms runs 297050-297056 --fields run_number,l1_rate,l1_menu
    """
    ask("runs", runs_text(runs), given)


@sharing(Asked)
def lumisections(
    runs: RunsArgument = None, *, everything: AllOption = False, given: Asked
) -> None:
    """Lumisections: one row for each 23 seconds of data taking.

    Example: oms lumisections 297050 --where 'pileup > 30' --format csv
    """
    chosen = runs_text(runs)
    check_not_everything("lumisections", chosen, given, everything=everything)
    ask("lumisections", chosen, given)


@sharing(Asked)
def fills(
    fills: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILLS", help="5839, 5838-5840 or 5838,5840."),
    ] = None,
    *,
    given: Asked,
) -> None:
    """Fills of the LHC: one row per fill.

    Example: oms fills 5839
    """
    ask("fills", runs_text(fills), given)


@sharing(Asked)
def l1_rates(
    runs: RunsArgument = None,
    *,
    granularity: GranularityOption = None,
    everything: AllOption = False,
    given: Asked,
) -> None:
    """Level-1 trigger rates: one row per lumisection.

    Example: oms l1-rates 297050 --fields first_lumisection_number,l1a_physics_rate
    """
    chosen = runs_text(runs)
    if granularity is not Granularity.RUN:
        check_not_everything("l1triggerrates", chosen, given, everything=everything)
    ask("l1_rates", chosen, given, granularity=granularity)


@sharing(Asked)
def hlt_rates(
    runs: RunsArgument = None,
    *,
    path: Annotated[
        list[str] | None,
        typer.Option(
            "--path",
            "-p",
            metavar="PATTERN",
            help="HLT path, with * and ?; give it again for more. All by default.",
            autocompletion=complete_path,
        ),
    ] = None,
    granularity: GranularityOption = None,
    given: Asked,
) -> None:
    """HLT rates: one row per path and lumisection.

    Example: oms hlt-rates 297050 --path 'HLT_ZeroBias_v*'
    """
    options = {"paths": path or None, "granularity": granularity}
    ask("hlt_rates", runs_text(runs), given, **options)


@sharing(Asked)
def l1_algorithms(
    runs: RunsArgument = None,
    *,
    bit: Annotated[
        list[int] | None,
        typer.Option("--bit", metavar="BIT", help="L1 bit; give it again for more."),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            metavar="PATTERN",
            help="Name of the algorithm, with * and ?; give it again for more.",
            autocompletion=complete_algorithm,
        ),
    ] = None,
    granularity: GranularityOption = None,
    given: Asked,
) -> None:
    """Level-1 algorithms: one row per bit and lumisection.

    Example: oms l1-algorithms 297050 --name 'L1_ZeroBias' --limit 5
    """
    options = {"bits": bit or None, "names": name or None, "granularity": granularity}
    ask("l1_algorithms", runs_text(runs), given, **options)
