"""``oms mask``: certification files shown, combined, compared, checked and made."""

from __future__ import annotations

from collections.abc import Callable

import typer

from omskit.cli.mask import combine
from omskit.cli.mask.diff import diff
from omskit.cli.mask.filter import filter_runs
from omskit.cli.mask.from_oms import from_oms
from omskit.cli.mask.identify import identify_files
from omskit.cli.mask.lint import lint
from omskit.cli.mask.lumi import lumi_of
from omskit.cli.mask.make import make
from omskit.cli.mask.overlaps import overlaps_of
from omskit.cli.mask.pileup import pileup_of
from omskit.cli.mask.show import show

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Certification files: which lumisections are good.\n\n"
    "Example: oms mask and golden.json mine.json --output both.json",
)

COMMANDS: dict[str, Callable[..., None]] = {
    "show": show,
    "and": combine.both,
    "or": combine.either,
    "sub": combine.first_only,
    "xor": combine.one_only,
    "diff": diff,
    "lint": lint,
    "filter": filter_runs,
    "identify": identify_files,
    "from-oms": from_oms,
    "make": make,
    "overlaps": overlaps_of,
    "lumi": lumi_of,
    "pileup": pileup_of,
}
for _name, _function in COMMANDS.items():
    app.command(_name)(_function)
