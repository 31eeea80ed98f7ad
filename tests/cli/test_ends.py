"""What ends a command before it answers: no such run, no stdout, no such option."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import omskit
from omskit.cli import output
from omskit.cli.exits import is_of_stdout
from omskit.plot.saving import ENDINGS


def shell(line):
    """A line of a shell in which ``oms`` is the command, on the demo."""
    command = f'oms() {{ "{sys.executable}" -m omskit "$@"; }}; {line}'
    environment = {**os.environ, "OMSKIT_INSTANCE": "demo"}
    return subprocess.run(
        ["bash", "-c", command],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )


FIGURES = ["lumisections", "pileup", "l1-rates", "hlt-rates", "l1-algorithms", "dcs"]


def test_dcs_check_of_a_run_that_is_none(oms):
    """A mistyped run is a mistake (2), never an agreement."""
    ended = oms("dcs-check", 1)
    assert (ended.code, ended.out) == (2, "")
    assert "no lumisection of run 1" in ended.err


def test_why_of_a_run_that_is_none(oms):
    """Nothing is explained of a run that is not there."""
    ended = oms("why", 1)
    assert (ended.code, ended.out) == (2, "")
    assert "no row of lumisections of run 1" in ended.err


@pytest.mark.parametrize("figure", FIGURES)
def test_nothing_is_drawn_of_a_run_that_is_none(oms, tmp_path, figure):
    """A figure of a run without rows is refused, and no file is there afterwards."""
    target = tmp_path / "figure.png"
    ended = oms("plot", figure, 1, "-q", "-o", target)
    assert (ended.code, ended.out) == (2, "")
    assert "of run 1. Is the number right?" in ended.err
    assert ended.err.count("\n") == 1
    assert not target.exists()


def test_nothing_is_drawn_of_a_pattern_without_paths(oms, tmp_path):
    """The pattern is named where it may be what has no rows."""
    target = tmp_path / "figure.png"
    ended = oms("plot", "hlt-rates", 297050, "-q", "-p", "HLT_Nix*", "-o", target)
    assert ended.code == 2
    assert "of run 297050 with 'HLT_Nix*'" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("l1-rates", 297050, "--path", "X"), "--path changes nothing in l1-rates"),
        (("pileup", 297050, "--fields", "a"), "it is for l1-rates and lumisections"),
        (("dcs", 297050, "--flag", "cms_active"), "it is for lumisections and pileup"),
        (("pileup", 297050, "-o", "nix/p.png"), "there is no folder nix"),
        (("pileup", 297050, "-o", "p"), "must end with .png, .pdf or .svg"),
    ],
)
def test_plot_refuses_what_comes_to_nothing(oms, monkeypatch, arguments, said):
    """An option for another figure, and a file that cannot be, are refused unasked."""
    monkeypatch.setattr("omskit.client.Client.__init__", None)
    ended = oms("plot", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_mask_diff_refuses_a_folder_that_is_not_there(oms, tmp_path):
    """The figure of two masks makes no folder either."""
    path = tmp_path / "mask.json"
    path.write_text('{"297050": [[1, 2]]}')
    ended = oms("mask", "diff", path, path, "--plot", tmp_path / "nix" / "p.png")
    assert (ended.code, ended.out) == (2, "")
    assert "there is no folder" in ended.err
    assert not (tmp_path / "nix").exists()


def test_flags_are_among_the_first_columns(oms):
    """On 80 columns lumisections show whether CMS was active."""
    head = oms("lumisections", 297050, "--limit", 2, "-q").out.split("---")[0]
    assert "cms_active" in head
    assert "beams_stable" in head


def test_an_unknown_column_is_no_wall_of_names(oms, tmp_path):
    """The nearest names come first, and of 53 columns only some are listed."""
    target = tmp_path / "a.png"
    ended = oms("plot", "lumisections", 297050, "-q", "--fields", "pileu", "-o", target)
    assert ended.code == 2
    assert "Did you mean 'pileup'?" in ended.err
    assert "and 41 more" in ended.err
    assert len(ended.err) < 400


def test_help_and_error_name_the_same_endings(oms, tmp_path):
    """The endings of figures in the help are those that the error names."""
    shown = "." + ", .".join(ENDINGS[:-1]) + f" or .{ENDINGS[-1]}"
    assert shown in " ".join(oms("plot", "--help").out.split())
    assert shown in oms("plot", "pileup", 297050, "-q", "-o", tmp_path / "a.xls").err


def test_a_format_and_an_ending_that_contradict_each_other(oms, tmp_path):
    """Neither of the two is taken, and no file is written; other endings are fine."""
    target = tmp_path / "z.parquet"
    ended = oms("runs", 297050, "-f", "csv", "-o", target)
    assert ended.code == 2
    assert "contradict" in ended.err
    assert not target.exists()
    assert oms("runs", 297050, "-f", "csv", "-o", tmp_path / "z.dat").code == 0


def test_one_row_is_no_rows(oms, tmp_path):
    """One row is told in the singular."""
    ended = oms("runs", 297050, "-o", tmp_path / "a.csv")
    assert "wrote 1 row x" in ended.err


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("oms runs 297050 >/dev/full", 6, "Cannot write to stdout: No space left"),
        ("oms runs 297050 -f csv >/dev/full", 6, "Cannot write to stdout: No space"),
        ("oms runs 297050 >&-", 6, "Cannot write to stdout: Bad file descriptor"),
        ("oms fields runs >&-", 6, "Cannot write to stdout: Bad file descriptor"),
        ("oms fields runs >&- 2>&-", 6, ""),
        ("oms lumisections 297050 -f csv | true; exit ${PIPESTATUS[0]}", 141, ""),
    ],
)
def test_a_stdout_that_fails(line, code, said):
    """Where stdout takes nothing, one line says so and the code is no answer."""
    ended = shell(line)
    assert ended.returncode == code
    assert ended.stderr.startswith(f"oms: {said}" if said else "")
    assert ended.stderr.count("\n") == bool(said)


def test_a_closed_stdout_is_nothing_to_a_file(tmp_path):
    """With --output nothing is written to stdout, so it may be closed."""
    target = tmp_path / "a.csv"
    assert shell(f"oms runs 297050 -q -o {target} >&-").returncode == 0
    assert target.stat().st_size > 0


def test_other_failures_of_the_system_are_bugs(oms, monkeypatch):
    """An error of the system that is not about stdout shows its traceback."""
    lost = FileNotFoundError(2, "No such file or directory", "x")

    def fail(*_arguments, **_options):
        raise lost

    monkeypatch.setattr(output, "view", fail)
    assert not is_of_stdout(lost)
    ended = oms("runs", 297050)
    assert ended.code == 70
    assert "FileNotFoundError" in ended.err


def test_no_message_for_a_shell_speaks_python():
    """Every remedy that the library has for a shell names options, not keywords."""
    folder = Path(omskit.__file__).parent
    found = [
        [ast.unparse(argument) for argument in node.args]
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Remedy"
    ]
    assert len(found) > 8
    for python, *shell in found:
        told = " ".join(shell or [python])
        assert not re.search(r"=True|fields=|ax=|\(path\)|verify=|table\.gaps", told)


def test_errors_and_warnings_are_translated(oms, tmp_path):
    """Both an error and a warning name options, not keywords."""
    ended = oms("get", "runs", 297050, "--fields", "l1_rat")
    assert "unchecked=True" not in ended.err
    assert "--unchecked" in ended.err
    path = tmp_path / "mask.json"
    path.write_text('{"297050": [[1, 2]]}')
    ended = oms("mask", "or", path, path, "-o", path)
    assert "--overwrite" in ended.err
    assert "overwrite=True" not in ended.err


def test_a_key_that_was_given_for_a_mask(oms, tmp_path):
    """Nothing of a file that is no mask is repeated."""
    path = tmp_path / "key.pem"
    path.write_text("-----BEGIN PRIVATE KEY-----\nMIIEsecret\n")
    for arguments in (
        ("dcs-check", 306458, "--dcs", path),
        ("mask", "show", path),
    ):
        ended = oms(*arguments)
        assert ended.code == 2
        assert "key or a certificate" in ended.err
        assert "BEGIN" not in ended.err
        assert "read_mask" not in ended.err


def test_a_key_that_was_given_for_luminosity(oms, tmp_path):
    """Nothing of a file that is no CSV of brilcalc is repeated either."""
    key, mask = tmp_path / "key.pem", tmp_path / "mask.json"
    key.write_text("-----BEGIN PRIVATE KEY-----\nMIIEsecret\n")
    mask.write_text('{"297050": [[1, 2]]}')
    ended = oms("mask", "diff", mask, mask, "--brilcalc", key)
    assert ended.code == 6
    assert "no header of brilcalc" in ended.err
    assert "BEGIN" not in ended.err
