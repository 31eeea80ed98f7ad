"""What an address says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.dashboard.parameters import LONGEST, Parameters
from omskit.errors import UsageError


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "99999999999", "\u0663"])
def test_no_number(text):
    """What is no whole number is refused by name."""
    with pytest.raises(UsageError, match="from="):
        Parameters({"from": text}).number("from")


def test_nothing_is_none():
    """A parameter that is empty or not there has no value."""
    assert Parameters({"from": ""}).number("from") is None
    assert Parameters({}).text("x", "usual") == "usual"


def test_a_choice_is_one_of_its_words():
    """Other words are refused, and the allowed ones told."""
    with pytest.raises(UsageError, match="none of all, stable"):
        Parameters({"states": "<b>"}).choice("states", ("all", "stable"))


def test_a_long_parameter_is_refused():
    """Very long parameters are no question."""
    with pytest.raises(UsageError, match="more than"):
        Parameters({"x": "a" * (LONGEST + 1)})


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=9)))
def test_links_keep_the_state(values):
    """A link has the parameters of the address it stands on."""
    from urllib.parse import parse_qsl

    link = Parameters(values).link("/x", extra=1)
    found = dict(parse_qsl(link.partition("?")[2]))
    assert found == {n: v for n, v in values.items() if v} | {"extra": "1"}
