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

_ARGUMENT = re.compile(r"Invalid value for '\[?([A-Za-z_]+)\]?(?:\.\.\.)?'")
_MISSING = re.compile(r"Missing argument '\[?([^'\]]+)\]?'")
_OPTIONS = re.compile(r" ?\(Possible options: ([^)]*)\)")
_SURPLUS = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)
_COMMAND = re.compile(r"No such command '([^']*)'\.?( Did you mean .*)?$")
_FIGURE = re.compile(r"Invalid value for WHAT: '(\d[^']*)' is not one of (.*)")


def in_plain_words(message: str) -> str:
    """A message about an argument, without the words of a validator.

    Example:
        >>> in_plain_words("Invalid value for 'what': Value error, 'x' is not one of")
        "Invalid value for WHAT: 'x' is not one of"
        >>> in_plain_words("Missing argument 'MASK...'")
        'MASK... is missing'
        >>> in_plain_words("No such option: --fromat (Possible options: --format)")
        'No such option: --fromat. Did you mean --format?'
        >>> in_plain_words("No such command 'downtimes'.")
        "No such command 'downtimes': ask with 'oms get downtimes'"
    """
    for said, instead in NUMBERS:
        message = message.replace(said, instead)
    message = _ARGUMENT.sub(lambda f: f"Invalid value for {f[1].upper()}", message)
    message = _MISSING.sub(r"\1 is missing", message)
    message = _OPTIONS.sub(r". Did you mean \1?", message)
    message = _COMMAND.sub(_no_command, message)
    message = _FIGURE.sub(r"Say before \1 what to draw: \2", message)
    return _SURPLUS.sub(r"There is no place for '\1' here", message)


def _no_command(found: re.Match[str]) -> str:
    """What to say of a command that is not there; it may be a resource of OMS."""
    from omskit.schema import bundled  # only who mistypes waits for it

    if found[1] not in bundled():
        return found[0]
    return f"No such command '{found[1]}': ask with 'oms get {found[1]}'"
