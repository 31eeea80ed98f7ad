"""What a client, or one question of it, can be told: one value, from user to flow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Self, TypedDict, Unpack

from omskit._arguments import NOTHING, Wants, check_types
from omskit.errors import ConfigError, UsageError, did_you_mean
from omskit.flow.exchange import Policy

MOST_ROWS_PER_PAGE = 100_000
"""The service refuses larger pages. Source: WIRE, section 2."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect_s: For a connection.
        read_s: For the next bytes; ``hltpathinfo`` can take minutes.
        request_s: For one whole request, from connecting to the last byte.
    """

    connect_s: float = 10.0
    read_s: float = 120.0
    request_s: float = 300.0

    def __post_init__(self) -> None:
        """Refuse what is no time.

        Raises:
            ConfigError: One of them is not a number above 0.
        """
        for name in self.__slots__:
            given = getattr(self, name)
            if isinstance(given, bool) or not isinstance(given, int | float):
                given = math.nan
            if not given > 0:
                message = (
                    f"Timeouts({name}={getattr(self, name)!r}): it is a number of "
                    "seconds above 0."
                )
                raise ConfigError(message)


_FLAG = (bool,), "True or False"
_WANTS: Wants = {
    "page_size": ((int, NOTHING), f"a whole number, 1 to {MOST_ROWS_PER_PAGE}"),
    "concurrency": ((int,), "a whole number, 1 to 64"),
    "retries": ((int,), "a whole number, 0 to 100"),
    "timeouts": ((Timeouts,), "an omskit.transport.Timeouts, e.g. Timeouts(read_s=5)"),
    "units": ((str,), "'canonical' or 'raw'"),
    "audit": _FLAG,
    "allow_partial": _FLAG,
    "unchecked": _FLAG,
    "ids": _FLAG,
    "progress": ((bool, NOTHING), "True, False or None"),
}


class SettingOptions(TypedDict, total=False):
    """The `Settings` by name, for signatures."""

    page_size: int | None
    concurrency: int
    retries: int
    timeouts: Timeouts
    units: str
    audit: bool
    allow_partial: bool
    unchecked: bool
    ids: bool
    progress: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a client was asked to be; enough to make another one like it.

    Attributes:
        page_size: Rows per request, 1 to 100000; None: 1000 over a network, 100000 in
            this process.
        concurrency: Requests at once; four is a courtesy to the service.
        units: ``"canonical"``: one unit per column; ``"raw"``: the service's numbers,
            with a unit column beside each.
        audit: Look for lumisections that OMS lacks; one more request.
        allow_partial: Return what there is when rows are missing, marked incomplete.
        unchecked: Send names that neither catalogue nor service know.
        ids: Keep the ``id`` of each row, as the service gave it, in a column ``@id``.
        progress: Show a bar; None: on terminals and in notebooks.
    """

    page_size: int | None = None
    concurrency: int = 4
    retries: int = 4
    timeouts: Timeouts = field(default_factory=Timeouts)
    units: str = "canonical"
    audit: bool = True
    allow_partial: bool = False
    unchecked: bool = False
    ids: bool = False
    progress: bool | None = None

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        check_types({name: getattr(self, name) for name in _WANTS}, _WANTS)
        if self.units not in {"canonical", "raw"}:
            message = f"units={self.units!r}; it is 'canonical' or 'raw'."
            raise UsageError(message)
        bounds = {"page_size": (1, MOST_ROWS_PER_PAGE), "concurrency": (1, 64)}
        bounds["retries"] = (0, 100)
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                message = f"{name}={value!r}; it is a whole number, {least} to {most}."
                raise UsageError(message)

    @property
    def raw(self) -> bool:
        """Keep the service's units."""
        return self.units == "raw"

    @property
    def policy(self) -> Policy:
        """When to try again."""
        return Policy(retries=self.retries)

    @property
    def window(self) -> int:
        """Pages on their way at once, those being decoded or waited for among them."""
        return 2 * self.concurrency

    def changed(self, **options: Unpack[SettingOptions]) -> Self:
        """The same with other values.

        Raises:
            UsageError: No such setting, or a value that cannot work.

        Example:
            >>> Settings().changed(page_size=100).page_size
            100
        """
        known = self.__dataclass_fields__
        for name in options.keys() - known.keys():
            message = f"There is no option {name!r}.{did_you_mean(name, known)}"
            raise UsageError(message)
        return replace(self, **options)

    def adjusted(self, **options: Unpack[SettingOptions]) -> Self:
        """The same with other values, for one question of a client that is as it is.

        Raises:
            UsageError: Also where it takes another client: its connections are made.
        """
        settings = self.changed(**options)
        if settings.timeouts != self.timeouts:
            message = "timeouts= is set where the client is made: Client(timeouts=...)."
            raise UsageError(message)
        if settings.concurrency > self.concurrency:
            message = (
                f"concurrency={settings.concurrency} is more than the client has "
                f"({self.concurrency}): Client(concurrency={settings.concurrency})."
            )
            raise UsageError(message)
        return settings
