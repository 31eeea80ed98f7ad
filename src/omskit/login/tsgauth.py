"""What tsgauth prints and asks: off stdout, and never where nobody is to answer."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable

from omskit.errors import LoginNeededError

if TYPE_CHECKING:
    from collections.abc import Iterator


@runtime_checkable
class Tsgauth(Protocol):
    """Any of tsgauth's auth classes."""

    def authparams(self) -> dict[str, Any]:
        """Arguments for ``requests.get``: headers or cookies."""


def at_terminal() -> bool:
    """Somebody sits there: nothing is asked of a batch job or a notebook."""
    streams = (sys.stdin, sys.stderr)
    return all(s is not None and not s.closed and s.isatty() for s in streams)


class _Turn:
    """Whose turn it is to ask tsgauth: what it prints and asks with is everybody's."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self.lock = threading.Lock()


_TURN = _Turn()


def ask(auth: Tsgauth, *, somebody: bool) -> dict[str, Any]:
    """What tsgauth says. It prints to stdout, where rows go; so it goes to stderr."""
    oidcauth: Any = sys.modules.get("tsgauth.oidcauth")
    with _TURN.lock, contextlib.ExitStack() as stands_in:
        if oidcauth is not None:
            # Not sys.stdout: other threads write their rows there meanwhile.
            instead = partial(print, file=sys.stderr)
            stands_in.enter_context(_instead(oidcauth, "print", instead))
            asks = _Prompt(oidcauth.inputimeout) if somebody else None
            for place, name, value in _nobody(auth, oidcauth, asks):
                stands_in.enter_context(_instead(place, name, value))
        return auth.authparams()


def _nobody(
    auth: Any, oidcauth: Any, asks: _Prompt | None
) -> Iterator[tuple[Any, str, Any]]:
    """What stands where tsgauth would ask a person; what it holds, it still uses.

    It asks in two places: DeviceAuth for a page to be opened, where neither its token,
    its file nor its refresh token is good any more; and Kerberos for a second factor.

    Args:
        asks: How somebody who is there is asked; None: nobody is, and it raises.
    """
    kind = type(auth).__name__
    yield oidcauth, "inputimeout", asks or _Refusal(kind, "a one-time password")
    if asks is None and isinstance(auth, oidcauth.DeviceAuth):
        # tsgauth calls it last before it asks, and not where it need not ask.
        refusal = _Refusal(kind, "a page to be opened in a browser")
        yield auth, "_pre_set_token_callback", refusal


@contextlib.contextmanager
def _instead(place: Any, name: str, value: Any) -> Iterator[None]:
    """*value* for an attribute of its own, or one that it has not, for a while."""
    lacks = object()
    before = vars(place).get(name, lacks)
    setattr(place, name, value)
    try:
        yield
    finally:
        if before is lacks:
            delattr(place, name)
        else:
            setattr(place, name, before)


@dataclass(frozen=True, slots=True)
class _Prompt:
    """The package inputimeout as tsgauth calls it, which prompts on stdout."""

    package: Any

    @property
    def TimeoutOccurred(self) -> Any:  # noqa: N802  # its name there
        """What it raises when nobody answers."""
        return self.package.TimeoutOccurred

    def inputimeout(self, prompt: str = "", **options: Any) -> str:
        """Ask on stderr."""
        sys.stderr.write(prompt)
        sys.stderr.flush()
        return str(self.package.inputimeout(**options))


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Stands where tsgauth would ask a person."""

    kind: str
    wanted: str

    TimeoutOccurred = TimeoutError

    def __call__(self) -> NoReturn:
        message = (
            f"tsgauth's {self.kind} wants {self.wanted}, and there is no terminal to "
            "ask at. Run 'oms auth login' at a terminal, or, in a notebook, call "
            "token() of the object in a cell first; for jobs, set OMSKIT_CLIENT_ID and "
            "OMSKIT_CLIENT_SECRET. See 'Getting access'."
        )
        raise LoginNeededError(message)

    def inputimeout(self, **_options: Any) -> NoReturn:
        """What tsgauth calls for a second factor."""
        self()
