"""Kerberos at the login service: from its login page to the code for a token.

It plays what tsgauth's ``KerbAuth`` walks through at CERN, in order: the login page
with its Kerberos button, a page that wants a ticket (``WWW-Authenticate: Negotiate``),
the second factor where there is one, and the redirect that carries the code.

Tickets are checked by an *acceptor*, which whoever starts the service gives: omskit has
no Kerberos of its own.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import html
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from omskit.effects import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omskit.server.sso.registry import Application

Acceptor = Callable[[bytes], tuple[str, bytes]]
"""Checks a SPNEGO token.

Its result is who has the ticket, and what is said back to prove that the service is
whom it was meant for; a ValueError says that the ticket is not good.
"""

LOGIN = "/protocol/openid-connect/auth"
BROKER = "/broker/kerberos"
SECOND = "/login-actions/post-broker-login"

_LIFE_S = 300.0
_MOST = 1000
_SCHEME = "negotiate "


@dataclass(slots=True)
class _Login:
    """A login under way.

    Attributes:
        person: Who it is, once the ticket was good.
        through: The second factor, where there is one, was right too.
    """

    application: Application
    redirect: str
    state: str
    expires: float
    person: str | None = None
    through: bool = False


@dataclass(slots=True)
class Tickets:
    """The logins with a ticket that are under way.

    Attributes:
        accept: Checks tickets; None: the login page has no Kerberos button.
        one_time: The one-time password that every person has; None: none is asked for.
        where: The address of these pages, with the realm.
    """

    accept: Acceptor | None
    one_time: str | None
    where: Callable[[], str]
    now: Callable[[], float]
    _logins: dict[str, _Login] = field(default_factory=dict, repr=False)
    _codes: dict[str, _Login] = field(default_factory=dict, repr=False)

    def begin(
        self, application: Application | None, form: Mapping[str, str]
    ) -> Response:
        """The login page, with its Kerberos button."""
        redirect = form.get("redirect_uri", "")
        if application is None:
            return failed(400, "Client not found.")
        if redirect not in application.redirects:
            return failed(400, "Invalid parameter: redirect_uri")
        if form.get("response_type") != "code":
            return failed(400, "Invalid parameter: response_type")
        self._forget()
        session = secrets.token_urlsafe(16)
        state = form.get("state", "")
        self._logins[session] = _Login(
            application, redirect, state, self.now() + _LIFE_S
        )
        path = f"{_path(self.where())}{BROKER}/login?{_of(session)}"
        button = f'<a id="social-kerberos" href="{html.escape(path)}">Kerberos</a>'
        return page(200, button if self.accept else "There is no Kerberos here.")

    def button(self, form: Mapping[str, str]) -> Response:
        """The button: leads to the page that wants a ticket."""
        session = form.get("session_code", "")
        return self._to(f"{self.where()}{BROKER}/negotiate?{_of(session)}")

    def negotiate(self, form: Mapping[str, str], authorization: str) -> Response:
        """The page that wants a ticket."""
        session = form.get("session_code", "")
        login = self._find(session)
        if login is None or self.accept is None:
            return failed(400, "Your login attempt timed out. Please start again.")
        ticket = authorization[: len(_SCHEME)].lower() == _SCHEME
        if not ticket:
            return _wanted("Kerberos is not set up. You cannot login.")
        try:
            given = base64.b64decode(authorization[len(_SCHEME) :], validate=True)
            login.person, said = self.accept(given)
        except (binascii.Error, ValueError):
            return _wanted("The Kerberos ticket is not good.")
        login.through = self.one_time is None
        back = {"www-authenticate": f"Negotiate {base64.b64encode(said).decode()}"}
        return self._to(f"{self.where()}{BROKER}/endpoint?{_of(session)}", back)

    def endpoint(self, form: Mapping[str, str]) -> Response:
        """Back from the ticket: to the application, or to the second factor."""
        session = form.get("session_code", "")
        login = self._find(session)
        if login is None or login.person is None:
            return failed(400, "Your login attempt timed out. Please start again.")
        if not login.through:
            return self._ask(session)
        del self._logins[session]
        code = secrets.token_urlsafe(32)
        self._codes[code] = login
        answer = urlencode({"state": login.state, "code": code})
        return self._to(f"{login.redirect}?{answer}")

    def second(self, query: Mapping[str, str], form: Mapping[str, str]) -> Response:
        """The one-time password."""
        session = query.get("session_code", "")
        login = self._find(session)
        if login is None or login.person is None:
            return failed(400, "Your login attempt timed out. Please start again.")
        given, right = form.get("otp", "").encode(), (self.one_time or "").encode()
        if not hmac.compare_digest(given, right):
            return self._ask(session, "Invalid authenticator code.")
        login.through = True
        return self._to(f"{self.where()}{BROKER}/endpoint?{_of(session)}")

    def redeem(self, application: Application, form: Mapping[str, str]) -> str | None:
        """Who a code is of; it is good once, for its application and address."""
        login = self._codes.pop(form.get("code", ""), None)
        if login is None or login.application != application:
            return None
        if login.expires < self.now() or login.redirect != form.get("redirect_uri"):
            return None
        return login.person

    def _ask(self, session: str, wrong: str = "") -> Response:
        action = html.escape(f"{_path(self.where())}{SECOND}?{_of(session)}")
        said = f'<span id="input-error-otp-code">{wrong}</span>' if wrong else ""
        form = (
            f'<form id="kc-otp-login-form" method="post" action="{action}">{said}'
            '<input name="otp"></form>'
        )
        return page(200, form)

    def _find(self, session: str) -> _Login | None:
        found = self._logins.get(session)
        return None if found is None or found.expires < self.now() else found

    def _forget(self) -> None:
        """Logins that never end are bounded."""
        now = self.now()
        for held in (self._logins, self._codes):
            for name, login in list(held.items()):
                if login.expires < now or len(held) >= _MOST:
                    del held[name]

    @staticmethod
    def _to(where: str, headers: Mapping[str, str] | None = None) -> Response:
        return Response(302, {"location": where, **(headers or {})})


def page(status: int, body: str) -> Response:
    """A page of the login service."""
    kind = {"content-type": "text/html; charset=utf-8"}
    text = f"<!doctype html><title>Login</title><p>{body}</p>"
    return Response(status, kind, text.encode())


def failed(status: int, said: str) -> Response:
    """The page that says why a login fails, as Keycloak writes it."""
    return page(status, f'<div id="kc-error-message"><p>{html.escape(said)}</p></div>')


def _wanted(said: str) -> Response:
    refused = failed(401, said)
    return Response(
        401, {**refused.headers, "www-authenticate": "Negotiate"}, refused.body
    )


def _of(session: str) -> str:
    return urlencode({"session_code": session})


def _path(where: str) -> str:
    """The path of an address, as links have it that stay on their host."""
    return "/" + where.split("/", 3)[3]
