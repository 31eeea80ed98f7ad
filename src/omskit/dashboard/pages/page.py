"""What a page is before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
