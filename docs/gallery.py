"""Writes what the gallery prints again: ``python docs/gallery.py``.

The programs of ``docs/gallery.md`` stay as they are; the text below each, and its lines
and requests in the table, are made anew. To be run where the demo has changed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import omskit
from omskit.cli.app import run

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"


def counting() -> ModuleType:
    """How the tests count requests."""
    path = ROOT / "tests" / "project" / "test_gallery.py"
    spec = importlib.util.spec_from_file_location("gallery_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(language: str, code: str) -> str:
    """What a program prints."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(stream), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if language == "console":
            run(code.removeprefix("$ oms ").split("\n")[0].split())
        else:
            exec(code, {"omskit": omskit, "Client": omskit.Client, "__name__": "g"})  # noqa: S102  # our own page
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


def main() -> None:
    """Rewrite the page."""
    os.environ |= {"COLUMNS": "80", "MPLBACKEND": "agg"}
    tests = counting()
    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for number, language, code in tests.jobs():
            output = printed(language, code)
            if language == "console":
                command = code.split("\n")[0]
                block = f"```console\n{code}```"
                text = text.replace(block, f"```console\n{command}\n{output}```")
            else:
                start = re.escape(f"```python\n{code}```")
                block = re.compile(start + _OUTPUT, re.DOTALL)
                fresh = f"```python\n{code}```\n\n```text\n{output}```"
                text = block.sub(lambda _, new=fresh: new, text, count=1)
            with pytest.MonkeyPatch.context() as patch:
                sent = tests.requests_of(language, code, patch)
            lines = 1 if language == "console" else len(code.splitlines())
            size = tests.size_of(language, code)
            row = re.compile(
                rf"^(\| \[{number}\]\(.*\|) \d+ \| \S+ kB \| \d+ \|$", re.MULTILINE
            )
            text = row.sub(rf"\1 {lines} | {size} kB | {sent} |", text)
            sys.stdout.write(f"{number}: {lines} lines, {sent} requests\n")
    PAGE.write_text(text, encoding="utf-8")


_OUTPUT = r"\n\n```text\n.*?```"

if __name__ == "__main__":
    main()
