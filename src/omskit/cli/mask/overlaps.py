"""``oms mask overlaps``: what is in several of many masks."""

from __future__ import annotations

from typing import Annotated

import typer

from omskit.cli.exits import ANSWER_IS_NO
from omskit.cli.mask.files import load_mask, short_name
from omskit.cli.mask.options import MasksArgument
from omskit.cli.options import Output, sharing
from omskit.errors import UsageError


@sharing(Output)
def overlaps_of(
    masks: MasksArgument,
    *,
    at_least: Annotated[
        int, typer.Option(metavar="N", min=1, help="In how many of them.")
    ] = 2,
    given: Output,
) -> None:
    """Lumisections that are in several of many masks; exit 1 where there is none.

    One row per range, with the masks that hold it; the number of lumisections goes to
    stderr.

    Example: oms mask overlaps job1.json job2.json job3.json
    """
    from omskit.cli.output import check_output, write
    from omskit.lumi import overlaps

    check_output(given)
    names = [short_name(mask) for mask in masks]
    if len(set(names)) < len(names):
        names = list(masks)
    if len(set(names)) < len(names) or len(names) < at_least:
        message = (
            f"{len(set(names))} different masks were given; at least "
            f"{max(at_least, 2)} are needed."
        )
        raise UsageError(message)
    read = [load_mask(mask, quiet=given.quiet) for mask in masks]
    found = overlaps(dict(zip(names, read, strict=True)), at_least=at_least)
    write(found, given)
    if not len(found):
        raise typer.Exit(ANSWER_IS_NO)
    ends = zip(found["first_lumisection_number"], found["last_lumisection_number"],
               strict=True)  # fmt: skip
    sizes = [None if last is None else last - first + 1 for first, last in ends]
    total = "an open number of" if None in sizes else str(sum(filter(None, sizes)))
    typer.echo(f"{total} lumisections are in {at_least} or more masks.", err=True)
