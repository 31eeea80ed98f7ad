"""How Sphinx builds the handbook: `make handbook`, from the Markdown pages as they are.

The pages read well without it, on any page that shows Markdown. The source folder is
the project's own top folder, so that links between README, docs and examples hold.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import omskit

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent / "_site"))

project = "omskit"
author = "the omskit maintainers"
release = version = omskit.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "figures",
    "screens",
]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/**",
    "examples/**",
    "benchmarks/**",
]
exclude_patterns = ["docs/_build", "docs/_site", "**/.ipynb_checkpoints"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "inherited-members": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Cost", "Source"]

html_theme = "furo"
html_title = f"omskit {release}"
html_static_path: list[str] = []
html_show_copyright = False
html_show_sphinx = False
# From a folder a browser may not read the pages that a summary would quote.
html_show_search_summary = False
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

_LINK = re.compile(r"^\* \[([^\]]+)\]\(([^)#\s]+\.md)\)", re.MULTILINE)


def _toctree(caption: str, pages: list[tuple[str, str]]) -> str:
    entries = "\n".join(f"{title} <{target}>" for title, target in pages)
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{entries}\n```\n"


def _with_contents(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Make the table of contents from the lists of links that the index has anyway."""
    if docname == "docs/decisions/README":
        source[0] += "\n" + _toctree("Decisions", _LINK.findall(source[0]))
    if docname != root_doc:
        return
    for part in re.split(r"^## ", source[0], flags=re.MULTILINE)[1:]:
        caption = part.splitlines()[0].strip()
        source[0] += "\n" + _toctree(caption, _LINK.findall(part))
    project_pages = [
        ("What it is", "../README.md"),
        ("Contributing", "../CONTRIBUTING.md"),
        ("Changes", "../CHANGELOG.md"),
        ("Examples", "../examples/README.md"),
        ("Old notebooks", "../examples/ml4dqm/README.md"),
        ("Benchmark programs", "../benchmarks/README.md"),
    ]
    source[0] += "\n" + _toctree("The project", project_pages)


def _with_front_door(app: Sphinx, error: Exception | None) -> None:
    """Let the top of the site lead to its index, which lies in a folder."""
    if error is None and app.builder.name == "html":
        page = (
            '<!DOCTYPE html><meta charset="utf-8"><title>omskit</title>'
            '<meta http-equiv="refresh" content="0; url=docs/index.html">'
            '<a href="docs/index.html">omskit</a>\n'
        )
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("source-read", _with_contents, priority=400)
    app.connect("build-finished", _with_front_door)
