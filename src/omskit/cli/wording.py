"""Messages of the library in the words of a command line.

The library speaks of what its callers write: keywords and attributes. Those few of them
that reach the command line are replaced here, as whole phrases, by the option or by
what else can be done; everything else is said as it is.
"""

from __future__ import annotations

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
    for phrase, instead in PHRASES:
        text = text.replace(phrase, instead)
    return text
