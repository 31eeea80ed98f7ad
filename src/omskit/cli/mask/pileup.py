"""``oms mask pileup``: the pileup of a mask, weighted by luminosity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import INCOMPLETE, say, tell
from omskit.cli.mask.files import load_mask
from omskit.cli.mask.options import BrilcalcOption, MaskArgument, PlotOption
from omskit.cli.options import Output, sharing
from omskit.errors import UsageError
from omskit.files import write_whole


@sharing(Output)
def pileup_of(
    mask: MaskArgument,
    *,
    bins: Annotated[int, typer.Option(min=1, max=100_000, help="How many bins.")] = 100,
    most: Annotated[
        float, typer.Option("--max", min=0.001, help="Where the last bin ends.")
    ] = 100.0,
    scale: Annotated[
        float,
        typer.Option(
            min=1e-6, help="Multiply pileup by this, for another cross-section."
        ),
    ] = 1.0,
    pileup_json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Pileup from this pileup JSON, not from OMS."
        ),
    ] = None,
    cross_section: Annotated[
        float,
        typer.Option(metavar="UB", min=1.0, help="For pileup JSON, in microbarn."),
    ] = 69200.0,
    brilcalc: BrilcalcOption = None,
    write_json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the rows as a pileup JSON, too."),
    ] = None,
    plot: PlotOption = None,
    given: Output,
) -> None:
    """The pileup of a mask: luminosity recorded in each bin.

    Rows go to stdout, the sum and what is missing to stderr; the exit code is 5 where
    lumisections have none. Pileup is that of its source: OMS and brilcalc assume a
    cross-section of their own, a pileup JSON takes --cross-section.

    Example: oms mask pileup golden.json --plot pileup.png
    """
    from omskit.cli.figures import check_target
    from omskit.cli.output import write
    from omskit.lumi import pileup_json as as_json
    from omskit.lumi import pileup_profile, read_pileup
    from omskit.lumi.files import read_luminosity
    from omskit.lumi.integral import table_for
    from omskit.lumi.pileup import FIELDS

    if plot is not None:
        check_target(plot)
    if brilcalc is not None and pileup_json is not None:
        message = "--brilcalc and --pileup-json contradict each other: name one."
        raise UsageError(message)
    found = load_mask(mask, quiet=given.quiet)
    if found.is_open:
        message = "This mask has a range without an end: no profile has one."
        raise UsageError(message)
    rows: Any
    with client_for(given) as oms:
        if pileup_json is not None:
            rows = read_pileup(pileup_json, cross_section_ub=cross_section)
        elif brilcalc is not None:
            rows = read_luminosity(brilcalc)
        else:
            rows = table_for(found, oms, FIELDS)
    profile = pileup_profile(found, rows, bins=bins, most=most, scale=scale)
    if plot is not None:
        from omskit.plot import pileup_profile as draw
        from omskit.plot import save

        save(draw(profile), plot)
        say(f"wrote {plot}")
    if write_json is not None:
        text = as_json(found.filter(rows), cross_section_ub=cross_section)
        write_whole(write_json, lambda stream: stream.write(text.encode()), UsageError)
        say(f"wrote {write_json}")
    write(profile.table(), given)
    tell(str(profile), err=True)
    if not profile.complete:
        raise typer.Exit(INCOMPLETE)
