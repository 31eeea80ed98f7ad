"""``oms export``: files for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.options import InstanceOption, Output, QuietOption, RunsArgument
from omskit.cli.trigger.options import PathOption, patterns, selection
from omskit.errors import UsageError


def ntuple(
    runs: RunsArgument = None,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The ROOT file.")
    ],
    path: PathOption = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Of hlt, l1, datasets and streams; all by default."
        ),
    ] = None,
    instance: InstanceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Counters of triggers as a flat ROOT tree: one row per lumisection.

    Branches have the names of OMSRatesNtuple; what OMS does not have is NaN.

    Example: oms export ntuple 297050 --path 'HLT_*' --output rates.root
    """
    from omskit.trigger.ntuple import PARTS, branches, check_place, write_ntuple

    if output.suffix != ".root":
        message = f"Cannot write {output}: the name of a ROOT file ends in .root."
        raise UsageError(message)
    check_place(output)
    parts = [part.strip() for part in only.split(",")] if only else PARTS
    which = selection(runs, None, quiet=quiet)
    with client_for(Output(instance=instance, quiet=quiet, output=None)) as oms:
        found = branches(oms, which, paths=patterns(path), parts=parts)
    write_ntuple(output, found)
    if not quiet:
        rows = len(found["run"])
        typer.echo(
            f"oms: wrote {rows} rows x {len(found)} branches to {output}", err=True
        )


app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Files for other programs.\n\n"
    "Example: oms export ntuple 297050 --output rates.root",
)


@app.callback()
def export() -> None:
    """Files for other programs.

    Example: oms export ntuple 297050 --output rates.root
    """


COMMANDS: dict[str, Callable[..., None]] = {"ntuple": ntuple}
for _name, _function in COMMANDS.items():
    app.command(_name)(_function)
