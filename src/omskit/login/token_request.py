"""Login flows: how a credential is come by."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec

from omskit.effects import Credential, Flow, Now, Request, Response, Secret
from omskit.errors import (
    AuthError,
    LoginNeededError,
    NotAuthorisedError,
    OMSError,
    StatusError,
)
from omskit.flow.exchange import GOOD, PASSING, Policy, persist, refuse
from omskit.jsonapi import error_detail
from omskit.redact import LONGEST, one_line

if TYPE_CHECKING:
    import datetime as dt

EARLY_S = 15.0
"""A token is renewed this long before it ends, but not before half its life."""

LONGEST_S = 10**9
"""Longer lives are taken for this one; a number may be any, once it is on a wire."""


def client_credentials(
    client_id: str,
    client_secret: Secret,
    audience: str,
    token_url: str,
    policy: Policy,
) -> Flow[Credential]:
    """Trade an application's secret for a token, with OAuth 2's client credentials.

    Raises:
        LoginNeededError: The login service does not know the application or its secret.
        NotAuthorisedError: The application may not ask for this audience.
        AuthError: Any other answer that holds no token.
    """
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = _form(client_id, client_secret, audience)
    request = Request("POST", token_url, headers, body.text.encode())

    def judge(response: Response) -> Flow[Credential]:
        if response.status in PASSING or response.status >= 500:
            refuse(request, response, logged_in=False)
        if response.status not in GOOD:
            raise _refused(response, audience, token_url)
        now: dt.datetime = yield Now()
        return _token(response, now.timestamp(), token_url)

    credential: Credential
    credential = yield from persist(request, policy, judge, secrets={client_secret})
    return credential


def _form(client_id: str, client_secret: Secret, audience: str) -> Secret:
    return Secret(
        urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret.text,
                "audience": audience,
            }
        )
    )


def _refused(response: Response, audience: str, token_url: str) -> OMSError:
    place = _place(token_url)
    said = _oauth_error(response.body) or error_detail(response.body)
    said = said or "no reason given"
    status = response.status
    if status == 401 or (status == 400 and "client" in said):
        return LoginNeededError(
            f"{place} does not accept the application's id or secret ({said}). "
            "Check OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET.",
            status=status,
        )
    if status in {400, 403}:
        return NotAuthorisedError(
            f"{place} gives no token for the audience {audience!r} ({said}). "
            "See 'Getting access' on registering the application.",
            status=status,
        )
    return StatusError(
        f"{place} answered with status {status} ({said}).", status=status
    )


def _place(token_url: str) -> str:
    """Host and path: a login service at the wrong path refuses like a right one."""
    parts = urlsplit(token_url)
    return f"{parts.hostname}{parts.path}"


def _oauth_error(body: bytes) -> str | None:
    try:
        document = msgspec.json.decode(body)
        said = document.get("error_description") or document.get("error")
    except (ValueError, AttributeError, RecursionError):
        return None
    return (one_line(said, LONGEST) or None) if isinstance(said, str) else None


def _token(response: Response, now: float, token_url: str) -> Credential:
    credential = _credential_in(response.body, now)
    if credential is None:
        message = f"{_place(token_url)} answered the login without a token."
        raise AuthError(message, status=response.status)
    return credential


def _credential_in(body: bytes, now: float) -> Credential | None:
    """What an answer holds; None: no token that can be sent."""
    try:
        document = msgspec.json.decode(body)
        token = document["access_token"]
        lifetime = document.get("expires_in")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(token, str) or not token:
        return None
    if not token.isascii() or not token.isprintable():
        return None
    expires: float | None = None
    if isinstance(lifetime, (int, float)) and not isinstance(lifetime, bool):
        seconds = float(min(max(lifetime, 0), LONGEST_S))
        expires = now + seconds - min(EARLY_S, seconds / 2)
    return Credential({"authorization": f"Bearer {token}"}, expires)
