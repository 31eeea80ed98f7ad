"""``oms demo``: the seven things that a user comes for, told on simulated data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.options import Output, QuietOption

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.plot import Drawing
    from omskit.table import Table

RUN = 297050
RANGE = (315190, 315290)
DCS_RUN = 306458
PATH = "HLT_ZeroBias_v*"
ROWS = 6


def demo(
    *,
    output_dir: Annotated[
        Path,
        typer.Option("--output-dir", "-o", metavar="FOLDER", help="For the figures."),
    ] = Path("demo-output"),
    quiet: QuietOption = False,
) -> None:
    """The whole story, on simulated data.

    Tables are printed, figures written to a folder. Needs no account and no network.

    Example: oms demo --output-dir figures
    """
    from omskit.demo import NOTICE

    typer.echo(NOTICE)
    with client_for(Output(instance="demo", quiet=quiet)) as oms:
        _heading(1, "An API instance", 'oms = Client("demo")')
        typer.echo(repr(oms))
        _runs(oms)
        _lumisections(oms)
        _rates(oms)
        _dcs(oms)
        _figures(oms, output_dir)


def _heading(number: int, what: str, code: str) -> None:
    typer.echo(f"\n{number}. {what}\n   >>> {code}")


def _show(table: Table, fields: str | None = None, rows: int | None = ROWS) -> None:
    from omskit.cli.output import show, terminal_width
    from omskit.cli.terminal import view

    named = fields.split(",") if fields else None
    lines = view(table, terminal_width(), named=named, most_rows=rows)
    show([line for line in lines if line.kind != "note" or "rows" not in line.text])
    typer.echo(repr(table))


def _runs(oms: Client) -> None:
    _heading(2, "Everything about one run", f"oms.runs({RUN})")
    _show(oms.runs(RUN))
    fields = "run_number,l1_rate,l1_menu"
    _heading(
        4, "Chosen fields of a range of runs", f'oms.runs((297050, 297056), "{fields}")'
    )
    _show(oms.runs((297050, 297056), fields=fields), fields, None)


def _lumisections(oms: Client) -> None:
    _heading(
        3, "Everything per lumisection, all of it", f"lumis = oms.lumisections({RANGE})"
    )
    _show(oms.lumisections(RANGE))


def _rates(oms: Client) -> None:
    _heading(5, "Level-1 rates per lumisection", f"oms.l1_rates({RUN})")
    _show(oms.l1_rates(RUN))
    _heading(5, "HLT rates per lumisection", f'oms.hlt_rates({RUN}, paths="{PATH}")')
    _show(oms.hlt_rates(RUN, paths=PATH))


def _dcs(oms: Client) -> None:
    from omskit.cli.dcs import ranges, read_dcs

    _heading(
        6,
        "Is cms_active the same as the DCS-only file?",
        f"oms.dcs_check({DCS_RUN}, mask)",
    )
    check = oms.dcs_check(DCS_RUN, read_dcs(oms, None))
    typer.echo(str(check))
    typer.echo(f"They differ in: {ranges(check.differing)}")


def _figures(oms: Client, folder: Path) -> None:
    from omskit.plot import save

    _heading(7, "Pictures of all this", "plot.l1_rates(...), plot.hlt_rates(...), ...")
    for name, drawn in _drawings(oms).items():
        typer.echo(f"wrote {save(drawn, folder / name)}")


def _drawings(oms: Client) -> dict[str, Drawing]:
    import omskit.plot as figures
    from omskit.cli.dcs import read_dcs

    lumis = oms.lumisections(RUN)
    return {
        "pileup_and_luminosity.png": figures.pileup_and_luminosity(
            lumis, flag="cms_active"
        ),
        "l1_rates.png": figures.l1_rates(oms.l1_rates(RUN)),
        "hlt_zerobias.png": figures.hlt_rates(oms.hlt_rates(RUN, paths=PATH)),
        "dcs_comparison.png": figures.dcs_comparison(
            oms.lumisections(DCS_RUN), read_dcs(oms, None)
        ),
    }
