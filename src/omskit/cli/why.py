"""``oms why``: what speaks for and against a lumisection."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.asking import client_for, of_run
from omskit.cli.dcs import read_dcs
from omskit.cli.mask.files import load_mask, short_name, two_names
from omskit.cli.options import Output, sharing
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.cli.verdicts import Cause
    from omskit.client import Client
    from omskit.lumi import LumiMask
    from omskit.table import Table


@sharing(Output)
def why(
    run: Annotated[
        int | None,
        typer.Argument(metavar="RUN", help="One run, 306458.", show_default=False),
    ] = None,
    lumisection: Annotated[
        int | None,
        typer.Argument(
            metavar="LS",
            help="Its lumisection; left out, all that cms_active and a mask see "
            "differently.",
            show_default=False,
        ),
    ] = None,
    *,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            "--mask",
            "-m",
            metavar="MASK",
            help="Certification file; give it again for more. The demo brings its own.",
        ),
    ] = None,
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="All lumisections in which two masks differ."),
    ] = None,
    given: Output,
) -> None:
    """Why a lumisection is good or not: flags, masks and neighbours.

    With --diff, or without LS, the answer is in groups of one cause each. With --format
    or --output, rows are written: one for the lumisection, or one a range.

    Example: oms why 306458 44 --instance demo
    """
    from omskit.cli import verdicts
    from omskit.cli.output import prose_width, show, write
    from omskit.table.view import Line

    if (diff is None) == (run is None):
        message = "Give RUN, RUN and LS, or --diff A B: oms why 306458 44."
        raise UsageError(message)
    with client_for(given) as oms:
        if diff is not None:
            causes, head = _differences(oms, *diff, quiet=given.quiet), ""
        else:
            assert run is not None
            masks = {short_name(m): load_mask(m, quiet=given.quiet) for m in mask or ()}
            masks = masks or _own(oms, run)
            table = of_run(oms.lumisections(run), run)
            if lumisection is None:
                causes, head = _of_run(run, table, masks)
    wants_rows = given.format is not None or given.output is not None
    width = prose_width()
    if lumisection is not None and run is not None:
        from omskit.lumi import why as find_out

        verdict = find_out(run, lumisection, table, masks)
        rows, lines = verdicts.verdict_table, verdicts.verdict_lines
        if wants_rows:
            write(rows(verdict), given)
        else:
            show([Line(line) for line in lines(verdict, width)])
        return
    if wants_rows:
        write(verdicts.cause_table(causes), given)
    elif not causes:
        show(
            [
                Line(
                    f"{head}nothing differs."
                    if head
                    else "The two masks do not differ."
                )
            ]
        )
    else:
        show([Line(line) for line in verdicts.cause_lines(causes, head, width)])


def _differences(oms: Client, a: str, b: str, *, quiet: bool) -> list[Cause]:
    from omskit.cli.verdicts import merged
    from omskit.lumi import why_differ

    masks = load_mask(a, quiet=quiet), load_mask(b, quiet=quiet)
    runs = (masks[0] ^ masks[1]).runs
    if not runs.size:
        return []
    table = oms.lumisections(runs.tolist())
    return merged(why_differ(*masks, table, names=two_names(a, b)))


def _of_run(
    run: int, table: Table, masks: dict[str, LumiMask]
) -> tuple[list[Cause], str]:
    """What cms_active and each mask see differently."""
    from omskit.cli.verdicts import merged
    from omskit.lumi import dcs_mask, why_differ

    if not masks:
        message = "--mask FILE is needed: the certification file to compare with."
        raise UsageError(message)
    active = dcs_mask(table, "cms_active").good
    groups = [
        group
        for name, mask in masks.items()
        for group in why_differ(
            active, mask.restrict(run), table, names=("cms_active", name)
        )
    ]
    return merged(groups), f"Run {run}, cms_active and {', '.join(masks)}: "


def _own(oms: Client, run: int) -> dict[str, LumiMask]:
    """The masks that come with the demo; none elsewhere."""
    from omskit.lumi import LumiMask

    if oms.instance.name != "demo":
        return {}
    folder = files("omskit.demo") / "certification"
    golden = [
        LumiMask.from_json((folder / f"json_GOLDEN_{year}.txt").read_text("utf-8"))
        for year in (2017, 2018)
    ]
    masks = {"DCS-only": read_dcs(oms, None), "golden": golden[0] | golden[1]}
    return {name: mask.restrict(run) for name, mask in masks.items()}
