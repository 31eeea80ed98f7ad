"""Tokens on disk, so that one login serves many commands: for their owner alone.

One file for each audience, mode 0600, in a folder of mode 0700 in the user's state
folder. A file that others can read is refused, never quietly mended: whoever could read
it may have done so.
"""

from __future__ import annotations

import hashlib
import json
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import platformdirs

from omskit.effects import Credential
from omskit.errors import ConfigError
from omskit.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS = 0o077


def cache_folder() -> Path:
    """Where tokens are kept; it need not exist."""
    return platformdirs.user_state_path("omskit") / "tokens"


@dataclass(frozen=True, slots=True)
class TokenCache:
    """The token for one audience of one login service.

    Attributes:
        audience: The service that the token is for.
        token_url: The login service that gave it.
    """

    audience: str
    token_url: str

    @property
    def path(self) -> Path:
        """The file; it need not exist."""
        name = hashlib.sha256(f"{self.audience} {self.token_url}".encode()).hexdigest()
        return cache_folder() / f"{name[:16]}.json"

    def read(self, now: float) -> Credential | None:
        """The token, or None where there is none that is still good.

        Args:
            now: Seconds since 1970.

        Raises:
            ConfigError: Others can read it, it cannot be read, or it is no token.
        """
        path = self.path
        try:
            for place, mode in ((path.parent, "700"), (path, "600")):
                refuse_shared(place, mode)
            credential = _credential_in(path)
        except FileNotFoundError:  # Also where it has been removed just now.
            return None
        except OSError as error:
            raise _unusable(path, "read", error) from error
        if credential is None:
            # What it does hold may be half a token: it is not repeated.
            message = f"{path} holds no token. Remove it: 'oms auth logout'."
            raise ConfigError(message)
        return credential if (credential.expires or 0) > now else None

    def write(self, credential: Credential) -> bool:
        """Keep a token that says when it ends; whether it was kept.

        Raises:
            ConfigError: It cannot be written, or others can read its folder.
        """
        if "authorization" not in credential.headers or credential.expires is None:
            return False
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            refuse_shared(folder, "700")
        except OSError as error:
            message = f"Cannot make the folder {folder}: {error.strerror or error}."
            raise ConfigError(message) from error
        write_whole(
            self.path,
            lambda stream: stream.write(_document(credential)),
            ConfigError,
            mode=0o600,
        )
        return True

    def remove(self) -> bool:
        """Forget the token; whether there was one.

        Raises:
            ConfigError: It cannot be removed.
        """
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unusable(self.path, "removed", error) from error
        return True


def refuse_shared(path: Path, mode: str) -> None:
    """Refuse what others than its owner can read.

    Args:
        mode: What it should have, for the message.

    Raises:
        ConfigError: Others can read it; the message names it and the remedy.
        OSError: It is not there, or its folder cannot be read.
    """
    if sys.platform == "win32":  # pragma: no cover  # no such modes there
        return
    if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
        message = (
            f"{path} holds secrets and others can read it. Do: chmod {mode} {path}"
        )
        raise ConfigError(message)


def _unusable(path: Path, done: str, error: OSError) -> ConfigError:
    return ConfigError(
        f"The kept token {path} cannot be {done} ({error.strerror or error}). Is its "
        "folder yours, and your file system token, such as that of AFS, still good?"
    )


def _document(credential: Credential) -> bytes:
    header = credential.headers["authorization"]
    return json.dumps({"authorization": header, "expires": credential.expires}).encode()


def _credential_in(path: Path) -> Credential | None:
    """What a file holds; None: no token. Nothing of the file outlives this call."""
    text = path.read_bytes()
    try:
        kept = json.loads(text)
        header, expires = str(kept["authorization"]), float(kept["expires"])
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        return None
    return Credential({"authorization": header}, expires)
