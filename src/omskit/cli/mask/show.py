"""``oms mask show``: what is in a mask, or the mask in another form."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.mask.files import head_line, load_mask
from omskit.cli.mask.options import MaskArgument
from omskit.cli.options import QuietOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.lumi import LumiMask


class As(StrEnum):
    """How a mask is shown."""

    SUMMARY = "summary"
    JSON = "json"
    CMSSW = "cmssw"
    BLOCK = "block"
    CSV = "csv"
    CRAB = "crab"
    CPP = "cpp"


def show(
    mask: MaskArgument,
    *,
    how: Annotated[
        As,
        typer.Option(
            "--as",
            help="summary; json as CMSSW prints it; cmssw (run:ls-run:ls); block, a "
            "VLuminosityBlockRange; csv; crab, lines of its configuration; cpp, a "
            "header for RDataFrame.",
        ),
    ] = As.SUMMARY,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The function in the C++ header.")
    ] = "golden",
    quiet: QuietOption = False,
) -> None:
    """What is in a mask, or the mask in another form.

    Example: oms mask show golden.json --as cmssw
    """
    found = load_mask(mask, quiet=quiet)
    typer.echo(_SHOWN[how](found, mask, name))


def _summary(mask: LumiMask, source: str, _name: str) -> str:
    lines = [head_line(mask, source)]
    for run, spans in mask.to_dict(strict=False).items():
        texts = (f"{a}" if a == b else f"{a}-{b or 'open'}" for a, b in spans)
        lines.append(f"  {run}: {' '.join(texts)}")
    return "\n".join(lines)


def _csv(mask: LumiMask, _source: str, _name: str) -> str:
    rows = (f"{run},{a},{'' if b is None else b}" for run, a, b in mask.ranges())
    head = "run_number,first_lumisection_number,last_lumisection_number"
    return "\n".join([head, *rows])


def _crab(mask: LumiMask, source: str, _name: str) -> str:
    from omskit.lumi import to_crab

    return to_crab(mask, "mask.json" if source == "-" else source)


_SHOWN: dict[As, Callable[[LumiMask, str, str], str]] = {
    As.SUMMARY: _summary,
    As.JSON: lambda mask, _source, _name: mask.to_json(),
    As.CMSSW: lambda mask, _source, _name: mask.to_cmssw(),
    As.BLOCK: lambda mask, _source, _name: mask.to_cmssw(block=True),
    As.CSV: _csv,
    As.CRAB: _crab,
    As.CPP: lambda mask, _source, name: mask.to_cpp(name),
}
