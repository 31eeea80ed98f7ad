"""``oms mask identify``: which official file a file is."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from omskit.cli.asking import client_for
from omskit.cli.exits import tell
from omskit.cli.mask.files import load_content, short_name
from omskit.cli.mask.options import AsJsonOption, MasksArgument
from omskit.cli.options import InstanceOption, Output, QuietOption


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
    tell("\n\n".join(str(one) for one in found))
