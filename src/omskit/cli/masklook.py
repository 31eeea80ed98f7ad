"""``oms mask show``, ``lint`` and ``identify``: what a certification file holds."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import ANSWER_IS_NO
from omskit.cli.maskfiles import head_line, load_content, load_mask, short_name
from omskit.cli.maskoptions import AsJsonOption, MaskArgument, MasksArgument
from omskit.cli.options import InstanceOption, Output, QuietOption

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


def lint(masks: MasksArgument) -> None:
    """Whether files are as CMSSW would write them; the exit code is 1 where not.

    Order of ranges, overlaps, odd keys, open ends and line ends are looked at, blanks
    are not.

    Example: oms mask lint dcs.json
    """
    clean = True
    for source in masks:
        mask = load_mask(source, quiet=True)
        typer.echo(
            head_line(mask, source) + ("" if mask.notes else ", nothing to mend")
        )
        for note in mask.notes:
            typer.echo(f"  {note}")
        clean = clean and not mask.notes
    if not clean:
        raise typer.Exit(ANSWER_IS_NO)


def identify_files(
    masks: MasksArgument,
    *,
    eras: Annotated[
        bool, typer.Option("--eras", help="Ask OMS for the eras of the runs.")
    ] = False,
    as_json: AsJsonOption = False,
    instance: InstanceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Which files these are: hash, counts, years, and the official file it is, if any.

    Example: oms mask identify Cert_Collisions2022_355100_362760_Golden.json
    """
    from omskit.lumi import LumiMask, identify

    found = []
    for source in masks:
        content = load_content(source)
        raw = content.encode() if isinstance(content, str) else content
        mask = LumiMask.from_json(raw)
        runs = None
        if eras and mask:
            with client_for(Output(instance=instance, quiet=quiet)) as oms:
                runs = oms.runs(mask.runs.tolist(), fields=["run_number", "era"])
        name = "" if source == "-" else short_name(source)
        found.append(identify(mask, name=name, content=raw, runs=runs))
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in found], indent=1))
        return
    typer.echo("\n\n".join(str(one) for one in found))
