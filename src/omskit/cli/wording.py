"""Messages of the library in the words of a command line.

The library speaks of what its callers write: keywords and attributes. Those few of them
that reach the command line are replaced here, as whole phrases, by the option or by
what else can be done; everything else is said as it is.
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
"""Those that hold what was given."""

PHRASES = (
    ("allow_partial=True returns what did arrive, and says so",
     "--allow-partial writes what did arrive"),
    ("allow_partial=True", "--allow-partial"),
    ("unchecked=True sends", "oms get --unchecked sends"),
    ("unchecked=True", "--unchecked"),
    ("Try a lower concurrency=.", "Try again later, or ask for less."),
    ("or pass verify='ca-file.pem'", "or name their file in SSL_CERT_FILE"),
    ("Give overwrite=True", "Give --overwrite"),
    (" See table.gaps.", ""),
    ("; see table.gaps.", "."),
    ("on axes of your own (ax=)", "with --fields"),
    (" A column that OMS has and the table has not must be named in fields=.", ""),
    ("name the column if you give fields=", "name the column in --fields"),
    ("Client('demo') needs no network", "--instance demo needs no network"),
    ("Fetch lumisections without fields=.", "Leave --fields out."),
    ("Fetch the rows without fields=, or with this one.", "Leave --fields out."),
    ("give its path, or omskit.read_mask(path)", "give its file"),
)  # fmt: skip
"""What the library says, and what to say for it; the first that fits wins."""


def for_command_line(text: str) -> str:
    """A message as somebody can use it who has a shell and no Python.

    Example:
        >>> for_command_line("It is there already. Give overwrite=True to replace it.")
        'It is there already. Give --overwrite to replace it.'
    """
    for phrase, said in PHRASES:
        text = text.replace(phrase, said)
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return text
