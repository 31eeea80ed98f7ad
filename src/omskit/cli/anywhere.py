"""Options before the command, as in ``oms -i demo runs 297050``.

Typer knows options of the program and options of a command, and a tired person does not
care which is which. What stands before the command is moved behind it, where it is
checked as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

VALUED = frozenset({"--instance", "-i", "--format", "-f", "--output", "-o"})
FLAGS = frozenset(
    {
        "--quiet", "-q", "--json", "--all-rows", "--progress", "--no-progress",
        "--allow-partial", "--spreadsheet",
    }
)  # fmt: skip


def behind_the_command(
    arguments: Sequence[str], groups: Collection[str] = ()
) -> list[str]:
    """The arguments with shared options moved behind the command.

    Args:
        groups: Commands that have commands of their own.

    Example:
        >>> behind_the_command(["-i", "demo", "mask", "show", "a.json"], {"mask"})
        ['mask', 'show', '-i', 'demo', 'a.json']
    """
    moved: list[str] = []
    rest = list(arguments)
    while rest:
        name, equals, _ = rest[0].partition("=")
        if name in FLAGS:
            moved.append(rest.pop(0))
        elif name in VALUED and (equals or len(rest) > 1):
            moved += [rest.pop(0)] if equals else [rest.pop(0), rest.pop(0)]
        else:
            break
    if not moved or not rest or rest[0].startswith("-"):
        return list(arguments)
    depth = 2 if rest[0] in groups else 1
    return [*rest[:depth], *moved, *rest[depth:]]
