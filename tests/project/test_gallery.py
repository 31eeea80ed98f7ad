"""The gallery: every job runs on the demo, and its table says how short it is."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path

import pytest

import omskit
from omskit.cli.app import run
from omskit.errors import OMSWarning

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gallery.md"
JOBS = 30
_ROW = re.compile(
    r"^\| \[(\d+)\]\(#\S+\) \| ([^|]+) \| ([^|]+) \| (\d+) \| ([\d.]+) kB \| (\d+) \|",
    re.MULTILINE,
)
_JOB = re.compile(
    r"^## (\d+)\. .+?\n.*?^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL
)


def jobs():
    """Number, language and program of each job on the page."""
    text = PAGE.read_text(encoding="utf-8")
    return [
        (int(number), language, code) for number, language, code in _JOB.findall(text)
    ]


def rows():
    """Number, lines, kB and requests of each job, as the table says."""
    text = PAGE.read_text(encoding="utf-8")
    return {
        int(n): (int(lines), float(size), int(sent))
        for n, _, _, lines, size, sent in _ROW.findall(text)
    }


def size_of(language, code):
    """The size of a program in kB; of a command, that of its line."""
    program = code.removeprefix("$ ").split("\n")[0] if language == "console" else code
    return round(len(program) / 1000, 1)


class Counted:
    """Clients that count what they send, in pages of 1000 as over a network."""

    def __init__(self):
        self.sent = 0

    def client(self):
        """A class of clients."""
        counted = self

        class Counting(omskit.Client):
            def __init__(self, *arguments, **options):
                super().__init__(*arguments, **options)
                self._listening = contextlib.ExitStack()
                self._listening.enter_context(self.sending_through(counted.wrap))

        return Counting

    def wrap(self, sender):
        """The sender, counting."""
        counted = self

        class Sender:
            def __getattr__(self, name):
                return getattr(sender, name)

            def send(self, *arguments, **options):
                counted.sent += 1
                return sender.send(*arguments, **options)

        return Sender()


def requests_of(language, code, monkeypatch):
    """How many requests a program sends to the demo."""
    counted = Counted()
    counting = counted.client()
    monkeypatch.setattr("omskit.client.Client", counting)
    monkeypatch.setattr("omskit.Client", counting)
    monkeypatch.setattr("omskit.client.sync.Client", counting)
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        if language == "console":
            run(code.removeprefix("$ oms ").split("\n")[0].split())
        else:
            names = {"__name__": "gallery", "omskit": omskit, "Client": counting}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", OMSWarning)
                exec(compile(code, str(PAGE), "exec"), names)
    return counted.sent


def test_the_gallery_has_every_job():
    """There are at least thirty jobs, numbered, each with its row in the table."""
    numbers = [number for number, _, _ in jobs()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= JOBS
    assert sorted(rows()) == numbers


def test_programs_are_short():
    """No program has more than a dozen lines, and the table counts them."""
    table = rows()
    for number, language, code in jobs():
        lines = 1 if language == "console" else len(code.splitlines())
        assert lines <= 12
        assert table[number][:2] == (lines, size_of(language, code)), number


@pytest.mark.parametrize(
    ("number", "language", "code"), jobs(), ids=[str(job[0]) for job in jobs()]
)
def test_requests_are_as_the_table_says(number, language, code, tmp_path, monkeypatch):
    """A job sends as many requests as the table says, in pages of 1000 rows."""
    monkeypatch.chdir(tmp_path)
    assert requests_of(language, code, monkeypatch) == rows()[number][2]
