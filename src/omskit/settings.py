"""What a client can be told."""

from __future__ import annotations

from dataclasses import dataclass

from omskit.errors import UsageError
from omskit.transport import Timeouts

MOST_ROWS_PER_PAGE = 100_000
"""The service refuses larger pages. Source: WIRE, section 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a client was asked to be; enough to make another one like it.

    Attributes:
        page_size: Rows per request, 1 to 100000.
        concurrency: Requests at once; four is a courtesy to the service.
        units: ``"canonical"``: one unit per column; ``"raw"``: the service's numbers,
            with a unit column beside each.
        audit: Look for lumisections that OMS lacks; one more request.
        allow_partial: Return what there is when rows are missing, marked incomplete.
        unchecked: Send names that neither catalogue nor service know.
        progress: Show a bar; None: on terminals and in notebooks.
    """

    page_size: int = 1000
    concurrency: int = 4
    retries: int = 4
    timeouts: Timeouts = Timeouts()
    units: str = "canonical"
    audit: bool = True
    allow_partial: bool = False
    unchecked: bool = False
    progress: bool | None = None

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        if self.units not in {"canonical", "raw"}:
            message = f"units={self.units!r}; it is 'canonical' or 'raw'."
            raise UsageError(message)
        bounds = {"page_size": (1, MOST_ROWS_PER_PAGE), "concurrency": (1, 64)}
        bounds["retries"] = (0, 100)
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not whole or not least <= value <= most:
                message = f"{name}={value!r}; it is a whole number, {least} to {most}."
                raise UsageError(message)
