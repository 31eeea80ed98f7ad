"""``oms demo``: what a user comes for, told on simulated data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from omskit.cli.asking import client_for
from omskit.cli.options import Output, QuietOption
from omskit.errors import MissingExtraError

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.plot import Drawing
    from omskit.table import Table

RUN = 297050
RANGE = (315190, 315290)
DCS_RUN = 306458
FILL = 5839
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

    Tables are printed, figures and a report written to a folder. Needs no account and
    no network.

    Example: oms demo --output-dir figures
    """
    from omskit.demo import NOTICE

    typer.echo(NOTICE)
    with client_for(Output(instance="demo", quiet=quiet)) as oms:
        _heading("1. An API instance", 'oms = Client("demo")')
        typer.echo(repr(oms))
        _runs(oms)
        _rates(oms)
        _dcs(oms)
        _figures(oms, output_dir)
        written = _report(oms, output_dir)
    typer.echo(
        f"\nThe report on fill {FILL} is {written}: open it in a browser."
        "\nTo look around: oms dashboard --instance demo --open"
    )


def _heading(what: str, *code: str) -> None:
    typer.echo(f"\n{what}")
    for line in code:
        typer.echo(f"   >>> {line}")


def _show(table: Table, *, rows: int | None = ROWS) -> None:
    """The rows as far as they fit, then what there is in all."""
    from omskit.cli.output import show, terminal_width
    from omskit.table.view import view

    show(view(table, terminal_width(), most_rows=rows, notes=False))
    count = "1 row" if len(table) == 1 else f"{len(table)} rows"
    typer.echo(f"{count} x {len(table.columns)} columns of {table.resource}")


def _runs(oms: Client) -> None:
    _heading("2. Everything about one run, or a range of runs", f"oms.runs({RUN})")
    _show(oms.runs(RUN))
    _heading("3. Everything per lumisection, whole", f"oms.lumisections({RANGE})")
    _show(oms.lumisections(RANGE))
    fields = ["run_number", "l1_rate", "l1_menu"]
    _heading(
        "4. Chosen fields only",
        "oms.runs((297050, 297056),",
        f"         fields={fields})",
    )
    _show(oms.runs((297050, 297056), fields=fields), rows=None)


def _rates(oms: Client) -> None:
    _heading("5. Level-1 rates per lumisection", f"oms.l1_rates({RUN})")
    _show(oms.l1_rates(RUN))
    _heading("   HLT rates per lumisection", f'oms.hlt_rates({RUN}, paths="{PATH}")')
    _show(oms.hlt_rates(RUN, paths=PATH))


def _dcs(oms: Client) -> None:
    from omskit.cli.dcs import read_dcs, report
    from omskit.cli.output import prose_width

    _heading(
        "6. Is cms_active the same as the DCS-only file?",
        "mask = LumiMask.from_json(text_of_the_file)",
        f"oms.dcs_check({DCS_RUN}, mask)",
    )
    check = oms.dcs_check(DCS_RUN, read_dcs(oms, None))
    typer.echo(report(check, prose_width()))


def _figures(oms: Client, folder: Path) -> None:
    from omskit.plot import save

    _heading("7. Pictures of all this", "plot.save(plot.l1_rates(l1), 'l1_rates.png')")
    try:
        drawings = _drawings(oms)
    except MissingExtraError as error:
        # All else is there after a plain `pip install omskit`.
        typer.echo(f"Skipped. {error}")
        return
    for name, drawn in drawings.items():
        typer.echo(f"wrote {save(drawn, folder / name)}")


def _report(oms: Client, folder: Path) -> Path:
    """Write the report on a fill, for a browser and for a logbook."""
    from omskit.errors import UsageError
    from omskit.files import write_whole
    from omskit.reports import report

    code = f"omskit.report(oms, fill={FILL})"
    _heading("8. What a shift is asked about a fill", code)
    found = report(oms, fill=FILL)
    typer.echo(found.sentence)
    folder.mkdir(parents=True, exist_ok=True)
    written = {"html": found.to_html(), "md": found.to_markdown()}
    for ending, text in written.items():
        path = folder / f"fill{FILL}.{ending}"
        write_whole(path, partial(_write, text.encode()), UsageError)
        typer.echo(f"wrote {path}")
    return folder / f"fill{FILL}.html"


def _write(content: bytes, stream: BinaryIO) -> None:
    stream.write(content)


def _drawings(oms: Client) -> dict[str, Drawing]:
    import omskit.plot as figures
    from omskit.cli.dcs import read_dcs

    lumis = oms.lumisections(RUN)
    dcs_lumis = oms.lumisections(DCS_RUN)
    return {
        "pileup_and_luminosity.png": figures.pileup_and_luminosity(
            lumis, flag="cms_active"
        ),
        "l1_rates.png": figures.l1_rates(oms.l1_rates(RUN)),
        "hlt_zerobias.png": figures.hlt_rates(oms.hlt_rates(RUN, paths=PATH)),
        "dcs_comparison.png": figures.dcs_comparison(dcs_lumis, read_dcs(oms, None)),
    }
