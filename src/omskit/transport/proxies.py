"""Which way a request goes: directly, or through a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from omskit._extras import load
from omskit.effects import Secret
from omskit.errors import ConfigError
from omskit.redact import drop_frames

if TYPE_CHECKING:
    import ssl


def proxy_for(url: str) -> Secret | None:
    """The proxy that the environment names for *url*; None: the way is direct.

    ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` are honoured, in
    capitals or not.
    """
    parts = urlsplit(url)
    named = getproxies()
    proxy = named.get(parts.scheme) or named.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return Secret(proxy)


def read_proxy(address: Secret, context: ssl.SSLContext | None = None) -> httpx2.Proxy:
    """A proxy's address.

    Args:
        context: Whom to trust where the proxy itself speaks TLS.

    Raises:
        ConfigError: It is none. The message does not repeat it: it may hold a password.
        MissingExtraError: It is a SOCKS proxy, which needs another package.
    """
    try:
        proxy = httpx2.Proxy(_with_scheme(address).text)
    except (ValueError, httpx2.InvalidURL) as error:
        drop_frames(error)
        message = (
            "The address of the proxy is none of http://host:port, https://host:port "
            "and socks5h://host:port. Look at proxy=, HTTPS_PROXY, HTTP_PROXY and "
            "ALL_PROXY."
        )
        raise ConfigError(message) from None  # The cause quotes it.
    if proxy.url.scheme.startswith("socks"):
        load("socksio", "go through a SOCKS proxy")
    if proxy.url.scheme == "https":
        proxy.ssl_context = context
    return proxy


def _with_scheme(address: Secret) -> Secret:
    """The address as a URL; one without a scheme is of HTTP."""
    return address if "://" in address.text else Secret(f"http://{address.text}")
