"""What a command imports: the largest part of its time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from omskit import Store

AT_THE_END = (
    "import atexit, sys; "
    "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
)


def loaded_by(*arguments):
    """Every module of a process that ran a command, and what it printed."""
    code = f"{AT_THE_END}from omskit.cli import main; main({arguments!r})"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return found.stdout, set(found.stderr.split())


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with one run."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "runs.csv").write_text("run_number,fill_number\n297050,5839\n")
    found = Store(folder / "store")
    found.import_file("runs", folder / "runs.csv")
    return found.path


def test_a_run_from_a_store_needs_few_modules(store):
    """Reading needs no writer, service, mask, login, event loop or database."""
    printed, loaded = loaded_by("runs", "297050", "--store", str(store))
    assert "297050" in printed
    assert "omskit.store.relations" in loaded
    assert not loaded & {
        "asyncio",
        "duckdb",
        "http.client",
        "httpx2",
        "matplotlib",
        "pandas",
        "rich",
        "starlette",
        "uvicorn",
        "omskit.cli.mask.app",
        "omskit.cli.now",
        "omskit.client.async_bound",
        "omskit.demo",
        "omskit.engine.clock",
        "omskit.login.chain",
        "omskit.login.kinds",
        "omskit.lumi.mask",
        "omskit.server.answering",
        "omskit.server.front",
        "omskit.store.checking",
        "omskit.store.importing",
        "omskit.store.sql",
        "omskit.store.sync",
        "omskit.transport",
    }
    assert len([name for name in loaded if name.startswith("omskit")]) < 160


def test_the_version_needs_no_command():
    """Nor what commands share."""
    printed, loaded = loaded_by("--version")
    assert printed.startswith("oms ")
    assert not loaded & {"omskit.cli.options", "omskit.query", "pyarrow", "pydantic"}


def test_garbage_is_searched_for_as_ever_once_there_is_much():
    """The first 100 000 objects are what is imported; after them nothing is other."""
    code = (
        "import gc; ever = gc.get_threshold();"
        "from omskit.cli.app import _let_be_what_stays as let_be; let_be();"
        "assert gc.get_threshold() > ever;"
        "made = [[] for _ in range(110_000)];"
        "assert gc.get_threshold() == ever;"
        "assert not gc.callbacks"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
