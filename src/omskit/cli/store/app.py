"""``oms store``: what a store holds, and keeping it in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.exits import ANSWER_IS_NO, INCOMPLETE, say, warnings_on_stderr
from omskit.cli.options import Output, ResourceArgument, RunsArgument, runs_text
from omskit.cli.store.options import StoreArgument, StoreOption, store_at
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.store import Problem

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="OMS on your disk: what is there, and whether it is right.\n\n"
    "Example: oms store info ~/oms",
)


def info(path: StoreArgument = None) -> None:
    """What a store holds: rows, runs, files, sizes and ages.

    Example: oms store info ~/oms
    """
    typer.echo(str(store_at(path).info()))


def verify(path: StoreArgument = None) -> None:
    """Hold every row against what was said when it was fetched.

    The exit code is 1 where something is wrong.

    Example: oms store verify ~/oms
    """
    _tell(store_at(path).verify())


def repair(path: StoreArgument = None) -> None:
    """Have the next sync fetch again what is wrong; no row is deleted.

    Example: oms store repair ~/oms
    """
    found = store_at(path).repair()
    for problem in found:
        typer.echo(str(problem))
    if found:
        typer.echo("The next 'oms sync' fetches these again.")
    else:
        typer.echo("Nothing is wrong.")


def compact(path: StoreArgument = None) -> None:
    """Fewer files, rows in order: quicker to read after many small syncs.

    Example: oms store compact ~/oms
    """
    typer.echo(str(store_at(path).compact()))


def vacuum(
    path: StoreArgument = None,
    *,
    keep_days: Annotated[
        float, typer.Option(help="Versions so old can still be read.", min=1)
    ] = 7.0,
) -> None:
    """Delete files that only old versions need.

    Example: oms store vacuum ~/oms --keep-days 30
    """
    typer.echo(str(store_at(path).vacuum(keep_days)))


def _tell(found: list[Problem]) -> None:
    for problem in found:
        typer.echo(str(problem))
    if found:
        typer.echo("'oms store repair' has the next sync fetch these again.")
        raise typer.Exit(ANSWER_IS_NO)
    typer.echo("Everything is as it was fetched.")


def import_file(
    resource: ResourceArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, JSON or Parquet; also .gz.")
    ],
    *,
    store: StoreOption = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="THEIRS=OURS",
            help="What a column of the file is called in OMS. Give it again for more.",
        ),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="The rows were made up.")
    ] = False,
) -> None:
    """Put rows of a file into a store, in place of all rows of their runs.

    What was refused, and why, is told; the exit code is 5 then.

    Example: oms store import lumisections mine.csv --column run=run_number
    """
    columns = {}
    for pair in column or []:
        theirs, sign, ours = pair.rpartition("=")
        if not sign:
            message = f"--column {pair}: write THEIRS=OURS, as in run=run_number."
            raise UsageError(message)
        columns[theirs] = ours
    kept = store_at(store)
    made = kept.import_file(resource, file, columns=columns, simulated=simulated)
    typer.echo(str(made))
    if made.refused:
        raise typer.Exit(INCOMPLETE)


def export(
    resource: ResourceArgument,
    runs: RunsArgument = None,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Its ending says how: .parquet, .csv, .json, .jsonl or .root.",
        ),
    ],
    store: StoreOption = None,
) -> None:
    """Write rows of a store to a file, with their units where the format has them.

    Example: oms store export lumisections 297050 --output rows.root --store ~/oms
    """
    from omskit.cli.output import write
    from omskit.client import Client
    from omskit.config import find_store

    with (
        warnings_on_stderr(),
        Client(f"store:{find_store(store)}", progress=False) as oms,
    ):
        table = oms.query(resource, runs_text(runs)).fetch()
    if output.suffix == ".root":
        from omskit.store.root import write_root

        write_root(table, output)
        say(f"wrote {len(table)} rows to {output}")
    else:
        write(table, Output(output=output))


COMMANDS: dict[str, Callable[..., None]] = {
    "info": info,
    "verify": verify,
    "repair": repair,
    "compact": compact,
    "vacuum": vacuum,
    "import": import_file,
    "export": export,
}
for _name, _function in COMMANDS.items():
    app.command(_name)(_function)
