"""What an editor's language server shows of everything that users call."""

from __future__ import annotations

import inspect
import re

import pytest

from omskit import AsyncClient, Client, LumiMask
from omskit.client.async_bound import AsyncBoundQuery
from omskit.client.bound import BoundQuery
from omskit.table import Column, Table

jedi = pytest.importorskip("jedi")

FACES = (Client, AsyncClient, Table, Column, LumiMask, BoundQuery, AsyncBoundQuery)
UNTYPED = re.compile(r"\bAny\b|\*\*\w+(?!\w*:)")
"""A type that says nothing, or keywords without a type."""


def methods(face):
    """The public methods and properties of a class."""
    return [
        name
        for name, what in inspect.getmembers(face)
        if not name.startswith("_")
        and (inspect.isroutine(what) or isinstance(what, property))
    ]


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_every_method_has_a_hover_text_and_types(face):
    """A language server finds a docstring and a signature that says what is taken."""
    module, name = face.__module__, face.__name__
    missing = []
    for method in methods(face):
        code = f"from {module} import {name}\n{name}.{method}"
        found = jedi.Script(code).help(2, len(name) + 2)
        text = found[0].docstring(raw=True) if found else ""
        own = getattr(face, method)
        own = own.fget if isinstance(own, property) else own
        said = str(inspect.signature(own))
        if not text or UNTYPED.search(said):
            missing.append((method, said, bool(text)))
    assert missing == []


def test_options_are_completed():
    """Within the call of a shortcut the names of its options are offered."""
    code = "from omskit import Client\nClient('demo').runs(297050, "
    (signature,) = jedi.Script(code).get_signatures()
    assert "options: Unpack[QuestionOptions]" in signature.to_string()
