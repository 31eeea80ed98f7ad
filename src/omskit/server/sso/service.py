"""A stand-in for CERN's login service, to test logins against.

It plays what OMS clients use of Keycloak: client credentials for an application's API
access, the device flow with PKCE, token exchange, refresh, and the key set that tokens
are checked with; and Kerberos, where it is given what checks tickets (`kerberos`). It
knows no people: a device login is answered as the registry says, or by whoever opens
its page.

What error a wrong audience or an unregistered application gets from CERN is a guess.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from omskit.effects import Response
from omskit.server.sso.kerberos import BROKER, LOGIN, SECOND, Tickets, page
from omskit.server.sso.registry import Application, Registry, registry_from_file
from omskit.server.sso.tokens import BadTokenError, SigningKey, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omskit.effects import Request
    from omskit.server.sso.kerberos import Acceptor

__all__ = [
    "DEVICE_GRANT",
    "EXCHANGE_GRANT",
    "ISSUER",
    "PREFIX",
    "Application",
    "Registry",
    "Sso",
    "document",
    "registry_from_file",
]

ISSUER = "https://auth.cern.ch/auth/realms/cern"
"""What tokens say who made them; tsgauth accepts no other."""

PREFIX = "/auth/realms/cern"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"

_LONGEST_FORM = 16 * 1024
_MOST_DEVICES = 1000


class _RefusedError(Exception):
    """An OAuth error on its way out."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.response = document(
            {"error": error, "error_description": description}, status
        )


@dataclass(slots=True)
class _Device:
    """A device login under way."""

    application: Application
    challenge: str | None
    expires: float
    asked: int = 0
    last: float = float("-inf")
    decided: str | None = None


@dataclass(frozen=True, slots=True)
class _Refresh:
    """What a refresh token is good for."""

    application: Application
    expires: float
    subject: str


class Sso:
    """The login service: one instance holds the logins under way.

    Args:
        registry: Whom it knows.
        now: The time in seconds since 1970.
        base_url: Its own address, for the page of a device login; None: whatever serves
            it says so.
        key: What signs its tokens; a new one by default.
        accept: Checks Kerberos tickets; None: it offers no Kerberos.

    Example:
        >>> from omskit.effects import Request
        >>> sso = Sso(Registry((Application("app", "s3cret", ("cmsoms-prod",)),)))
        >>> form = b"grant_type=client_credentials&client_id=app&client_secret=guess"
        >>> url = "/auth/realms/cern/api-access/token"
        >>> sso.respond(Request("POST", url, {}, form)).status
        401
    """

    def __init__(
        self,
        registry: Registry,
        *,
        now: Callable[[], float] = time.time,
        base_url: str | None = None,
        key: SigningKey | None = None,
        accept: Acceptor | None = None,
    ) -> None:
        self.registry = registry
        self.key = key or SigningKey()
        self.base_url = base_url
        self._now = now
        self._lock = threading.Lock()
        self._devices: dict[str, _Device] = {}
        self._users: dict[str, str] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._tickets = Tickets(accept, registry.one_time, self._where, now)

    def respond(self, request: Request) -> Response:
        """The answer to one request."""
        parts = urlsplit(request.url)
        route = self._routes(request).get(
            (request.method, parts.path.removeprefix(PREFIX))
        )
        if route is None or not parts.path.startswith(PREFIX):
            return document({"error": "Not Found"}, 404)
        if len(request.body) > _LONGEST_FORM:
            return document({"error": "invalid_request"}, 413)
        text = request.body.decode("utf-8", "replace")
        form = dict(parse_qsl(parts.query if request.method == "GET" else text))
        try:
            with self._lock:
                return route(form)
        except _RefusedError as refused:
            return refused.response

    def _routes(
        self, request: Request
    ) -> Mapping[tuple[str, str], Callable[[dict[str, str]], Response]]:
        """Who answers what."""
        tickets, ticket = self._tickets, request.headers.get("authorization", "")
        query = dict(parse_qsl(urlsplit(request.url).query))
        return {
            ("POST", "/api-access/token"): self._api_access,
            ("POST", "/protocol/openid-connect/token"): self._token,
            ("POST", "/protocol/openid-connect/auth/device"): self._new_device,
            ("GET", "/protocol/openid-connect/certs"): self._certs,
            ("GET", "/device"): self._page,
            ("GET", LOGIN): lambda form: tickets.begin(
                self.registry.find(form.get("client_id", "")), form
            ),
            ("GET", f"{BROKER}/login"): tickets.button,
            ("GET", f"{BROKER}/negotiate"): lambda f: tickets.negotiate(f, ticket),
            ("GET", f"{BROKER}/endpoint"): tickets.endpoint,
            ("POST", SECOND): lambda form: tickets.second(query, form),
        }

    def _where(self) -> str:
        """The address of its pages."""
        return f"{self.base_url or 'https://auth.cern.ch'}{PREFIX}"

    def _application(self, form: Mapping[str, str]) -> Application:
        """Who asks, with its secret where it has one."""
        found = self.registry.find(form.get("client_id", ""))
        wrong = "Invalid client or Invalid client credentials"
        if found is None:
            raise _RefusedError(401, "invalid_client", wrong)
        given = form.get("client_secret", "").encode()
        if found.secret is not None and not hmac.compare_digest(
            given, found.secret.encode()
        ):
            raise _RefusedError(401, "unauthorized_client", wrong)
        return found

    def _api_access(self, form: dict[str, str]) -> Response:
        """An application's token for a service, from its secret."""
        if form.get("grant_type") != "client_credentials":
            raise _RefusedError(400, "unsupported_grant_type", "Unsupported grant_type")
        application = self._application(form)
        if application.secret is None:
            wrong = "Public clients have no API access"
            raise _RefusedError(401, "unauthorized_client", wrong)
        audience = self._audience(application, form)
        return document(self._tokens(application, audience))

    def _audience(self, application: Application, form: Mapping[str, str]) -> str:
        audience = form.get("audience", "")
        if audience not in self.registry.audiences:
            raise _RefusedError(400, "invalid_request", "Audience not found")
        if audience not in application.audiences:
            wrong = f"Application {application.id} is not registered for {audience}"
            raise _RefusedError(403, "access_denied", wrong)
        return audience

    def _token(self, form: dict[str, str]) -> Response:
        grants = {
            DEVICE_GRANT: self._device_token,
            EXCHANGE_GRANT: self._exchange,
            "refresh_token": self._refreshed,
            "authorization_code": self._redeemed,
        }
        grant = grants.get(form.get("grant_type", ""))
        if grant is None:
            raise _RefusedError(400, "unsupported_grant_type", "Unsupported grant_type")
        return grant(form)

    def _new_device(self, form: dict[str, str]) -> Response:
        application = self._application(form)
        now = self._now()
        for code, device in list(self._devices.items()):
            if device.expires < now or len(self._devices) >= _MOST_DEVICES:
                del self._devices[code]
        code, user = secrets.token_urlsafe(32), secrets.token_hex(4).upper()
        life = self.registry.device_lifetime
        challenge = form.get("code_challenge")
        self._devices[code] = _Device(application, challenge, now + life)
        self._users = {u: c for u, c in self._users.items() if c in self._devices}
        self._users[user] = code
        place = f"{self._where()}/device"
        found = {
            "device_code": code,
            "user_code": user,
            "verification_uri": place,
            "verification_uri_complete": f"{place}?user_code={quote(user)}",
            "expires_in": life,
            "interval": self.registry.interval,
        }
        return document(found)

    def _page(self, form: dict[str, str]) -> Response:
        """Where a person would decide: ``&answer=yes`` or ``no``."""
        device = self._devices.get(self._users.get(form.get("user_code", ""), ""))
        if device is None:
            return page(404, "There is no such login under way.")
        answer = form.get("answer")
        if answer not in {"yes", "no"}:
            who = "".join(c for c in device.application.id if c.isalnum() or c in "-_.")
            return page(200, f"Let {who} in? Add &amp;answer=yes or no to the address.")
        device.decided = "grant" if answer == "yes" else "access_denied"
        return page(200, "Noted.")

    def _device_token(self, form: dict[str, str]) -> Response:
        application = self._application(form)
        device = self._devices.get(form.get("device_code", ""))
        if device is None or device.application != application:
            raise _RefusedError(400, "invalid_grant", "Device code not valid")
        self._check_verifier(device, form)
        answer = self._decide(device)
        if answer == "authorization_pending":
            wait = "The authorization request is still pending"
            raise _RefusedError(400, answer, wait)
        if answer == "slow_down":
            raise _RefusedError(400, answer, "Slow down")
        del self._devices[form["device_code"]]
        if answer == "expired_token":
            raise _RefusedError(400, answer, "Device code is expired")
        if answer == "access_denied":
            denied = "The end user denied the authorization request"
            raise _RefusedError(400, answer, denied)
        return document(self._tokens(application, application.id, refresh=True))

    def _decide(self, device: _Device) -> str:
        """What a device login is told this time."""
        now, script = self._now(), device.application.device
        number, device.asked = device.asked, device.asked + 1
        early = now - device.last < self.registry.interval
        device.last = now
        if now >= device.expires:
            return "expired_token"
        if script:
            return script[min(number, len(script) - 1)]
        if early:
            return "slow_down"
        return device.decided or "authorization_pending"

    @staticmethod
    def _check_verifier(device: _Device, form: Mapping[str, str]) -> None:
        """PKCE: who asks for the token is who asked for the code."""
        if device.challenge is None:
            return
        given = form.get("code_verifier", "").encode()
        made = packed(hashlib.sha256(given).digest())
        if not hmac.compare_digest(made.encode(), device.challenge.encode()):
            raise _RefusedError(400, "invalid_grant", "PKCE verification failed")

    def _exchange(self, form: dict[str, str]) -> Response:
        """A token for another service, from one that the application has."""
        application = self._application(form)
        try:
            claims = self.key.read(form.get("subject_token", ""))
        except BadTokenError as error:
            raise _RefusedError(400, "invalid_token", "Invalid token") from error
        if claims["exp"] <= self._now() or claims["azp"] != application.id:
            raise _RefusedError(400, "invalid_token", "Invalid token")
        audience = self._audience(application, form)
        who = str(claims["sub"])
        return document(self._tokens(application, audience, subject=who, refresh=True))

    def _refreshed(self, form: dict[str, str]) -> Response:
        """New tokens; a refresh token is good once."""
        application = self._application(form)
        held = self._refresh.pop(form.get("refresh_token", ""), None)
        if held is None or held.application != application:
            raise _RefusedError(400, "invalid_grant", "Invalid refresh token")
        if held.expires <= self._now():
            raise _RefusedError(400, "invalid_grant", "Token is not active")
        who, audience = held.subject, application.id
        return document(self._tokens(application, audience, subject=who, refresh=True))

    def _redeemed(self, form: dict[str, str]) -> Response:
        """The tokens for the code that a login with Kerberos ended with."""
        application = self._application(form)
        person = self._tickets.redeem(application, form)
        if person is None:
            raise _RefusedError(400, "invalid_grant", "Code not valid")
        who, audience = person, application.id
        return document(self._tokens(application, audience, subject=who, refresh=True))

    def _tokens(
        self,
        application: Application,
        audience: str,
        *,
        subject: str | None = None,
        refresh: bool = False,
    ) -> dict[str, Any]:
        who = subject or f"service-account-{application.id}"
        now, life = int(self._now()), self.registry.lifetime
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "azp": application.id,
            "sub": who,
            "iat": now,
            "exp": now + life,
            "jti": secrets.token_hex(8),
            "groups": list(application.groups),
        }
        token = self.key.signed(claims)
        found = {"access_token": token, "expires_in": life, "token_type": "Bearer"}
        if refresh:
            ends = now + self.registry.refresh_lifetime
            again = secrets.token_urlsafe(32)
            self._refresh[again] = _Refresh(application, ends, who)
            found["refresh_token"] = again
            found["refresh_expires_in"] = self.registry.refresh_lifetime
        return found

    def _certs(self, form: dict[str, str]) -> Response:
        del form
        return document(self.key.key_set())


def document(body: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON answer that nobody may keep."""
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return Response(status, headers, json.dumps(body).encode())
