"""What a service is: an engine, its address, and its choice where OMS is unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omskit._version import __version__
from omskit.engine.ahead import Ahead

if TYPE_CHECKING:
    from omskit.engine import Engine
    from omskit.engine.relations import Between
    from omskit.jsonapi.blocks import Written

DEFAULT_URL = "http://127.0.0.1:8321/agg/api/v1"

ROOM = 40 * 1000 * 1000
"""Bytes of the pages that were written ahead: 64 readers of 60 fields have room."""


def _ahead() -> Ahead[Written]:
    return Ahead(attrgetter("size"), ROOM)


@dataclass(frozen=True, slots=True)
class Switches:
    """Behaviour of the real service that differs between its hosts, or is not known.

    Attributes:
        double_scheme: Links begin with ``https://https://``, as recorded on vocms0185.
        any_offset: An offset that is no multiple of the limit is accepted.
        past_end_links: Pages past the last row have links to the others.
        ignore_unknown: Names that a resource does not have are left out of the query,
            without a word; filters on them too.
    """

    double_scheme: bool = False
    any_offset: bool = False
    past_end_links: bool = False
    ignore_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A service at an address, to be asked through `omskit.server.respond`.

    Attributes:
        base_url: What requests must and links do begin with.
        default_limit: Rows of a page whose request names no limit.
        max_limit: The most rows of a page.
        ahead: Pages that were written ahead, for who reads on.
    """

    engine: Engine
    base_url: str = DEFAULT_URL
    default_limit: int = 100
    max_limit: int = 100_000
    switches: Switches = field(default_factory=Switches)
    ahead: Ahead[Written] = field(default_factory=_ahead, repr=False, compare=False)

    @property
    def identity(self) -> dict[str, str]:
        """The headers by which the service says what it is, in every answer.

        Example:
            >>> from omskit.demo import tables
            >>> from omskit.engine import Engine
            >>> Service(Engine(tables())).identity["x-omskit-source"]
            'simulated'
        """
        found = {"server": f"omskit/{__version__}"}
        if self.engine.source:
            found["x-omskit-source"] = self.engine.source
        return found

    @property
    def base_path(self) -> str:
        """The path of the base URL, without a slash at its end."""
        return urlsplit(self.base_url).path.rstrip("/")

    @property
    def link_base(self) -> str:
        """What links begin with."""
        url = self.base_url.rstrip("/")
        return f"https://{url}" if self.switches.double_scheme else url


def aged(read: Between | None) -> str | None:
    """When rows were fetched, as it stands behind the source; None: not known.

    Example:
        >>> import datetime as dt
        >>> from omskit.engine.relations import Between
        >>> at = dt.datetime(2024, 10, 3, 10, 0, tzinfo=dt.UTC)
        >>> aged(Between(at, at)), aged(Between(at, at + dt.timedelta(hours=1)))
        ('read 2024-10-03T10:00Z', 'read 2024-10-03T10:00Z to 2024-10-03T11:00Z')
    """
    if read is None:
        return None
    first, last = (f"{time:%Y-%m-%dT%H:%MZ}" for time in read[:2])
    said = f"read {first}" if first == last else f"read {first} to {last}"
    return f"{said}, made of lumisections" if read.derived else said
