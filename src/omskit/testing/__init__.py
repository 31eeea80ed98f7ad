"""Tests without a service: conversations, recorded once and played ever after.

Names are imported when they are used: pytest loads `omskit.testing.plugin` in every run
of those who have omskit, and pays for nothing that no fixture asks for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first used."""
    if name not in __all__:
        message = f"module 'omskit.testing' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module("omskit.testing.conversation"), name)
