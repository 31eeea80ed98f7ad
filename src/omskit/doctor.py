"""Why there is no answer: each link between here and the rows, tried in order.

What a link says is one line with the fault and its remedy. The doctor sends what a
client would send, once and without retries, and changes nothing.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
import os
import socket
import ssl
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from omskit.credentials import Application, Chain, find_login
from omskit.drivers import SyncDriver
from omskit.errors import (
    AuthError,
    ConfigError,
    NotAuthorisedError,
    OMSError,
    ServiceError,
)
from omskit.flow.effects import Request
from omskit.flow.exchange import GOOD, Policy, refuse
from omskit.transport import HttpSender, Timeouts, tls_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omskit.auth import Anonymous
    from omskit.config import Instance
    from omskit.flow.effects import Credential, Response

AUTH, SERVICE = "auth", "service"
_SKEW_S = 60.0
_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one link is like.

    Attributes:
        link: Its name.
        fault: None: it is good; else whose fault it is, ``"auth"`` or ``"service"``.
        said: What was found.
        remedy: What to do about it.
    """

    link: str
    said: str
    fault: str | None = None
    remedy: str = ""

    def __str__(self) -> str:
        """One line."""
        mark = "ok   " if self.fault is None else "FAULT"
        tail = f" -> {self.remedy}" if self.remedy else ""
        return f"{mark} {self.link}: {self.said}{tail}"


class _Stop(Exception):  # noqa: N818  # no error: the last finding says it all
    """What follows cannot be tried."""


@dataclass(slots=True)
class _Visit:
    """One service, one visit."""

    instance: Instance
    sender: HttpSender
    credential: Credential | None = field(default=None, repr=False)
    answer: Response | None = None

    @property
    def proxy(self) -> str | None:
        """The proxy on the way to the service, or None."""
        parts = urlsplit(self.instance.base_url)
        found = getproxies()
        proxy = found.get(parts.scheme) or found.get("all")
        return None if proxy_bypass(parts.hostname or "") else proxy

    @property
    def place(self) -> tuple[str, int]:
        """Whom to connect to."""
        parts = urlsplit(self.proxy or self.instance.base_url)
        standard = 443 if parts.scheme == "https" else 80
        return parts.hostname or "", parts.port or standard


def diagnose(instance: Instance) -> Iterator[Finding]:
    """Try each link between here and the rows of a service."""
    try:
        sender = HttpSender(timeouts=Timeouts(_WAIT_S, _WAIT_S, _WAIT_S))
    except ConfigError as error:
        yield Finding("CA bundle", str(error), SERVICE, _ca_remedy())
        return
    visit = _Visit(instance, sender)
    try:
        for link in (_proxy, _name, _connection, _certificate, _login, _audience):
            yield from link(visit)
        yield from _answers(visit)
    except _Stop:
        return
    finally:
        sender.close()


def _proxy(visit: _Visit) -> Iterator[Finding]:
    proxy = visit.proxy
    if proxy is None:
        yield Finding("proxy", "none")
        return
    parts = urlsplit(proxy)
    # A proxy may have a password in front of its host.
    yield Finding("proxy", f"{parts.scheme}://{parts.hostname}:{parts.port}")


def _name(visit: _Visit) -> Iterator[Finding]:
    host, port = visit.place
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        remedy = (
            "look at HTTPS_PROXY and HTTP_PROXY"
            if visit.proxy
            else "is the name right, and this machine inside CERN or a tunnel up?"
        )
        yield Finding("name", f"{host} has no address ({error})", SERVICE, remedy)
        raise _Stop from None
    yield Finding("name", f"{host} is {found[0][4][0]}")


def _connection(visit: _Visit) -> Iterator[Finding]:
    host, port = visit.place
    try:
        socket.create_connection((host, port), timeout=_WAIT_S).close()
    except OSError as error:
        if visit.proxy:
            remedy = (
                "the proxy is down: unset HTTPS_PROXY, or name the host in NO_PROXY"
            )
        else:
            remedy = (
                "is a firewall in between, or the tunnel down? See 'Getting access'"
            )
        said = f"{host}:{port} takes no connection ({error})"
        yield Finding("connection", said, SERVICE, remedy)
        raise _Stop from None
    yield Finding("connection", f"{host}:{port} takes connections")


def _certificate(visit: _Visit) -> Iterator[Finding]:
    if urlsplit(visit.instance.base_url).scheme != "https":
        yield Finding("certificate", "none, the service is asked over http")
        return
    if visit.proxy:
        yield Finding("certificate", "looked at behind the proxy, with the answer")
        return
    host, port = visit.place
    try:
        with (
            socket.create_connection((host, port), timeout=_WAIT_S) as plain,
            tls_context(None).wrap_socket(plain, server_hostname=host) as secure,
        ):
            said = f"trusted, {secure.version()}"
    except ssl.SSLCertVerificationError as error:
        said = f"not trusted ({error.verify_message})"
        yield Finding("certificate", said, SERVICE, _cert_remedy(error))
        raise _Stop from None
    except (ssl.SSLError, OSError) as error:
        said = f"{host}:{port} does not speak TLS ({error})"
        remedy = "wrong scheme: try http:// instead of https://"
        yield Finding("certificate", said, SERVICE, remedy)
        raise _Stop from None
    yield Finding("certificate", said)


def _cert_remedy(error: ssl.SSLCertVerificationError) -> str:
    message = error.verify_message.lower()
    if "expired" in message or "not yet valid" in message:
        return "is the clock of this machine right?"
    if "hostname" in message or "address" in message:
        return "the service has another name: use that of its certificate"
    return _ca_remedy()


def _ca_remedy() -> str:
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
    used = next((name for name in names if os.environ.get(name)), None)
    if used:
        return f"{used} names {os.environ[used]}, which lacks the CERN CA certificates"
    return "install the CERN CA certificates, or name their file in SSL_CERT_FILE"


def _login(visit: _Visit) -> Iterator[Finding]:
    instance = visit.instance
    try:
        login = _hasty(find_login(instance))
        driver = SyncDriver(visit.sender, login, 1)
        visit.credential = driver.run(login.login())
    except ServiceError as error:
        place = urlsplit(instance.token_url).netloc
        remedy = f"is {place} reachable, and does it play the login service?"
        yield Finding("login", str(error), AUTH, remedy)
        raise _Stop from None
    except NotAuthorisedError as error:
        remedy = f"register the application for the audience {instance.audience!r}"
        yield Finding("login", str(error), AUTH, remedy)
        raise _Stop from None
    except (AuthError, ConfigError) as error:
        yield Finding("login", str(error), AUTH, _ticket())
        raise _Stop from None
    taken = login.taken if isinstance(login, Chain) else None
    yield Finding("login", f"by {taken}" if taken else "none is needed")


def _hasty(login: Anonymous | Chain) -> Anonymous | Chain:
    """The same login, which gives up at the first failure."""
    if isinstance(login, Chain):
        login.links = tuple(
            Application(replace(link.credentials, policy=Policy(retries=0)))
            if isinstance(link, Application) and link.credentials
            else link
            for link in login.links
        )
    return login


def _ticket() -> str:
    """Whether there is a Kerberos ticket, which `KerbAuth` of tsgauth would take."""
    name = os.environ.get("KRB5CCNAME", "").removeprefix("FILE:")
    path = name or f"/tmp/krb5cc_{getattr(os, 'getuid', int)()}"  # noqa: S108  # Kerberos's
    if os.path.exists(path):  # noqa: PTH110  # may be no path at all: KEYRING:...
        return "there is a Kerberos ticket: pass credentials=tsgauth's KerbAuth(...)"
    return "see 'Getting access' (there is no Kerberos ticket either: kinit)"


def _audience(visit: _Visit) -> Iterator[Finding]:
    claims = claims_of(visit.credential)
    if claims is None:
        return
    given = claims.get("aud")
    wanted = visit.instance.audience
    if wanted in (given if isinstance(given, list) else [given]):
        yield Finding("audience", f"{wanted}, as it should be")
        return
    said = f"the token is for {given!r}, the service is {wanted!r}"
    remedy = "set audience= of the instance in the configuration file, or log in anew"
    yield Finding("audience", said, AUTH, remedy)


def claims_of(credential: Credential | None) -> dict[str, Any] | None:
    """What a token says of itself, unchecked; None where it is none of that kind."""
    if credential is None:
        return None
    parts = credential.headers.get("authorization", "").split(".")
    if len(parts) != 3:
        return None
    with contextlib.suppress(ValueError, AttributeError):
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        found = json.loads(base64.urlsafe_b64decode(padded))
        return found if isinstance(found, dict) else None
    return None


def _answers(visit: _Visit) -> Iterator[Finding]:
    url = f"{visit.instance.base_url}/runs?fields=run_number&page[limit]=1"
    request = Request("GET", url)
    headers = visit.credential.headers if visit.credential else {}
    try:
        answer = visit.sender.send(request, headers)
    except (ServiceError, ConfigError) as error:
        yield Finding("answer", str(error), SERVICE, _scheme_remedy(visit))
        return
    yield from _clock(answer)
    try:
        if answer.status not in GOOD:
            refuse(request, answer, logged_in=visit.credential is not None)
    except OMSError as error:
        fault = AUTH if isinstance(error, AuthError) else SERVICE
        yield Finding("answer", str(error), fault, _remedy(answer, visit, fault))
        return
    yield _judged(answer)


def _clock(answer: Response) -> Iterator[Finding]:
    """The clock here, held against the service's; tokens have their times."""
    try:
        there = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return
    if there.tzinfo is None:
        there = there.replace(tzinfo=dt.UTC)
    apart = (dt.datetime.now(dt.UTC) - there).total_seconds()
    if abs(apart) < _SKEW_S:
        yield Finding("clock", "right")
        return
    way = "ahead of" if apart > 0 else "behind"
    said = f"this machine is {abs(apart):.0f} s {way} the service"
    yield Finding("clock", said, AUTH, "set the clock (NTP): tokens have their times")


def _remedy(answer: Response, visit: _Visit, fault: str) -> str:
    if answer.status == 403:
        return "ask for the application to be added to the group oms-api-access"
    if fault == AUTH and visit.credential is None:
        return "set OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET, or 'oms auth login'"
    if answer.status == 401:
        return "'oms auth logout', and look at audience and clock above"
    if 300 <= answer.status < 400 or answer.status == 400:
        return _scheme_remedy(visit)
    if answer.status == 404:
        return "is the address right? It ends with /agg/api/v1"
    return "try again later"


def _scheme_remedy(visit: _Visit) -> str:
    """Whether the port speaks https where http was asked for."""
    if urlsplit(visit.instance.base_url).scheme == "https" or visit.proxy:
        return "is something else listening there?"
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # Nothing is sent: only the handshake counts.
    try:
        with (
            socket.create_connection(visit.place, timeout=_WAIT_S) as plain,
            context.wrap_socket(plain),
        ):
            return "wrong scheme: try https:// instead of http://"
    except OSError:
        return "is something else listening there?"


def _judged(answer: Response) -> Finding:
    try:
        document = json.loads(answer.body)
        total = document["meta"]["totalResourceCount"]
    except (ValueError, KeyError, TypeError):
        said = "status 200, but no rows: a page for people, or another service"
        remedy = "is the address right, and the login not a web page?"
        return Finding("answer", said, SERVICE, remedy)
    return Finding("answer", f"{total} runs are there")
