"""``oms mask overlaps``: what is in several of many masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.exits import ANSWER_IS_NO, say, tell
from omskit.cli.mask.files import load_mask, short_name
from omskit.cli.mask.letters import legend, lettered
from omskit.cli.mask.options import MasksArgument
from omskit.cli.options import Format, Output, sharing
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.table import Table


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
            f"It takes {max(at_least, 2)} different masks, and {len(set(names))} came: "
            "oms mask overlaps a.json b.json"
        )
        raise UsageError(message)
    read = [load_mask(mask, quiet=given.quiet) for mask in masks]
    found = overlaps(dict(zip(names, read, strict=True)), at_least=at_least)
    is_view = given.format in {None, Format.TABLE} and given.output is None
    if is_view and not len(found):
        say(f"No lumisection is in {at_least} or more of the {len(names)} masks.")
        raise typer.Exit(ANSWER_IS_NO)
    write(_for_people(found, names) if is_view else found, given)
    if not len(found):
        raise typer.Exit(ANSWER_IS_NO)
    ends = zip(found["first_lumisection_number"], found["last_lumisection_number"],
               strict=True)  # fmt: skip
    sizes = [None if last is None else last - first + 1 for first, last in ends]
    total = "an open number of" if None in sizes else str(sum(filter(None, sizes)))
    typer.echo(f"{total} lumisections are in {at_least} or more masks.", err=True)


def _for_people(found: Table, names: list[str]) -> Table:
    """The same rows with letters for long names, which are told on stderr."""
    import pyarrow as pa

    called = lettered(names, together=True)
    for line in legend(called):
        tell(line, err=True)
    letters = [[called[name] for name in row] for row in found["masks"].to_pylist()]
    rows = found.arrow
    place = rows.column_names.index("masks")
    kind = pa.array(letters, pa.list_(pa.string()))
    return found.part(rows.set_column(place, "masks", kind))
