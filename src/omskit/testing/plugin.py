"""Fixtures of omskit for the tests of those who use it; pytest loads it by itself.

It imports nothing of omskit before a fixture is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from omskit.client import Client


@pytest.fixture
def oms_demo() -> Iterator[Client]:
    """A client of the demo service: no network, no account."""
    from omskit.client import Client

    with Client("demo") as client:
        yield client


@pytest.fixture
def oms_conversation() -> Iterator[Callable[..., Client]]:
    """Call it with the file of a recorded conversation: a client that plays it."""
    from omskit.testing import replaying

    made: list[Client] = []

    def play(path: str | Path, **options: object) -> Client:
        made.append(replaying(path, **options))
        return made[-1]

    yield play
    for client in made:
        client.close()
