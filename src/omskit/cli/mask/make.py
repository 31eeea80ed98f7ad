"""``oms mask make``: a mask out of conditions on lumisections."""

from __future__ import annotations

from typing import Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.mask.files import deliver_mask
from omskit.cli.mask.options import EraOption, FillOption, KeptOfService
from omskit.cli.options import RunsArgument, runs_text, selected, sharing
from omskit.errors import UsageError


@sharing(KeptOfService)
def make(
    runs: RunsArgument = None,
    *,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Such as 'prescale_index = 3' or 'cms_active = true'; give it again "
            "to require more.",
        ),
    ] = None,
    skip_first: Annotated[
        int, typer.Option(metavar="N", min=0, help="Leave the first N out.")
    ] = 0,
    of: Annotated[
        str,
        typer.Option(
            metavar="FIELD",
            help="The first of what: of each run, or of each stretch in which FIELD "
            "stays the same, such as prescale_index.",
        ),
    ] = "run_number",
    fill: FillOption = None,
    era: EraOption = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of runs started then or later.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Of runs started then or earlier."),
    ] = None,
    given: KeptOfService,
) -> None:
    """A mask of the lumisections that meet conditions.

    A value that OMS does not know meets none. With --skip-first the first lumisections
    that OMS has of each run are left out, whether or not they meet the conditions.

    Example: oms mask make 297050 --where 'pileup > 30' --skip-first 5 --instance demo
    """
    from omskit.lumi import LumiMask, provenance_of, without_first

    asked = selected(fill=fill, era=era, since=since, until=until)
    chosen = runs_text(runs)
    if chosen is None and not asked:
        message = "Which runs? E.g. oms mask make 297050, or --fill, --era or --since."
        raise UsageError(message)
    if not where and not skip_first:
        message = "Name a condition: --where 'prescale_index = 3', or --skip-first 5."
        raise UsageError(message)
    keys = ["run_number", "lumisection_number"]
    with client_for(given.asked) as oms:
        table = oms.lumisections(chosen, where=where or (), fields=keys, **asked)
        pairs = zip(*(table[key] for key in keys), strict=True)
        made = (
            LumiMask.from_pairs(list(pairs)) if len(table) else LumiMask.from_ranges([])
        )
        if skip_first:
            fields = list(dict.fromkeys([*keys, of]))
            whole = oms.lumisections(chosen, fields=fields, **asked)
            made = (made & without_first(whole, skip_first, of=of)).good
    facts = provenance_of(table, require=where or [])
    if skip_first:
        facts = {**facts, "skipped": f"the first {skip_first} of each {of}"}
    deliver_mask(made, facts, given)
