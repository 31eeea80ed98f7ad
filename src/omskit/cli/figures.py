"""``oms plot``: pictures of a run, as files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.asking import client_for, of_run
from omskit.cli.completion import (
    complete_algorithm,
    complete_fields,
    complete_flag,
    complete_path,
)
from omskit.cli.dcs import read_dcs
from omskit.cli.options import (
    DcsOption,
    InstanceOption,
    Output,
    QuietOption,
    runs_text,
)
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.plot import Drawing
    from omskit.plot.times import Axis
    from omskit.table import Table


class Along(StrEnum):
    """What lies along x."""

    LUMISECTION = "lumisection"
    TIME = "time"


class Figure(StrEnum):
    """What can be drawn."""

    LUMISECTIONS = "lumisections"
    PILEUP = "pileup"
    L1_RATES = "l1-rates"
    HLT_RATES = "hlt-rates"
    L1_ALGORITHMS = "l1-algorithms"
    DCS = "dcs"


_AXES: dict[Along | None, Axis] = {
    None: None, Along.TIME: "time", Along.LUMISECTION: "lumisection",
}  # fmt: skip
_TAKES = {
    "--fields": {Figure.LUMISECTIONS, Figure.L1_RATES},
    "--flag": {Figure.LUMISECTIONS, Figure.PILEUP},
    "--path": {Figure.HLT_RATES},
    "--name": {Figure.L1_ALGORITHMS},
    "--dcs": {Figure.DCS},
    "--axis": set(Figure) - {Figure.DCS},
}
"""Which figures an option changes; with the others it is refused."""


def plot(
    what: Annotated[Figure, typer.Argument(metavar="WHAT", help="What to draw.")],
    runs: Annotated[
        list[str], typer.Argument(metavar="RUNS", help="297050, 297050-297057.")
    ],
    *,
    fields: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Columns to draw, for lumisections and l1-rates.",
            autocompletion=complete_fields,
        ),
    ] = None,
    flag: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="A flag to draw behind, for lumisections and pileup: cms_active.",
            autocompletion=complete_flag,
        ),
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option(
            "--path",
            "-p",
            metavar="PATTERN",
            help="HLT path, for hlt-rates.",
            autocompletion=complete_path,
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Algorithm, for l1-algorithms.",
            autocompletion=complete_algorithm,
        ),
    ] = None,
    axis: Annotated[
        Along | None,
        typer.Option(
            help="What lies along x; by default time for more than six runs.",
            show_default=False,
        ),
    ] = None,
    dcs: DcsOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write: .png, .pdf or .svg. RUNS_WHAT.png by default.",
        ),
    ] = None,
    instance: InstanceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Draw runs per lumisection, and write the figure to a file.

    Several runs are drawn beside each other, many along time; dcs takes one. Where the
    prescale column changes is marked.

    Example: oms plot pileup 297050 --flag cms_active --output pileup.png
    """
    from omskit.plot import save

    run = runs_text(runs) or ""
    target = output or Path(f"{run.replace(',', '_')}_{what}.png")
    options = {
        "--fields": fields,
        "--flag": flag,
        "--path": path,
        "--name": name,
        "--dcs": dcs,
        "--axis": axis,
    }
    _check(what, target, [name for name, value in options.items() if value])
    given = Output(instance=instance, quiet=quiet)
    columns = [part.strip() for part in fields.split(",")] if fields else None
    with client_for(given) as oms:
        wishes = Wishes(columns, flag, path, name, dcs, _AXES[axis])
        drawn = _draw(oms, what, run, wishes)
        typer.echo(str(save(drawn, target)))


def _check(what: Figure, target: Path, named: list[str]) -> None:
    """Refuse what would come to nothing, before anything is asked."""
    for option in named:
        if what not in _TAKES[option]:
            figures = " and ".join(sorted(_TAKES[option]))
            message = f"{option} changes nothing in {what}: it is for {figures}."
            raise UsageError(message)
    check_target(target)


def check_target(target: Path) -> None:
    """Refuse a file that no figure can be written to, before anything is asked.

    Raises:
        UsageError: Its name has no ending, or its folder is not there.
    """
    from omskit.plot.saving import wrong_ending

    if not target.suffix:
        raise UsageError(wrong_ending(target))
    if not target.parent.is_dir():
        message = f"Cannot write {target}: there is no folder {target.parent}."
        raise UsageError(message)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What of it is to be drawn, and how."""

    columns: list[str] | None = None
    flag: str | None = None
    paths: list[str] | None = None
    names: list[str] | None = None
    dcs: Path | None = None
    axis: Axis = None


def _draw(oms: Client, what: Figure, run: str, wishes: Wishes) -> Drawing:
    import omskit.plot as figures

    axis, paths, names = wishes.axis, wishes.paths or None, wishes.names or None
    if what is Figure.L1_RATES:
        table = of_run(oms.l1_rates(run), run)
        columns = _columns_in_use(oms, run)
        return figures.l1_rates(table, wishes.columns, axis=axis, prescales=columns)
    if what is Figure.HLT_RATES:
        table = of_run(oms.hlt_rates(run, paths=paths), run, patterns=paths or ())
        columns = _columns_in_use(oms, run)
        return figures.hlt_rates(table, axis=axis, prescales=columns)
    if what is Figure.L1_ALGORITHMS:
        table = of_run(oms.l1_algorithms(run, names=names), run, patterns=names or ())
        return figures.l1_algorithms(table, axis=axis)
    if what is Figure.DCS:
        check = read_dcs(oms, wishes.dcs)
        return figures.dcs_comparison(of_run(oms.lumisections(run), run), check)
    table = of_run(oms.lumisections(run), run)
    if what is Figure.PILEUP:
        return figures.pileup_and_luminosity(table, flag=wishes.flag, axis=axis)
    columns_drawn = wishes.columns or ["pileup"]
    return figures.per_lumisection(table, columns_drawn, flag=wishes.flag, axis=axis)


def _columns_in_use(oms: Client, run: str) -> Table:
    """Which prescale column each lumisection had, as rates jump where it changes."""
    fields = ["run_number", "lumisection_number", "prescale_index"]
    return oms.lumisections(run, fields=fields)
