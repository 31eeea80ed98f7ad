"""What a page is before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omskit.table import Table


@dataclass(frozen=True, slots=True)
class Page:
    """A page before it is drawn.

    Attributes:
        template: The file of its template.
        title: What the window is called.
        sentence: Its first line.
        values: What the template shows.
        simulated: Some of it was made up.
        status: Of the answer.
    """

    template: str
    title: str
    sentence: str
    values: dict[str, Any] = field(default_factory=dict)
    simulated: bool = False
    status: int = 200


def receipt_of(table: Table) -> str:
    """What a receipt is found again by: the start of its fingerprint; "" for none."""
    return "" if table.receipt is None else table.receipt.sha256[:16]
