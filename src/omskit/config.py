"""Named services, and where the user's choices come from.

In this order: arguments, environment (``OMSKIT_INSTANCE``, ``OMSKIT_CLIENT_ID``,
``OMSKIT_CLIENT_SECRET``, ``OMSKIT_TOKEN``), the configuration file
(``omskit/config.toml`` in the user's configuration folder, or where ``OMSKIT_CONFIG``
says), production.
"""

from __future__ import annotations

import logging
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import platformdirs

from omskit.effects import Secret
from omskit.errors import ConfigError, UnknownInstanceError, did_you_mean
from omskit.files import read_file
from omskit.redact import drop_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger("omskit")

DEMO = "demo"
STORE = "store:"
"""What the name of a store begins with; the path of its folder follows."""

TOKEN_URL = "https://auth.cern.ch/auth/realms/cern/api-access/token"  # noqa: S105
"""Where CERN trades an application's secret for a token; an address, not a secret."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A service by name.

    Attributes:
        base_url: Of the aggregation API, without a trailing slash.
        audience: Application id to ask a token for; None where no login is needed.
        person: The public application by which a person logs in; None: the audience
            with ``-public`` behind it.
    """

    name: str
    base_url: str
    audience: str | None = None
    token_url: str = TOKEN_URL
    person: str | None = None

    @property
    def public(self) -> str:
        """The application by which a person logs in.

        Example:
            >>> INSTANCES["production"].public, INSTANCES["dials"].public
            ('cmsoms-prod-public', 'cms-dials-prod-public-app')
        """
        return self.person or f"{self.audience}-public"

    @property
    def through_dials(self) -> bool:
        """It is the proxy of DIALS, not OMS itself."""
        return urlsplit(self.base_url).path.endswith("/oms-proxy")


INSTANCES = {
    instance.name: instance
    for instance in (
        Instance("production", "https://cmsoms.cern.ch/agg/api/v1", "cmsoms-prod"),
        Instance(
            "integration", "https://vocms0185.cern.ch/agg/api/v1", "cmsoms-int-0185"
        ),
        Instance(
            "development", "https://vocms0184.cern.ch/agg/api/v1", "cmsoms-int-0184"
        ),
        Instance("p5", "http://cmsoms.cms/agg/api/v1"),
        Instance(
            "dials",
            "https://cmsdials-api.web.cern.ch/api/v1/oms-proxy",
            "cms-dials-prod-confidential-app",
            person="cms-dials-prod-public-app",
        ),
        Instance(DEMO, "https://demo.invalid/agg/api/v1"),
    )
}
"""The services that omskit knows by name.

Source: WIRE, section 1; for ``dials`` the addresses and names in cmsdials 2.4.1.
"""


KEYS = ("instance", "instances", "credentials", "store")
CREDENTIALS = ("client_id", "client_secret")
OWN = ("base_url", "audience", "token_url", "token")
"""What the configuration file may say: at its top, and in its tables."""


def config_path() -> Path:
    """Where the configuration file is looked for; it need not exist."""
    said = os.environ.get("OMSKIT_CONFIG")
    return (
        Path(said) if said else platformdirs.user_config_path("omskit") / "config.toml"
    )


def read_config() -> dict[str, Any]:
    """The configuration file; empty where there is none.

    Raises:
        ConfigError: It cannot be read; the message names file and place.
    """
    path = config_path()
    try:
        found = _parsed(path)
    except FileNotFoundError:
        if not os.environ.get("OMSKIT_CONFIG"):
            return {}
        message = f"OMSKIT_CONFIG names {path}, which does not exist."
        raise ConfigError(message) from None
    except RecursionError as error:
        message = f"The configuration file {path} is nested too deeply to be read."
        drop_frames(error)
        raise ConfigError(message) from error
    except (OSError, ValueError) as error:
        message = f"The configuration file {path} cannot be read: {error}"
        drop_frames(error)
        raise ConfigError(message) from error
    _refuse_unknown(found, KEYS, "")
    _refuse_unknown(read_table(found, "credentials"), CREDENTIALS, "[credentials] of ")
    for name, own in read_table(found, "instances").items():
        if isinstance(own, dict):
            _refuse_unknown(own, OWN, f"[instances.{name}] of ")
    return found


def _parsed(path: Path) -> dict[str, Any]:
    """The file's values, its secrets hidden before anything can be said of them."""
    found = tomllib.loads(read_file(path).decode())
    for table, key in _secrets_in(found):
        value = table[key]
        table[key] = Secret(value if isinstance(value, str) else "")
    return found


def _secrets_in(config: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where secrets stand: the table and the key."""
    own = config.get("instances")
    tables = [(config.get("credentials"), "client_secret")]
    tables += [(table, "token") for table in _values(own)]
    for table, key in tables:
        if isinstance(table, dict) and key in table:
            yield table, key


def _values(table: object) -> list[Any]:
    return list(table.values()) if isinstance(table, dict) else []


def _refuse_unknown(table: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    """A key that is misspelt would be ignored, and another service asked."""
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known)
            message = (
                f"{where}{config_path()} has {key!r}, which omskit does not know."
                f"{hint} Known there: {', '.join(known)}."
            )
            raise ConfigError(message)


def find_instances(names: str | Sequence[str] | None = None) -> tuple[Instance, ...]:
    """The services that *names* mean, in order, or the user's choice where it is None.

    Args:
        names: One or several, as a list or with commas.

    Raises:
        UnknownInstanceError: No such name, or none at all.

    Example:
        >>> [one.name for one in find_instances("p5,production")]
        ['p5', 'production']
    """
    wanted: object = _chosen_by_user() if names is None else names
    several = _split(wanted) if isinstance(wanted, str) else wanted
    if not isinstance(several, (list, tuple)):
        message = f"instance = {wanted!r} in the configuration file is no name."
        raise ConfigError(message)
    chosen = [one.strip() for one in several if isinstance(one, str) and one.strip()]
    if not chosen or len(chosen) < len(several):
        message = f"Each service of {several!r} is to have a name or a URL."
        raise UnknownInstanceError(message)
    return tuple(_named(one) for one in dict.fromkeys(chosen))


def _chosen_by_user() -> object:
    """What the environment names, else the configuration file; else production."""
    named = os.environ.get("OMSKIT_INSTANCE") or read_config().get("instance")
    return named or "production"


def _split(text: str) -> list[str]:
    """Names with commas between them; one in the path of a store stays.

    Example:
        >>> _split("p5,store:/a,b/oms,production")
        ['p5', 'store:/a,b/oms', 'production']
    """
    found: list[str] = []
    known = {*INSTANCES, *read_table(read_config(), "instances")}
    for piece in text.split(","):
        plain = piece.strip()
        begins = plain in known or plain.startswith(("http://", "https://", STORE))
        if found and not begins and found[-1].startswith(STORE):
            found[-1] += f",{piece}"
        else:
            found.append(plain)
    return found


def find_instance(name: str | None = None) -> Instance:
    """The service that *name* means, or the user's choice where it is None.

    Of several that the user chose it is the first; see `find_instances`.

    Args:
        name: A name, or the base URL of an aggregation API.

    Raises:
        UnknownInstanceError: No such name.

    Example:
        >>> find_instance("http://localhost:8321/agg/api/v1/").base_url
        'http://localhost:8321/agg/api/v1'
    """
    return _named(name) if name else find_instances()[0]


def _named(chosen: str) -> Instance:
    """The service of this name, URL or store."""
    known = {**INSTANCES, **_own_instances(read_config())}
    if chosen in known:
        return known[chosen]
    if chosen.startswith(("http://", "https://")):
        return _from_url(chosen)
    if chosen.startswith(STORE):
        return _from_store(find_store(chosen.removeprefix(STORE) or None))
    hint = did_you_mean(chosen, known)
    shown = chosen.rpartition("@")[2]  # What is before it may be a password.
    message = (
        f"omskit knows no service {shown!r}.{hint} Known: {', '.join(known)}, "
        "a URL such as https://host/agg/api/v1, or store:PATH."
    )
    raise UnknownInstanceError(message)


def instance_names() -> list[str]:
    """The names of all services that are known, those of the configuration file too.

    Raises:
        ConfigError: The file cannot be read.

    Example:
        >>> "demo" in instance_names()
        True
    """
    return [*INSTANCES, *_own_instances(read_config())]


def find_store(path: str | None = None) -> Path:
    """The folder of a store: *path*, else ``OMSKIT_STORE``, else the file's ``store``.

    Raises:
        ConfigError: None of them names one.
    """
    said: object = path or os.environ.get("OMSKIT_STORE") or read_config().get("store")
    if not isinstance(said, str) or not said:
        message = (
            "Which store? Name its folder, e.g. store:~/oms or --store ~/oms, or set "
            f"OMSKIT_STORE, or store = '~/oms' in {config_path()}."
        )
        raise ConfigError(message)
    return Path(said).expanduser().absolute()


def _from_store(path: Path) -> Instance:
    return Instance(f"{STORE}{path}", STORE + quote(str(path)))


def _checked(url: str) -> str:
    """The base URL of a service, without a trailing slash.

    Raises:
        UnknownInstanceError: It is none; nothing that may be secret is repeated.
    """
    base = url.rstrip("/")
    try:
        parts = urlsplit(base)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        message = (
            "The address of a service is no URL: its host is none, or its port, which "
            "is a number up to 65535."
        )
        raise UnknownInstanceError(message) from error
    if parts.scheme not in {"http", "https"} or not host:
        message = "The address of a service begins with http:// or https:// and a host."
        raise UnknownInstanceError(message)
    if "@" in parts.netloc or parts.query or parts.fragment:
        message = (
            f"{parts.scheme}://{host}: the address of a service has neither "
            "user name, password nor parameters."
        )
        raise UnknownInstanceError(message)
    return base


def _from_url(url: str) -> Instance:
    base = _checked(url)
    known = next((i for i in INSTANCES.values() if i.base_url == base), None)
    if known is None:
        return Instance(base, base)
    return Instance(base, base, known.audience, known.token_url, known.person)


def _own_instances(config: dict[str, Any]) -> dict[str, Instance]:
    """``[instances.NAME]`` tables of the configuration file."""
    found: dict[str, Instance] = {}
    for name, table in read_table(config, "instances").items():
        entry = table if isinstance(table, dict) else {}
        said = {key: entry.get(key) for key in OWN}
        wrong = [k for k, v in said.items() if not _is_text(v)]
        if wrong or said["base_url"] is None:
            what = f"{wrong[0]} as text" if wrong else "a base_url"
            message = f"[instances.{name}] in {config_path()} needs {what}."
            raise ConfigError(message)
        try:
            url = _checked(str(said["base_url"]))
        except UnknownInstanceError as error:
            message = f"[instances.{name}] in {config_path()}: {error}"
            raise ConfigError(message) from error
        token_url = said["token_url"] or TOKEN_URL
        found[name] = Instance(name, url, said["audience"], token_url)
    return found


def _is_text(value: object) -> bool:
    """A value is none, or a text; a secret that was none has become empty."""
    return (
        value is None
        or isinstance(value, str)
        or (isinstance(value, Secret) and bool(value.text))
    )


def read_table(config: dict[str, Any], name: str) -> dict[str, Any]:
    """The table ``[name]`` of the configuration; empty where it has none."""
    found = config.get(name, {})
    if not isinstance(found, dict):
        message = f"{name} in {config_path()} is no table; write [{name}]."
        raise ConfigError(message)
    return found
