"""``oms follow``: the lumisections of a run, as they come."""

from __future__ import annotations

import sys
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omskit.cli.asking import client_for
from omskit.cli.completion import complete_fields
from omskit.cli.options import InstanceOption, MaybeRunArgument, Output, QuietOption
from omskit.errors import UsageError
from omskit.query.spoken import LATEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.table import Table

FIELDS = "lumisection_number,news,init_lumi,delivered_lumi_per_lumisection,cms_active"
AGAIN = 20
"""Rows after which people see the header again."""
CAUGHT_UP = 10
"""Rows that people see of what was there before they looked."""


class Lines(StrEnum):
    """How the rows are told."""

    TABLE = "table"
    JSONL = "jsonl"


def follow(
    run: MaybeRunArgument = None,
    *,
    last: Annotated[
        bool, typer.Option("--last", help="The newest run, whichever that is.")
    ] = False,
    whole: Annotated[
        bool,
        typer.Option(
            "--from-start",
            help="On a terminal, show the whole run so far, not its last 10 rows only.",
        ),
    ] = False,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="Between two looks.")
    ] = 23.3,
    fields: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Columns; 'news' says why a row is told.",
            autocompletion=complete_fields,
        ),
    ] = FIELDS,
    form: Annotated[
        Lines | None,
        typer.Option(
            "--format",
            "-f",
            help="Columns for people, or JSON; by default columns on a terminal.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Short for --format jsonl.")
    ] = False,
    instance: InstanceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Lumisections of an ongoing run, one JSON object a line, until the run ends.

    A row is told when its lumisection is over (news: new, or late where later ones came
    first), and again where OMS revises it (news: revised). On a terminal the rows come
    in columns; of those that were there before, the last 10. Ctrl-C ends it earlier.

    Example: oms follow 297050 --instance demo
    """
    from omskit.schema import bundled

    if (run is None) == (not last):
        message = "Name one run, or --last: oms follow 297050, oms follow --last."
        raise UsageError(message)
    if as_json and form is Lines.TABLE:
        message = "--json and --format table contradict each other."
        raise UsageError(message)
    names = [name.strip() for name in fields.split(",") if name.strip()]
    for name in names:
        if name != "news":
            bundled()["lumisections"].columns_of(name)  # Refused before it is asked.
    asked = LATEST if run is None else run
    given = Output(instance=instance, quiet=quiet, progress=False)
    wants_json = form is Lines.JSONL or as_json
    for_people = form is Lines.TABLE or (sys.stdout.isatty() and not wants_json)
    with client_for(given) as oms:
        tell = (
            _in_columns(asked, None if whole else CAUGHT_UP) if for_people else _as_json
        )
        for table in oms.follow(asked, every_s=every):
            tell(table, names)


def _as_json(table: Table, names: list[str]) -> None:
    import msgspec

    columns = {name: table[name].to_pylist() for name in names}
    for row in zip(*columns.values(), strict=True):
        line = msgspec.json.encode(dict(zip(names, row, strict=True)))
        typer.echo(line.decode())


def _in_columns(asked: str, most: int | None) -> Callable[[Table, list[str]], None]:
    """Tells rows below a header, which comes again now and then.

    Columns are as wide as their header from the first row on: what is to come is not
    known, and rows that are told already cannot be moved.

    Args:
        asked: The run, as it was asked for.
        most: How many of the rows that were there before are shown; None: all.
    """
    from omskit.table.view import cell_text

    told = count()
    looks = count()

    def tell(table: Table, names: list[str]) -> None:
        units = table.units
        heads = [_head(name, units.get(name)) for name in names]
        widths = [max(len(head), 9) for head in heads]
        before = 0
        if next(looks) == 0:
            before = max(len(table) - most, 0) if most is not None else 0
            left = (
                f"; {before} lumisections before these: --from-start" if before else ""
            )
            number = table["run_number"][0] if len(table) else asked
            typer.echo(f"Run {number}{left}")
        for row in table[before:][names]:
            if next(told) % AGAIN == 0:
                typer.echo(_joined(heads, widths))
            cells: list[Any] = [cell_text(value) for value in row.values()]
            typer.echo(_joined(cells, widths))

    return tell


SHORT = {
    "lumisection_number": "LS",
    "delivered_lumi_per_lumisection": "delivered",
    "recorded_lumi_per_lumisection": "recorded",
    "first_lumisection_number": "LS",
}


def _head(name: str, unit: str | None) -> str:
    short = SHORT.get(name, name)
    return f"{short} [{unit}]" if unit else short


def _joined(cells: list[str], widths: list[int]) -> str:
    pairs = zip(cells, widths, strict=True)
    return "  ".join(cell.rjust(width) for cell, width in pairs)
