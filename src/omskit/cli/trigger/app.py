"""The group of commands ``oms trigger``."""

from __future__ import annotations

from collections.abc import Callable

import typer

from omskit.cli.trigger import fits, rates

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Rates, prescales, luminosity, fits and alerts of triggers.\n\n"
    "Example: oms trigger rates 297050 --path 'HLT_*' --output rates.parquet",
)

COMMANDS: dict[str, Callable[..., None]] = {
    "rates": rates.rates,
    "prescales": rates.prescales,
    "table": rates.table,
    "fit": fits.fit,
    "compare": fits.compare,
    "check": fits.check,
    "watch": fits.watch,
}
for _name, _function in COMMANDS.items():
    app.command(_name)(_function)
