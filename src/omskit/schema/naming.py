"""Columns of what the catalogue does not know, named alike on every page.

A name depends on the attribute and on the catalogue alone, never on what else a page
holds: two pages would call two things by one name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

_SIGNS = str.maketrans(
    {"@": "\N{FULLWIDTH COMMERCIAL AT}", ".": "\N{ONE DOT LEADER}"},
)
"""Columns of our own have an ``@`` in their names and parts of nested values a dot, so
attributes of the service have neither: one called ``X@unit`` is no unit of X, and one
called ``x.y`` is no part of x.
"""


def new_name(attribute: str, taken: Container[str]) -> str:
    """The column of an attribute that the catalogue does not know.

    Args:
        taken: The columns that it knows.

    Example:
        >>> new_name("x", ()), new_name("x", {"x"}), "@" in new_name("x@unit", ())
        ('x', 'attributes.x', False)
    """
    return free_name(attribute.translate(_SIGNS), taken)


def part_name(name: str, part: str, taken: Container[str] = ()) -> str:
    """The column of a part of a nested value that the catalogue does not know.

    Args:
        name: The column that the nested value would have.

    Example:
        >>> part_name("l1", "rate")
        'l1.rate'
    """
    return free_name(f"{name}.{part.translate(_SIGNS)}", taken)


def free_name(name: str, taken: Container[str]) -> str:
    """The name, moved out of the way where it is taken."""
    while name in taken:
        name = f"attributes.{name}"
    return name
