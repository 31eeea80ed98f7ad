"""How the command ends: which exit code, and which line on stderr."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from omskit.cli.lines import folded, wrapped
from omskit.errors import (
    AuthError,
    IncompleteError,
    OMSError,
    OMSWarning,
    ServiceError,
    UsageError,
)
from omskit.redact import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_IS_NO = 1
USAGE = 2
AUTH = 3
SERVICE = 4
INCOMPLETE = 5
OTHER = 6
BUG = 70
INTERRUPTED = 130
BROKEN_PIPE = 141

_CODES = (
    (UsageError, USAGE),
    (AuthError, AUTH),
    (ServiceError, SERVICE),
    (IncompleteError, INCOMPLETE),
)


def code_of(error: OMSError) -> int:
    """The exit code for an error.

    Example:
        >>> code_of(UsageError("no such run"))
        2
    """
    return next((code for kind, code in _CODES if isinstance(error, kind)), OTHER)


def say(text: str) -> None:
    """One printable line on stderr, whatever *text* holds: it may be a stranger's.

    A terminal would break it in the middle of words, so there it is several lines.
    """
    line = f"oms: {one_line(text)}"
    if sys.stderr.isatty():
        line = "\n".join(wrapped(line, _width_of(sys.stderr), "     "))
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def tell(text: str, *, err: bool = False) -> None:
    """Lines for people, on stdout or stderr; on a terminal they break between words.

    In a pipe or file each line stays one.
    """
    stream = sys.stderr if err else sys.stdout
    lines = text.split("\n")
    if stream.isatty():
        width = _width_of(stream)
        lines = [part for line in lines for part in folded(line, width)]
    stream.write("\n".join(lines) + "\n")
    stream.flush()


def _width_of(stream: TextIO) -> int:
    """Columns of a terminal; ``COLUMNS`` wins, 80 where there is neither."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


@contextmanager
def warnings_on_stderr(*, quiet: bool = False) -> Iterator[None]:
    """Show each `OMSWarning` once, as one line on stderr, or not at all."""
    shown: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, OMSWarning):
            before(message, category, filename, lineno, file, line)
        elif not quiet and str(message) not in shown:
            shown.add(str(message))
            say(f"warning: {message}")

    with warnings.catch_warnings():
        before = warnings.showwarning
        warnings.simplefilter("always", OMSWarning)
        warnings.showwarning = show
        yield


STDOUT_FAILS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.ENXIO}
)
"""How writing to a stream ends that is open; files of ours say their name as well."""


def is_of_stdout(error: OSError) -> bool:
    """Whether it is stdout that could not be written.

    Example:
        >>> is_of_stdout(OSError(errno.ENOSPC, "No space left on device"))
        True
        >>> is_of_stdout(OSError(errno.ENOSPC, "No space left on device", "a.csv"))
        False
    """
    return error.errno in STDOUT_FAILS and error.filename is None


def mend_streams() -> None:
    """Put something in the place of streams that the shell has closed (``>&-``).

    Python has None there. What is written to such a stdout fails, as it does in other
    tools; messages for a closed stderr are lost. The numbers 1 and 2 are also taken by
    this, so that no other file gets them and what was meant for a stream.
    """
    if sys.stdout is None:
        nothing = os.open(os.devnull, os.O_RDONLY)
        sys.stdout = os.fdopen(nothing, "w", encoding="utf-8")
    if sys.stderr is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        sys.stderr = os.fdopen(nowhere, "w", encoding="utf-8")


def close_stdout() -> None:
    """Stdout takes no more: write the rest of it nowhere, without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
