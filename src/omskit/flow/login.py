"""Login flows: how a credential is come by."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec

from omskit.errors import (
    AuthError,
    LoginNeededError,
    NotAuthorisedError,
    StatusError,
)
from omskit.flow.effects import Credential, Flow, Now, Request, Response, Send, Sleep
from omskit.flow.exchange import PASSING, Policy, backoff
from omskit.jsonapi import error_detail

if TYPE_CHECKING:
    import datetime as dt

EARLY_S = 15.0
"""A token is renewed this long before it ends."""


def client_credentials(
    client_id: str, client_secret: str, audience: str, token_url: str, policy: Policy
) -> Flow[Credential]:
    """Trade an application's secret for a token, with OAuth 2's client credentials.

    Raises:
        LoginNeededError: The login service does not know the application or its secret.
        NotAuthorisedError: The application may not ask for this audience.
        AuthError: Any other answer that holds no token.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
        "audience": audience,
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    request = Request("POST", token_url, headers, urlencode(form).encode())
    attempt = 0
    while True:
        attempt += 1
        response: Response = yield Send(request)
        if response.status not in PASSING or attempt > policy.retries:
            break
        yield Sleep(backoff(policy, attempt, 0.5))
    if response.status not in {200, 201}:
        raise _refused(response, audience, token_url)
    now: dt.datetime = yield Now()
    return _token(response, now.timestamp(), token_url)


def _refused(response: Response, audience: str, token_url: str) -> Exception:
    host = urlsplit(token_url).netloc
    said = _oauth_error(response.body) or error_detail(response.body) or "no reason given"
    status = response.status
    if status == 401 or (status == 400 and "client" in said):
        return LoginNeededError(
            f"{host} does not accept the application's id or secret ({said}). "
            "Check OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET.",
            status=status,
        )
    if status in {400, 403}:
        return NotAuthorisedError(
            f"{host} gives no token for the audience {audience!r} ({said}). "
            "See 'Getting access' on registering the application.",
            status=status,
        )
    return StatusError(f"{host} failed with status {status} ({said}).", status=status)


def _oauth_error(body: bytes) -> str | None:
    try:
        document = msgspec.json.decode(body)
        said = document.get("error_description") or document.get("error")
    except (msgspec.DecodeError, AttributeError):
        return None
    return said if isinstance(said, str) else None


def _token(response: Response, now: float, token_url: str) -> Credential:
    host = urlsplit(token_url).netloc
    try:
        document = msgspec.json.decode(response.body)
        token = document["access_token"]
        lifetime = document.get("expires_in")
    except (msgspec.DecodeError, LookupError, TypeError, AttributeError):
        token = lifetime = None
    if not isinstance(token, str) or not token or not token.isprintable():
        message = f"{host} answered the login without a token."
        raise AuthError(message, status=response.status)
    known = isinstance(lifetime, (int, float)) and not isinstance(lifetime, bool)
    expires = now + float(lifetime) - EARLY_S if known else None
    return Credential({"authorization": f"Bearer {token}"}, expires)
