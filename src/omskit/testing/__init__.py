"""Tests without a service: conversations, recorded once and played ever after.

Names are imported when they are used: pytest loads `omskit.testing.plugin` in every run
of those who have omskit, and pays for nothing that no fixture asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late

if TYPE_CHECKING:
    from omskit.testing.conversation import (
        Player,
        Recorder,
        player,
        record,
        replaying,
        replaying_async,
    )

__all__ = [
    "Player",
    "Recorder",
    "player",
    "record",
    "replaying",
    "replaying_async",
]

__getattr__ = late(__name__, dict.fromkeys(__all__, "omskit.testing.conversation"))
