"""The tree of errors."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.amount import examples

from omskit import errors
from omskit.errors import (
    DecodeError,
    IncompleteError,
    OMSError,
    OMSWarning,
    did_you_mean,
    nearest,
)

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, OMSError)
]
BUILTINS = {
    "NoPositionError": IndexError,
    "UsageError": ValueError,
    "NoRowError": LookupError,
    "TransportError": ConnectionError,
    "TimedOutError": TimeoutError,
    "StoreError": OSError,
    "MissingExtraError": ImportError,
}


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_carry_what_is_known(kind):
    """Every error has a message, a request, a status and a count of attempts."""
    error = kind("it broke", request="GET runs", status=502, attempts=3)
    assert str(error).startswith("it broke")
    assert (error.request, error.status, error.attempts) == ("GET runs", 502, 3)
    bare = kind("it broke")
    assert (bare.request, bare.status, bare.attempts) == (None, None, 0)


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_survive_the_way_between_processes(kind):
    """A pickled or copied error is of the same class, with message and attributes."""
    error = kind("it broke", request="GET runs", status=502, attempts=3)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert str(again) == str(error)
        assert again.args == error.args
        assert vars(again) == vars(error)


@pytest.mark.parametrize(("name", "builtin"), BUILTINS.items())
def test_errors_are_builtins_too(name, builtin):
    """Who catches the builtin that fits catches our error."""
    with pytest.raises(builtin):
        raise getattr(errors, name)("it broke")


def test_the_tree_is_in_the_docstring():
    """Every error is drawn in the docstring, and the drawing has no others."""
    words = [word.strip(",()") for word in errors.__doc__.split()]
    drawn = {word for word in words if word[:1].isupper()}
    named = {kind.__name__ for kind in CLASSES}
    assert named <= drawn
    assert {w for w in drawn if w.endswith("Error")} <= named | {
        b.__name__ for b in BUILTINS.values()
    }
    assert all(kind.__doc__ for kind in CLASSES)


def test_decode_errors_end_with_the_path():
    """A DecodeError says where, keeps the path, and whether asking again may help."""
    error = DecodeError("Expected text", path="$.data[3]", status=200)
    assert str(error) == "Expected text, at $.data[3]"
    assert (error.path, error.broken, error.status) == ("$.data[3]", False, 200)
    assert DecodeError("cut", broken=True).broken


def test_incomplete_errors_carry_the_rows():
    """An IncompleteError holds what did arrive."""
    assert IncompleteError("half", table=[1]).table == [1]
    assert IncompleteError("none").table is None


def test_the_warning_is_one_of_the_user():
    """OMSWarning is a UserWarning and no error."""
    assert issubclass(OMSWarning, UserWarning)
    assert not issubclass(OMSWarning, OMSError)


def test_nearest_names():
    """The nearest names come first, whatever their case, and keep their spelling."""
    known = ["run_number", "lumisection_number", "l1_rate", "L1_Menu"]
    assert nearest("lumiseciton_number", known)[0] == "lumisection_number"
    assert nearest("l1_menu", known)[0] == "L1_Menu"
    assert nearest("L1_RATE", known)[0] == "l1_rate"
    assert nearest("zzz", known) == []
    assert len(nearest("l1_rate", [f"l1_rate{n}" for n in range(9)], count=2)) == 2


def test_did_you_mean_is_a_sentence_or_nothing():
    """The hint names the nearest, or is empty where nothing is near."""
    assert did_you_mean("l1_rat", ["l1_rate", "era"]) == " Did you mean 'l1_rate'?"
    assert did_you_mean("ab1", ["ab2", "ab3"]).count(" or ") == 1
    assert did_you_mean("zzz", ["era"]) == ""


@given(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=6))
@settings(max_examples=examples(80))
def test_nearest_names_are_known_names(name, known):
    """Only known names are suggested, and a known name is its own nearest."""
    assert set(nearest(name, known)) <= set(known)
    if name and name in known:
        assert nearest(name, known)[0].lower() == name.lower()
