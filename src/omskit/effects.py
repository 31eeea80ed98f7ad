"""What a flow may ask of the world: values, carried out by a driver.

A flow is a generator that yields effects and is sent their results. It holds no socket,
clock, thread or file, so a test of it is a list of effects.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from omskit.errors import UsageError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; *headers* never hold a token, the driver adds it."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """One whole HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that no traceback with locals shows: a password, a token.

    Example:
        >>> Secret("hunter2")
        Secret()
    """

    text: str = field(repr=False)


class HiddenHeaders(Mapping[str, str]):
    """HTTP headers that no traceback with locals shows.

    No dict, since those that print tracebacks look into dicts.

    Example:
        >>> headers = HiddenHeaders({"cookie": "a=1"})
        >>> headers, headers["cookie"]
        (HiddenHeaders(1), 'a=1')
    """

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __repr__(self) -> str:
        return f"HiddenHeaders({len(self)})"


@dataclass(frozen=True, slots=True)
class Credential:
    """What opens the door: HTTP headers, never shown.

    Attributes:
        headers: ``Authorization`` or ``Cookie``.
        expires: When it ends, as seconds since 1970; None: not known.
    """

    headers: Mapping[str, str] = field(repr=False)
    expires: float | None = None

    def __post_init__(self) -> None:
        """Hide the headers wherever they are handed on."""
        object.__setattr__(self, "headers", HiddenHeaders(self.headers))

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: tokens stay where they are."""
        message = "Credentials are not pickled: log in where they are needed."
        raise UsageError(message)


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; the result is a `Response`, or a TransportError is thrown in."""

    request: Request
    credential: Credential | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait; the result is None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Now:
    """The result is the present time, aware, in UTC."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """The result is a random number in [0, 1)."""


@dataclass(frozen=True, slots=True)
class Authorise:
    """The result is a `Credential`, or None where none is needed.

    Attributes:
        rejected: What the service has just refused. The driver logs in again unless
            another caller already has.
    """

    rejected: Credential | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Run another flow beside this one; the result is a handle for `Join`."""

    flow: Flow[Any]


@dataclass(frozen=True, slots=True)
class Join:
    """Wait for a started flow; the result is what it returned."""

    handle: Any


@dataclass(frozen=True, slots=True)
class Compute:
    """Run a slow function where it does not hold up other work.

    Attributes:
        cancel: Ends it early, called from another thread, when nobody waits any more.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    cancel: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand a finished table to whoever iterates; the result is None."""

    table: Any


@dataclass(frozen=True, slots=True)
class Progress:
    """Tell how far it is; *total* None: not known yet."""

    done: int
    total: int | None
    label: str


Effect = (
    Send | Sleep | Now | Jitter | Authorise | Start | Join | Compute | Emit | Progress
)
Flow = Generator[Effect, Any, Result]
