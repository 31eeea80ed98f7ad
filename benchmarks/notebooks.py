"""Opens `omskit.explore()` in JupyterLab and in marimo, with a real browser.

Not in CI, as both would have to be installed::

    pip install jupyterlab marimo 'omskit[notebook]' playwright
    python benchmarks/notebooks.py [FOLDER FOR SCREENSHOTS]

It draws, zooms by hand, compares the numbers that the browser tells with those of the
table, goes back, and wants a console without errors and no request to elsewhere.
VS Code cannot be driven so, and is not looked at.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import omskit

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """import omskit

with omskit.Client("demo") as oms:
    lumis = oms.lumisections(297050)
panels = omskit.explore(lumis, columns=["pileup"])
panels"""
WAIT_MS = 120_000


def written(folder: Path) -> None:
    """The same program for both."""
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": PROGRAM}
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": [cell | {"execution_count": None, "id": "a"}],
        "metadata": {"kernelspec": spec},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "nb.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    body = PROGRAM.replace("\n", "\n    ")
    text = f"import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    {body}\n"
    (folder / "mo.py").write_text(text, encoding="utf-8")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def ways(folder: Path) -> Iterator[tuple[str, list[str], str]]:
    """What can be opened here: its name, command and address."""
    port = free_port()
    lab = ["jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    lab += ["--IdentityProvider.token=x", f"--ServerApp.root_dir={folder}"]
    yield "jupyterlab", lab, f"http://127.0.0.1:{port}/lab/tree/nb.ipynb?token=x&reset"
    port = free_port()
    run = ["marimo", "run", str(folder / "mo.py"), "--headless", "--no-token"]
    yield "marimo", [*run, f"--port={port}"], f"http://127.0.0.1:{port}/"


def until_open(address: str) -> None:
    """Wait until somebody listens there."""
    port = urlsplit(address).port
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    message = f"Nobody listens at {address}."
    raise SystemExit(message)


def looked_at(page: Any, expect: Any, address: str, kept: Path | None) -> str:
    """What the browser tells of a lumisection of a window that was dragged."""
    page.goto(address)
    if "lab/tree" in address:
        cell = page.locator(".jp-CodeCell .cm-content").first
        # JupyterLab forgets what is run before its kernel listens, and does not say so.
        for _ in range(20):
            cell.click()
            page.keyboard.press("Shift+Enter")
            page.wait_for_timeout(WAIT_MS / 20)
            if page.locator(".jp-OutputArea-output").count():
                break
    panels = page.locator(".omskit-explore")
    panels.locator(".line").wait_for()
    area = panels.locator(".area").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.25 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], y, steps=4)
    page.mouse.up()
    span = panels.locator(".range").first
    expect(span).to_contain_text("Double-click")
    page.mouse.move(box["x"] + 0.3 * box["width"], y)
    told = panels.locator(".hover")
    expect(told).to_contain_text("Run 297050, lumisection")
    words: str = told.inner_text()
    if kept:
        page.screenshot(path=kept)
    area.dblclick()
    expect(span).to_contain_text("793 lumisections")
    return words


def main() -> None:
    """Look at both."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT_MS)
    kept = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with omskit.Client("demo") as oms:
        pileup = oms.lumisections(297050)["pileup"].to_pylist()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        written(folder)
        chromium = shutil.which("chromium")
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for kind, command, address in ways(folder):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(WAIT_MS)
            said: list[str] = []
            asked: list[str] = []
            page.on("pageerror", lambda error, to=said: to.append(str(error)))
            page.on("request", lambda request, to=asked: to.append(request.url))
            with subprocess.Popen(
                [sys.executable, "-m", *command],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as served:
                try:
                    until_open(address)
                    file = kept and kept / f"{kind}.png"
                    words = looked_at(page, expect, address, file)
                finally:
                    page.close()
                    served.terminate()
            lumi = int(words.split("lumisection ")[1].split(":")[0])
            wanted = f"pileup {pileup[lumi - 1]:.6g};"
            others = [u for u in asked if u[:4] == "http" and "127.0.0.1" not in u]
            assert wanted in words, (kind, wanted, words)
            assert not said, (kind, said)
            assert not others, (kind, others)
            sys.stdout.write(f"{kind}: drawn, zoomed, {words}\n")
        browser.close()


if __name__ == "__main__":
    main()
