"""The only module that talks to a service over a network: requests out, bytes in.

One pool of connections and one TLS context for each client. What to ask, when to try
again and what an answer means is decided in `omskit.flow`; who calls when, in
`omskit.drivers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from omskit._extras import load
from omskit._version import __version__
from omskit.errors import ConfigError, TimedOutError, TransportError
from omskit.unpacking import Body
from omskit.wire import Call, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omskit.flow.effects import Request, Response
    from omskit.waiting import Waiting

HEADERS = {
    "accept": "application/vnd.api+json, application/json",
    "accept-encoding": "gzip",
    "user-agent": f"omskit/{__version__}",
}
# The wire of threads raises httpcore2's errors, coroutines see those of httpx2.
_CONNECT_TIMEOUTS = (httpx2.ConnectTimeout, httpcore2.ConnectTimeout)
_TIMEOUTS = (httpx2.TimeoutException, httpcore2.TimeoutException)
_CONNECT_ERRORS = (httpx2.ConnectError, httpcore2.ConnectError)
_BROKEN = (
    httpx2.HTTPError,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect_s: For a connection.
        read_s: For the next bytes; ``hltpathinfo`` can take minutes.
        request_s: For one whole request, from connecting to the last byte.
    """

    connect_s: float = 10.0
    read_s: float = 120.0
    request_s: float = 300.0


def tls_context(
    verify: str | os.PathLike[str] | ssl.SSLContext | None,
) -> ssl.SSLContext:
    """The TLS settings of a client; certificates are always verified.

    Args:
        verify: A file or folder of CA certificates, a ready context, or None for
            ``SSL_CERT_FILE``, ``SSL_CERT_DIR``, ``REQUESTS_CA_BUNDLE`` and else the
            system's trust store.

    Raises:
        ConfigError: The file is not there or holds no certificate.
    """
    if isinstance(verify, ssl.SSLContext):
        if verify.verify_mode is not ssl.CERT_REQUIRED:
            message = (
                "verify= is an ssl.SSLContext that verifies no certificate. Set its "
                "verify_mode to ssl.CERT_REQUIRED, or pass a file of CA certificates."
            )
            raise ConfigError(message)
        return verify
    where: str | None = None
    if verify is not None:
        where = os.fspath(verify)
    elif not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        where = os.environ.get("REQUESTS_CA_BUNDLE") or None
    folder = where is not None and Path(where).is_dir()
    try:
        if where is None:
            return httpx2.create_ssl_context()
        return ssl.create_default_context(
            cafile=None if folder else where, capath=where if folder else None
        )
    except (OSError, ssl.SSLError) as error:
        named = where or os.environ.get("SSL_CERT_FILE")
        message = (
            f"No CA certificates in {named!r} ({error}). Give a PEM file or folder."
        )
        raise ConfigError(message) from error


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for *url*; None: the way is direct.

    ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` are honoured, in
    capitals or not.
    """
    parts = urlsplit(url)
    named = getproxies()
    proxy = named.get(parts.scheme) or named.get("all")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return None
    return proxy


def _read_proxy(text: str) -> httpx2.Proxy:
    """A proxy's address.

    Raises:
        ConfigError: It is none. The message does not repeat it: it may hold a password.
        MissingExtraError: It is a SOCKS proxy, which needs another package.
    """
    try:
        proxy = httpx2.Proxy(text if "://" in text else f"http://{text}")
    except (ValueError, httpx2.InvalidURL) as error:
        message = (
            "The address of the proxy is none of http://host:port, https://host:port "
            "and socks5h://host:port. Look at proxy=, HTTPS_PROXY, HTTP_PROXY and "
            "ALL_PROXY."
        )
        raise ConfigError(message) from error
    if proxy.url.scheme.startswith("socks"):
        load("socksio", "go through a SOCKS proxy")
    return proxy


class HttpSender:
    """A service over the network: one TLS context, one pool of connections a way.

    Ways differ by their proxy: there is mostly one.
    """

    def __init__(
        self,
        *,
        verify: str | os.PathLike[str] | ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
        proxy: str | None = None,
        connections: int = 4,
    ) -> None:
        self._context = tls_context(verify)
        self._timeouts = timeouts or Timeouts()
        self._proxy = proxy
        self._connections = connections
        self._sync: dict[str | None, httpx2.Client] = {}
        self._async: dict[str | None, httpx2.AsyncClient] = {}
        self._ways: dict[tuple[str, str], str | None] = {}
        self._lock = threading.Lock()
        self._process = os.getpid()

    def _settings(self, proxy: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a client is made with, and what its transport is."""
        timeout = httpx2.Timeout(
            self._timeouts.read_s, connect=self._timeouts.connect_s, pool=None
        )
        limits = httpx2.Limits(
            max_connections=self._connections + 1,
            max_keepalive_connections=self._connections + 1,
            keepalive_expiry=30.0,
        )
        client = {
            "timeout": timeout,
            "headers": HEADERS,
            "follow_redirects": False,
            "trust_env": False,  # What of it is honoured is read here, once for both.
        }
        way = {
            "limits": limits,
            "proxy": None if proxy is None else _read_proxy(proxy),
        }
        return client, way

    def _way(self, url: str) -> str | None:
        """The proxy on the way to *url*; the environment is read once for each host."""
        if self._proxy is not None:
            return self._proxy
        parts = urlsplit(url)
        host = (parts.scheme, parts.netloc)
        if host not in self._ways:
            self._ways[host] = proxy_for(url)
        return self._ways[host]

    def _client(self, url: str) -> httpx2.Client:
        with self._lock:
            if self._process != os.getpid():
                # After a fork the parent's connections are not ours to use.
                self._sync, self._process = {}, os.getpid()
            proxy = self._way(url)
            if proxy not in self._sync:
                settings, way = self._settings(proxy)
                wire = Wire(context=self._context, **way)
                self._sync[proxy] = httpx2.Client(transport=wire, **settings)
            return self._sync[proxy]

    def _aclient(self, url: str) -> httpx2.AsyncClient:
        proxy = self._way(url)
        if proxy not in self._async:
            settings, way = self._settings(proxy)
            wire = httpx2.AsyncHTTPTransport(verify=self._context, **way)
            self._async[proxy] = httpx2.AsyncClient(transport=wire, **settings)
        return self._async[proxy]

    def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        waiting: Waiting | None = None,
    ) -> Response:
        """Send and read the whole answer.

        Args:
            waiting: When nobody waits any more, the connection is cut.

        Raises:
            TransportError: No whole answer came.
        """
        call = Call(self._timeouts.request_s)
        cut = waiting.or_else(call.cut) if waiting else contextlib.nullcontext()
        with (
            _translated(request, call),
            cut,
            call.under_way(),
            self._client(request.url).stream(**_asked(request, headers)) as answer,
        ):
            body = Body(answer.headers)
            for chunk in answer.iter_raw():
                body.add(chunk)
        return body.response(answer.status_code, answer.headers)

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Send and read the whole answer.

        Raises:
            TransportError: No whole answer came.
        """
        try:
            with _translated(request):
                async with (
                    asyncio.timeout(self._timeouts.request_s),
                    self._aclient(request.url).stream(
                        **_asked(request, headers)
                    ) as answer,
                ):
                    body = Body(answer.headers)
                    async for chunk in answer.aiter_raw():
                        body.add(chunk)
        except TimeoutError as error:
            if isinstance(error, TimedOutError):
                raise
            raise TimedOutError(_unfinished(request)) from error
        if body.is_large:
            return await asyncio.to_thread(
                body.response, answer.status_code, answer.headers
            )
        return body.response(answer.status_code, answer.headers)

    def close(self) -> None:
        """Close the pools; the next request opens a new one."""
        with self._lock:
            clients, self._sync, self._ways = self._sync, {}, {}
        for client in clients.values():
            client.close()

    async def aclose(self) -> None:
        """Close the pools; the next request opens a new one."""
        clients, self._async, self._ways = self._async, {}, {}
        for client in clients.values():
            await client.aclose()


def _asked(request: Request, headers: Mapping[str, str]) -> dict[str, Any]:
    """The request in the library's words."""
    return {
        "method": request.method,
        "url": request.url,
        "headers": {**request.headers, **headers},
        "content": request.body or None,
    }


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc or request.url


def _unfinished(request: Request) -> str:
    return f"{_host(request)} did not finish its answer in time."


@contextlib.contextmanager
def _translated(request: Request, call: Call | None = None) -> Iterator[None]:
    """The library's errors as ours; the one place where that is done."""
    host = _host(request)
    try:
        yield
    except _CONNECT_TIMEOUTS as error:
        message = f"{host} does not take connections (time-out)."
        raise TimedOutError(message) from error
    except _TIMEOUTS as error:
        silent = f"{host} was silent for too long."
        message = _unfinished(request) if call and call.is_late else silent
        raise TimedOutError(message) from error
    except _CONNECT_ERRORS as error:
        raise TransportError(_why_unreachable(host, error)) from error
    except _BROKEN as error:
        message = f"The connection to {host} broke ({error or type(error).__name__})."
        raise TransportError(message) from error
    except (httpx2.InvalidURL, httpx2.CookieConflict) as error:
        message = f"{request.url!r} is no address ({error})."
        raise ConfigError(message) from error


def _why_unreachable(host: str, error: Exception) -> str:
    reason = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return (
            f"The certificate of {host} is not signed by an authority that this "
            "machine trusts. Install the CERN CA certificates, or pass "
            "verify='ca-file.pem'."
        )
    return f"Cannot reach {host} ({reason}). Is the network, tunnel or proxy up?"
