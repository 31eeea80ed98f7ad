"""``oms mask from-oms``: a mask out of the flags of OMS."""

from __future__ import annotations

from typing import Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.mask.files import deliver_mask
from omskit.cli.mask.options import EraOption, FillOption, KeptOfService
from omskit.cli.options import RunsArgument, runs_text, sharing
from omskit.errors import UsageError


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
    fill: FillOption = None,
    era: EraOption = None,
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
