"""Packages whose names are imported when they are first used."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = (
    "omskit.client",
    "omskit.drivers",
    "omskit.engine",
    "omskit.jsonapi",
    "omskit.login",
    "omskit.lumi",
    "omskit.server",
    "omskit.store",
    "omskit.table",
)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_had_from_its_package(name):
    """Whatever was imported before; ``dir`` and ``import *`` know it too."""
    package = importlib.import_module(name)
    for public in package.__all__:
        assert getattr(package, public) is getattr(package, public)
    with pytest.raises(AttributeError, match=f"'{name}' has no attribute 'nonsense'"):
        package.nonsense  # noqa: B018


@pytest.mark.parametrize("name", PACKAGES)
def test_no_public_name_is_that_of_a_module_too(name):
    """Whoever imports that module would put it where the name should be."""
    package = importlib.import_module(name)
    modules = {path.stem for path in Path(package.__path__[0]).iterdir()}
    assert not modules & set(package.__all__)


def test_a_package_alone_imports_none_of_its_modules():
    """Neither numpy nor pyarrow, which most of them need."""
    names = [
        name for name in PACKAGES if name not in {"omskit.client", "omskit.drivers"}
    ]
    code = f"import sys, {', '.join(names)}; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name for name in found.stdout.split() if name.startswith("omskit")}
    assert loaded == {
        "omskit", "omskit._homes", "omskit._version", "omskit.errors", *names,
    }  # fmt: skip
