"""The chain of logins: the first link that can log in does, and says so.

In this order: nobody where the service wants no login (P5, tunnels, the demo); the
token that ``oms auth login`` kept; an application's id and secret, from environment or
configuration file; a person at a terminal, through tsgauth.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from omskit._extras import load
from omskit.auth import Anonymous, ClientCredentials, TsgauthLogin
from omskit.config import find_credentials
from omskit.errors import LoginNeededError
from omskit.flow.effects import Compute, Credential, Now
from omskit.tokencache import TokenCache

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from omskit.config import Instance
    from omskit.flow.effects import Flow

log = logging.getLogger("omskit")


class Link(Protocol):
    """One way to log in."""

    @property
    def name(self) -> str:
        """What it is called, for people."""

    def lacks(self) -> str | None:
        """Why it cannot be taken, or None."""

    def login(self) -> Flow[Credential | None]:
        """Take it; None: it had nothing after all."""


@dataclass(slots=True)
class CachedToken:
    """The token that ``oms auth login`` kept."""

    cache: TokenCache
    name: str = "token cache"
    given: Credential | None = field(default=None, repr=False)

    def lacks(self) -> str | None:
        """There is no file."""
        return None if self.cache.path.exists() else "'oms auth login' was not run"

    def login(self) -> Flow[Credential | None]:
        """The token in the file, but never twice: the service has refused it then."""
        now: dt.datetime = yield Now()
        found: Credential | None
        found = yield Compute(self.cache.read, (now.timestamp(),))
        if found is not None and self.given is not None:
            same = found.headers == self.given.headers
            found = None if same else found
        self.given = found or self.given
        return found


@dataclass(frozen=True, slots=True)
class Application:
    """An application's id and secret."""

    credentials: ClientCredentials | None
    name: str = "client credentials"

    def lacks(self) -> str | None:
        """Neither environment nor file has them."""
        if self.credentials is not None:
            return None
        return "OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET are not set"

    def login(self) -> Flow[Credential | None]:
        """One POST to the login service."""
        assert self.credentials is not None
        return (yield from self.credentials.login())


@dataclass(frozen=True, slots=True)
class Person:
    """A person with a browser, through tsgauth's device login."""

    instance: Instance
    name: str = "tsgauth device login"
    at_terminal: Callable[[], bool] = field(
        default_factory=lambda: at_terminal, repr=False
    )

    def lacks(self) -> str | None:
        """Nobody is there to open a page, or tsgauth is not installed."""
        if not self.at_terminal():
            return "no terminal, so nobody to ask"
        if importlib.util.find_spec("tsgauth") is None:
            return "tsgauth is not installed: pip install 'omskit[cern]'"
        return None

    def login(self) -> Flow[Credential | None]:
        """Show an address on stderr, and wait until its page was opened."""
        login = TsgauthLogin(_Spoken(self.auth()), self.instance.base_url)
        return (yield from login.login())

    def auth(self) -> Any:
        """Tsgauth's own object."""
        oidcauth = load("tsgauth.oidcauth", "log in with a browser")
        parts = urlsplit(self.instance.token_url)
        _, _, realm = parts.path.partition("/realms/")
        return oidcauth.DeviceAuth(
            f"{self.instance.audience}-public",
            target_client_id=self.instance.audience,
            hostname=parts.netloc,
            realm=realm.split("/", maxsplit=1)[0] or "cern",
            use_auth_file=False,
        )


@dataclass(frozen=True, slots=True)
class _Spoken:
    """tsgauth, which prints to stdout, where the rows go; so it prints to stderr."""

    auth: Any = field(repr=False)

    def authparams(self) -> dict[str, Any]:
        with contextlib.redirect_stdout(sys.stderr):
            found: dict[str, Any] = self.auth.authparams()
        return found


def at_terminal() -> bool:
    """Somebody sits there: nothing is asked of a batch job or a notebook."""
    streams = (sys.stdin, sys.stderr)
    return all(s is not None and not s.closed and s.isatty() for s in streams)


@dataclass(slots=True)
class Chain:
    """Links in order; the first that gives a credential is the one taken.

    Attributes:
        taken: Its name, once there was a login.
    """

    instance: Instance
    links: tuple[Link, ...]
    taken: str | None = None

    def login(self) -> Flow[Credential | None]:
        """Try the links.

        Raises:
            LoginNeededError: None of them can be taken; the message says why not.
        """
        lacking: list[str] = []
        for link in self.links:
            why = link.lacks()
            if why is None:
                found: Credential | None = yield from link.login()
                if found is not None:
                    self.taken = link.name
                    log.info("logged in to %s by %s", self.instance.name, link.name)
                    return found
                why = "it holds no token that is still good"
            lacking.append(f"{link.name} ({why})")
        message = (
            f"{self.instance.name} wants a login. Tried: {', '.join(lacking)}. Set "
            "OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET, or run 'oms auth login' at a "
            "terminal; see 'Getting access'."
        )
        raise LoginNeededError(message)


def links_of(instance: Instance) -> Iterator[Link]:
    """The links for a service that wants a login, in order.

    Raises:
        ConfigError: Half of id and secret is there, or others can read the secret.
    """
    assert instance.audience is not None
    yield CachedToken(TokenCache(instance.audience, instance.token_url))
    found = find_credentials(instance)
    yield Application(found if isinstance(found, ClientCredentials) else None)
    yield Person(instance)


def find_login(instance: Instance) -> Anonymous | Chain:
    """The login for a service, where the user gave none.

    Example:
        >>> from omskit.config import find_instance
        >>> find_login(find_instance("p5"))
        Anonymous()
    """
    if instance.audience is None:
        return Anonymous()
    return Chain(instance, tuple(links_of(instance)))
