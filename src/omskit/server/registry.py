"""Whom the login service knows, and how long its tokens live."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omskit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP = "oms-api-access"
"""The group whose applications may read OMS."""

ANSWERS = frozenset(
    {"authorization_pending", "slow_down", "access_denied", "expired_token", "grant"}
)
"""What a device login can be told."""


@dataclass(frozen=True, slots=True)
class Application:
    """An application that the login service knows.

    Attributes:
        secret: None for a public one.
        audiences: The services it may have tokens for.
        groups: What it is a member of.
        device: The answers to a device login, one per question; the last stays. None:
            pending until somebody opens the page and decides.
        redirects: Where a login with Kerberos may lead back to; tsgauth's usual one.
    """

    id: str
    secret: str | None = field(default=None, repr=False)
    audiences: tuple[str, ...] = ()
    groups: tuple[str, ...] = (GROUP,)
    device: tuple[str, ...] | None = None
    redirects: tuple[str, ...] = ("http://localhost:8080/",)


@dataclass(frozen=True, slots=True)
class Registry:
    """What the login service knows, and how long its tokens live, in seconds.

    Attributes:
        audiences: The services that there are.
        interval: Between two questions of a device login; quicker ones are slowed.
        one_time: The one-time password that a login with Kerberos asks for; None: none.
    """

    applications: tuple[Application, ...]
    audiences: tuple[str, ...] = ("cmsoms-prod",)
    lifetime: int = 1200
    refresh_lifetime: int = 43200
    device_lifetime: int = 600
    interval: int = 5
    one_time: str | None = field(default=None, repr=False)

    def find(self, name: str) -> Application | None:
        """The application of that id."""
        return next((a for a in self.applications if a.id == name), None)


def registry_from_file(path: str | Path) -> Registry:
    """The registry in a TOML file.

    Raises:
        ConfigError: The file cannot be read or says something without meaning.
    """
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        found = document.pop("application", [])
        applications = tuple(Application(**_frozen(entry)) for entry in found)
        registry = Registry(applications, **_frozen(document))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        message = f"Cannot read the applications in {path}: {error}."
        raise ConfigError(message) from error
    if not registry.audiences:
        message = f"{path}: audiences = [] lets nobody in."
        raise ConfigError(message)
    for application in applications:
        strange = set(application.device or ()) - ANSWERS
        if strange:
            known = ", ".join(sorted(ANSWERS))
            message = f"{path}: device = {sorted(strange)}; known: {known}."
            raise ConfigError(message)
    return registry


def _frozen(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
