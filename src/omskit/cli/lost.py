"""``oms lost``: where the delivered luminosity of a run or fill went."""

from __future__ import annotations

from typing import Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.options import Output, sharing
from omskit.errors import UsageError


@sharing(Output)
def lost(
    run: Annotated[
        int | None,
        typer.Argument(metavar="[RUN]", help="One run, 297050.", show_default=False),
    ] = None,
    *,
    fill: Annotated[
        int | None, typer.Option(metavar="FILL", help="A whole fill instead of a run.")
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
    typer.echo(str(found))
