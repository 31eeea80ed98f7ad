"""The lines that people write first with a frame, run."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import sys
import warnings
from pathlib import Path

import pytest
from tests.support.amount import examples, some

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location(
    "oneliners", HERE.parent / "support" / "oneliners.py"
)
lines = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(lines)

pytest.importorskip("matplotlib")
for package in ("awkward", "seaborn", "sklearn"):
    pytest.importorskip(package)

TYPES = ("hybrid", "numpy", "nullable", "arrow")
pytestmark = [
    pytest.mark.timeout(300),
    # These are of the packages, among each other.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def before():
    """The names that the lines use, without frames."""
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(lines.SETUP, names)
    return names


@pytest.fixture
def names(before, tmp_path, monkeypatch):
    """The names, in a folder where files may be written."""
    monkeypatch.chdir(tmp_path)
    yield before
    before["plt"].close("all")


def run(line, names):
    """Run one line, silently."""
    with contextlib.redirect_stdout(io.StringIO()):
        exec(line, names)


@pytest.fixture(scope="module")
def framed(before):
    """The names, with frames of the default types."""
    exec(lines.FRAMES.format(types="'hybrid'"), before)
    return before


@pytest.mark.parametrize(
    "line", [line for line in lines.FRAME_LINES if line not in lines.STUBBORN]
)
def test_a_line_with_a_frame_runs(line, framed, names):
    """What people write with a pandas frame runs with its default types."""
    run(line, framed)
    assert names["d"].shape == names["t"].shape


@pytest.mark.parametrize("line", lines.TABLE_LINES)
def test_a_line_with_a_table_runs(line, framed, names):
    """What people write with a table itself runs."""
    run(line, framed)
    assert len(names["t"]) > 2000


def test_there_is_a_way_round_what_fails(framed, names):
    """Where a flag is not known, flags are learnt from as numbers."""
    learnt = lines.LEARNING[-1].replace('["number", "bool"]', '"number"')
    assert learnt not in lines.STUBBORN
    run(learnt, framed)


def test_the_default_fails_least(before, names):
    """Fewer lines fail with the default types than with any other choice."""
    failed = dict.fromkeys(TYPES, 0)
    chosen = [line for line in lines.FRAME_LINES if "sklearn.ensemble" not in line]
    for types in TYPES:
        exec(lines.FRAMES.format(types=repr(types)), before)
        for line in chosen:
            try:
                run(line, before)
            except Exception:  # noqa: BLE001  # whatever it is, the user sees it
                failed[types] += 1
            names["plt"].close("all")
    exec(lines.FRAMES.format(types="'hybrid'"), before)
    assert failed["hybrid"] == min(failed.values())
    assert failed["hybrid"] <= len(lines.STUBBORN)
    assert failed["arrow"] > failed["hybrid"]


def test_all_lines_run_in_a_kernel(tmp_path, monkeypatch):
    """In a notebook all of them run, one after the other, in one kernel."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    source = str(HERE.parents[1] / "src")
    monkeypatch.setenv("PYTHONPATH", source)
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    frames = lines.FRAMES.format(types="'hybrid'")
    good = [line for line in lines.FRAME_LINES if line not in lines.STUBBORN]
    cells = [lines.SETUP.replace('matplotlib.use("Agg")', ""), frames, "t", "d", "t[0]"]
    cells += [*some(good), *lines.TABLE_LINES]
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=200, resources=where).execute()
    shown = book.cells[2]["outputs"][0]["data"]
    assert "2253 rows" in shown["text/html"]
    assert "rows not shown" in shown["text/plain"]
    assert sys.executable
    assert len(book.cells) > examples(100)
