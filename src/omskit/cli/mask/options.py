"""The arguments and options that the commands of ``oms mask`` share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from omskit.cli.options import InstanceOption, Output, ProgressOption, QuietOption

MaskArgument = Annotated[
    str,
    typer.Argument(
        metavar="MASK",
        help="Certification file, URL of one, or - for stdin.",
        show_default=False,
    ),
]
MasksArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="MASK...",
        help="Certification files, URLs of them, or - for stdin.",
        show_default=False,
    ),
]
FillOption = Annotated[
    str | None, typer.Option(metavar="FILL", help="The lumisections of a fill.")
]
EraOption = Annotated[
    str | None, typer.Option(metavar="ERA", help="Those of an era, such as 2017B.")
]
MaskOutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write there instead of to stdout."
    ),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace a file that is there.")
]
ProvenanceOption = Annotated[
    bool,
    typer.Option(
        "--provenance", help="Write where it comes from beside FILE; needs --output."
    ),
]
OpenEndsOption = Annotated[
    bool,
    typer.Option(
        "--open-ends", help="Write open ends as [a, 0], which not all tools read."
    ),
]
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
AsJsonOption = Annotated[bool, typer.Option("--json", help="Write it as JSON.")]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a mask is written to."""

    output: MaskOutputOption = None
    overwrite: OverwriteOption = False
    provenance: ProvenanceOption = False


@dataclass(frozen=True, slots=True)
class KeptOfFiles(Kept):
    """Where a mask made of others is written to."""

    open_ends: OpenEndsOption = False
    quiet: QuietOption = False


@dataclass(frozen=True, slots=True)
class KeptOfBoth(KeptOfFiles):
    """Where a mask made of another is written to, and whom to ask about its runs."""

    instance: InstanceOption = None
    progress: ProgressOption = None

    @property
    def asked(self) -> Output:
        """The same as the options of a command that shows what it asked for."""
        return Output(instance=self.instance, quiet=self.quiet, progress=self.progress)


@dataclass(frozen=True, slots=True)
class KeptOfService(Kept):
    """Where a mask made of the flags of a service is written to, and whom to ask."""

    instance: InstanceOption = None
    quiet: QuietOption = False
    progress: ProgressOption = None

    @property
    def asked(self) -> Output:
        """The same as the options of a command that shows what it asked for."""
        return Output(instance=self.instance, quiet=self.quiet, progress=self.progress)
