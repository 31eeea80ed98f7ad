"""The command line on the demo service, in this process."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from omskit.cli.app import run


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def oms(monkeypatch, capsys):
    """Run ``oms`` with arguments on the demo, on a terminal of 80 columns."""
    monkeypatch.setenv("OMSKIT_INSTANCE", "demo")
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        code = run([str(a) for a in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.fixture
def on_terminal(monkeypatch):
    """Let stdout claim to be a terminal."""

    def claim():
        import sys

        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)

    return claim
