"""README, documentation and examples run, and say what the code says."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from omskit.cli.app import command_names
from omskit.query import OPERATORS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
)
PROGRAMS = sorted(ROOT.glob("examples/*.py"))
NOTEBOOKS = sorted(ROOT.glob("examples/**/*.ipynb"))
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")


def name(path):
    """A path as the name of a test."""
    return str(path.relative_to(ROOT))


def load(path):
    """A module from a file outside the package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


blocks = load(Path(__file__).with_name("blocks.py"))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder to run in, on a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("default::omskit.errors.OMSWarning")
@pytest.mark.parametrize("page", [*filter(blocks.has_blocks, PAGES)], ids=name)
def test_page_runs(page, elsewhere, monkeypatch):
    """Every Python block and every console block runs and prints what the page says."""
    blocks.run_page(page, monkeypatch.setenv)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    """Every link to a file of the project leads to one."""
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), target


def test_index_names_every_page():
    """The index of the documentation leads to every page of it."""
    index = ROOT / "docs" / "index.md"
    targets = LINK.findall(index.read_text(encoding="utf-8"))
    linked = {(index.parent / target).resolve() for target in targets}
    decisions = {p for p in PAGES if p.parent.name == "decisions"}
    decisions.discard(ROOT / "docs" / "decisions" / "README.md")
    wanted = {p for p in PAGES if (ROOT / "docs") in p.parents} - {index} - decisions
    assert wanted <= linked


def test_decisions_are_indexed():
    """The index of decisions leads to each of them."""
    folder = ROOT / "docs" / "decisions"
    linked = set(LINK.findall((folder / "README.md").read_text(encoding="utf-8")))
    assert {p.name for p in folder.glob("0*.md")} <= linked


def test_readme_is_short():
    """The README has less than 150 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def test_generated_pages_are_current():
    """The reference pages are what the code generates; ``make docs`` writes them."""
    generate = load(ROOT / "docs" / "generate.py")
    pages = generate.pages()
    if version("typer").split(".")[:2] < ["0", "29"]:
        del pages["cli.md"]  # older versions word the help otherwise
    for file_name, text in pages.items():
        assert (generate.FOLDER / file_name).read_text(encoding="utf-8") == text


def test_every_command_has_a_place_in_the_reference():
    """Every command has a heading of its own in the reference."""
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    names = [" ".join(command) for command in command_names()]
    assert all(f"\n## oms {name}\n" in text for name in names)


def test_every_operator_is_documented():
    """Every operator has a row in the reference, with symbol and meaning."""
    text = (ROOT / "docs" / "reference" / "operators.md").read_text(encoding="utf-8")
    for operator in OPERATORS.values():
        assert f"| `{operator.symbol}` |" in text
        assert operator.meaning in text


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("default::omskit.errors.OMSWarning")
@pytest.mark.parametrize("program", PROGRAMS, ids=name)
def test_example_runs(program, elsewhere, monkeypatch, capsys):
    """Every example runs on the demo service and prints something."""
    monkeypatch.setenv("OMSKIT_INSTANCE", "demo")
    monkeypatch.setattr("sys.argv", [str(program)])
    runpy.run_path(str(program), run_name="__main__")
    assert capsys.readouterr().out


@pytest.mark.timeout(300)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name)
def test_notebook_runs(notebook, elsewhere, monkeypatch):
    """Every notebook runs from top to bottom on the demo, and is stored empty."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("OMSKIT_INSTANCE", "demo")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    found = nbformat.read(notebook, as_version=4)
    for cell in found.cells:
        assert not cell.get("outputs")
    # The kernel speaks over loopback or unix sockets; it is a process of its own.
    client = nbclient.NotebookClient(
        found, timeout=110, resources={"metadata": {"path": str(elsewhere)}}
    )
    client.execute()
    assert any("image/png" in str(cell.get("outputs", "")) for cell in found.cells)
