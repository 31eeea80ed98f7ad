"""The commands of ``oms mask`` that make a mask: of others, or of the flags of OMS."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.maskfiles import deliver_mask, load_mask, short_name
from omskit.cli.maskoptions import (
    KeptOfFiles,
    KeptOfService,
    MaskArgument,
    MasksArgument,
)
from omskit.cli.options import RunsArgument, runs_text, sharing
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.lumi import LumiMask


def _combining(
    word: str, operation: Callable[[LumiMask, LumiMask], LumiMask], text: str
) -> Callable[..., None]:
    """A command that makes one mask of several."""

    def command(masks: MasksArgument, *, given: KeptOfFiles) -> None:
        if len(masks) < 2:
            message = f"'oms mask {word}' takes two masks or more, got {len(masks)}."
            raise UsageError(message)
        if masks.count("-") > 1:
            message = "Only one mask can come from stdin (-)."
            raise UsageError(message)
        found = [load_mask(mask, quiet=given.quiet) for mask in masks]
        made, facts = reduce(operation, found).good, _made_by(word, masks, found)
        deliver_mask(made, facts, given, open_ends=given.open_ends)

    command.__doc__ = text
    return sharing(KeptOfFiles)(command)


def _made_by(word: str, names: list[str], masks: list[LumiMask]) -> dict[str, Any]:
    """The provenance of a mask made from others."""
    from omskit.lumi import canonical_hash

    inputs = [
        {"file": short_name(name), "canonical_sha256": canonical_hash(mask)}
        for name, mask in zip(names, masks, strict=True)
    ]
    return {"operation": word, "inputs": inputs}


both = _combining(
    "and",
    lambda a, b: a & b,
    """What is in all of the masks.

    Example: oms mask and golden.json dcs.json --output both.json
    """,
)
either = _combining(
    "or",
    lambda a, b: a | b,
    """What is in any of the masks.

    Example: oms mask or 2017.json 2018.json
    """,
)
first_only = _combining(
    "sub",
    lambda a, b: a - b,
    """What is in the first mask and in none of the others.

    Example: oms mask sub dcs.json golden.json
    """,
)
one_only = _combining(
    "xor",
    lambda a, b: a ^ b,
    """What is in one of two masks and not in the other.

    Example: oms mask xor mine.json golden.json
    """,
)


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
    facts = _made_by("filter", [mask], [found])
    deliver_mask(
        (found - kept).good if drop else kept,
        {**facts, "runs": f"not {chosen}" if drop else chosen},
        given,
        open_ends=given.open_ends,
    )


@sharing(KeptOfService)
def from_oms(
    runs: RunsArgument = None,
    *,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            "-r",
            metavar="A,B",
            help="Flags that must be on: pixel, tracker, ecal, hcal, muon, all, or "
            "columns such as cms_active, beams_stable, physics_flag. "
            "all,cms_active by default.",
        ),
    ] = None,
    fill: Annotated[
        str | None, typer.Option(metavar="FILL", help="The lumisections of a fill.")
    ] = None,
    era: Annotated[
        str | None, typer.Option(metavar="ERA", help="Those of an era, such as 2017B.")
    ] = None,
    given: KeptOfService,
) -> None:
    """A mask out of the flags of OMS; a flag that OMS does not know is not on.

    Example: oms mask from-oms 306458 --require cms_active --instance demo
    """
    from omskit.lumi import dcs_mask, provenance_of
    from omskit.lumi.building import flags_of

    texts = ",".join(require or ["all,cms_active"])
    words = [word.strip() for word in texts.split(",")]
    if runs is None and fill is None and era is None:
        message = "Which runs? E.g. oms mask from-oms 297050, or --fill or --era."
        raise UsageError(message)
    fields = ["run_number", "lumisection_number", *flags_of(words)]
    with client_for(given.asked) as oms:
        table = oms.lumisections(runs_text(runs), fields=fields, fill=fill, era=era)
    facts = provenance_of(table, require=words)
    deliver_mask(dcs_mask(table, words).good, facts, given)
