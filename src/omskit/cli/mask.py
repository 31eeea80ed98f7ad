"""``oms mask``: certification files shown, combined, compared, checked and made."""

from __future__ import annotations

from collections.abc import Callable

import typer

from omskit.cli import masklook, maskmake, maskstake

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Certification files: which lumisections are good.\n\n"
    "Example: oms mask and golden.json mine.json --output both.json",
)

COMMANDS: dict[str, Callable[..., None]] = {
    "show": masklook.show,
    "and": maskmake.both,
    "or": maskmake.either,
    "sub": maskmake.first_only,
    "xor": maskmake.one_only,
    "diff": maskstake.diff,
    "lint": masklook.lint,
    "filter": maskmake.filter_runs,
    "identify": masklook.identify_files,
    "from-oms": maskmake.from_oms,
    "lumi": maskstake.lumi_of,
}
for _name, _function in COMMANDS.items():
    app.command(_name)(_function)
