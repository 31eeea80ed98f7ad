"""Options that several commands of ``oms trigger`` share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.completion import complete_path
from omskit.errors import SelectorError

if TYPE_CHECKING:
    from omskit.trigger import Fit


class Kind(StrEnum):
    """What is counted."""

    HLT = "hlt"
    L1 = "l1"
    STREAMS = "streams"
    DATASETS = "datasets"


PathOption = Annotated[
    list[str] | None,
    typer.Option(
        "--path",
        "-p",
        metavar="PATTERN",
        help="Names and patterns, with or without version: 'HLT_Mu50', 'HLT_*'; more "
        "with commas, or by giving it again. All by default.",
        autocompletion=complete_path,
    ),
]
MaskOption = Annotated[
    Path | None,
    typer.Option(
        "--mask", metavar="FILE", help="Only lumisections of this certification file."
    ),
]
LiveOption = Annotated[
    str,
    typer.Option(
        help="What unprescaled rates are corrected by: the live fraction by "
        "luminosity, by deadtime, or none."
    ),
]
RuleOption = Annotated[
    str,
    typer.Option(
        help="For seeds of several bits: nested, lower, upper, ratemon, brilcalc, "
        "brilcalc-earlier."
    ),
]
FitOption = Annotated[
    Path | None,
    typer.Option("--fit", metavar="FILE", help="What 'oms trigger fit --save' wrote."),
]
WindowOption = Annotated[
    int,
    typer.Option(metavar="N", min=1, help="Lumisections that are looked at together."),
]
FalseAlarmsOption = Annotated[
    float,
    typer.Option(
        metavar="CHANCE", help="That a quiet run gives any alert, over all paths."
    ),
]


def selection(runs: list[str] | None, mask: Path | None, *, quiet: bool) -> Any:
    """Runs as text, or the part of a mask that is in them.

    Raises:
        SelectorError: Neither was given.
    """
    from omskit.cli.options import runs_text

    text = runs_text(runs)
    if mask is None:
        if text is None:
            message = "Which runs? Give RUNS, as in 297050 or 297050-297056, or --mask."
            raise SelectorError(message)
        return text
    from omskit.cli.mask.files import load_mask

    found = load_mask(str(mask), quiet=quiet)
    return found if text is None else found.restrict(text)


def patterns(path: list[str] | None) -> list[str]:
    """The patterns that were given; all paths where none was.

    Example:
        >>> patterns(["HLT_Mu50,HLT_Iso*"]), patterns(None)
        (['HLT_Mu50', 'HLT_Iso*'], ['*'])
    """
    from omskit.trigger.columns import patterns_of

    return patterns_of(path or "*")


def read_fit(path: Path) -> Fit:
    """The fit in a file."""
    from omskit.trigger import Fit

    return Fit.read(path)
