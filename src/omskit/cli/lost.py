"""``oms lost``: where the delivered luminosity of a run or fill went."""

from __future__ import annotations

import re
import textwrap
from typing import Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.options import MaybeRunArgument, Output, sharing
from omskit.errors import UsageError

_NUMBERS = re.compile(r" +[-\d.]+ /pb +(?:[-\d.]+ %|\([-\d.]+\)) +")


@sharing(Output)
def lost(
    run: MaybeRunArgument = None,
    *,
    fill: Annotated[
        str | None,
        typer.Option(metavar="FILL", help="A whole fill, 5839 or last, instead."),
    ] = None,
    given: Output,
) -> None:
    """Where the delivered luminosity of a run or a fill went.

    Recorded, deadtime, detectors that were off, and beam without a run: the lines add
    up to what was delivered. What each subsystem was off for follows. With --output or
    --format, one row per cause is written.

    Example: oms lost --fill 5839 --instance demo
    """
    if (run is None) == (fill is None):
        message = "Name one run, or one fill with --fill: oms lost 297050"
        raise UsageError(message)
    with client_for(given) as oms:
        found = oms.lost(run, fill=fill)
    wants_rows = given.output is not None or given.format is not None
    if wants_rows:
        from omskit.cli.output import write

        write(found.table(), given)
        return
    from omskit.cli.output import prose_width, show
    from omskit.table.view import Line

    width = prose_width()
    show(
        [Line(part) for line in str(found).split("\n") for part in _fitted(line, width)]
    )


def _fitted(line: str, width: int) -> list[str]:
    """A line of the ledger; what does not fit goes on below its words."""
    if len(line) <= width:
        return [line]
    numbers = _NUMBERS.match(line)
    indent = numbers[0] if numbers else ""
    more = " " * len(indent or "  ")
    return [
        (indent if index == 0 else more) + part
        for index, part in enumerate(
            textwrap.wrap(line[len(indent) :], max(width - len(more), 20))
        )
    ]
