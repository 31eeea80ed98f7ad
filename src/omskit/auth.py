"""Who asks: nobody in particular, an application, or a person through tsgauth."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable
from urllib.request import Request

from omskit.errors import AuthError, ConfigError, OMSError, UsageError
from omskit.flow.effects import Compute, Credential
from omskit.flow.exchange import Policy
from omskit.flow.login import client_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omskit.flow.effects import Flow

TOKEN_URL = "https://auth.cern.ch/auth/realms/cern/api-access/token"  # noqa: S105
"""Where CERN trades an application's secret for a token; an address, not a secret."""


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


@runtime_checkable
class Tsgauth(Protocol):
    """Any of tsgauth's auth classes."""

    def authparams(self) -> dict[str, Any]:
        """Arguments for ``requests.get``: headers or cookies."""


@dataclass(frozen=True, slots=True)
class TsgauthLogin:
    """A login that tsgauth makes: Kerberos, device code, client credentials.

    Attributes:
        url: Of the service. Cookies of other hosts, of the login service above all, are
            not sent there.
    """

    auth: Tsgauth = field(repr=False)
    url: str = ""

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: tsgauth's objects hold tokens."""
        message = (
            "A login of tsgauth is not pickled: tokens stay where they are. Make it "
            "anew where it is needed."
        )
        raise UsageError(message)

    def login(self) -> Flow[Credential | None]:
        """Ask tsgauth, where it holds up no other work: it may wait for a person."""
        found: Credential = yield Compute(self._ask)
        return found

    def _ask(self) -> Credential:
        try:
            parameters = self.auth.authparams()
        except OMSError:
            raise
        except Exception as error:
            kind = type(self.auth).__name__
            message = f"The login with tsgauth's {kind} failed: {error}"
            raise AuthError(message) from error
        headers = {k.lower(): v for k, v in (parameters.get("headers") or {}).items()}
        cookie = cookie_header(parameters.get("cookies") or {}, self.url)
        if cookie:
            headers["cookie"] = cookie
        if not headers:
            kind = type(self.auth).__name__
            message = (
                f"tsgauth's {kind} gives nothing that the service would take: no "
                "token, and no cookie of its host. Use a class that gives tokens, "
                "such as KerbAuth, DeviceAuth or ClientAuth."
            )
            raise AuthError(message)
        return Credential(headers)


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
        "ClientCredentials(...) or an object of tsgauth."
    )
    raise ConfigError(message)
