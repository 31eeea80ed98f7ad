"""Whom to trust: certificates are always verified."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import httpx2

from omskit.errors import ConfigError
from omskit.files import read_file


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
        if not where:
            message = "verify='' names no file or folder of CA certificates."
            raise ConfigError(message)
    elif not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        where = os.environ.get("REQUESTS_CA_BUNDLE") or None
    folder = where is not None and Path(where).is_dir()
    try:
        if where is not None and not folder:
            read_file(Path(where))  # OpenSSL would wait for a pipe without end.
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
