"""Tests without a service: conversations, recorded once and played ever after."""

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
