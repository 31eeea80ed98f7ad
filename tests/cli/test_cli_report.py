"""``oms report``: files, formats, archives, and one line for what is wrong."""

from __future__ import annotations

import pytest


def test_markdown_on_stdout(oms):
    """Without a file, Markdown goes to stdout, the sentence in its third line."""
    ended = oms("report", "run", "297050", "--quiet")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == "# Run 297050"
    assert lines[2].startswith("**Run 297050 of fill 5839, stable beams for ")
    assert "Simulated by the demo" in ended.out
    assert ended.err == ""


def test_html_into_a_file(oms, tmp_path):
    """The ending chooses the format."""
    path = tmp_path / "fill.html"
    ended = oms("report", "fill", "5839", "-o", path)
    assert ended.code == 0
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "wrote the report on Fill 5839 to" in ended.err


def test_html_on_stdout(oms):
    """--format chooses it for stdout."""
    ended = oms("report", "run", "297050", "--format", "html", "-o", "-")
    assert ended.out.startswith("<!DOCTYPE html>")


def test_a_period(oms, tmp_path):
    """--since takes a length, before --until."""
    path = tmp_path / "day.md"
    asked = ("report", "--since", "24h", "--until", "2017-06-17", "-o", path, "-q")
    assert oms(*asked).code == 0
    assert path.read_text(encoding="utf-8").startswith("# 2017-06-16\n")


def test_with_a_mask(oms, tmp_path):
    """A certification file is compared with the flags."""
    mask = tmp_path / "golden.json"
    mask.write_text('{"297050": [[12, 137]]}', encoding="utf-8")
    ended = oms("report", "run", "297050", "--mask", mask)
    assert "* golden.json: 126 lumisections in it" in ended.out


def test_an_archive(oms, tmp_path):
    """--every day writes a page a day and says where the index is."""
    asked = ("report", "--every", "day", "--into", tmp_path / "days")
    ended = oms(*asked, "--since", "2d", "--until", "2017-06-17")
    assert ended.code == 0
    assert ended.out.startswith("1 of 2 days have a page")
    assert "2017-06-15: no lumisection" in ended.err
    assert oms(*asked, "--until", "2017-06-17", "--quiet").err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Name one: oms report run 297050"),
        (("run",), "Name one"),
        (("run", "297050", "--since", "1d"), "Name one"),
        (("lumi", "297050"), "'lumi' is neither run nor fill"),
        (("run", "1"), "There is no run 1"),
        (("fill", "1"), "There is no fill 1"),
        (("--since", "yesterday"), "'yesterday' is no time"),
        (("--since", "99999d"), "CMS has no lumisection"),
        (("--since", "24h", "--until", "soon"), "--until 'soon' is no time"),
        (("--every", "day"), "An archive is"),
        (("run", "297050", "-o", "x.pdf"), "ending of 'x.pdf' names no format"),
        (("run", "297050", "-o", "x.md", "-f", "html"), "contradict"),
        (("run", "297050", "-o", "no/such/x.md"), "there is no folder"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else None,
)
def test_wrong_questions(oms, arguments, words):
    """One line says what is wrong."""
    if arguments == ("--since", "99999d"):
        arguments = (*arguments, "--until", "1990-01-01")
        words = "before the calendar|has no lumisection"
    ended = oms("report", *arguments)
    assert ended.code == 2
    assert any(w in ended.err.splitlines()[-1] for w in words.split("|"))
    assert ended.out == ""
