"""``oms mask filter``: the part of a mask within some runs."""

from __future__ import annotations

from typing import Annotated

import typer

from omskit.cli.mask.combine import made_by
from omskit.cli.mask.files import deliver_mask, load_mask
from omskit.cli.mask.options import KeptOfFiles, MaskArgument
from omskit.cli.options import RunsArgument, runs_text, sharing
from omskit.errors import UsageError


@sharing(KeptOfFiles)
def filter_runs(
    mask: MaskArgument,
    runs: RunsArgument = None,
    *,
    drop: Annotated[
        bool, typer.Option("--not", help="Leave these runs out instead.")
    ] = False,
    given: KeptOfFiles,
) -> None:
    """The part of a mask within some runs.

    Example: oms mask filter golden.json 297050-297056
    """
    chosen = runs_text(runs)
    if chosen is None:
        message = "Which runs? E.g. oms mask filter golden.json 297050-297056"
        raise UsageError(message)
    found = load_mask(mask, quiet=given.quiet)
    kept = found.restrict(chosen)
    facts = made_by("filter", [mask], [found])
    deliver_mask(
        (found - kept).good if drop else kept,
        {**facts, "runs": f"not {chosen}" if drop else chosen},
        given,
        open_ends=given.open_ends,
    )
