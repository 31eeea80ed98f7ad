"""Optional packages."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from omskit._extras import EXTRA_OF, load
from omskit.errors import MissingExtraError

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_what_is_there_is_imported():
    """A package that is installed is handed over, submodules too."""
    assert load("json.decoder", "read").JSONDecoder


@pytest.mark.parametrize("module", sorted(EXTRA_OF))
def test_what_is_missing_is_named(monkeypatch, module):
    """A missing package is an ImportError with the command that installs it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as caught:
        load(module, "draw figures")
    assert isinstance(caught.value, ImportError)
    assert str(caught.value) == (
        f"To draw figures, omskit needs {module}, which is not installed. "
        f"Try: pip install 'omskit[{EXTRA_OF[module]}]'"
    )


def test_an_unknown_package_is_named_as_itself():
    """A package that no extra brings is named as it is."""
    with pytest.raises(MissingExtraError, match=r"omskit\[nosuchpackage\]"):
        load("nosuchpackage.part", "test")


def test_every_extra_exists():
    """The extras that messages name are those of the project."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    assert set(EXTRA_OF.values()) <= set(project["optional-dependencies"])
