"""The options that several commands share, each written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from omskit.cli.completion import (
    complete_field,
    complete_fields,
    complete_instance,
    complete_resource,
    complete_sort,
)
from omskit.cli.times import right_now, spoken
from omskit.errors import UsageError


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Granularity(StrEnum):
    """What one row of a rate table stands for."""

    LUMISECTION = "lumisection"
    RUN = "run"


InstanceOption = Annotated[
    str | None,
    typer.Option(
        "--instance",
        "-i",
        metavar="NAME|URL",
        help="Whom to ask: production, integration, development, p5, demo or a URL; of "
        "several, with commas, the first that answers. Else OMSKIT_INSTANCE, the "
        "configuration file, production.",
        autocompletion=complete_instance,
    ),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH",
        help="Ask the store in this folder instead of a service.",
        show_default=False,
    ),
]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress and no warnings on stderr."),
]
ProgressOption = Annotated[
    bool | None,
    typer.Option(
        "--progress/--no-progress",
        help="Show how far a long fetch is; by default where stderr is a terminal.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write there instead of to stdout; its ending chooses the format.",
    ),
]
FormatOption = Annotated[
    Format | None,
    typer.Option("--format", "-f", help="How to write; a table for humans by default."),
]
AllRowsOption = Annotated[
    bool,
    typer.Option("--all-rows", help="Show every row of a long table on a terminal."),
]
SpreadsheetOption = Annotated[
    bool,
    typer.Option(
        "--spreadsheet",
        help="In CSV, put a ' before texts that begin with = + - @, which spreadsheets "
        "take for formulas.",
    ),
]
DcsOption = Annotated[
    Path | None,
    typer.Option(
        "--dcs",
        metavar="FILE",
        help="The DCS-only certification file; the demo brings its own.",
    ),
]
RunsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUNS",
        help="297050, 315190-315290, 315190- or 297050,297056.",
        show_default=False,
    ),
]
OneRunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="One run, 297050, or latest.")
]
MaybeRunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN", help="One run, 297050, or latest.", show_default=False
    ),
]
RunArgument = Annotated[int, typer.Argument(metavar="RUN", help="One run, 297050.")]
ResourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="RESOURCE",
        help="As OMS names it, such as runs or deadtimes; 'oms fields' lists them.",
        autocompletion=complete_resource,
    ),
]


JsonOption = Annotated[bool, typer.Option("--json", help="Short for --format json.")]


@dataclass(frozen=True, slots=True)
class Output:
    """How an answer is shown."""

    instance: InstanceOption = None
    store: StoreOption = None
    format: FormatOption = None
    json: JsonOption = False
    output: OutputOption = None
    all_rows: AllRowsOption = False
    spreadsheet: SpreadsheetOption = False
    quiet: QuietOption = False
    progress: ProgressOption = None

    def __post_init__(self) -> None:
        """Read the short form of a format.

        Raises:
            UsageError: Another format is given as well.
        """
        if not self.json:
            return
        if self.format not in {None, Format.JSON}:
            message = f"--json and --format {self.format} contradict each other."
            raise UsageError(message)
        object.__setattr__(self, "format", Format.JSON)  # it is frozen

    @property
    def asks(self) -> str | None:
        """Who is asked: the name of a service or store; None: the user's choice.

        Raises:
            UsageError: Two are named.
        """
        if self.store is None:
            return self.instance
        if self.instance is not None:
            message = (
                f"--store {self.store} and --instance {self.instance} name two places "
                "to ask; leave one out."
            )
            raise UsageError(message)
        return f"store:{self.store}"


@dataclass(frozen=True, slots=True)
class Asked(Output):
    """What is asked for, and how the answer is shown."""

    fill: Annotated[
        str | None,
        typer.Option(metavar="FILL", help="What belongs to a fill, or 5838-5840."),
    ] = None
    era: Annotated[
        str | None, typer.Option(metavar="ERA", help="An era, such as 2017B.")
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Started then or later; UTC, 2017-06-16, yesterday or -8h.",
        ),
    ] = None
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Started then or earlier; UTC.")
    ] = None
    last: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The newest N.")
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Such as 'l1_rate > 1000'; give it again to require more. Operators: "
            "= != < <= > >= ~ (LIKE) has in matches; null is a missing value.",
            autocompletion=complete_field,
        ),
    ] = None
    fields: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Only these columns, in this order.",
            autocompletion=complete_fields,
        ),
    ] = None
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="A,-B",
            help="By these columns; - for descending.",
            autocompletion=complete_sort,
        ),
    ] = None
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="At most N rows.")
    ] = None
    allow_partial: Annotated[
        bool,
        typer.Option(
            "--allow-partial",
            help="Write what did arrive where rows are missing, and exit with 5.",
        ),
    ] = False

    def question(self) -> dict[str, Any]:
        """The keywords for a shortcut of the client."""
        found = selected(
            fill=self.fill, era=self.era, since=self.since, until=self.until
        )
        others = {"last": self.last, "fields": self.fields, "limit": self.limit}
        found |= {key: value for key, value in others.items() if value is not None}
        if self.where:
            found["where"] = self.where
        if self.sort:
            found["sort"] = self.sort
        return found


@cache
def _options_of(bundle: type[Any]) -> Mapping[str, inspect.Parameter]:
    # Once for all that share it: reading the texts of 19 types takes 1 ms.
    return inspect.signature(bundle, eval_str=True).parameters


def sharing(
    bundle: type[Any],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of *bundle*, and its function the filled bundle.

    The function takes its own parameters and one named ``given``.
    """
    shared = _options_of(bundle)  # type: ignore[arg-type]  # types can be hashed

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name != "given"]

        def command(**values: Any) -> None:
            options = {name: values.pop(name) for name in shared}
            function(**values, given=bundle(**options))

        keyword = inspect.Parameter.KEYWORD_ONLY
        everything = [p.replace(kind=keyword) for p in (*own, *shared.values())]
        vars(command).update(
            __name__=function.__name__,
            __doc__=function.__doc__,
            __module__=function.__module__,
            __signature__=signature.replace(parameters=everything),
        )
        command.__name__ = function.__name__
        command.__doc__ = function.__doc__
        command.__annotations__ = {p.name: p.annotation for p in everything}
        return command

    return decorate


def runs_text(runs: list[str] | None) -> str | None:
    """The positional selectors as the one text that the client takes.

    Example:
        >>> runs_text(["297050", "315190-315290"])
        '297050,315190-315290'
    """
    return ",".join(runs) if runs else None


def selected(**said: str | None) -> dict[str, Any]:
    """What selects runs, of what was said: the keywords for a client.

    Args:
        said: ``fill``, ``era``, ``since``, ``until``; times may be spoken, as in
            ``yesterday``.
    """
    return {
        name: spoken(text, right_now()) if text and name in {"since", "until"} else text
        for name, text in said.items()
        if text is not None
    }
