"""Which way a request goes: directly, or through a proxy."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from omskit._extras import load
from omskit.errors import ConfigError


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for *url*; None: the way is direct.

    ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` are honoured, in
    capitals or not.
    """
    parts = urlsplit(url)
    named = getproxies()
    proxy = named.get(parts.scheme) or named.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy


def read_proxy(text: str) -> httpx2.Proxy:
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
