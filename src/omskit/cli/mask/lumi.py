"""``oms mask lumi``: how much luminosity a mask holds."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import INCOMPLETE, tell
from omskit.cli.mask.files import load_mask
from omskit.cli.mask.options import BrilcalcOption, MaskArgument
from omskit.cli.options import Output, sharing
from omskit.errors import MaskError

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.lumi import LumiMask


class By(StrEnum):
    """What one row of luminosity stands for."""

    RUN = "run"
    FILL = "fill"
    ERA = "era"


@sharing(Output)
def lumi_of(
    mask: MaskArgument,
    *,
    by: Annotated[By, typer.Option(help="One row per run, fill or era.")] = By.RUN,
    brilcalc: BrilcalcOption = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="Compare with this file of brilcalc, per lumisection."
        ),
    ] = None,
    given: Output,
) -> None:
    """The luminosity of a mask; the exit code is 5 where lumisections have none.

    Rows go to stdout, the sum and what is missing to stderr.

    Example: oms mask lumi golden.json --by fill
    """
    from omskit.cli.output import write
    from omskit.lumi import compare_luminosity, luminosity
    from omskit.lumi.files import read_luminosity

    found = load_mask(mask, quiet=given.quiet)
    with client_for(given) as oms:
        source = _source(oms, brilcalc, found)
        if against is not None:
            names = ("OMS" if brilcalc is None else brilcalc.name, against.name)
            other = read_luminosity(against)
            agreement = compare_luminosity(found, source, other, names=names)
            write(agreement.table, given)
            tell(str(agreement), err=True)
            if agreement.only_a or agreement.only_b:
                raise typer.Exit(INCOMPLETE)
            return
        eras = oms.eras() if by is By.ERA else None
        result = luminosity(found, source, by=by.value, eras=eras)
    write(result.table, given)
    tell(str(result), err=True)
    if not result.complete:
        raise typer.Exit(INCOMPLETE)


def _source(oms: Client, brilcalc: Path | None, mask: LumiMask) -> Any:
    """Where luminosity comes from: a file, or OMS."""
    if mask.is_open:
        message = (
            "This mask has a range without an end. Close it first: "
            "mask.close(oms.runs(...)) in Python."
        )
        raise MaskError(message)
    if brilcalc is None:
        from omskit.lumi.integral import table_for

        return table_for(mask, oms)
    from omskit.lumi.files import read_luminosity

    return read_luminosity(brilcalc)
