"""Whom the login service knows, and how long its tokens live."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omskit.errors import ConfigError, did_you_mean
from omskit.files import read_file

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
        groups: What it is a member of; a file that names none means none.
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
        document = tomllib.loads(read_file(Path(path)).decode())
    except (OSError, ValueError, RecursionError) as error:
        message = f"Cannot read the applications in {path}: {error}."
        raise ConfigError(message) from error
    entries = document.pop("application", [])
    if not isinstance(entries, list) or not entries:
        message = f"{path} names no application: each begins with [[application]]."
        raise ConfigError(message)
    _check(document, Registry, str(path))
    applications = tuple(
        _application(entry, f"{path}, application {n}")
        for n, entry in enumerate(entries, 1)
    )
    _check_ids(applications, str(path))
    registry = Registry(applications, **_frozen(document))
    if not registry.audiences:
        message = f"{path}: audiences = [] lets nobody in."
        raise ConfigError(message)
    return registry


def _application(entry: Any, name: str) -> Application:
    if not isinstance(entry, dict):
        message = f"{name} is {entry!r}: applications begin with [[application]]."
        raise ConfigError(message)
    _check(entry, Application, name)
    if "id" not in entry:
        message = f'{name} has no id. Write id = "my-app".'
        raise ConfigError(message)
    # Membership is given by somebody else: who is in no group is told so, with a 403.
    return Application(**{"groups": (), **_frozen(entry)})


def _check_ids(applications: tuple[Application, ...], path: str) -> None:
    ids = [application.id for application in applications]
    again = sorted({one for one in ids if ids.count(one) > 1})
    if again:
        message = f"{path}: two applications have the id {again[0]!r}."
        raise ConfigError(message)


def _check(entry: Mapping[str, Any], kind: type[Any], name: str) -> None:
    """Refuse keys that are unknown, and values without meaning."""
    known = [f.name for f in fields(kind) if f.name != "applications"]
    for key, value in entry.items():
        if key not in known:
            hint = did_you_mean(key, known)
            message = f"{name}: {key!r} is unknown.{hint} Known: {', '.join(known)}."
            raise ConfigError(message)
        wanted = _wrong(key, value)
        if wanted:
            # What a secret is, however wrong, stays where it is.
            shown = key if key in _SECRET else f"{key} = {value!r}"
            message = f"{name}: {shown} makes no sense there; it must be {wanted}"
            raise ConfigError(message)


def _wrong(key: str, value: Any) -> str | None:
    """What the value should be, where it is something else."""
    if key in _SECONDS:
        # Without a wait between two questions a test is quick.
        least = 0 if key == "interval" else 1
        is_whole = type(value) is int and least <= value <= _LONGEST_S
        return None if is_whole else f"whole seconds, {least} to {_LONGEST_S}."
    if key not in _LISTS:
        return None if _is_text(value) else "a text that is not empty."
    if not isinstance(value, list) or not all(_is_text(one) for one in value):
        return "a list of texts."
    strange = [one for one in value if key == "device" and one not in ANSWERS]
    if strange:
        hint = did_you_mean(strange[0], ANSWERS)
        return f"a list of these: {', '.join(sorted(ANSWERS))}.{hint}"
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


_SECONDS = frozenset({"lifetime", "refresh_lifetime", "device_lifetime", "interval"})
_LISTS = frozenset({"audiences", "groups", "device", "redirects"})
_SECRET = frozenset({"secret", "one_time"})
_LONGEST_S = 10**9


def _frozen(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
