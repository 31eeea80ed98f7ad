"""The chain of logins: the first link that can log in does, and says so.

In this order: nobody where the service wants no login (P5, tunnels, the demo); the
fixed token of a service of one's own; the token that was kept; an application's id and
secret, from environment or configuration file; a Kerberos ticket; a person at a
terminal. The last two are tsgauth's work.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import urlsplit

from omskit._extras import load
from omskit.effects import Compute, Credential, Now
from omskit.errors import AuthError, ConfigError, LoginNeededError
from omskit.login.cache import TokenCache
from omskit.login.kinds import (
    BearerToken,
    ClientCredentials,
    TsgauthLogin,
)
from omskit.login.nobody import Anonymous
from omskit.login.sources import find_credentials, find_token
from omskit.login.tsgauth import at_terminal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from omskit.config import Instance
    from omskit.effects import Flow

log = logging.getLogger("omskit")

_LONGEST_REASON = 200


class Link(Protocol):
    """One way to log in.

    Attributes:
        of_person: Its token is a person's: kept, so that nobody is asked again soon.
        may_fail: Where it fails, the next link is tried.
    """

    of_person: ClassVar[bool]
    may_fail: ClassVar[bool]

    @property
    def name(self) -> str:
        """What it is called, for people."""

    def lacks(self) -> str | None:
        """Why it cannot be taken, or None."""

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """Take it; None: it had nothing after all.

        Args:
            rejected: What the chain gave before and the service has just refused.
        """


@dataclass(frozen=True, slots=True)
class CachedToken:
    """The token that an earlier login kept."""

    cache: TokenCache
    of_person: ClassVar[bool] = False
    may_fail: ClassVar[bool] = False
    name: str = "token cache"

    def lacks(self) -> str | None:
        """There is no file, or none to be read: a job's AFS token may have ended."""
        path = self.cache.path
        try:
            path.stat()
        except FileNotFoundError:
            return "none is kept"
        except OSError:
            return "its folder cannot be read"
        return None if os.access(path, os.R_OK) else "its file cannot be read"

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """The token in the file, unless it is the one that the service has refused."""
        now: dt.datetime = yield Now()
        kept: Credential | None
        kept = yield Compute(self.cache.read, (now.timestamp(),))
        if kept is not None and rejected is not None:
            return None if kept.headers == rejected.headers else kept
        return kept


@dataclass(frozen=True, slots=True)
class Application:
    """An application's id and secret."""

    credentials: ClientCredentials | None
    name: str = "client credentials"
    of_person: ClassVar[bool] = False
    may_fail: ClassVar[bool] = False

    def lacks(self) -> str | None:
        """Neither environment nor file has them."""
        if self.credentials is not None:
            return None
        return "OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET are not set"

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """One POST to the login service."""
        assert self.credentials is not None
        return (yield from self.credentials.login(rejected))


@dataclass(slots=True)
class _ByTsgauth:
    """What logins through tsgauth share: one object, which renews what it holds."""

    instance: Instance
    at_terminal: Callable[[], bool] = field(
        default_factory=lambda: at_terminal, repr=False
    )
    made: TsgauthLogin | None = field(default=None, repr=False)
    of_person: ClassVar[bool] = True

    def auth(self) -> Any:
        """Tsgauth's own object."""
        raise NotImplementedError

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """Ask tsgauth; what it prints goes to stderr."""
        if self.made is None:
            url = self.instance.base_url
            self.made = TsgauthLogin(self.auth(), url, self.at_terminal)
        return (yield from self.made.login(rejected))

    def _place(self) -> dict[str, Any]:
        """The login service, in tsgauth's words. Nothing goes to a file of its own."""
        parts = urlsplit(self.instance.token_url)
        _, _, realm = parts.path.partition("/realms/")
        return {
            "target_client_id": self.instance.audience,
            "hostname": parts.netloc,
            "realm": realm.split("/", maxsplit=1)[0] or "cern",
            "use_auth_file": False,
        }


@dataclass(slots=True)
class Kerberos(_ByTsgauth):
    """A Kerberos ticket, through tsgauth; a second factor is asked at a terminal only.

    That the public client of the device login takes Kerberos as well, with tsgauth's
    usual redirect address, is a guess: where it does not, the next link is tried.
    """

    name: str = "Kerberos"
    may_fail: ClassVar[bool] = True

    def lacks(self) -> str | None:
        """There is no ticket, or tsgauth's Kerberos is not installed."""
        return lacking_kerberos() or lacking_ticket()

    def auth(self) -> Any:
        """Tsgauth's own object."""
        oidcauth = load("tsgauth.oidcauth", "log in with Kerberos")
        return oidcauth.KerbAuth(self.instance.public, **self._place())


@dataclass(slots=True)
class Person(_ByTsgauth):
    """A person with a browser, through tsgauth's device login."""

    name: str = "tsgauth device login"
    may_fail: ClassVar[bool] = False

    def lacks(self) -> str | None:
        """Nobody is there to open a page, or tsgauth is not installed."""
        if self.made is None and not self.at_terminal():
            return "no terminal, so nobody to ask"
        if importlib.util.find_spec("tsgauth") is None:
            return "tsgauth is not installed: pip install 'omskit[cern]'"
        return None

    def auth(self) -> Any:
        """Tsgauth's own object."""
        oidcauth = load("tsgauth.oidcauth", "log in with a browser")
        return oidcauth.DeviceAuth(self.instance.public, **self._place())


def lacking_kerberos() -> str | None:
    """Why there can be no login with Kerberos here, whatever the ticket; None: it can.

    tsgauth has its class without what it needs; so each of its parts is looked for.
    """
    parts = ("tsgauth", "requests_gssapi", "gssapi", "bs4", "inputimeout")
    if all(importlib.util.find_spec(part) for part in parts):
        return None
    return "it is not installed: pip install 'omskit[kerberos]'"


def lacking_ticket() -> str | None:
    """Why the Kerberos ticket will not do; None: it will. Nothing is asked of anybody.

    Cost: reads the ticket cache, wherever ``KRB5CCNAME`` says that it is.
    """
    try:
        gssapi: Any = importlib.import_module("gssapi")
    except (ImportError, OSError):
        return "the Kerberos libraries of this machine cannot be loaded"
    try:
        left = gssapi.Credentials(usage="initiate").lifetime
    except gssapi.exceptions.ExpiredCredentialsError:
        left = 0
    except gssapi.exceptions.GSSError:
        return "there is no ticket: run kinit"
    return "the ticket has expired: run kinit" if left == 0 else None


@dataclass(slots=True)
class Chain:
    """Links in order; the first that gives a credential is the one taken.

    Attributes:
        cache: Where a person's token is kept, and any that renews a kept one; None:
            nothing is kept.
        taken: The name of the link, once there was a login.
    """

    instance: Instance
    links: tuple[Link, ...]
    cache: TokenCache | None = None
    taken: str | None = None

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """Try the links.

        Raises:
            LoginNeededError: None of them can be taken; the message says why not.
        """
        lacking: list[str] = []
        for link in self.links:
            why = link.lacks()
            if why is None:
                found, why = yield from _taken(link, rejected)
                if found is not None:
                    self.taken = link.name
                    log.info("logged in to %s by %s", self.instance.name, link.name)
                    if not isinstance(link, BearerToken | CachedToken):
                        yield Compute(self._keep, (link, found))
                    return found
            lacking.append(f"{link.name} ({why})")
        message = (
            f"{self.instance.name} wants a login. Tried: {', '.join(lacking)}. Set "
            "OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET, or run 'oms auth login' at a "
            "terminal; see 'Getting access'."
        )
        raise LoginNeededError(message)

    def _keep(self, link: Link, found: Credential) -> None:
        """Keep the token for the next command, where one is kept or a person gave it.

        That it cannot be kept is no reason not to answer.
        """
        if self.cache is None:
            return
        try:
            if link.of_person or self.cache.path.exists():
                self.cache.write(found)
        except (ConfigError, OSError) as error:
            log.warning("the token is not kept: %s", error)


def _taken(
    link: Link, rejected: Credential | None
) -> Flow[tuple[Credential | None, str]]:
    """What a link gives; without that, why not."""
    try:
        found = yield from link.login(rejected)
    except AuthError as error:
        if not link.may_fail:
            raise
        reason = " ".join(str(error).split())
        return None, reason[:_LONGEST_REASON]
    return found, "it holds no token that is still good"


def links_of(instance: Instance) -> Iterator[Link]:
    """The links for a service, in order; none where it wants no login.

    Raises:
        ConfigError: Half of id and secret is there, or others can read the secret.
    """
    token = find_token(instance)
    if token is not None:
        yield token
    if instance.audience is None:
        return
    yield CachedToken(TokenCache(instance.audience, instance.token_url))
    found = find_credentials(instance)
    yield Application(found if isinstance(found, ClientCredentials) else None)
    yield Kerberos(instance)
    yield Person(instance)


def find_login(instance: Instance) -> Anonymous | Chain:
    """The login for a service, where the user gave none.

    Example:
        >>> from omskit.config import find_instance
        >>> find_login(find_instance("p5"))
        Anonymous()
    """
    links = tuple(links_of(instance))
    if not links:
        return Anonymous()
    audience, cache = instance.audience, None
    if audience is not None:
        cache = TokenCache(audience, instance.token_url)
    return Chain(instance, links, cache)
