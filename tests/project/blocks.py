"""Running the blocks of a Markdown page, each page in a namespace of its own."""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from omskit.cli.app import run

_spec = importlib.util.spec_from_file_location(
    "forked", Path(__file__).parents[1] / "support" / "forked.py"
)
# The handbook's figures come through here too, where the tests are no package.
forked = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(forked)

_BLOCK = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_CHECKER = doctest.OutputChecker()


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int

    @property
    def runs(self):
        """Whether the block is to be run."""
        return self.language in {"python", "console"} and "no-run" not in self.words


def blocks_of(page):
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(m[1], tuple(m[2].split()), m[3], text.count("\n", 0, m.start()) + 1)
        for m in _BLOCK.finditer(text)
    ]


def has_blocks(page):
    """Whether there is anything to run on a page."""
    return any(block.runs for block in blocks_of(page))


def run_page(page, setenv):
    """Run every block of *page*; a ``text`` block after Python is what it prints."""
    names = {"__name__": f"docs.{page.stem}"}
    found = blocks_of(page)
    for block, after in zip_longest(found, found[1:]):
        if not block.runs:
            continue
        place = f"{page.name}, line {block.line}"
        if block.language == "python":
            wanted = after.text if after and after.language == "text" else None
            _run_python(block, names, place, wanted)
        else:
            run_console(block, setenv, place)


def _run_python(block, names, place, wanted):
    stream = io.StringIO()
    code = compile("\n" * block.line + block.text, place, "exec")
    with contextlib.redirect_stdout(stream):
        exec(code, names)
    if wanted is not None:
        _compare(wanted, stream.getvalue(), place)


def run_console(block, setenv, place):
    """Run each line that begins with ``$``; the lines below it are its output."""
    commands = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    for entry in commands:
        command, _, wanted = entry.partition("\n")
        while command.endswith("\\"):
            more, _, wanted = wanted.partition("\n")
            command = command[:-1] + more.removeprefix(">")
        exported = re.fullmatch(r"export (\w+)=(\S*)", command)
        if exported:
            setenv(exported[1], exported[2])
            continue
        code, output = _run_command(command)
        if wanted.strip():
            _compare(wanted, output, f"{place}: {command}")
        else:
            assert code == 0, f"{place}: {command} exits with {code}: {output}"


def _run_command(command):
    """Exit code and output of a command; ``oms`` alone runs in this process."""
    words = shlex.split(command)
    if words[0] == "oms" and not set(command) & set("|<>;&$"):
        buffer = io.BytesIO()
        stream = io.TextIOWrapper(buffer, encoding="utf-8", write_through=True)
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            code = run(words[1:])
        return code, buffer.getvalue().decode()
    path = os.pathsep.join(
        [forked.bin_of(), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def _compare(wanted, got, place):
    flags = doctest.ELLIPSIS
    wanted, got = (_trimmed(text) for text in (wanted, got))
    if not _CHECKER.check_output(wanted, got, flags):
        example = doctest.Example("", wanted)
        difference = _CHECKER.output_difference(example, got, doctest.REPORT_NDIFF)
        message = f"{place} prints something else\n{difference}"
        raise AssertionError(message)


def _trimmed(text):
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join(lines) + "\n" if any(lines) else ""
