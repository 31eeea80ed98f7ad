"""``oms why``: what speaks for and against a lumisection."""

from __future__ import annotations

import json

import pytest


def test_a_verdict_for_one_lumisection(oms):
    """The demo brings its masks, and the verdict says that its flags are simulated."""
    ended = oms("why", "306458", "42")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "Run 306458, lumisection 42: bad",
        "  cause   off: all of pixel",
        "  not in  DCS-only, golden",
        "  before  41 good (every flag is on; in DCS-only, golden)",
        "  after   43 good (every flag is on; in DCS-only, golden)",
        "  note    The flags are simulated by the demo.",
    ]


def test_a_stretch_of_the_same_is_told(oms):
    """Neighbours of the same state are told as one stretch, within 80 columns."""
    out = oms("why", "306458", "44").out
    assert "  the same  43-47\n" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_mask_can_be_named(oms, tmp_path):
    """A file that is given takes the place of the demo's own."""
    path = tmp_path / "mine.json"
    path.write_text('{"306458": [[1, 268]]}')
    out = oms("why", "306458", "42", "--mask", path).out
    assert "disputed" in out
    assert "in " in out
    assert "mine.json" in out
    assert "golden" not in out


def test_a_whole_run_is_grouped_by_reason(oms):
    """Without a lumisection every difference of cms_active and a mask is told."""
    out = oms("why", "306458").out
    lines = out.splitlines()
    assert lines[0] == (
        "Run 306458, cms_active and DCS-only, golden: 43 lumisections differ"
    )
    assert lines[1] == "  43 lumisections  off: all of pixel"
    assert lines[2].split() == ["in", "cms_active"]
    assert lines[3].split() == ["not", "in", "DCS-only,", "golden"]
    assert "306458:18-19, 36, 42, 48, 54-55, 61, 67, 73" in out
    assert "250-251, 257" in out
    assert out.count("250-251") == 1
    assert lines[-1] == "The flags are simulated by the demo."
    assert max(map(len, lines)) <= 80


def test_the_difference_of_two_masks_is_explained(oms, tmp_path):
    """Each group of differing lumisections has one reason; none is said too."""
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    a.write_text(json.dumps({"306458": [[17, 19]]}))
    b.write_text(json.dumps({"306458": [[19, 20]]}))
    out = oms("why", "--diff", a, b).out.splitlines()
    assert out[0] == "3 lumisections differ"
    assert len(out) == 14
    assert "  1 lumisection  off: all of pixel" in out
    assert out[2:4] == ["  in             a.json", "  not in         b.json"]
    assert oms("why", "--diff", a, a).out == "The two masks do not differ.\n"
    b.write_text(json.dumps({"306458": [[18, 19]]}))
    assert oms("why", "--diff", a, b).out.startswith("1 lumisection differs\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Give RUN"),
        (("306458", "--diff", "a", "b"), "Give RUN"),
        (("306458", "0"), "count from 1"),
        (("306458", "42", "--mask", "none.json"), "none.json"),
    ],
)
def test_wrong_use_is_one_line(oms, arguments, words):
    """What cannot be answered exits with 2."""
    ended = oms("why", *arguments)
    assert ended.code == 2
    assert words in ended.err


def test_other_services_bring_no_masks(monkeypatch):
    """Away from the demo a whole run needs a mask to compare with."""
    from types import SimpleNamespace

    from omskit.cli.why import _of_run, _own
    from omskit.errors import UsageError

    elsewhere = SimpleNamespace(instance=SimpleNamespace(name="production"))
    assert _own(elsewhere, 306458) == {}
    with pytest.raises(UsageError, match="--mask FILE is needed"):
        _of_run(306458, None, {})
