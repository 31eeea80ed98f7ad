"""How the command ends: which exit code, and which line on stderr."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from omskit.errors import (
    AuthError,
    IncompleteError,
    OMSError,
    OMSWarning,
    ServiceError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_IS_NO = 1
USAGE = 2
AUTH = 3
SERVICE = 4
INCOMPLETE = 5
OTHER = 6
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
    """One line on stderr, whatever line ends *text* holds."""
    sys.stderr.write(f"oms: {' '.join(text.split())}\n")
    sys.stderr.flush()


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


def close_stdout() -> None:
    """Nobody reads stdout any more: write the rest of it nowhere, without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
