"""What may be given to a client and its questions, as types.

Names that are no option are refused where they are given, with the nearest that is one:
type checkers refuse them too.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, SupportsIndex, TypeAlias, TypedDict

from omskit.flow.settings import SettingOptions
from omskit.query import Condition, MaskLike

if TYPE_CHECKING:
    import ssl

    from omskit.drivers import Login, Sender
    from omskit.effects import Secret
    from omskit.flow import Settings
    from omskit.login.kinds import BearerToken
    from omskit.login.tsgauth import Tsgauth
    from omskit.schema import Catalogue

Where: TypeAlias = Condition | tuple[Condition, ...] | str
"""A condition, several, or one as text: ``"l1_rate > 1000"``."""

Names: TypeAlias = str | Iterable[str]
"""One name, several with commas, or a list of names."""

Numbers: TypeAlias = SupportsIndex | str | Iterable[SupportsIndex | None]
"""``297050``; ``(first, last)``, ends included; a list; ``"297050,315190-315290"``."""

Selector: TypeAlias = Numbers | MaskLike | os.PathLike[str]
"""Runs or fills by number, or a set of lumisections, or the path of its file."""

Moment: TypeAlias = str | dt.date | dt.datetime
"""A time; a date alone is the whole day."""

Credentials: TypeAlias = "Login | BearerToken | Tsgauth"


class ClientOptions(SettingOptions, total=False):
    """What a client can be made with.

    Attributes:
        credentials: `ClientCredentials`, `BearerToken`, or an auth object of tsgauth.
        verify: File or folder of CA certificates, or an ``ssl.SSLContext``.
        proxy: An address as in ``http://host:port``; hidden once it is taken.
        catalogue: What is known of the resources.
        sender: Where requests go instead.
        settings: All settings at once.
        store: The folder of a store, which answers for runs that are final there.
    """

    credentials: Credentials | None
    verify: str | os.PathLike[str] | ssl.SSLContext | None
    proxy: str | Secret | None
    catalogue: Catalogue | None
    sender: Sender | None
    settings: Settings | None
    store: str | os.PathLike[str] | None


class QuestionOptions(SettingOptions, total=False):
    """What a question can be asked with, besides the numbers that it is about.

    Attributes:
        fields: Columns wanted, in order.
        where: Conditions, all of which must hold.
        sort: Sort keys; ``-`` descends.
        limit: At most so many rows.
        granularity: ``"run"`` or ``"lumisection"``.
        fill: One fill, or first and last.
        era: Name of an era.
        since, until: Bounds on the start time, ends included.
        last: The newest n runs, or fills.
        mask: A set of lumisections, or the path of its file.
    """

    fields: Names | None
    where: Where | Iterable[Where]
    sort: Names
    limit: int | None
    granularity: str | None
    fill: Numbers | None
    era: str | None
    since: Moment | None
    until: Moment | None
    last: int | None
    mask: MaskLike | str | os.PathLike[str] | None


class QueryOptions(QuestionOptions, total=False):
    """What a query can be made with.

    Attributes:
        runs: The same as the second argument.
    """

    runs: Selector | Names | None


class FollowOptions(TypedDict, total=False):
    """How to follow a run; see `omskit.flow.Following`."""

    every_s: float
    look_back: int
    whole_every: int
    patience_s: float
    outage_s: float
