"""How many requests at once: a table of what was heard, and what follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.flow.pace import Pace

GOOD, BUSY, FULL, SILENT = (0.1, 200), (0.1, 429), (0.1, 503), (9.0, None)
LATE = (1.0, 200)


def after(most, heard):
    pace = Pace(most)
    for seconds, status in heard:
        pace = pace.after(seconds, status)
    return pace


@pytest.mark.parametrize(
    ("most", "heard", "at_once", "halved"),
    [
        (8, [], 1, 0),
        (8, [GOOD], 2, 0),
        (8, [GOOD] * 20, 8, 0),
        (8, [(0.1, 404)] * 20, 8, 0),
        (8, [GOOD] * 20 + [BUSY], 4, 1),
        (8, [GOOD] * 20 + [FULL], 4, 1),
        (8, [GOOD] * 20 + [SILENT], 4, 1),
        # The other seven had been asked before.
        (8, [GOOD] * 20 + [BUSY] * 8, 4, 1),
        (8, [GOOD] * 20 + [BUSY] * 9, 2, 2),
        (8, [BUSY] * 20, 1, 0),
        # Afterwards one more in a round, not with each answer.
        (8, [GOOD] * 20 + [BUSY] + [GOOD] * 4, 4, 1),
        (8, [GOOD] * 20 + [BUSY] + [GOOD] * 5, 5, 1),
        (8, [GOOD] * 20 + [BUSY] + [GOOD] * 40, 8, 1),
        (8, [GOOD] * 20 + [LATE], 4, 1),
        (8, [(0.001, 200)] * 20 + [(0.02, 200)], 8, 0),
        (1, [GOOD] * 20 + [BUSY, GOOD], 1, 0),
    ],
    ids=[
        "nothing heard",
        "one answer",
        "never above what was set",
        "an error that is no overload",
        "429",
        "503",
        "no answer",
        "what was under way is spared",
        "the next one is not",
        "never below one",
        "half a round",
        "a round",
        "back again",
        "rising latency",
        "noise",
        "one is the most",
    ],
)
def test_what_follows_from_what_was_heard(most, heard, at_once, halved):
    """Good answers let it grow, a busy or ever later service halves it."""
    pace = after(most, heard)
    assert (pace.at_once, pace.halved) == (at_once, halved)


def test_a_service_that_stays_slower_is_taken_as_it_is():
    """Slow answers halve it for a while; then they are what is to be expected."""
    pace = after(8, [GOOD] * 20 + [LATE] * 400)
    assert pace.halved >= 1
    assert pace.at_once == 8


heard = st.lists(
    st.tuples(st.floats(0, 100), st.sampled_from([None, 200, 404, 429, 500, 503])),
    max_size=60,
)


@given(most=st.integers(1, 64), heard=heard)
def test_it_stays_between_one_and_the_most(most, heard):
    """Whatever is heard, at least one may go and never more than was set."""
    pace = Pace(most)
    for seconds, status in heard:
        pace = pace.after(seconds, status)
        assert 1 <= pace.at_once <= most
