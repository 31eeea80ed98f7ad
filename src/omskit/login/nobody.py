"""No login: the only one that whoever asks a store or the demo needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omskit.effects import Credential, Flow


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No login: inside P5, through a tunnel, in the demo."""

    def login(self, rejected: Credential | None = None) -> Flow[Credential | None]:
        """No credential."""
        del rejected
        yield from ()
        return None
