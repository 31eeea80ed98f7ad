"""Every exception and warning of omskit, in one tree.

::

    OMSError
    ├── UsageError (ValueError)         the question cannot be asked
    │   ├── UnknownInstanceError, UnknownResourceError, UnknownFieldError
    │   ├── NotFilterableError, NotSortableError, OperatorError
    │   ├── SelectorError, UnitError, MaskError, ConfigError
    │   ├── NoRowError (LookupError), TooManyRowsError
    │   └── NoPositionError (IndexError)
    ├── AuthError                       the service does not let us in
    │   └── LoginNeededError, TokenRejectedError, NotAuthorisedError
    ├── ServiceError                    the service did not answer as it should
    │   ├── TransportError (ConnectionError)
    │   │   └── TimedOutError (TimeoutError)
    │   └── StatusError
    │       └── NotFoundError, ThrottledError, ServerFailedError, RedirectedError
    ├── DecodeError                     an answer that makes no sense; names the path
    ├── IncompleteError                 rows are missing; carries what did arrive
    ├── StoreError (OSError)
    │   └── NotSyncedError
    └── MissingExtraError (ImportError)
    OMSWarning (UserWarning)

Each message says what was given, what would do and what to try.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Remedy(NamedTuple):
    """What to do about an error: in Python, and where a shell has other words."""

    python: str
    shell: str | None = None


NO_REMEDY = Remedy("")


class OMSError(Exception):
    """Base of every error that omskit raises on purpose.

    Its text says what is wrong, and then what to do about it in Python.

    Attributes:
        fact: What is wrong, without what to do about it.
        remedy: What to do about it, where that is said apart.
        request: The request that failed, as ``METHOD URL`` without secrets, or None.
        status: The HTTP status of the answer, or None.
        attempts: How often the request was tried; 0 where none was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: Remedy = NO_REMEDY,
        request: str | None = None,
        status: int | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(_joined(message, remedy.python))
        self.fact = message
        self.remedy = remedy
        self.request = request
        self.status = status
        self.attempts = attempts

    def for_shell(self) -> str:
        """The text for somebody who has a shell and no Python.

        Example:
            >>> remedy = Remedy("Give overwrite=True.", "Give --overwrite.")
            >>> OMSError("It is there already.", remedy=remedy).for_shell()
            'It is there already. Give --overwrite.'
        """
        if self.remedy.shell is None:
            return str(self)
        return _joined(self.fact, self.remedy.shell)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with all attributes: keyword-only arguments need this help."""
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def _joined(*texts: str) -> str:
    return " ".join(filter(None, texts))


def _rebuild(
    cls: type[OMSError], args: tuple[Any, ...], state: dict[str, Any]
) -> OMSError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(OMSError, ValueError):
    """The question cannot be asked as it stands; nothing was sent."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the user's own lines, none of omskit's, and the text.

        A typo in a notebook would cost sixty lines else.
        """
        import traceback
        from pathlib import Path

        ours = str(Path(__file__).parent)
        frames = [
            frame
            for frame in traceback.extract_tb(self.__traceback__)
            if not frame.filename.startswith(ours) and "IPython" not in frame.filename
        ]
        lines = "".join(traceback.format_list(frames)).splitlines()
        return [*lines, f"{type(self).__name__}: {self}"]


class UnknownInstanceError(UsageError):
    """No service of that name."""


class UnknownResourceError(UsageError):
    """OMS has no such resource, as far as catalogue and service know."""


class UnknownFieldError(UsageError):
    """The resource has no such field; the message names the nearest."""


class NotFilterableError(UsageError):
    """The service cannot filter by this field."""


class NotSortableError(UsageError):
    """The service cannot sort by this field."""


class OperatorError(UsageError):
    """This operator does not fit this field or this value."""


class SelectorError(UsageError):
    """What was given does not select runs or lumisections."""


class UnitError(UsageError):
    """A unit that omskit does not know, or that does not fit the quantity."""


class MaskError(UsageError):
    """A lumisection mask or certification file without meaning."""


class ConfigError(UsageError):
    """The configuration file or an environment variable is wrong."""


class NoRowError(UsageError, LookupError):
    """One row was asked for and none matches."""


class NoPositionError(UsageError, IndexError):
    """A table has no row at that position."""


class TooManyRowsError(UsageError):
    """One row was asked for and several match."""


class AuthError(OMSError):
    """The service does not let us in."""


class LoginNeededError(AuthError):
    """The service wants a login and there are no credentials to log in with."""


class TokenRejectedError(AuthError):
    """The service refused a token that the login service had just given."""


class NotAuthorisedError(AuthError):
    """The login is valid, but this application or user may not read OMS."""


class ServiceError(OMSError):
    """The service did not answer as it should."""


class TransportError(ServiceError, ConnectionError):
    """No whole answer came back over the network."""


class TimedOutError(TransportError, TimeoutError):
    """The service was silent for longer than we wait."""


class StatusError(ServiceError):
    """The service answered with an error status."""


class NotFoundError(StatusError):
    """404: no such resource, row or path."""


class ThrottledError(StatusError):
    """429: the service asks us to slow down, and went on asking."""


class ServerFailedError(StatusError):
    """5xx: the service failed, and went on failing."""


class RedirectedError(StatusError):
    """3xx: the service points elsewhere, mostly to a login page."""


class DecodeError(OMSError):
    """An answer that is not what OMS sends; the message ends with the path.

    Attributes:
        path: Where in the document, e.g. ``$.data[3].attributes.era``.
        broken: The body breaks off or is garbled, so that asking again may help.
    """

    def __init__(
        self, message: str, *, path: str = "$", broken: bool = False, **details: Any
    ) -> None:
        super().__init__(f"{message}, at {path}", **details)
        self.path = path
        self.broken = broken


class IncompleteError(OMSError):
    """Rows are missing and could not be had.

    Attributes:
        table: What did arrive, a `Table` with ``complete`` False; or None.
    """

    def __init__(self, message: str, *, table: Any = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.table = table


class StoreError(OMSError, OSError):
    """The store on disk cannot be read or written."""


class NotSyncedError(StoreError):
    """The store does not hold what was asked for."""


class MissingExtraError(OMSError, ImportError):
    """An optional package is not installed; the message says which to install."""


class OMSWarning(UserWarning):
    """Something the reader of a table should know; never a loss of rows."""


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """The known names closest to *name*, best first.

    Cost: O(n) comparisons of short strings.

    Example:
        >>> nearest("lumiseciton_number", ["run_number", "lumisection_number"])
        ['lumisection_number', 'run_number']
    """
    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(candidate.lower(), candidate)
    matches = difflib.get_close_matches(name.lower(), folded, n=count, cutoff=0.5)
    return [folded[match] for match in matches]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence to append to a message: the nearest names, or nothing.

    Example:
        >>> did_you_mean("l1_rat", ["l1_rate", "era"])
        " Did you mean 'l1_rate'?"
    """
    names = nearest(name, known)
    if not names:
        return ""
    quoted = " or ".join(repr(n) for n in names)
    return f" Did you mean {quoted}?"


def names_with(part: str, known: Iterable[str], *, most: int = 5) -> str:
    """A sentence with the names that *part* is a part of, the shortest first.

    Example:
        >>> names_with("rate", ["l1_rate", "era", "hlt_physics_rate"])
        " With 'rate' in them: l1_rate, hlt_physics_rate."
    """
    found = sorted({n for n in known if part and part.lower() in n.lower()}, key=_size)
    if not found:
        return ""
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return f" With {part!r} in them: {', '.join(found[:most])}{more}."


def _size(name: str) -> tuple[int, str]:
    return len(name), name
