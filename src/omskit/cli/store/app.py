"""``oms store``: what a store holds, and keeping it in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.exits import ANSWER_IS_NO
from omskit.cli.store.options import StoreArgument, store_at

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


COMMANDS: dict[str, Callable[..., None]] = {
    "info": info,
    "verify": verify,
    "repair": repair,
    "compact": compact,
    "vacuum": vacuum,
}
for _name, _function in COMMANDS.items():
    app.command(_name)(_function)
