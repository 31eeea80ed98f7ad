"""``oms dcs-check``: is ``cms_active`` what the DCS-only file says?"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import ANSWER_IS_NO
from omskit.cli.lines import folded
from omskit.cli.options import DcsOption, Format, OneRunArgument, Output, sharing
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.client import Client
    from omskit.lumi import LumiMask
    from omskit.lumi.dcs import DcsCheck


@sharing(Output)
def dcs_check(run: OneRunArgument, *, dcs: DcsOption = None, given: Output) -> None:
    """Is cms_active what the DCS-only file says?

    Every lumisection of a run is compared. The exit code is 0 where the two agree and 1
    where they do not. With --output or --format, the lumisections are written too.

    Example: oms dcs-check 306458 --instance demo
    """
    from omskit.cli.output import prose_width

    with client_for(given) as oms:
        mask = read_dcs(oms, dcs)
        check = oms.dcs_check(run, mask)
    wants_rows = given.output is not None or given.format is not None
    if wants_rows:
        from omskit.cli.output import write

        write(check.table, given)
    on_stdout = given.output is None and given.format not in {None, Format.TABLE}
    typer.echo(report(check, prose_width()), err=on_stdout)
    if not check.agree:
        raise typer.Exit(ANSWER_IS_NO)


def report(check: DcsCheck, width: int) -> str:
    """What the check found: one line, and one for each kind of lumisection."""
    lines = folded(str(check), width)
    for what, found in (
        ("they differ", check.differing),
        ("cms_active unknown", check.unknown),
        ("only in the mask", check.missing),
    ):
        if found:
            lines += folded(f"  {what}: {ranges(found)}", width)
    return "\n".join(lines)


def read_dcs(oms: Client, path: Path | None) -> LumiMask:
    """The mask in a file; the demo's own where none is named.

    Raises:
        UsageError: No file was named, and the service is not the demo.
    """
    from omskit.lumi import LumiMask
    from omskit.lumi.files import read_mask

    if path is not None:
        return read_mask(path)
    if oms.instance.name != "demo":
        message = (
            "--dcs FILE is needed: the DCS-only certification file to compare with."
        )
        raise UsageError(message)
    folder = files("omskit.demo") / "certification"
    masks = [
        LumiMask.from_json((folder / f"json_DCSONLY_{year}.txt").read_text("utf-8"))
        for year in (2017, 2018)
    ]
    return masks[0] | masks[1]


def ranges(numbers: tuple[int, ...]) -> str:
    """Numbers as ranges.

    Example:
        >>> ranges((18, 19, 36))
        '18-19 36'
    """
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return " ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in parts)
