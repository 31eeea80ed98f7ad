"""``oms mask``: certification files shown, combined, compared, checked and made."""

from __future__ import annotations

import json
from enum import StrEnum
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import ANSWER_IS_NO, INCOMPLETE
from omskit.cli.maskfiles import (
    MaskArgument,
    MaskOutputOption,
    MasksArgument,
    OpenEndsOption,
    OverwriteOption,
    ProvenanceOption,
    deliver_mask,
    load_content,
    load_mask,
    short_name,
    two_names,
)
from omskit.cli.options import (
    InstanceOption,
    Output,
    ProgressOption,
    QuietOption,
    RunsArgument,
    runs_text,
    sharing,
)
from omskit.errors import MaskError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.client import Client
    from omskit.lumi import Comparison, LumiMask

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Certification files: which lumisections are good.\n\n"
    "Example: oms mask and golden.json mine.json --output both.json",
)


class As(StrEnum):
    """How a mask is shown."""

    SUMMARY = "summary"
    JSON = "json"
    CMSSW = "cmssw"
    BLOCK = "block"
    CSV = "csv"
    CRAB = "crab"
    CPP = "cpp"


class By(StrEnum):
    """What one row of luminosity stands for."""

    RUN = "run"
    FILL = "fill"
    ERA = "era"


BrilcalcOption = Annotated[
    Path | None,
    typer.Option(
        "--brilcalc", metavar="CSV", help="Luminosity from there instead of from OMS."
    ),
]
PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw it too: .png, .pdf or .svg."),
]


@app.command("show")
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
    lines = [_head(mask, source)]
    for run, spans in mask.to_dict(strict=False).items():
        texts = (f"{a}" if a == b else f"{a}-{b or 'open'}" for a, b in spans)
        lines.append(f"  {run}: {' '.join(texts)}")
    return "\n".join(lines)


def _head(mask: LumiMask, source: str) -> str:
    count = "open" if mask.is_open else len(mask)
    ranges = mask.to_arrow().num_rows
    return (
        f"{short_name(source)}: {count} lumisections in {ranges} ranges of "
        f"{mask.runs.size} runs"
    )


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


def _combining(
    word: str, operation: Callable[[LumiMask, LumiMask], LumiMask], text: str
) -> None:
    """Register a command that makes one mask of several."""

    def command(
        masks: MasksArgument,
        *,
        output: MaskOutputOption = None,
        overwrite: OverwriteOption = False,
        provenance: ProvenanceOption = False,
        open_ends: OpenEndsOption = False,
        quiet: QuietOption = False,
    ) -> None:
        if len(masks) < 2:
            message = f"'oms mask {word}' takes two masks or more, got {len(masks)}."
            raise UsageError(message)
        if masks.count("-") > 1:
            message = "Only one mask can come from stdin (-)."
            raise UsageError(message)
        found = [load_mask(mask, quiet=quiet) for mask in masks]
        deliver_mask(
            reduce(operation, found).good,
            output,
            _made_by(word, masks, found),
            overwrite=overwrite,
            provenance=provenance,
            open_ends=open_ends,
        )

    command.__doc__ = text
    app.command(word)(command)


def _made_by(word: str, names: list[str], masks: list[LumiMask]) -> dict[str, Any]:
    """The provenance of a mask made from others."""
    from omskit.lumi import canonical_hash

    inputs = [
        {"file": short_name(name), "canonical_sha256": canonical_hash(mask)}
        for name, mask in zip(names, masks, strict=True)
    ]
    return {"operation": word, "inputs": inputs}


_combining(
    "and",
    lambda a, b: a & b,
    """What is in all of the masks.

    Example: oms mask and golden.json dcs.json --output both.json
    """,
)
_combining(
    "or",
    lambda a, b: a | b,
    """What is in any of the masks.

    Example: oms mask or 2017.json 2018.json
    """,
)
_combining(
    "sub",
    lambda a, b: a - b,
    """What is in the first mask and in none of the others.

    Example: oms mask sub dcs.json golden.json
    """,
)
_combining(
    "xor",
    lambda a, b: a ^ b,
    """What is in one of two masks and not in the other.

    Example: oms mask xor mine.json golden.json
    """,
)


@app.command("diff")
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
        from omskit.plot.masks import mask_comparison
        from omskit.plot.style import save

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


@app.command("lint")
def lint(masks: MasksArgument) -> None:
    """Whether files are as CMSSW would write them; the exit code is 1 where not.

    Order of ranges, overlaps, odd keys, open ends and line ends are looked at, blanks
    are not.

    Example: oms mask lint dcs.json
    """
    clean = True
    for source in masks:
        mask = load_mask(source, quiet=True)
        typer.echo(_head(mask, source) + ("" if mask.notes else ", nothing to mend"))
        for note in mask.notes:
            typer.echo(f"  {note}")
        clean = clean and not mask.notes
    if not clean:
        raise typer.Exit(ANSWER_IS_NO)


@app.command("filter")
def filter_runs(
    mask: MaskArgument,
    runs: RunsArgument = None,
    *,
    drop: Annotated[
        bool, typer.Option("--not", help="Leave these runs out instead.")
    ] = False,
    output: MaskOutputOption = None,
    overwrite: OverwriteOption = False,
    provenance: ProvenanceOption = False,
    open_ends: OpenEndsOption = False,
    quiet: QuietOption = False,
) -> None:
    """The part of a mask within some runs.

    Example: oms mask filter golden.json 297050-297056
    """
    chosen = runs_text(runs)
    if chosen is None:
        message = "Which runs? E.g. oms mask filter golden.json 297050-297056"
        raise UsageError(message)
    found = load_mask(mask, quiet=quiet)
    kept = found.restrict(chosen)
    facts = _made_by("filter", [mask], [found])
    deliver_mask(
        (found - kept).good if drop else kept,
        output,
        {**facts, "runs": f"not {chosen}" if drop else chosen},
        overwrite=overwrite,
        provenance=provenance,
        open_ends=open_ends,
    )


@app.command("identify")
def identify_files(
    masks: MasksArgument,
    *,
    eras: Annotated[
        bool, typer.Option("--eras", help="Ask OMS for the eras of the runs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write it as JSON.")] = False,
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


@app.command("from-oms")
def from_oms(
    runs: RunsArgument = None,
    *,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            "-r",
            metavar="A,B",
            help="Flags that must be on: pixel, tracker, ecal, hcal, muon, all, or "
            "columns such as cms_active, beams_stable, physics_flag. "
            "all,cms_active by default.",
        ),
    ] = None,
    fill: Annotated[
        str | None, typer.Option(metavar="FILL", help="The lumisections of a fill.")
    ] = None,
    era: Annotated[
        str | None, typer.Option(metavar="ERA", help="Those of an era, such as 2017B.")
    ] = None,
    output: MaskOutputOption = None,
    overwrite: OverwriteOption = False,
    provenance: ProvenanceOption = False,
    instance: InstanceOption = None,
    quiet: QuietOption = False,
    progress: ProgressOption = None,
) -> None:
    """A mask out of the flags of OMS; a flag that OMS does not know is not on.

    Example: oms mask from-oms 306458 --require cms_active --instance demo
    """
    from omskit.lumi import dcs_mask, provenance_of
    from omskit.lumi.building import flags_of

    given = Output(instance=instance, quiet=quiet, progress=progress)
    texts = ",".join(require or ["all,cms_active"])
    words = [word.strip() for word in texts.split(",")]
    if runs is None and fill is None and era is None:
        message = "Which runs? E.g. oms mask from-oms 297050, or --fill or --era."
        raise UsageError(message)
    fields = ["run_number", "lumisection_number", *flags_of(words)]
    chosen = {k: v for k, v in {"fill": fill, "era": era}.items() if v is not None}
    with client_for(given) as oms:
        table = oms.lumisections(runs_text(runs), fields=fields, **chosen)
    deliver_mask(
        dcs_mask(table, words).good,
        output,
        provenance_of(table, require=words),
        overwrite=overwrite,
        provenance=provenance,
        open_ends=False,
    )


@app.command("lumi")
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
