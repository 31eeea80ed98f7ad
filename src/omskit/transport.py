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
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from omskit._version import __version__
from omskit.errors import ConfigError, TimedOutError, TransportError
from omskit.flow.effects import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

try:
    # The same interface, 1.3 ms for a page of 1.7 MB where zlib takes 4.2.
    from isal import isal_zlib as zlib
except ImportError:  # pragma: no cover  # processors that ISA-L does not know
    import zlib  # type: ignore[no-redef]  # see above

HEADERS = {
    "accept": "application/vnd.api+json, application/json",
    "accept-encoding": "gzip",
    "user-agent": f"omskit/{__version__}",
}
DAMAGED: Any = zlib.error  # its stubs take the class for an instance
GZIP = 16 + 15
"""zlib's word for: a gzip header, any window."""

LARGEST_BODY = 2**30
"""Bytes, uncompressed; a page of 100000 whole lumisections has about 2.5e8."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect_s: For a connection.
        read_s: For the next bytes; ``hltpathinfo`` can take minutes.
        request_s: For one whole request.
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


class HttpSender:
    """A service over the network, with one pool of connections and one TLS context."""

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
        self._sync: httpx2.Client | None = None
        self._async: httpx2.AsyncClient | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def _settings(self) -> dict[str, Any]:
        limits = httpx2.Limits(
            max_connections=self._connections + 1,
            max_keepalive_connections=self._connections + 1,
            keepalive_expiry=30.0,
        )
        timeout = httpx2.Timeout(
            self._timeouts.read_s, connect=self._timeouts.connect_s, pool=None
        )
        return {
            "verify": self._context,
            "timeout": timeout,
            "limits": limits,
            "headers": HEADERS,
            "follow_redirects": False,
            "proxy": self._proxy,
        }

    def _client(self) -> httpx2.Client:
        with self._lock:
            if self._process != os.getpid():
                # After a fork the parent's connections are not ours to use.
                self._sync, self._process = None, os.getpid()
            if self._sync is None:
                self._sync = httpx2.Client(**self._settings())
            return self._sync

    def send(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Send and read the whole answer.

        Raises:
            TransportError: No whole answer came.
        """
        deadline = time.monotonic() + self._timeouts.request_s
        with (
            _translated(request),
            self._client().stream(
                request.method,
                request.url,
                headers={**request.headers, **headers},
                content=request.body or None,
            ) as answer,
        ):
            body = _Body(request, deadline)
            for chunk in answer.iter_raw():
                body.add(chunk)
            return body.response(answer)

    async def asend(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Send and read the whole answer.

        Raises:
            TransportError: No whole answer came.
        """
        if self._async is None:
            self._async = httpx2.AsyncClient(**self._settings())
        deadline = time.monotonic() + self._timeouts.request_s
        with _translated(request):
            async with self._async.stream(
                request.method,
                request.url,
                headers={**request.headers, **headers},
                content=request.body or None,
            ) as answer:
                body = _Body(request, deadline)
                async for chunk in answer.aiter_raw():
                    body.add(chunk)
            if body.is_large:
                return await asyncio.to_thread(body.response, answer)
            return body.response(answer)

    def close(self) -> None:
        """Close the pool; the next request opens a new one."""
        with self._lock:
            client, self._sync = self._sync, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the pool; the next request opens a new one."""
        client, self._async = self._async, None
        if client is not None:
            await client.aclose()


class _Body:
    """The bytes of one answer as they come, within bounds."""

    def __init__(self, request: Request, deadline: float) -> None:
        self._request = request
        self._deadline = deadline
        self._chunks: list[bytes] = []
        self._size = 0

    @property
    def is_large(self) -> bool:
        """Unpacking takes long enough to hold up an event loop."""
        return self._size > 2**16

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > LARGEST_BODY:
            message = (
                f"The answer is larger than {LARGEST_BODY} bytes; use smaller pages."
            )
            raise TransportError(message)
        if time.monotonic() > self._deadline:
            message = f"{_host(self._request)} did not finish its answer in time."
            raise TimedOutError(message)

    def response(self, answer: httpx2.Response) -> Response:
        headers = {k.lower(): v for k, v in answer.headers.items()}
        body = b"".join(self._chunks)
        coding = headers.get("content-encoding", "identity").lower()
        if coding in {"gzip", "x-gzip"}:
            body = unpack(body)
        elif coding not in {"", "identity"}:
            message = f"The answer is packed with {coding!r}, which nobody asked for."
            raise TransportError(message)
        return Response(answer.status_code, headers, body)


def unpack(body: bytes) -> bytes:
    """The content of a gzip body, in one step and without the GIL.

    Raises:
        TransportError: It breaks off, is damaged or too large.

    Example:
        >>> import gzip
        >>> unpack(gzip.compress(b"rows"))
        b'rows'
    """
    if not body:
        return body
    unpacker = zlib.decompressobj(GZIP)
    try:
        content = unpacker.decompress(body, LARGEST_BODY)
    except DAMAGED as error:
        message = f"The packed answer is damaged ({error})."
        raise TransportError(message) from error
    if unpacker.unconsumed_tail:
        message = f"The answer is larger than {LARGEST_BODY} bytes; use smaller pages."
        raise TransportError(message)
    if not unpacker.eof:
        message = "The packed answer breaks off."
        raise TransportError(message)
    return content


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc or request.url


@contextlib.contextmanager
def _translated(request: Request) -> Iterator[None]:
    """httpx2's errors as ours; the one place where that is done."""
    host = _host(request)
    try:
        yield
    except httpx2.ConnectTimeout as error:
        message = f"{host} does not take connections (time-out)."
        raise TimedOutError(message) from error
    except httpx2.TimeoutException as error:
        message = f"{host} was silent for too long."
        raise TimedOutError(message) from error
    except httpx2.ConnectError as error:
        raise TransportError(_why_unreachable(host, error)) from error
    except httpx2.HTTPError as error:
        message = f"The connection to {host} broke ({error or type(error).__name__})."
        raise TransportError(message) from error
    except (httpx2.InvalidURL, httpx2.CookieConflict) as error:
        message = f"{request.url!r} is no address ({error})."
        raise ConfigError(message) from error


def _why_unreachable(host: str, error: httpx2.ConnectError) -> str:
    reason = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return (
            f"The certificate of {host} is not signed by an authority that this "
            "machine trusts. Install the CERN CA certificates, or pass "
            "verify='ca-file.pem'."
        )
    return f"Cannot reach {host} ({reason}). Is the network, tunnel or proxy up?"
