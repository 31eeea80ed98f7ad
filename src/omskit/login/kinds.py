"""Who asks: nobody in particular, an application, or a person through tsgauth."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.request import Request

from omskit.config import TOKEN_URL
from omskit.effects import Compute, Credential, Now
from omskit.errors import (
    AuthError,
    ConfigError,
    OMSError,
    TokenRejectedError,
    UsageError,
)
from omskit.flow.exchange import Policy
from omskit.login.token_request import EARLY_S, client_credentials
from omskit.login.tsgauth import Tsgauth, ask, at_terminal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from omskit.effects import Flow

_LAST = 10**11
"""Later moments, in seconds since 1970, are none that a token ends at."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No login: inside P5, through a tunnel, in the demo."""

    def login(self) -> Flow[Credential | None]:
        """No credential."""
        yield from ()
        return None


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A registered application, by its id and secret.

    Attributes:
        audience: The application id of the service, e.g. ``cmsoms-prod``.

    Example:
        >>> ClientCredentials("my-app", "s3cret", "cmsoms-prod")
        ClientCredentials(client_id='my-app', audience='cmsoms-prod')
    """

    client_id: str
    client_secret: str = field(repr=False)
    audience: str
    token_url: str = field(default=TOKEN_URL, repr=False)
    policy: Policy = field(default=Policy(), repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot work before it is sent."""
        for name in ("client_id", "client_secret", "audience"):
            if not getattr(self, name):
                message = (
                    f"Client credentials need a {name}. Set OMSKIT_CLIENT_ID and "
                    "OMSKIT_CLIENT_SECRET; see 'Getting access'."
                )
                raise ConfigError(message)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: secrets stay where they are."""
        message = (
            "ClientCredentials are not pickled: secrets stay where they are. Set "
            "OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET where they are needed."
        )
        raise UsageError(message)

    def login(self) -> Flow[Credential | None]:
        """One POST to the login service."""
        return (
            yield from client_credentials(
                self.client_id,
                self.client_secret,
                self.audience,
                self.token_url,
                self.policy,
            )
        )


@dataclass(frozen=True, slots=True)
class BearerToken:
    """One token for all, that of a service started with ``oms serve --token``.

    It is sent as it is and never renewed: a service that refuses it is asked once.

    Raises:
        ConfigError: The token is empty, or holds what no header may.

    Example:
        >>> BearerToken("correct horse battery")
        BearerToken()
    """

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be sent; nothing of it is repeated."""
        given: object = self.token
        text = given if isinstance(given, str) else ""
        plain = text.isascii() and text.isprintable() and text == text.strip()
        if text and plain and not text.lower().startswith("bearer "):
            return
        message = (
            "This is no fixed token: it is printable ASCII, without spaces around it "
            "and without 'Bearer' before it, as it was given to oms serve --token."
        )
        raise ConfigError(message)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: secrets stay where they are."""
        message = (
            "A BearerToken is not pickled: secrets stay where they are. Set "
            "OMSKIT_TOKEN where it is needed."
        )
        raise UsageError(message)


@dataclass(slots=True)
class FixedLogin:
    """The login with a `BearerToken`, for one client: it is given once.

    Attributes:
        said_in: Where the token comes from, for the message when it is refused.
    """

    token: BearerToken = field(repr=False)
    said_in: str = "BearerToken"
    given: bool = False

    def login(self) -> Flow[Credential | None]:
        """The token; asked again, the service has refused it.

        Raises:
            TokenRejectedError: It was given before.
        """
        yield from ()
        if self.given:
            message = (
                f"The service refuses the fixed token of {self.said_in} (401). Give "
                "the one that it was started with ('oms serve --token'); a service "
                "with a login wants another login, see 'Getting access'."
            )
            raise TokenRejectedError(message, status=401, attempts=1)
        self.given = True
        return Credential({"authorization": f"Bearer {self.token.token}"})


@dataclass(frozen=True, slots=True)
class TsgauthLogin:
    """A login that tsgauth makes: Kerberos, device code, client credentials.

    Attributes:
        url: Of the service. Cookies of other hosts, of the login service above all, are
            not sent there.
    """

    auth: Tsgauth = field(repr=False)
    url: str = ""
    at_terminal: Callable[[], bool] = field(
        default_factory=lambda: at_terminal, repr=False
    )

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: tsgauth's objects hold tokens."""
        message = (
            "A login of tsgauth is not pickled: tokens stay where they are. Make it "
            "anew where it is needed."
        )
        raise UsageError(message)

    def login(self) -> Flow[Credential | None]:
        """Ask tsgauth, where it holds up no other work: it may wait for a person.

        Raises:
            LoginNeededError: It would have to ask a person, and there is no terminal.
            AuthError: It failed.
        """
        found: Credential = yield Compute(self._ask)
        claims = claims_of(found)
        if claims is None:
            return found
        now: dt.datetime = yield Now()
        return Credential(found.headers, _end_of(claims, now.timestamp()))

    def _ask(self) -> Credential:
        kind = type(self.auth).__name__
        try:
            parameters = ask(self.auth, somebody=self.at_terminal())
        except OMSError:
            raise
        except Exception as error:
            why = str(error)
            if "CERTIFICATE_VERIFY_FAILED" in why:
                why = (
                    "the certificate of the login service is not trusted. tsgauth "
                    "looks for CA certificates in REQUESTS_CA_BUNDLE only."
                )
            message = f"The login with tsgauth's {kind} failed: {why}"
            raise AuthError(message) from error
        headers = {k.lower(): v for k, v in (parameters.get("headers") or {}).items()}
        cookie = cookie_header(parameters.get("cookies") or {}, self.url)
        if cookie:
            headers["cookie"] = cookie
        if not headers:
            message = (
                f"tsgauth's {kind} gives nothing that the service would take: no "
                "token, and no cookie of its host. Use a class that gives tokens, "
                "such as KerbAuth, DeviceAuth or ClientAuth."
            )
            raise AuthError(message)
        return Credential(headers)


def claims_of(credential: Credential | None) -> dict[str, Any] | None:
    """What a token says of itself, unchecked; None where it is none of that kind."""
    if credential is None:
        return None
    parts = credential.headers.get("authorization", "").split(".")
    if len(parts) != 3:
        return None
    # A token may say anything, and so deep that no reader of JSON follows.
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        found = json.loads(base64.urlsafe_b64decode(padded))
        return found if isinstance(found, dict) else None
    return None


def _end_of(claims: Mapping[str, Any], now: float) -> float | None:
    """When a token is to be renewed; None: not known, or the clock here is wrong."""
    begins, ends = claims.get("iat"), claims.get("exp")
    if not isinstance(begins, int) or not isinstance(ends, int):
        return None
    if max(abs(begins), abs(ends)) > _LAST:
        return None
    expires = ends - min(EARLY_S, (ends - begins) / 2)
    # It was given just now: ended already, it would be asked for with every request.
    return expires if expires > now else None


def cookie_header(cookies: Mapping[str, str] | CookieJar, url: str) -> str | None:
    """The ``Cookie`` header for *url*, of cookies that may go there.

    Example:
        >>> cookie_header({"a": "1", "b": "2"}, "https://host/agg")
        'a=1; b=2'
    """
    if not isinstance(cookies, CookieJar):
        return "; ".join(f"{name}={value}" for name, value in cookies.items()) or None
    asked = Request(url or "https://host.invalid/")  # noqa: S310  # opens nothing
    cookies.add_cookie_header(asked)
    return asked.get_header("Cookie")


def as_login(credentials: Any, url: str = "") -> Any:
    """Whatever a user passes as ``credentials=``, as something that can log in.

    Args:
        url: Of the service, for cookies, which belong to hosts.

    Raises:
        ConfigError: It is neither one of omskit's nor one of tsgauth's.
    """
    if credentials is None:
        return Anonymous()
    if isinstance(credentials, BearerToken):
        return FixedLogin(credentials)
    if hasattr(credentials, "login") and not isinstance(credentials, Tsgauth):
        return credentials
    if isinstance(credentials, Tsgauth):
        return TsgauthLogin(credentials, url)
    message = (
        f"credentials={type(credentials).__name__} is no login; pass "
        "ClientCredentials(...), BearerToken(...) or an object of tsgauth."
    )
    raise ConfigError(message)
