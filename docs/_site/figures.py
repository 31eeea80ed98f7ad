"""Shows below each block of a page the figures that the block draws.

The blocks are those that the tests run; here they run once more, in a folder of their
own, and every picture that appears there is shown below the block that made it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
PICTURES = (".png", ".svg")
FOLDER = ROOT / "docs" / "_build" / "figures"


def _blocks() -> ModuleType:
    """How the tests run the blocks of a page."""
    path = ROOT / "tests" / "project" / "blocks.py"
    spec = importlib.util.spec_from_file_location("omskit_doc_blocks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _working_in(folder: str) -> Iterator[None]:
    before, variables = Path.cwd(), dict(os.environ)
    os.chdir(folder)
    os.environ.update({"COLUMNS": "80", "MPLBACKEND": "agg", "OMSKIT_INSTANCE": "demo"})
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(variables)


@contextlib.contextmanager
def _keeping(folder: str) -> Iterator[None]:
    """Save what a block closes without saving, and what it saves as a PDF, as PNG."""
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    save, close = Figure.savefig, plt.close
    saved: set[int] = set()

    def saving(self: Figure, name: object, *given: object, **options: object) -> None:
        saved.add(id(self))
        save(self, name, *given, **options)
        if isinstance(name, str | Path) and Path(name).suffix == ".pdf":
            save(self, Path(folder) / f"{Path(name).stem}.png")

    def closing(figure: object = None) -> None:
        if isinstance(figure, Figure) and id(figure) not in saved:
            save(figure, Path(folder) / f"figure{len(saved)}.png")
            saved.add(id(figure))
        close(figure)

    Figure.savefig, plt.close = saving, closing
    try:
        yield
    finally:
        Figure.savefig, plt.close = save, close


def figures_of(page: Path) -> dict[int, list[Path]]:
    """The pictures that the blocks of *page* make, by the line where a block begins."""
    blocks = _blocks()
    target = FOLDER / page.relative_to(ROOT).with_suffix("")
    shutil.rmtree(target, ignore_errors=True)
    made: dict[int, list[Path]] = {}
    names = {"__name__": f"docs.{page.stem}"}
    with tempfile.TemporaryDirectory() as folder, _working_in(folder), _keeping(folder):
        seen: set[Path] = set()
        for block in blocks.blocks_of(page):
            if not block.runs:
                continue
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                if block.language == "python":
                    exec(compile(block.text, page.name, "exec"), names)  # noqa: S102  # the project's own page
                else:
                    blocks.run_console(block, os.environ.__setitem__, page.name)
            new = {p for p in Path(folder).rglob("*") if p.suffix in PICTURES} - seen
            for picture in sorted(new, key=lambda p: p.stat().st_mtime_ns):
                target.mkdir(parents=True, exist_ok=True)
                kept = target / f"{block.line}-{picture.name}"
                shutil.copy(picture, kept)
                made.setdefault(block.line, []).append(kept)
            seen |= new
    return made


def _with_figures(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put an image below each block that drew one."""
    page = Path(app.env.doc2path(docname))
    text = source[0]
    if "plot" not in text or page.parent.name == "decisions":
        return
    made = figures_of(page)
    if not made:
        return
    lines, begun, shown = text.splitlines(), 0, []
    for number, line in enumerate(lines, 1):
        shown.append(line)
        if line.startswith("```"):
            if begun and line.strip() == "```":
                for picture in made.get(begun, []):
                    where = os.path.relpath(picture, page.parent)
                    name = picture.name.partition("-")[2]
                    shown += ["", f"![What the block above draws: {name}]({where})", ""]
                begun = 0
            elif not begun:
                begun = number
    source[0] = "\n".join(shown) + "\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _with_figures)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
