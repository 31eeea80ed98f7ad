"""Logins that the user has set up: in the environment or the configuration file."""

from __future__ import annotations

import contextlib
import logging
import os
from ipaddress import ip_address
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from omskit.config import INSTANCES, Instance, config_path, read_config, read_table
from omskit.effects import Secret
from omskit.errors import ConfigError
from omskit.login.cache import refuse_shared
from omskit.login.kinds import BearerToken, ClientCredentials
from omskit.login.nobody import Anonymous

log = logging.getLogger("omskit")


def find_credentials(instance: Instance) -> Anonymous | ClientCredentials:
    """The login for *instance* from environment or configuration file.

    Raises:
        ConfigError: Only one half of id and secret is there, or others can read the
            file that holds the secret.
    """
    if instance.audience is None:
        return Anonymous()
    config = read_table(read_config(), "credentials")
    client_id = os.environ.get("OMSKIT_CLIENT_ID") or config.get("client_id")
    secret = secret_in("OMSKIT_CLIENT_SECRET") or config.get("client_secret")
    if not client_id and not secret:
        return Anonymous()
    if not client_id or not secret:
        have, lack = (
            ("OMSKIT_CLIENT_ID", "OMSKIT_CLIENT_SECRET")
            if client_id
            else ("OMSKIT_CLIENT_SECRET", "OMSKIT_CLIENT_ID")
        )
        message = f"{have} is set but {lack} is not; a login needs both."
        raise ConfigError(message)
    if config.get("client_secret"):
        refuse_shared(config_path(), "600")
    return ClientCredentials(
        str(client_id), secret, instance.audience, instance.token_url
    )


def secret_in(variable: str) -> Secret | None:
    """What a variable of the environment holds; None where that is nothing."""
    text = os.environ.get(variable)
    return Secret(text) if text else None


def takes_fixed_token(instance: Instance) -> bool:
    """It is a service of one's own: CERN's take no fixed token, and are sent none.

    Example:
        >>> from omskit.config import find_instance
        >>> takes_fixed_token(find_instance("production"))
        False
        >>> takes_fixed_token(find_instance("http://localhost:8321/agg/api/v1"))
        True
    """
    known = {_host(i.base_url) for i in INSTANCES.values()}
    return _host(instance.base_url) not in known


def _is_private(url: str) -> bool:
    """What is sent there cannot be read on the way: by TLS, or within this machine."""
    if urlsplit(url).scheme == "https":
        return True
    host = _host(url)
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _host(url: str) -> str:
    """The host that is asked, whichever way it is written, whatever the port."""
    host = unquote(urlsplit(url).hostname or "")
    # A full stop of another script is one to the domain name system too.
    plain = normalize("NFKC", host).replace("\N{IDEOGRAPHIC FULL STOP}", ".")
    return plain.casefold().rstrip(".")


def find_token(instance: Instance) -> BearerToken | None:
    """The fixed token for *instance*, of ``oms serve --token``; None: there is none.

    From ``OMSKIT_TOKEN``, or ``token`` of ``[instances.NAME]`` in the file. The
    variable is meant for no service by name, so it goes nowhere in clear text.

    Raises:
        ConfigError: It can be no token, or others can read the file that holds it.
    """
    if not takes_fixed_token(instance):
        return None
    said_in = "OMSKIT_TOKEN"
    token = secret_in(said_in)
    if token and not _is_private(instance.base_url):
        log.warning(
            "OMSKIT_TOKEN is not sent to %s, where it could be read on the way; use "
            "https, or name the service in the configuration file",
            instance.base_url,
        )
        token = None
    if not token:
        own = read_table(read_config(), "instances").get(instance.name, {})
        token = own.get("token") if isinstance(own, dict) else None
        if token is None:
            return None
        refuse_shared(config_path(), "600")
        said_in = f"[instances.{instance.name}]"
    try:
        return BearerToken(token, said_in)
    except ConfigError as error:
        message = f"{said_in}: {error}"
        raise ConfigError(message) from None
