"""How a client asks: what its bound queries need of it, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from omskit.client.base import BaseClient
    from omskit.client.options import Where
    from omskit.flow import Context, Settings
    from omskit.query import Condition

Driver = TypeVar("Driver")


@dataclass(frozen=True, slots=True)
class Asker(Generic[Driver]):
    """A client, as seen by the queries that are bound to it.

    Attributes:
        client: The client itself, to be shown and pickled.
        context: Who is asked and how, for these settings.
        condition: Reads a condition on a resource.
        driver: What carries out flows; asked for where it is used, since an event loop
            may have to be running.
    """

    client: BaseClient
    context: Callable[[Settings], Context]
    condition: Callable[[Where, str], Condition | tuple[Condition, ...]]
    driver: Callable[[], Driver]
