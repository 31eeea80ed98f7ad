"""``oms mask diff`` and ``lumi``: the luminosity of masks, and where they differ."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import ANSWER_IS_NO, INCOMPLETE
from omskit.cli.figures import check_target
from omskit.cli.maskfiles import load_mask, two_names
from omskit.cli.maskoptions import BrilcalcOption, MaskArgument, PlotOption
from omskit.cli.options import InstanceOption, Output, QuietOption, sharing
from omskit.errors import MaskError

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.lumi import Comparison, LumiMask


class By(StrEnum):
    """What one row of luminosity stands for."""

    RUN = "run"
    FILL = "fill"
    ERA = "era"


def diff(
    a: MaskArgument,
    b: MaskArgument,
    *,
    lumi: Annotated[
        bool, typer.Option("--lumi", help="Ask OMS for the luminosity at stake.")
    ] = False,
    brilcalc: BrilcalcOption = None,
    plot: PlotOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the comparison as JSON.")
    ] = False,
    instance: InstanceOption = None,
    quiet: QuietOption = False,
) -> None:
    """What is only in one of two masks; the exit code is 1 where they differ.

    Example: oms mask diff mine.json golden.json --lumi
    """
    from omskit.lumi import compare

    if plot is not None:
        check_target(plot)
    masks = load_mask(a, quiet=quiet), load_mask(b, quiet=quiet)
    names = two_names(a, b)
    if brilcalc is not None:
        from omskit.lumi.files import read_luminosity

        found = compare(*masks, names=names, luminosity=read_luminosity(brilcalc))
    elif lumi:
        with client_for(Output(instance=instance, quiet=quiet)) as oms:
            found = compare(*masks, names=names, luminosity=oms)
    else:
        found = compare(*masks, names=names)
    typer.echo(json.dumps(_as_dict(found), indent=1) if as_json else str(found))
    if plot is not None:
        from omskit.plot import mask_comparison, save

        save(mask_comparison(found), plot)
    if not found.equal:
        raise typer.Exit(ANSWER_IS_NO)


def _as_dict(found: Comparison) -> dict[str, Any]:
    stakes = {
        f"{part}_{what}_lumi": getattr(stake, what)
        for part, stake in (("only_a", found.stake_a), ("only_b", found.stake_b))
        if stake is not None
        for what in ("delivered", "recorded")
    }
    return {
        "a": found.names[0],
        "b": found.names[1],
        "lumisections": found.lumisections,
        **stakes,
        **({"unit": "/pb"} if stakes else {}),
        "only_a": found.only_a.to_dict(strict=False),
        "only_b": found.only_b.to_dict(strict=False),
        "runs": found.table.to_records(),
    }


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
            typer.echo(str(agreement), err=True)
            if agreement.only_a or agreement.only_b:
                raise typer.Exit(INCOMPLETE)
            return
        eras = oms.eras() if by is By.ERA else None
        result = luminosity(found, source, by=by.value, eras=eras)
    write(result.table, given)
    typer.echo(str(result), err=True)
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
