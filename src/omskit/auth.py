"""Who asks: nobody in particular, an application, or a person through tsgauth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from omskit.errors import AuthError, ConfigError, OMSError
from omskit.flow.effects import Compute, Credential
from omskit.flow.exchange import Policy
from omskit.flow.login import client_credentials

if TYPE_CHECKING:
    from omskit.flow.effects import Flow

TOKEN_URL = "https://auth.cern.ch/auth/realms/cern/api-access/token"  # noqa: S105
"""Where CERN trades an application's secret for a token; an address, not a secret."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No login: inside P5, through a tunnel, in the demo."""

    def login(self) -> Flow[Credential | None]:
        """No credential."""
        return None
        yield


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
    """A login that tsgauth makes: Kerberos, device code, client credentials."""

    auth: Tsgauth = field(repr=False)

    def login(self) -> Flow[Credential | None]:
        """Ask tsgauth, where it does not hold up other work: it may wait for a person."""
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
        cookies = parameters.get("cookies")
        if cookies:
            pairs = dict(cookies).items()
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in pairs)
        return Credential(headers)


def as_login(credentials: Any) -> Any:
    """Whatever a user passes as ``credentials=``, as something that can log in.

    Raises:
        ConfigError: It is neither one of omskit's nor one of tsgauth's.
    """
    if credentials is None:
        return Anonymous()
    if hasattr(credentials, "login") and not isinstance(credentials, Tsgauth):
        return credentials
    if isinstance(credentials, Tsgauth):
        return TsgauthLogin(credentials)
    message = (
        f"credentials={type(credentials).__name__} is no login; pass "
        "ClientCredentials(...) or an object of tsgauth."
    )
    raise ConfigError(message)
