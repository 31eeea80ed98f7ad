"""The package as it is installed: names, cost of import, words in its files."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import omskit
from omskit import errors

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "omskit").rglob("*.py"))
HEAVY = {"duckdb", "httpx2", "matplotlib", "numpy", "pandas", "pyarrow", "typer"}


def test_public_names_exist():
    """Every public name can be had, and ``dir`` lists it."""
    for name in omskit.__all__:
        assert getattr(omskit, name) is not None
    assert len(set(omskit.__all__)) == len(omskit.__all__)


def test_all_errors_are_public():
    """Every error and warning of omskit can be imported from the top."""
    kinds = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception | Warning)
    }
    assert kinds <= set(omskit.__all__)


def test_the_promised_names():
    """The names of the first example are there, and so are the masks."""
    assert {"Client", "AsyncClient", "field", "Table", "LumiMask"} <= set(
        omskit.__all__
    )


def test_unknown_name():
    """A name that omskit lacks is an AttributeError, as in any module."""
    with pytest.raises(AttributeError, match="'Cleint'"):
        omskit.Cleint  # noqa: B018


def test_import_is_cheap():
    """``import omskit`` loads no heavy package."""
    code = f"import sys, omskit; print(sorted({HEAVY!r} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def imports_of(arguments):
    """Modules loaded by a Python process, from its ``-X importtime`` report."""
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", found.stderr)
    return {module: int(cost) for cost, module in lines}


def test_import_loads_little():
    """``import omskit`` loads so few modules that it cannot cost 60 ms."""
    plain = imports_of("pass")
    ours = imports_of("import omskit")
    added = ours.keys() - plain.keys()
    assert len(added) < 40
    assert {m for m in added if m.startswith("omskit")} <= {
        "omskit",
        "omskit._version",
        "omskit.errors",
    }


def test_a_command_that_needs_no_network_loads_none():
    """Nor pandas, which pyarrow would import: 0.4 s of a cold start."""
    asked = "main(['runs', '297050', '-i', 'demo', '--quiet', '-f', 'json'])"
    loaded = imports_of(f"from omskit.cli.app import main; {asked}")
    assert "pyarrow.lib" in loaded
    assert not loaded.keys() & {"pandas.core.api", "httpx2", "starlette", "matplotlib"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_says_what_lives_there(path):
    """Every module begins with a docstring."""
    assert path.read_text(encoding="utf-8").lstrip().startswith(('"""', 'r"""'))


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "tests").rglob("test_*.py")),
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_every_test_says_what_is_true(path):
    """Every test function has a docstring."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    tests = [n for n in nodes if isinstance(n, kinds) and n.name.startswith("test_")]
    assert [n.name for n in tests if not ast.get_docstring(n)] == []


def test_no_print_in_the_package():
    """Nothing is printed by the library; only the command writes."""
    for path in SOURCES:
        assert not re.search(r"^\s*print\(", path.read_text("utf-8"), re.MULTILINE), (
            path
        )


def test_extras_are_known():
    """Every optional package belongs to an extra that pyproject.toml has."""
    from omskit._extras import EXTRA_OF

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    assert set(EXTRA_OF.values()) <= set(extras)


def test_changelog_has_the_version():
    """The changelog begins with the version of the package, or what is to come."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## (\S+)", text, re.MULTILINE)
    assert first[1] in {"Unreleased", omskit.__version__}


def test_modules_import_alone():
    """Every module can be imported first; nothing depends on what came before."""
    for path in SOURCES:
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        if parts[-1] not in {"__main__", "__init__"}:
            importlib.import_module(".".join(parts))


def test_import_rules():
    """Every module imports only what its place in the house allows."""
    pytest.importorskip("importlinter")
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as c; c()",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout
