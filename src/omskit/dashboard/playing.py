"""The demo as it was at a moment, going on from there: a run that grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit.client import Client
from omskit.demo import tables
from omskit.engine import engine_at
from omskit.server import Service

if TYPE_CHECKING:
    import datetime as dt

    from omskit.engine import Engine


class PlayedClient(Client):
    """A client of the demo whose clock starts at a moment.

    Args:
        as_of: The moment, in UTC.
        speed: Seconds of the demo for one here.
    """

    def __init__(self, as_of: dt.datetime, speed: float = 1.0) -> None:
        self._engine: Engine = engine_at(tables(), as_of, speed)
        super().__init__("demo")

    def _find_service(self) -> Service:
        """The engine with the clock, in this process."""
        return Service(self._engine, base_url=self._instance.base_url)

    def close(self) -> None:
        """Close the engine, too."""
        super().close()
        self._engine.close()
