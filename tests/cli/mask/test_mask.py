"""``oms mask``: certification files on the command line."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest

from omskit.cli.mask.files import short_name, two_names

A = '{"297050": [[12, 137]],\n "297056": [[12, 203]]}'
B = '{"297050": [[100, 140]]}'
UNSORTED = '{"297050": [[50, 60], [12, 20]]}'
WHOLE = '{"297050": [[-1]]}'
BLOCK = (
    "cms.untracked.VLuminosityBlockRange("
    "'297050:12-297050:137', '297056:12-297056:203')"
)
ROWS = (
    "run_number,first_lumisection_number,last_lumisection_number\n"
    "297050,12,137\n297056,12,203"
)
SUMMARY = (
    "a.json: 318 lumisections in 2 ranges of 2 runs\n  297050: 12-137\n  297056: 12-203"
)
CSV = (
    "#run:fill,ls,delivered(/pb),recorded(/pb)\n"
    "297050:5839,138:138,2,1\n297050:5839,139:139,2,1\n297050:5839,140:140,2,1\n"
)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Masks in the current folder."""
    monkeypatch.chdir(tmp_path)
    texts = {"a": A, "b": B, "unsorted": UNSORTED, "whole": WHOLE}
    for name, text in texts.items():
        (tmp_path / f"{name}.json").write_text(text)
    (tmp_path / "lumi.csv").write_text(CSV)
    return tmp_path


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("json", A),
        ("cmssw", "297050:12-297050:137,297056:12-297056:203"),
        ("block", BLOCK),
        ("csv", ROWS),
        ("summary", SUMMARY),
    ],
)
def test_show_writes_every_form(oms, files, how, expected):
    """A mask is shown as summary, JSON, CMSSW text, block and CSV."""
    ended = oms("mask", "show", "a.json", "--as", how)
    assert (ended.code, ended.out) == (0, expected + "\n")


def test_show_writes_for_other_frameworks(oms, files):
    """CRAB gets its lines and C++ its header, with the name that is asked for."""
    assert "'a.json'" in oms("mask", "show", "a.json", "--as", "crab").out
    header = oms("mask", "show", "a.json", "--as", "cpp", "--name", "mine").out
    assert "inline bool mine(" in header
    assert "297050: 1-open" in oms("mask", "show", "whole.json", "-q").out


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("and", {"297050": [[100, 137]]}),
        ("or", {"297050": [[12, 140]], "297056": [[12, 203]]}),
        ("sub", {"297050": [[12, 99]], "297056": [[12, 203]]}),
        ("xor", {"297050": [[12, 99], [138, 140]], "297056": [[12, 203]]}),
    ],
)
def test_operations_write_json(oms, files, word, expected):
    """The result is on stdout, as CMSSW prints it, and nothing else is."""
    ended = oms("mask", word, "a.json", "b.json")
    assert ended.code == 0
    assert json.loads(ended.out) == expected
    assert ended.out.count("\n") == len(expected)


def test_results_go_to_files_with_provenance(oms, files):
    """A file is written once, says where it comes from, and is kept."""
    call = ("mask", "and", "a.json", "b.json", "--output", "c.json")
    assert oms(*call, "--provenance") == SimpleEnd(0)
    assert (files / "c.json").read_text() == '{"297050": [[100, 137]]}\n'
    facts = json.loads((files / "c.json.provenance.json").read_text())
    assert facts["operation"] == "and"
    assert [one["file"] for one in facts["inputs"]] == ["a.json", "b.json"]
    again = oms(*call)
    assert again.code == 2
    assert "overwrite" in again.err
    assert oms(*call, "--overwrite").code == 0
    unnamed = oms("mask", "and", "a.json", "b.json", "--provenance")
    assert unnamed.code == 2
    assert "--output" in unnamed.err


class SimpleEnd(SimpleNamespace):
    """A command that ended with nothing to say."""

    def __init__(self, code):
        super().__init__(code=code)

    def __eq__(self, other):
        return (other.code, other.out, other.err) == (self.code, "", "")

    __hash__ = None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("and", "a.json"), "two masks or more"),
        (("and", "-", "-"), "Only one mask"),
        (("filter", "a.json"), "Which runs"),
        (("filter", "a.json", "x"), "does not select runs"),
        (("from-oms",), "Which runs"),
        (("from-oms", "306458", "-r", "pixl"), "pixl"),
        (("or", "whole.json", "a.json"), "without an end"),
        (("lumi", "whole.json"), "Close it first"),
        (("show", "none.json"), "none.json"),
    ],
)
def test_wrong_use_is_one_line(oms, files, arguments, words):
    """What cannot be done exits with 2 and says what would do."""
    ended = oms("mask", *arguments)
    assert ended.code == 2
    assert words in ended.err


def test_open_ends_are_written_where_wanted(oms, files):
    """Open ends need --open-ends, and are then as CMSSW reads them."""
    ended = oms("mask", "or", "whole.json", "b.json", "--open-ends", "-q")
    assert json.loads(ended.out) == {"297050": [[1, 0]]}


def test_stdin_and_names_without_a_folder(oms, files, monkeypatch):
    """A dash is stdin; a broken mask is named."""
    stdin = SimpleNamespace(buffer=io.BytesIO(A.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert json.loads(oms("mask", "and", "-", "b.json").out) == {"297050": [[100, 137]]}
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"[]")))
    broken = oms("mask", "show", "-")
    assert broken.code == 2
    assert "stdin: A certification file begins" in broken.err


def test_urls_are_fetched_through_the_client(oms, files, monkeypatch):
    """A URL goes through the client's transport, and the body is a mask."""
    asked = []

    class Sender:
        def __init__(self, **options):
            pass

        def send(self, request, headers, waiting=None):
            from omskit.effects import Response

            asked.append(request.url)
            return Response(200, {}, A.encode())

        def close(self):
            pass

    monkeypatch.setattr("omskit.transport.HttpSender", Sender)
    ended = oms("mask", "show", "https://example.org/x/golden.json", "--as", "json")
    assert ended.out == A + "\n"
    assert asked == ["https://example.org/x/golden.json"]
    assert short_name("https://example.org/x/golden.json") == "golden.json"


def test_diff_exits_with_one_where_masks_differ(oms, files):
    """The exit code is 0 for equal masks, 1 for others, 2 for what cannot be read."""
    assert oms("mask", "diff", "a.json", "a.json").code == 0
    differ = oms("mask", "diff", "a.json", "b.json")
    assert differ.code == 1
    assert "only in b.json 138-140" in differ.out
    assert oms("mask", "diff", "a.json", "none.json").code == 2


def test_diff_as_json_with_luminosity(oms, files):
    """The comparison is data, with luminosity of brilcalc at stake."""
    ended = oms("mask", "diff", "a.json", "b.json", "--json", "--brilcalc", "lumi.csv")
    found = json.loads(ended.out)
    assert found["only_b"] == {"297050": [[138, 140]]}
    assert found["lumisections"] == {"only_a": 280, "only_b": 3, "both": 38}
    assert found["only_b_recorded_lumi"] == 3.0
    assert found["only_a_recorded_lumi"] is None
    assert found["unit"] == "/pb"
    plain = json.loads(oms("mask", "diff", "a.json", "b.json", "--json").out)
    assert "unit" not in plain


def test_diff_with_oms_and_a_figure(oms, files):
    """OMS is asked for the luminosity at stake, and the figure is written."""
    ended = oms("mask", "diff", "a.json", "b.json", "--lumi", "--plot", "d.png")
    assert ended.code == 1
    assert "Simulated by the demo" in ended.out
    assert (files / "d.png").read_bytes().startswith(b"\x89PNG")


def test_lint_says_what_would_be_mended(oms, files):
    """The exit code is 1 where a file is not as CMSSW would write it."""
    assert oms("mask", "lint", "a.json").code == 0
    ended = oms("mask", "lint", "a.json", "unsorted.json")
    assert ended.code == 1
    assert (
        "a.json: 318 lumisections in 2 ranges of 2 runs, nothing to mend" in ended.out
    )
    assert "  ranges were not in order in 1 run, e.g. run 297050" in ended.out
    assert "warning: unsorted.json" in oms("mask", "show", "unsorted.json").err


def test_filter_keeps_or_drops_runs(oms, files):
    """Runs are kept, or left out with --not."""
    kept = oms("mask", "filter", "a.json", "297050-297055")
    assert json.loads(kept.out) == {"297050": [[12, 137]]}
    dropped = oms("mask", "filter", "a.json", "297050", "297051", "--not")
    assert json.loads(dropped.out) == {"297056": [[12, 203]]}


def test_identify_tells_hash_and_eras(oms, files):
    """Identity is text or JSON, with the eras of OMS on request."""
    text = oms("mask", "identify", "a.json", "b.json").out
    assert "a.json: 318 lumisections" in text
    assert "no file that omskit knows" in text
    found = json.loads(oms("mask", "identify", "a.json", "--json", "--eras").out)
    assert found[0]["eras"] == [["2017B", 318]]
    assert len(found[0]["canonical"]) == 64


def test_masks_are_made_from_oms(oms, files):
    """Flags become a mask, with its query beside the file."""
    ended = oms("mask", "from-oms", "306458", "--require", "cms_active")
    assert json.loads(ended.out) == {"306458": [[1, 268]]}
    call = ("mask", "from-oms", "306458", "-r", "all", "-r", "cms_active,beams_stable")
    assert oms(*call, "-o", "m.json", "--provenance", "-q").code == 0
    facts = json.loads((files / "m.json.provenance.json").read_text())
    assert facts["lumisections"] == 225
    assert facts["require"] == ["all", "cms_active", "beams_stable"]
    assert facts["simulated"] is True
    by_fill = oms("mask", "from-oms", "--fill", "6371", "-r", "cms_active")
    assert "306458" in json.loads(by_fill.out)


def test_luminosity_by_run_fill_and_era(oms, files):
    """Rows go to stdout, sums to stderr; 5 says that lumisections have none."""
    ended = oms("mask", "lumi", "a.json", "--format", "json")
    assert ended.code == 0
    rows = json.loads(ended.out)
    assert [row["lumisections"] for row in rows] == [126, 192]
    assert "318 lumisections" in ended.err
    by_era = oms("mask", "lumi", "a.json", "--by", "era", "--format", "json")
    assert json.loads(by_era.out)[0]["era"] == "2017B"
    ended = oms("mask", "lumi", "b.json", "--brilcalc", "lumi.csv", "--by", "fill")
    assert ended.code == 5
    assert "38 have no luminosity: 297050:100-137" in ended.err


def test_luminosity_of_oms_beside_brilcalc(oms, files):
    """Both are summed over what both know; 5 says that one lacks some."""
    ended = oms("mask", "lumi", "b.json", "--against", "lumi.csv", "--format", "json")
    assert len(json.loads(ended.out)) == 3
    assert ended.code == 5
    assert "delivered OMS/lumi.csv = " in ended.err
    (files / "c.json").write_text('{"297050": [[138, 140]]}')
    same = ("mask", "lumi", "c.json", "--against", "lumi.csv")
    ended = oms(*same, "--brilcalc", "lumi.csv")
    assert ended.code == 0
    assert "recorded lumi.csv/lumi.csv = 1" in ended.err


def test_names_tell_masks_apart():
    """Two files of one name are called by their paths."""
    assert two_names("a/x.json", "b/x.json") == ("a/x.json", "b/x.json")
    assert two_names("a/x.json", "b/y.json") == ("x.json", "y.json")


def test_real_files_are_identified(oms, recorded):
    """A recorded golden file is recognised, and its ambiguous name is told."""
    name = "Cert_Collisions2022_355100_362760_Golden.json"
    ended = oms("mask", "identify", recorded / "certification" / name)
    assert ended.code == 0
    assert f"3 different files bear the name {name}" in ended.out
