"""The demo as it was at a moment, going on from there: a run that grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from omskit.client import Client
from omskit.demo import tables
from omskit.engine import AsOfRelations, Clock, Engine
from omskit.server import Service

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable


class PlayedClient(Client):
    """A client of the demo whose clock starts at a moment.

    Args:
        as_of: The moment, in UTC.
        speed: Seconds of the demo for one here.
        now: Seconds here, from any origin.
    """

    def __init__(
        self,
        as_of: dt.datetime,
        speed: float = 1.0,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = Clock(as_of, speed, now, now())
        self._engine = Engine(AsOfRelations(tables(), self.clock))
        super().__init__("demo")

    def _find_service(self) -> Service:
        """The engine with the clock, in this process."""
        return Service(self._engine, base_url=self._instance.base_url)

    def close(self) -> None:
        """Close the engine, too."""
        super().close()
        self._engine.close()
