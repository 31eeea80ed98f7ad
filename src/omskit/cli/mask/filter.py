"""``oms mask filter``: the part of a mask within runs, a fill, an era or a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.mask.combine import made_by
from omskit.cli.mask.files import deliver_mask, load_mask
from omskit.cli.mask.options import KeptOfBoth, MaskArgument
from omskit.cli.options import RunsArgument, runs_text, selected, sharing
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.lumi import LumiMask


@sharing(KeptOfBoth)
def filter_runs(
    mask: MaskArgument,
    runs: RunsArgument = None,
    *,
    fill: Annotated[
        str | None,
        typer.Option(metavar="FILL", help="Its lumisections of a fill, or 5838-5840."),
    ] = None,
    era: Annotated[
        str | None, typer.Option(metavar="ERA", help="Its runs of an era, as 2017B.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Its runs that started then or later; UTC."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Its runs that started then or earlier."),
    ] = None,
    drop: Annotated[
        bool, typer.Option("--not", help="Leave these out instead.")
    ] = False,
    given: KeptOfBoth,
) -> None:
    """The part of a mask within some runs, a fill, an era or a time.

    OMS is asked which lumisections belong to a fill, and which runs to an era or time.

    Example: oms mask filter golden.json 297050-297056
    """
    chosen = runs_text(runs)
    asked = selected(era=era, fill=fill, since=since, until=until)
    if chosen is None and not asked:
        message = (
            "Which runs? E.g. oms mask filter golden.json 297050-297056, or --fill, "
            "--era, --since or --until."
        )
        raise UsageError(message)
    found = load_mask(mask, quiet=given.quiet)
    kept = found if chosen is None else found.restrict(chosen)
    if asked and kept:
        kept = _within(kept, asked, given)
    facts = made_by("filter", [mask], [found])
    words = ", ".join([*([chosen] if chosen else []), *_words(asked)])
    deliver_mask(
        (found - kept).good if drop else kept,
        {**facts, "runs": f"not {words}" if drop else words},
        given,
        open_ends=given.open_ends,
    )


def _words(asked: dict[str, Any]) -> list[str]:
    return [f"{name} {value}" for name, value in asked.items()]


def _within(mask: LumiMask, asked: dict[str, Any], given: KeptOfBoth) -> LumiMask:
    """The part of a mask that OMS says belongs there."""
    from omskit.lumi import LumiMask

    only_fill = {"fill": asked["fill"]} if "fill" in asked else {}
    others = {name: value for name, value in asked.items() if name != "fill"}
    with client_for(given.asked, audit=False) as oms:
        if others:
            rows = oms.runs(fields=["run_number"], **others)
            runs = sorted(set(rows["run_number"]) & set(mask.runs.tolist()))
            mask = mask.restrict(runs) if runs else LumiMask.from_ranges([])
        if only_fill and mask:
            # By lumisection: a run can outlast its fill.
            keys = ["run_number", "lumisection_number"]
            rows = oms.lumisections(fields=keys, **only_fill)
            pairs = list(zip(*(rows[key] for key in keys), strict=True))
            there = LumiMask.from_pairs(pairs) if pairs else LumiMask.from_ranges([])
            mask = (mask & there).good
    return mask
