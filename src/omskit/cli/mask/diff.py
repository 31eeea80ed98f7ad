"""``oms mask diff``: what is only in one of two masks, and what it is worth."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import ANSWER_IS_NO, tell
from omskit.cli.figures import check_target
from omskit.cli.mask.files import load_mask, two_names
from omskit.cli.mask.letters import legend, lettered
from omskit.cli.mask.options import BrilcalcOption, MaskArgument, PlotOption
from omskit.cli.options import InstanceOption, Output, QuietOption

if TYPE_CHECKING:
    from omskit.lumi import Comparison


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
    if as_json:
        typer.echo(json.dumps(_as_dict(found), indent=1))
    else:
        _tell(found)
    if plot is not None:
        from omskit.plot import mask_comparison, save

        save(mask_comparison(found), plot)
    if not found.equal:
        raise typer.Exit(ANSWER_IS_NO)


def _tell(found: Comparison) -> None:
    """The comparison in lines, with letters where names are long."""
    called = lettered(found.names)
    short = replace(found, names=(called[found.names[0]], called[found.names[1]]))
    tell("\n".join([*legend(called), str(short)]))


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
