"""The way to an address: proxy, name, connection, certificate, each with its fault.

What a link says is one line with what was found and, for a fault, the remedy.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

from omskit.errors import ConfigError, MissingExtraError
from omskit.transport import proxy_for, tls_context
from omskit.transport.proxies import read_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTH, SERVICE = "auth", "service"
WAIT_S = 10.0
_PORTS = {"https": 443, "http": 80, "socks5": 1080, "socks5h": 1080}


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


@dataclass(frozen=True, slots=True)
class Way:
    """The way to one address.

    Attributes:
        url: The address.
    """

    url: str

    @property
    def proxy(self) -> str | None:
        """The proxy on the way, without its password; None: the way is direct.

        Raises:
            ConfigError: Its address is none.
            MissingExtraError: It wants a package that is not installed.
        """
        named = proxy_for(self.url)
        if named is None:
            return None
        url = read_proxy(named).url
        host = f"[{url.host}]" if ":" in url.host else url.host
        return f"{url.scheme}://{host}:{url.port or _PORTS.get(url.scheme, 80)}"

    @property
    def variable(self) -> str:
        """Where that proxy is named."""
        scheme = urlsplit(self.url).scheme
        key = scheme if getproxies().get(scheme) else "all"
        name = f"{key}_proxy"
        used = [n for n in os.environ if n.lower() == name and os.environ[n]]
        # As in urllib: small letters go first. Without any, a system's settings do.
        return name if name in used else next(iter(used), name.upper())

    @property
    def place(self) -> tuple[str, int]:
        """Whom to connect to."""
        parts = urlsplit(self.proxy or self.url)
        return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)

    def links(self) -> Iterator[Finding]:
        """Each link of it; a fault ends it."""
        for link in (_proxy, _name, _connection, _certificate):
            finding = link(self)
            yield finding
            if finding.fault is not None:
                return


def _proxy(way: Way) -> Finding:
    try:
        return Finding("proxy", way.proxy or "none")
    except (ConfigError, MissingExtraError) as error:
        remedy = f"mend or unset {way.variable}"
        return Finding("proxy", str(error), SERVICE, remedy)


def _name(way: Way) -> Finding:
    host, port = way.place
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        remedy = (
            f"the proxy's name is wrong: look at {way.variable}"
            if way.proxy
            else "is the name right? Many hosts of CMS have one inside CERN only: "
            "log in to lxplus, or open a tunnel (see 'Getting access')"
        )
        return Finding("name", f"{host} has no address ({error})", SERVICE, remedy)
    return Finding("name", f"{host} is {found[0][4][0]}")


def _connection(way: Way) -> Finding:
    host, port = way.place
    try:
        socket.create_connection((host, port), timeout=WAIT_S).close()
    except OSError as error:
        if way.proxy:
            there = urlsplit(way.url).hostname
            remedy = (
                f"the proxy is down: unset {way.variable}, or add {there} to NO_PROXY"
            )
        else:
            remedy = (
                "is the service up, the port right, a firewall in between, or the "
                "tunnel down? See 'Getting access'"
            )
        said = f"{host}:{port} takes no connection ({error.strerror or error})"
        return Finding("connection", said, SERVICE, remedy)
    return Finding("connection", f"{host}:{port} takes connections")


def _certificate(way: Way) -> Finding:
    if urlsplit(way.url).scheme != "https":
        return Finding("certificate", "none, the service is asked over http")
    if way.proxy:
        return Finding("certificate", "looked at behind the proxy, with the answer")
    host, port = way.place
    try:
        with (
            socket.create_connection((host, port), timeout=WAIT_S) as plain,
            tls_context(None).wrap_socket(plain, server_hostname=host) as secure,
        ):
            return Finding("certificate", f"trusted, {secure.version()}")
    except ssl.SSLCertVerificationError as error:
        return untrusted(error)
    except (ssl.SSLError, OSError) as error:
        said = f"{host}:{port} does not speak TLS ({error})"
        remedy = "wrong scheme: try http:// instead of https://"
        return Finding("certificate", said, SERVICE, remedy)


def untrusted(error: ssl.SSLCertVerificationError) -> Finding:
    """The finding for a certificate that is not trusted."""
    said = f"not trusted ({error.verify_message})"
    return Finding("certificate", said, SERVICE, cert_remedy(error))


def cert_remedy(error: ssl.SSLCertVerificationError) -> str:
    """What to do about it: each reason has its own remedy."""
    message = error.verify_message.lower()
    if "expired" in message or "not yet valid" in message:
        today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
        return (
            f"this machine says that it is {today}: if that is wrong, set the clock "
            "(NTP); else the service needs a new certificate"
        )
    if "hostname" in message or "address" in message:
        return "the service has another name: use that of its certificate"
    return ca_remedy()


def ca_remedy() -> str:
    """What to do about CA certificates that are wrong or not there."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
    used = next((name for name in names if os.environ.get(name)), None)
    if used:
        return (
            f"{used} names {os.environ[used]}, which lacks the CERN CA certificates: "
            f"name a file that has them, or unset {used}"
        )
    return "install the CERN CA certificates, or name their file in SSL_CERT_FILE"


def cert_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """The certificate that is behind an error, if one is."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def speaks_tls(place: tuple[str, int]) -> bool:
    """Whether a port speaks TLS; nothing is sent but the handshake."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # No secret goes there: only who speaks counts.
    try:
        with (
            socket.create_connection(place, timeout=WAIT_S) as plain,
            context.wrap_socket(plain),
        ):
            return True
    except OSError:
        return False
