"""Shows the dashboard and the report on their pages, as chromium sees them.

A line ``<!-- screenshot: run -->`` of a page becomes the picture of that view, made by
this build on the demo. Without chromium, or playwright to drive it, the build says so
and leaves the pictures out; nothing is downloaded.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "_build" / "screenshots"
START = dt.datetime(2024, 10, 6, 4, 30, tzinfo=dt.UTC)
VIEWS = {
    "now": ("/now", "The page Now: the ongoing run"),
    "fill": ("/fill/5839", "The page Fill: where the luminosity went, and the runs"),
    "run": ("/run/297050", "The page Run: curves and flags by lumisection"),
    "trigger": (
        "/trigger?run=297050&pattern=HLT_IsoMu*,HLT_Mu50*,HLT_ZeroBias_v*",
        "The page Trigger: a heat map of paths",
    ),
    "masks": ("/masks", "The page Masks: two certification files compared"),
    "ask": (
        "/ask?resource=runs&runs=297046-297056&fields=run_number,l1_rate,start_time",
        "The page Ask: rows, and the program that gives the same",
    ),
    "report": ("", "A report: the file as a browser shows it"),
}
TALL = {"fill": 1180, "run": 1180, "trigger": 1080, "report": 1400}
"""Pixels of height; 900 for the others."""
_MARK = re.compile(r"^<!-- screenshot: (\w+) -->$", re.MULTILINE)
_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@cache
def screenshots() -> dict[str, Path]:
    """Every view by name; none where there is no browser."""
    chromium = os.environ.get("OMSKIT_CHROMIUM") or shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if not chromium:
        told = "No chromium here, or no playwright: the handbook has no screenshots.\n"
        sys.stdout.write(told)
        return {}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), sync_playwright() as driver:
        warnings.simplefilter("ignore")
        browser = driver.chromium.launch(executable_path=chromium, args=_ARGS)
        found = dict(_taken(browser))
        browser.close()
    return found


def _taken(browser: Any) -> Iterator[tuple[str, Path]]:
    from omskit.dashboard import Asker, running
    from omskit.dashboard.playing import PlayedClient

    with PlayedClient(START) as oms, tempfile.TemporaryDirectory() as folder:
        asker = Asker(oms, now=lambda: START)
        report = Path(folder) / "report.html"
        report.write_text(asker.report("fill", 5839).to_html(), encoding="utf-8")
        a, b = (
            asker.drop(name, f'{{"297050": [[1, {last}]]}}'.encode())
            for name, last in (("golden.json", 776), ("mine.json", 700))
        )
        with running(asker) as (url, watcher):
            watcher.look()
            for name, (path, _) in VIEWS.items():
                tall = TALL.get(name, 900)
                tab = browser.new_page(viewport={"width": 1280, "height": tall})
                query = f"?a={a}&b={b}" if name == "masks" else ""
                tab.goto(url + path + query if path else report.as_uri())
                kept = FOLDER / f"{name}.png"
                tab.screenshot(path=kept)
                tab.close()
                yield name, kept


def _with_screenshots(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put a picture in the place of each mark."""
    page = Path(app.env.doc2path(docname))

    def picture(found: re.Match[str]) -> str:
        kept = screenshots().get(found[1])
        if kept is None:
            return ""
        return f"![{VIEWS[found[1]][1]}]({os.path.relpath(kept, page.parent)})"

    if "<!-- screenshot:" in source[0]:
        source[0] = _MARK.sub(picture, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _with_screenshots)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
