from __future__ import annotations

import inspect

import pytest

from omskit import AsyncClient, Client
from omskit.client.async_bound import AsyncBoundQuery
from omskit.client.bound import BoundQuery

ONLY_ASYNC = {"close": "aclose", "__enter__": "__aenter__", "__exit__": "__aexit__"}
"""Where the names differ, as Python's own protocols have it."""

PAIRS = [(Client, AsyncClient), (BoundQuery, AsyncBoundQuery)]


def public(face):
    """The public members of a class, those of its own protocols included.

    Those of the other's protocols only refuse; see the tests of that.
    """
    waits = face.__name__.startswith("Async")
    kept = set(ONLY_ASYNC.values() if waits else ONLY_ASYNC)
    return {
        name: member
        for name, member in inspect.getmembers(face)
        if not name.startswith("_") or name in kept
    }


def twins(pair):
    one, two = map(public, pair)
    return [
        (name, member, two.get(ONLY_ASYNC.get(name, name)))
        for name, member in one.items()
    ]


CASES = [
    pytest.param(name, one, two, id=f"{pair[0].__name__}.{name}")
    for pair in PAIRS
    for name, one, two in twins(pair)
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__name__)
def test_both_faces_have_the_same_names(pair):
    """What one client can the other can, by the same name."""
    one, two = map(public, pair)
    assert {ONLY_ASYNC.get(name, name) for name in one} == set(two)


def parameters(member):
    if not callable(member):
        return None
    found = inspect.signature(member).parameters.values()
    return [(p.name, p.kind, p.default, p.annotation) for p in found]


@pytest.mark.parametrize(("name", "one", "two"), CASES)
def test_both_faces_take_the_same_arguments(name, one, two):
    """Names, kinds, defaults and types of all arguments are equal."""
    assert parameters(one) == parameters(two)


@pytest.mark.parametrize(("name", "one", "two"), CASES)
def test_both_faces_say_the_same_of_themselves(name, one, two):
    """The docstrings are equal, but for words that are about waiting."""
    if name in ONLY_ASYNC:
        return
    assert inspect.getdoc(one) == inspect.getdoc(two)


@pytest.mark.parametrize(("name", "one", "two"), CASES)
def test_what_is_public_is_documented(name, one, two):
    """Each public method and property has a docstring."""
    if not name.startswith("_"):
        assert inspect.getdoc(one)
        assert inspect.getdoc(two)


@pytest.mark.parametrize("name", ["fetch", "fetch_one", "count", "explain"])
def test_what_asks_is_awaited(name):
    """Methods that ask are coroutines on the async side, and only there."""
    assert inspect.iscoroutinefunction(getattr(AsyncBoundQuery, name))
    assert not inspect.iscoroutinefunction(getattr(BoundQuery, name))


def test_pages_are_iterated_on_both_sides():
    """pages() is a generator here and an async generator there."""
    assert inspect.isgeneratorfunction(BoundQuery.pages)
    assert inspect.isasyncgenfunction(AsyncBoundQuery.pages)


@pytest.mark.parametrize(
    "name",
    ["where", "select", "sort", "limit", "include", "group", "custom", "options"],
)
def test_what_builds_is_not_awaited(name):
    """Methods that build a query are the very same on both sides."""
    assert getattr(BoundQuery, name) is getattr(AsyncBoundQuery, name)
