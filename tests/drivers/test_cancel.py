from __future__ import annotations

import threading

import pytest

from omskit.drivers.cancel import CancelToken


def test_hooks_are_called_once_and_only_while_they_count():
    """What stands behind or before the block, or ended already, is not called."""
    called = []
    waiting = CancelToken()
    with waiting.or_else(lambda: called.append("left")):
        pass
    with waiting.or_else(lambda: called.append("inside")):
        waiting.end()
        waiting.end()
    assert called == ["inside"]
    with waiting.or_else(lambda: called.append("late")):
        assert called == ["inside", "late"]
    assert called == ["inside", "late"]


def test_a_pause_ends_when_nobody_waits():
    """Time passes for those who wait only."""
    waiting = CancelToken()
    assert not waiting.pause(0.0)
    thread = threading.Thread(target=waiting.end)
    thread.start()
    assert waiting.pause(60.0)
    thread.join()
    assert waiting.is_over


def test_an_error_in_the_block_takes_the_hook_along():
    """A block that fails is over too."""
    called = []
    waiting = CancelToken()

    def fail():
        with waiting.or_else(lambda: called.append(1)):
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    waiting.end()
    assert called == []
