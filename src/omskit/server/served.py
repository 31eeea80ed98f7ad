"""What is served where: a value, the same for one process and for several."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from omskit._extras import load
from omskit.errors import ConfigError
from omskit.server.bounds import LOOPBACK
from omskit.server.front import Front
from omskit.server.service import Service

if TYPE_CHECKING:
    from omskit.engine import Engine

File: TypeAlias = "str | Path | None"

PATH = "/agg/api/v1"
PURPOSE = "serve over HTTP"
BACKLOG = 64
"""Connections that may wait; asyncio also takes so many at one go."""

_ANYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # to recognise them
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Served:
    """What is served where, and what stands before it.

    Attributes:
        what: What is served, for the line that says that it is.
        host, port: Where it listens; port 0 takes a free one, and the line says which.
        certfile, keyfile: Serve https with them; the key may be in the file of the
            certificate.
        front: Who may ask, which faults there are, what the bounds are.

    Example:
        >>> Served(port=0).is_secure
        False
    """

    what: str = "the demo"
    host: str = "127.0.0.1"
    port: int = 8321
    certfile: File = None
    keyfile: File = None
    front: Front = field(default_factory=Front)

    @property
    def is_secure(self) -> bool:
        """Whether it speaks https."""
        return self.certfile is not None

    def listening(self) -> socket.socket:
        """A listening socket, where all is as it must be.

        Raises:
            ConfigError: It cannot be had, the certificate not be read; or others could
                reach it and there is no gate.
            MissingExtraError: uvicorn is not installed.
        """
        load("uvicorn", PURPOSE)
        if self.host not in LOOPBACK and self.front.gate is None:
            message = (
                f"{self.host!r} is not this machine's loopback: others can reach it. "
                "Give --token, which they must send, or leave --host out."
            )
            raise ConfigError(message)
        _check_tls(self.certfile, self.keyfile)
        return listen(self.host, self.port)

    def at_address(self, engine: Engine | Service, bound: socket.socket) -> Service:
        """The service at the address that is listened on."""
        service = engine if isinstance(engine, Service) else Service(engine)
        name = socket.gethostname() if self.host in _ANYWHERE else self.host
        name = f"[{name}]" if ":" in name else name
        scheme = "https" if self.is_secure else "http"
        url = f"{scheme}://{name}:{bound.getsockname()[1]}{PATH}"
        return replace(service, base_url=url)

    def announce(self, url: str) -> None:
        """Write the one line that says that questions are answered."""
        sys.stdout.write(f"omskit: serving {self.what} at {url}\n")
        sys.stdout.flush()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigError: It cannot be had; the message says why and what to try.
    """
    if not 0 <= port <= _LAST_PORT:
        message = (
            f"There is no port {port}; take 1 to {_LAST_PORT}, or 0 for a free one."
        )
        raise ConfigError(message)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        # Python appends the address to what the system says of it.
        said = f"{error.strerror or error}".partition(" (while attempting")[0]
        hint = "Try --port 0 for a free port"
        if host not in LOOPBACK:
            hint += ", or --host 127.0.0.1"
        message = f"Cannot listen on {host}:{port}: {said}. {hint}."
        raise ConfigError(message) from error


def _check_tls(certfile: File, keyfile: File) -> None:
    """Refuse a key without its certificate, and files that cannot be read.

    Raises:
        ConfigError: The message names the file.
    """
    if keyfile is not None and certfile is None:
        message = (
            f"--keyfile {keyfile} is the key of a certificate: give --certfile too, "
            "or leave it out to serve http."
        )
        raise ConfigError(message)
    named = {"certificate": certfile, "key": keyfile}
    for what, path in named.items():
        if path is None:
            continue
        try:
            Path(path).open("rb").close()
        except OSError as error:
            message = f"Cannot read the {what} {path}: {error.strerror}."
            raise ConfigError(message) from error
