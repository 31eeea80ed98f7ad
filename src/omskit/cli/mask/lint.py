"""``oms mask lint``: whether files are as CMSSW would write them."""

from __future__ import annotations

import typer

from omskit.cli.exits import ANSWER_IS_NO, tell
from omskit.cli.mask.files import head_line, load_mask
from omskit.cli.mask.options import MasksArgument


def lint(masks: MasksArgument) -> None:
    """Whether files are as CMSSW would write them; the exit code is 1 where not.

    Order of ranges, overlaps, odd keys, open ends and line ends are looked at, blanks
    are not.

    Example: oms mask lint dcs.json
    """
    clean = True
    for source in masks:
        mask = load_mask(source, quiet=True)
        typer.echo(
            head_line(mask, source) + ("" if mask.notes else ", nothing to mend")
        )
        for note in mask.notes:
            tell(f"  {note}")
        clean = clean and not mask.notes
    if not clean:
        raise typer.Exit(ANSWER_IS_NO)
