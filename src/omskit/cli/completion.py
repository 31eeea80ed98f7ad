"""What the shell offers where TAB is pressed: from the catalogue, without a network.

Lists with commas are completed at their last name; what stands before it is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS_OF = {
    "runs": "runs",
    "lumisections": "lumisections",
    "fills": "fills",
    "l1-rates": "l1triggerrates",
    "hlt-rates": "hltpathrates",
    "l1-algorithms": "l1algorithmtriggers",
    "follow": "lumisections",
    "plot": "lumisections",
    "filter": "lumisections",
    "make": "lumisections",
    "from-oms": "lumisections",
}
"""The resource whose fields a command names."""

FIGURES = {"l1-rates": "l1triggerrates"}
"""The resource of a figure, where it is not that of the lumisections."""


def complete_instance(incomplete: str) -> list[str]:
    """Names of services that begin like *incomplete*, configured ones too."""
    from omskit.config import INSTANCES, instance_names
    from omskit.errors import ConfigError

    try:
        names = instance_names()
    except ConfigError:
        names = list(INSTANCES)  # A broken file is told when a command runs.
    return _beginning(names, incomplete)


def complete_resource(incomplete: str) -> list[str]:
    """Names of resources that begin like *incomplete*."""
    from omskit.schema import bundled

    return _beginning(bundled(), incomplete)


def complete_resources(incomplete: str) -> list[str]:
    """The same in a list with commas."""
    from omskit.schema import bundled

    return _in_list(bundled(), incomplete)


def complete_fields(ctx: typer.Context, incomplete: str) -> list[str]:
    """Fields of the resource that the command asks for, in a list with commas."""
    return _in_list(_fields(ctx), incomplete)


def complete_field(ctx: typer.Context, incomplete: str) -> list[str]:
    """One field, as a condition begins with."""
    return _beginning(_fields(ctx), incomplete)


def complete_flag(ctx: typer.Context, incomplete: str) -> list[str]:
    """Fields that are on or off."""
    from omskit.schema import bundled

    resource = bundled()[_resource(ctx)]
    return _beginning((f.name for f in resource.fields if f.kind == "bool"), incomplete)


def complete_sort(ctx: typer.Context, incomplete: str) -> list[str]:
    """Fields in a list with commas, each with a minus where one was typed."""
    before, comma, last = incomplete.rpartition(",")
    sign = "-" if last.startswith("-") else ""
    return [
        f"{before}{comma}{sign}{name}"
        for name in _beginning(_fields(ctx), last.removeprefix("-"))
    ]


def complete_path(incomplete: str) -> list[str]:
    """HLT paths without their versions, of the menu that the demo has (2017)."""
    from omskit.demo.facts import hlt_paths

    names = (name.rpartition("_v")[0] or name for name in hlt_paths())
    return _beginning(names, incomplete)


def complete_algorithm(incomplete: str) -> list[str]:
    """Level-1 algorithms of the menu that the demo has (2017)."""
    from omskit.demo.l1bits import menu

    return _beginning((name for _, name, *_ in menu(run3=False)), incomplete)


def _fields(ctx: typer.Context) -> list[str]:
    from omskit.schema import bundled

    resource = _resource(ctx)
    found = [f.name for f in bundled()[resource].fields] if resource else []
    return [*found, "news"] if ctx.info_name == "follow" else found


def _resource(ctx: typer.Context) -> str:
    """The resource of a command; empty where it names none that is known."""
    from omskit.schema import bundled

    named = ctx.params.get("resource")
    if isinstance(named, str):
        return named if named in bundled() else ""
    figure = FIGURES.get(str(ctx.params.get("what")))
    return figure or ROWS_OF.get(ctx.info_name or "", "")


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _in_list(names: Iterable[str], incomplete: str) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    said = set(before.split(","))
    left = (name for name in names if name not in said)
    return [f"{before}{comma}{name}" for name in _beginning(left, last)]
