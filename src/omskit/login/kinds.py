"""Who asks: nobody in particular, an application, or a person through tsgauth."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from urllib.request import Request

from omskit.config import TOKEN_URL
from omskit.effects import Compute, Credential, Now, Secret
from omskit.errors import (
    AuthError,
    ConfigError,
    OMSError,
    TokenRejectedError,
    UsageError,
)
from omskit.flow.exchange import Policy
from omskit.login.nobody import Anonymous
from omskit.login.token_request import EARLY_S, client_credentials
from omskit.login.tsgauth import Tsgauth, ask, at_terminal
from omskit.redact import drop_frames

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from omskit.effects import Flow

_LAST = 10**11
"""Later moments, in seconds since 1970, are none that a token ends at."""


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
    client_secret: Secret = field(repr=False)
    audience: str
    token_url: str = field(repr=False)
    policy: Policy = field(repr=False)

    def __init__(
        self,
        client_id: str,
        client_secret: str | Secret,
        audience: str,
        token_url: str = TOKEN_URL,
        policy: Policy | None = None,
    ) -> None:
        """Refuse what cannot work before it is sent."""
        # By its own name, so that no frame keeps it as a text.
        client_secret = as_secret(client_secret)
        needed = {
            "client_id": bool(client_id),
            "client_secret": bool(client_secret.text),
            "audience": bool(audience),
        }
        for name, is_there in needed.items():
            if not is_there:
                message = (
                    f"Client credentials need a {name}. Set OMSKIT_CLIENT_ID and "
                    "OMSKIT_CLIENT_SECRET; see 'Getting access'."
                )
                raise ConfigError(message)
        object.__setattr__(self, "client_id", client_id)
        object.__setattr__(self, "client_secret", client_secret)
        object.__setattr__(self, "audience", audience)
        object.__setattr__(self, "token_url", token_url)
        object.__setattr__(self, "policy", policy or Policy())

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: secrets stay where they are."""
        message = (
            "ClientCredentials are not pickled: secrets stay where they are. Set "
            "OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET where they are needed."
        )
        raise UsageError(message)

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """One POST to the login service."""
        del rejected
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

    token: Secret = field(repr=False)
    said_in: str = field(repr=False)
    name: ClassVar[str] = "fixed token"
    of_person: ClassVar[bool] = False
    may_fail: ClassVar[bool] = False

    def __init__(self, token: str | Secret, said_in: str = "BearerToken") -> None:
        """Refuse what cannot be sent; nothing of it is repeated.

        Args:
            said_in: Where it comes from, for the message when it is refused.
        """
        token = as_secret(token)  # By its own name: no frame keeps it as a text.
        if not _is_token(token.text):
            message = (
                "This is no fixed token: it is printable ASCII, without spaces around "
                "it and without 'Bearer' before it, as it was given to oms serve "
                "--token."
            )
            raise ConfigError(message)
        object.__setattr__(self, "token", token)
        object.__setattr__(self, "said_in", said_in)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: secrets stay where they are."""
        message = (
            "A BearerToken is not pickled: secrets stay where they are. Set "
            "OMSKIT_TOKEN where it is needed."
        )
        raise UsageError(message)

    def lacks(self) -> str | None:
        """Nothing: as a link of a chain it can always be taken."""
        return None

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """The token as it is.

        Raises:
            TokenRejectedError: The service has refused it, and there is no other.
        """
        yield from ()
        if rejected is not None:
            message = (
                f"The service refuses the fixed token of {self.said_in} (401). Give "
                "the one that it was started with ('oms serve --token'); a service "
                "with a login wants another login, see 'Getting access'."
            )
            raise TokenRejectedError(message, status=401, attempts=1)
        return Credential({"authorization": f"Bearer {self.token.text}"})


def as_secret(text: str | Secret) -> Secret:
    """A text that is shown nowhere."""
    return text if isinstance(text, Secret) else Secret(text)


def _is_token(text: object) -> bool:
    """It can stand in a header, behind the word Bearer."""
    if not isinstance(text, str) or not text or text != text.strip():
        return False
    plain = text.isascii() and text.isprintable()
    return plain and not text.lower().startswith("bearer ")


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

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """Ask tsgauth, where it holds up no other work: it may wait for a person.

        Raises:
            LoginNeededError: It would have to ask a person, and there is no terminal.
            AuthError: It failed.
        """
        del rejected  # tsgauth renews what it holds.
        found: Credential = yield Compute(self._ask)
        claims = claims_of(found)
        if claims is None:
            return found
        now: dt.datetime = yield Now()
        return Credential(found.headers, _end_of(claims, now.timestamp()))

    def _ask(self) -> Credential:
        kind = type(self.auth).__name__
        try:
            credential = _of_parameters(
                ask(self.auth, somebody=self.at_terminal()), self.url
            )
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
            drop_frames(error)
            raise AuthError(message) from error
        if not credential.headers:
            message = (
                f"tsgauth's {kind} gives nothing that the service would take: no "
                "token, and no cookie of its host. Use a class that gives tokens, "
                "such as KerbAuth, DeviceAuth or ClientAuth."
            )
            raise AuthError(message)
        return credential


def _of_parameters(parameters: Mapping[str, Any], url: str) -> Credential:
    """What tsgauth would give to ``requests``, as headers."""
    headers = {k.lower(): v for k, v in (parameters.get("headers") or {}).items()}
    cookie = cookie_header(parameters.get("cookies") or {}, url)
    if cookie:
        headers["cookie"] = cookie
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
    if hasattr(credentials, "login") and not isinstance(credentials, Tsgauth):
        return credentials
    if isinstance(credentials, Tsgauth):
        return TsgauthLogin(credentials, url)
    message = (
        f"credentials={type(credentials).__name__} is no login; pass "
        "ClientCredentials(...), BearerToken(...) or an object of tsgauth."
    )
    raise ConfigError(message)
