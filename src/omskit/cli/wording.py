"""What messages of the library and of Typer say in Python, in the words of a shell.

What to do about an error is said for shells where the error is made, see
`omskit.errors.Remedy`. Here are the few words of facts: the names of keywords, and what
Typer says of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from omskit.cli.times import WORDS

PATTERNS: tuple[tuple[re.Pattern[str], str | Callable[[Any], str]], ...] = (
    (re.compile(r"Write 297050, \(315190, 315290\) for first and last, .*?or "
                r"'297050,315190-315290'\."),
     "Write 297050, 315190-315290, 315190- or 297050,297056."),
    (re.compile(r"^\((\d+), (\d+)\) does not select"), r"\1-\2 does not select"),
    (re.compile(r"\b(since|until|era|last|fill)='?([^'=]*)'? (is |makes )"),
     r"--\1 \2 \3"),
    (re.compile(r"Write '2017-06-16' for a whole day, '2017-06-16T20:50:33Z' or a "
                r"datetime; UTC where no zone is named\."),
     f"Write {WORDS}; UTC where no zone is named."),
    (re.compile(r"Input should be a valid integer, unable to parse string as an "
                r"integer"), "it is a whole number"),
    (re.compile(r"Input should be a valid number, unable to parse string as a "
                r"number"), "it is a number, such as 2.5"),
    (re.compile(r"Value error, "), ""),
    (re.compile(r"Invalid value for '([a-z_]+)'"),
     lambda found: f"Invalid value for {found[1].upper()}"),
    (re.compile(r"\bfill= takes\b"), "--fill takes"),
    (re.compile(r"give runs, fill=, era=, since= or last=\."),
     "give RUNS, --fill, --era, --since or --last."),
    (re.compile(r"\b(path|name|bit)s="), r"--\1 "),
)  # fmt: skip
"""What is said, and what to say for it."""


def for_command_line(text: str) -> str:
    """A message as somebody can use it who has a shell and no Python.

    Example:
        >>> for_command_line("(9, 5) does not select runs.")
        '9-5 does not select runs.'
    """
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return text
