"""Receipts: how a table was obtained, without any secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a table was obtained.

    Attributes:
        service: Base URL of the service, or the name of a service in this process.
        urls: What was asked, relative to *service*, in order.
        total: How many rows match, as the service counted them; more than the table
            holds where a limit was asked for.
        rows: How many rows the table holds.
        started, finished: When, in UTC.
        version: The omskit that asked.
    """

    service: str
    urls: tuple[str, ...]
    total: int
    rows: int
    started: datetime
    finished: datetime
    version: str
