"""Requests out, bytes in: over one pool of connections for each way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpcore2
import httpx2

from omskit._version import __version__
from omskit.drivers.threads import in_thread
from omskit.errors import (
    ConfigError,
    Remedy,
    TimedOutError,
    TransportError,
)
from omskit.flow.settings import Timeouts
from omskit.redact import drop_frames
from omskit.transport.proxies import proxy_for, read_proxy
from omskit.transport.tls import tls_context
from omskit.transport.unpacking import Body
from omskit.transport.wire import Call, Wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    from omskit.drivers.cancel import CancelToken
    from omskit.effects import Request, Response, Secret

HEADERS = {
    "accept": "application/vnd.api+json, application/json",
    "accept-encoding": "gzip",
    "user-agent": f"omskit/{__version__}",
}
# The wire of threads raises httpcore2's errors, coroutines see those of httpx2.
_CONNECT_TIMEOUTS = (httpx2.ConnectTimeout, httpcore2.ConnectTimeout)
_TIMEOUTS = (httpx2.TimeoutException, httpcore2.TimeoutException)
# A host's name that cannot be one is refused where it is looked up.
_CONNECT_ERRORS = (httpx2.ConnectError, httpcore2.ConnectError, UnicodeError)
_BROKEN = (
    httpx2.HTTPError,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
)


@dataclass(slots=True)
class _Line:
    """A pool of connections for threads.

    Attributes:
        users: How many requests go through it now.
        is_retired: Whoever is the last to use it closes it. Closed under a thread that
            reads, a connection's number could be another file's by the next read.
    """

    client: httpx2.Client
    users: int = 0
    is_retired: bool = False


_SENDERS: weakref.WeakSet[HttpSender] = weakref.WeakSet()


def _after_fork() -> None:
    """The parent's connections are not ours to use, and locks stay as they were."""
    for sender in list(_SENDERS):
        sender.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class HttpSender:
    """A service over the network: one TLS context, one pool of connections a way.

    Ways differ by their proxy: there is mostly one.
    """

    def __init__(
        self,
        *,
        verify: str | os.PathLike[str] | ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
        proxy: Secret | None = None,
        connections: int = 4,
    ) -> None:
        self._context = tls_context(verify)
        self._timeouts = timeouts or Timeouts()
        self._proxy = proxy
        self._connections = connections
        self.forget()
        _SENDERS.add(self)

    def forget(self) -> None:
        """Begin anew, without connections: in a new sender, and after a fork."""
        self._lock = threading.Lock()
        self._sync: dict[Secret | None, _Line] = {}
        self._async: dict[Secret | None, httpx2.AsyncClient] = {}
        self._ways: dict[tuple[str, str], Secret | None] = {}

    def _settings(self, proxy: Secret | None) -> tuple[dict[str, Any], dict[str, Any]]:
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
            "proxy": None if proxy is None else read_proxy(proxy, self._context),
        }
        return client, way

    def _way(self, url: str) -> Secret | None:
        """The proxy on the way to *url*; the environment is read once for each host."""
        if self._proxy is not None:
            return self._proxy
        parts = urlsplit(url)
        host = (parts.scheme, parts.netloc)
        if host not in self._ways:
            self._ways[host] = proxy_for(url)
        return self._ways[host]

    @contextlib.contextmanager
    def _line(self, url: str) -> Iterator[httpx2.Client]:
        """The pool for *url*, open until the block ends."""
        with self._lock:
            proxy = self._way(url)
            if proxy not in self._sync:
                settings, way = self._settings(proxy)
                wire = Wire(context=self._context, **way)
                self._sync[proxy] = _Line(httpx2.Client(transport=wire, **settings))
            line = self._sync[proxy]
            line.users += 1
        try:
            yield line.client
        finally:
            with self._lock:
                line.users -= 1
                is_last = line.is_retired and not line.users
            if is_last:
                line.client.close()

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
        waiting: CancelToken | None = None,
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
            self._translated(request, call),
            self._line(request.url) as client,
            cut,
            self._watch(request.url, call),
            call.under_way(),
            client.stream(**_asked(request, headers)) as answer,
        ):
            body = Body(_host(request), answer.headers)
            for chunk in answer.iter_raw():
                body.add(chunk)
        return body.response(answer.status_code, answer.headers)

    def _watch(self, url: str, call: Call) -> contextlib.AbstractContextManager[None]:
        """What else the deadline takes: TLS within TLS reads as long as it likes."""
        proxy = self._way(url)
        if proxy is not None and proxy.text.lower().startswith("https:"):
            return call.cut_when_late()
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def _translated(self, request: Request, call: Call | None = None) -> Iterator[None]:
        """The library's errors as ours; the one place where that is done."""
        try:
            yield
        except (*_TIMEOUTS, *_CONNECT_ERRORS, *_BROKEN) as error:
            is_late = call is not None and call.is_late
            # The library's frames hold the token, and the proxy's password.
            drop_frames(error)
            raise _fault(
                request, error, self._way(request.url), is_late=is_late
            ) from error
        except (httpx2.InvalidURL, httpx2.CookieConflict) as error:
            drop_frames(error)
            message = f"{request.url!r} is no address ({error})."
            raise ConfigError(message) from error

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Send and read the whole answer.

        Raises:
            TransportError: No whole answer came.
        """
        try:
            with self._translated(request):
                async with (
                    asyncio.timeout(self._timeouts.request_s),
                    self._aclient(request.url).stream(
                        **_asked(request, headers)
                    ) as answer,
                ):
                    body = Body(_host(request), answer.headers)
                    async for chunk in answer.aiter_raw():
                        body.add(chunk)
        except TimeoutError as error:
            if isinstance(error, TimedOutError):
                raise
            raise TimedOutError(_unfinished(request)) from error
        if body.is_large:
            return await asyncio.wrap_future(
                in_thread(body.response, answer.status_code, answer.headers)
            )
        return body.response(answer.status_code, answer.headers)

    def close(self) -> None:
        """Close the pools, or leave that to who uses them; the next request opens."""
        with self._lock:
            lines, self._sync, self._ways = list(self._sync.values()), {}, {}
            for line in lines:
                line.is_retired = True
            idle = [line for line in lines if not line.users]
        for line in idle:
            line.client.close()

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


def _fault(
    request: Request, error: Exception, proxy: Secret | None, *, is_late: bool
) -> TransportError:
    """What a fault of the connection is called.

    Args:
        is_late: The deadline has passed, whatever the library met in the end.
    """
    host = _host(request)
    if proxy is not None:
        host += f" through the proxy {read_proxy(proxy).url.host}"
    if isinstance(error, _CONNECT_TIMEOUTS):
        return TimedOutError(f"{host} does not take connections (time-out).")
    if is_late:
        return TimedOutError(_unfinished(request))
    if isinstance(error, _TIMEOUTS):
        return TimedOutError(f"{host} was silent for too long.")
    if isinstance(error, _CONNECT_ERRORS):
        return _unreachable(host, error)
    reason = str(error) or type(error).__name__
    hint = ""
    if "without sending a response" in reason and request.url.startswith("http:"):
        hint = " Does it want https:// instead of http://?"
    return TransportError(f"The connection to {host} broke ({reason}).{hint}")


def _unreachable(host: str, error: Exception) -> TransportError:
    reason = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        install = "Install the CERN CA certificates, or"
        return TransportError(
            f"The certificate of {host} is not signed by an authority that this "
            "machine trusts.",
            remedy=Remedy(
                f"{install} pass verify='ca-file.pem'.",
                f"{install} name their file in SSL_CERT_FILE.",
            ),
        )
    if "WRONG_VERSION_NUMBER" in reason:
        return TransportError(
            f"{host} does not speak TLS there. Is it http:// instead of https://?"
        )
    doctor = "'oms auth doctor' tries each link;"
    return TransportError(
        f"Cannot reach {host} ({reason}). Is the network, tunnel or proxy up?",
        remedy=Remedy(
            f"{doctor} Client('demo') needs no network.",
            f"{doctor} --instance demo needs no network.",
        ),
    )
