"""The application as a whole: commands, help, ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from omskit import errors
from omskit.cli import app as application
from omskit.cli.exits import close_stdout, code_of, say


@pytest.mark.parametrize("command", application.COMMANDS)
def test_help_has_an_example(oms, command):
    """Every command has help, and in it an example that calls that command."""
    ended = oms(command, "--help")
    assert ended.code == 0
    assert f"Example: oms {command}" in " ".join(ended.out.split())


def test_no_command_shows_the_help(oms):
    """Without a command the help is shown, as a usage error."""
    ended = oms()
    assert ended.code == 2
    assert "lumisections" in ended.err


def test_version(oms):
    """``--version`` says the version of the package."""
    from omskit import __version__

    ended = oms("--version")
    assert (ended.code, ended.out) == (0, f"oms {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("rnus",), "runs"),
        (("runs", "--fielsd", "a"), "oms runs --help"),
        (("runs", "--limit", "none"), "'--limit'"),
        (("runs", "297050", "--where", "l1_rat > 5"), "'l1_rate'"),
        (("runs", "297050", "--where", "l1_rate >"), "no value after '>'"),
        (("runs", "5-3"), "first is after the last"),
        (("runs", "many"), "'many'"),
        (("runs", "--instance", "nonsense"), "production"),
        (("get", "rnus"), "'runs'"),
        (("fields", "rnus"), "'runs'"),
        (("hlt-rates",), "run by run"),
        (("serve",), "--demo"),
        (("runs", "297050", "-o", "x.xls"), "--format"),
        (("runs", "297050", "-o", "no/such/folder/x.csv"), "Cannot write"),
    ],
)
def test_usage_errors(oms, arguments, hint):
    """What cannot be asked is one line on stderr with a hint, and exit code 2."""
    ended = oms(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("oms: ")
    assert ended.err.count("\n") == 1
    assert hint in ended.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SelectorError("x"), 2),
        (errors.LoginNeededError("x"), 3),
        (errors.TimedOutError("x"), 4),
        (errors.ThrottledError("x"), 4),
        (errors.IncompleteError("x"), 5),
        (errors.DecodeError("x"), 6),
        (errors.MissingExtraError("x"), 6),
        (errors.StoreError("x"), 6),
    ],
)
def test_exit_codes(oms, monkeypatch, error, code):
    """Each family of errors has its exit code."""

    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr("omskit.client.Client.runs", fail)
    ended = oms("runs", 297050)
    assert (ended.code, ended.err) == (code, f"oms: {error}\n")
    assert code_of(error) == code


def test_interrupt(oms, monkeypatch):
    """Ctrl-C ends with 130 and without a traceback."""

    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("omskit.client.Client.runs", interrupt)
    ended = oms("runs", 297050)
    assert (ended.code, ended.err) == (130, "")


def test_bugs_show_their_traceback(oms, monkeypatch):
    """An exception that nobody foresaw shows itself, with an exit code of its own."""

    def fail(*_arguments, **_options):
        message = "a bug"
        raise ZeroDivisionError(message)

    monkeypatch.setattr("omskit.client.Client.runs", fail)
    ended = oms("runs", 297050)
    assert ended.code == 70
    assert "Traceback" in ended.err
    assert "ZeroDivisionError: a bug" in ended.err
    assert ended.err.splitlines()[-1].startswith("oms: This is a bug of omskit")


def test_broken_pipe(oms, monkeypatch):
    """A reader that has gone ends the command with 141 and without a word."""
    closed = []

    def gone(*_arguments, **_options):
        raise BrokenPipeError

    monkeypatch.setattr("omskit.client.Client.runs", gone)
    monkeypatch.setattr(application, "close_stdout", lambda: closed.append(True))
    ended = oms("runs", 297050)
    assert (ended.code, ended.err, closed) == (141, "", [True])


def test_what_is_said_moves_no_cursor(capsys):
    """A message of a stranger's is one printable line."""
    say("gone\n\x1b[2J\x1b]0;owned\x07 \u202eback \xe9\u03bc")
    assert capsys.readouterr().err == "oms: gone [2J ]0;owned back \xe9\u03bc\n"


def test_close_stdout(monkeypatch):
    """What is written after the reader has gone goes nowhere."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        close_stdout()
        stream.write("nobody reads this")


def test_other_warnings_pass(oms, monkeypatch):
    """Warnings of other packages are not turned into lines of ours."""
    import warnings

    from omskit.cli.exits import warnings_on_stderr

    with pytest.warns(DeprecationWarning, match="old"), warnings_on_stderr():
        warnings.warn("old", DeprecationWarning, stacklevel=1)


def test_main_exits(monkeypatch, capsys):
    """``main`` hands the code to the shell."""
    with pytest.raises(SystemExit) as caught:
        application.main(["--version"])
    assert caught.value.code == 0
    capsys.readouterr()


def test_module_is_the_command():
    """``python -m omskit`` is ``oms``."""
    found = subprocess.run(
        [sys.executable, "-m", "omskit", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("Usage: oms ")


def test_help_is_quick():
    """``oms --help`` loads neither pyarrow nor duckdb nor httpx2 nor rich."""
    heavy = {"pyarrow", "duckdb", "httpx2", "numpy", "pandas", "matplotlib"}
    code = (
        "import sys; from omskit.cli.app import run; run(['--help']); "
        f"print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stderr.strip() == "[]"


def test_completion(monkeypatch):
    """The shell's completion knows commands, services and resources."""
    from omskit.cli.completion import complete_instance, complete_resource

    assert complete_instance("pr") == ["production"]
    assert "lumisections" in complete_resource("lumi")
    found = subprocess.run(
        [sys.executable, "-m", "omskit"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "_OMS_COMPLETE": "complete_bash",
            "COMP_WORDS": "oms lum",
            "COMP_CWORD": "1",
        },
    )
    assert found.stdout.strip() == "lumisections"
