"""What a sync is given: somebody who answers questions. `omskit.Client` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Unpack

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from omskit.flow.pace import Pace
    from omskit.flow.settings import SettingOptions
    from omskit.query import Query
    from omskit.table import Table


class Question(Protocol):
    """A query that can be asked."""

    def fetch(self) -> Table:
        """All rows."""

    def count(self) -> int:
        """How many rows match."""


class Paced(Protocol):
    """At what pace was asked."""

    @property
    def pace(self) -> Pace:
        """As it is now."""


class Asks(Protocol):
    """Somebody who answers, and is not imported here."""

    def bind(self, query: Query, **options: Unpack[SettingOptions]) -> Question:
        """A query, to be asked."""

    def paced(self) -> AbstractContextManager[Paced]:
        """A block in which the service is asked as fast as it likes."""
