"""``oms follow``: the lumisections of a run, as they come."""

from __future__ import annotations

from typing import Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.options import InstanceOption, Output, QuietOption, RunArgument

FIELDS = "lumisection_number,news,init_lumi,delivered_lumi_per_lumisection,cms_active"


def follow(
    run: RunArgument,
    *,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="Between two looks.")
    ] = 23.3,
    fields: Annotated[
        str, typer.Option(metavar="A,B", help="Columns; 'news' says why a row is told.")
    ] = FIELDS,
    instance: InstanceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Lumisections of an ongoing run, one JSON object a line, until the run ends.

    A row is told when its lumisection is over (news: new, or late where later ones came
    first), and again where OMS revises it (news: revised). Ctrl-C ends it earlier.

    Example: oms follow 297050 --instance demo
    """
    import msgspec

    names = [name.strip() for name in fields.split(",") if name.strip()]
    given = Output(instance=instance, quiet=quiet, progress=False)
    with client_for(given) as oms:
        for table in oms.follow(run, every_s=every):
            columns = {name: table[name].to_pylist() for name in names}
            for row in zip(*columns.values(), strict=True):
                line = msgspec.json.encode(dict(zip(names, row, strict=True)))
                typer.echo(line.decode())
