"""``oms why``: what speaks for and against a lumisection."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for, of_run
from omskit.cli.dcs import read_dcs
from omskit.cli.mask.files import load_mask, short_name, two_names
from omskit.cli.options import InstanceOption, Output, ProgressOption, QuietOption
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.lumi import LumiMask
    from omskit.table import Table


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
    instance: InstanceOption = None,
    quiet: QuietOption = False,
    progress: ProgressOption = None,
) -> None:
    """Why a lumisection is good or not: flags, masks and neighbours.

    With --diff, or without LS, the answer is in groups of one reason each.

    Example: oms why 306458 44 --instance demo
    """
    given = Output(instance=instance, quiet=quiet, progress=progress)
    if (diff is None) == (run is None):
        message = "Give RUN, RUN and LS, or --diff A B: oms why 306458 44."
        raise UsageError(message)
    with client_for(given) as oms:
        if diff is not None:
            lines = _differences(oms, *diff, quiet=quiet)
        else:
            assert run is not None
            masks = {short_name(m): load_mask(m, quiet=quiet) for m in mask or ()}
            masks = masks or _own(oms, run)
            table = of_run(oms.lumisections(run), run)
            lines = (
                _of_run(run, table, masks)
                if lumisection is None
                else [_verdict(run, lumisection, table, masks)]
            )
    typer.echo("\n".join(lines))


def _verdict(
    run: int, lumisection: int, table: Table, masks: dict[str, LumiMask]
) -> str:
    from omskit.lumi import why as find_out

    return str(find_out(run, lumisection, table, masks))


def _differences(oms: Client, a: str, b: str, *, quiet: bool) -> list[str]:
    masks = load_mask(a, quiet=quiet), load_mask(b, quiet=quiet)
    runs = (masks[0] ^ masks[1]).runs
    if not runs.size:
        return ["The two masks do not differ."]
    table = oms.lumisections(runs.tolist())
    return _groups(masks, table, two_names(a, b))


def _of_run(run: int, table: Table, masks: dict[str, LumiMask]) -> list[str]:
    """What cms_active and each mask see differently."""
    from omskit.lumi import dcs_mask

    if not masks:
        message = "--mask FILE is needed: the certification file to compare with."
        raise UsageError(message)
    active = dcs_mask(table, "cms_active").good
    lines = []
    for name, mask in masks.items():
        pair = active, mask.restrict(run)
        lines.append(f"Run {run}, cms_active and {name}:")
        lines += [f"  {line}" for line in _groups(pair, table, ("cms_active", name))]
    return lines


def _groups(
    masks: tuple[LumiMask, LumiMask], table: Any, names: tuple[str, str]
) -> list[str]:
    from omskit.lumi import why_differ

    found = why_differ(*masks, table, names=names)
    total = sum(len(group.lumisections) for group in found)
    noun = "lumisection differs" if total == 1 else "lumisections differ"
    return [f"{total} {noun}", *(str(group) for group in found)]


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
