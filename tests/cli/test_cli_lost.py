"""``oms lost``: the ledger of a run or a fill."""

from __future__ import annotations

import csv
import re

import pytest


def test_a_fill(oms):
    """The lines of a fill add up to what it delivered, as far as they are shown."""
    ended = oms("lost", "--fill", "5839")
    assert ended.code == 0
    head, *lines = ended.out.splitlines()
    assert head.startswith("Fill 5839: 140.880 /pb delivered, 128.848 /pb recorded")
    assert "simulated" in head
    causes = [line for line in lines if " %  " in line]
    shown = [float(re.match(r" +(-?[\d.]+) /pb", line)[1]) for line in causes]
    assert sum(shown) == pytest.approx(140.880, abs=0.005)
    assert any("pixel: bpix_ready 13.305" in line for line in lines)
    assert all(len(line) <= 80 for line in lines)
    assert ended.err == ""


def test_a_run_as_rows(oms, tmp_path):
    """With --output there is one row per cause, with units in the header."""
    path = tmp_path / "lost.csv"
    assert oms("lost", "297050", "--output", path).code == 0
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    name = next(n for n in rows[0] if n.startswith("lumi"))
    assert sum(float(row[name]) for row in rows) == pytest.approx(106.148, abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Name one run, or one fill"),
        (("297050", "--fill", "5839"), "Name one run, or one fill"),
        (("1",), "no row of lumisections of run 1"),
        (("--fill", "1"), "There is no fill 1"),
    ],
)
def test_wrong_questions(oms, arguments, words):
    """One line says what is wrong."""
    ended = oms("lost", *arguments)
    assert ended.code == 2
    assert words in ended.err.splitlines()[-1]
    assert ended.out == ""


def test_in_a_pipe_no_line_is_folded(oms, monkeypatch):
    """A script finds each cause in one line; a terminal, or COLUMNS, folds them."""
    asked = ["lost", "--fill", "5839"], ["fill", "5839"], ["dcs-check", "306458"]
    monkeypatch.setenv("COLUMNS", "50")
    folded = [oms(*words).out.splitlines() for words in asked]
    monkeypatch.delenv("COLUMNS")
    plain = [oms(*words).out.splitlines() for words in asked]
    assert plain[0][0].endswith("simulated by the demo.")
    for short, long in zip(folded, plain, strict=True):
        assert len(long) < len(short)
