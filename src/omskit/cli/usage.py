"""What Typer and its validator say of arguments, in the words of a shell."""

from __future__ import annotations

import re

NUMBERS = (
    ("Input should be a valid integer, unable to parse string as an integer",
     "it is a whole number"),
    ("Input should be a valid number, unable to parse string as a number",
     "it is a number, such as 2.5"),
    ("Value error, ", ""),
)  # fmt: skip
"""What a validator says, and what to say for it."""

_ARGUMENT = re.compile(r"Invalid value for '([a-z_]+)'")


def in_plain_words(message: str) -> str:
    """A message about an argument, without the words of a validator.

    Example:
        >>> in_plain_words("Invalid value for 'what': Value error, 'x' is not one of")
        "Invalid value for WHAT: 'x' is not one of"
    """
    for said, instead in NUMBERS:
        message = message.replace(said, instead)
    return _ARGUMENT.sub(lambda found: f"Invalid value for {found[1].upper()}", message)
