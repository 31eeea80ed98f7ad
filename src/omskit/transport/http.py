"""Requests out, bytes in: over one pool of connections for each way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpcore2
import httpx2

from omskit._version import __version__
from omskit.errors import ConfigError, TimedOutError, TransportError
from omskit.transport.proxies import proxy_for, read_proxy
from omskit.transport.tls import tls_context
from omskit.transport.unpacking import Body
from omskit.transport.wire import Call, Wire

if TYPE_CHECKING:
    import ssl
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
            "proxy": None if proxy is None else read_proxy(proxy),
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
