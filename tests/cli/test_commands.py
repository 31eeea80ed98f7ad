"""The commands that do more than ask for rows."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest

from omskit.cli import story
from omskit.cli.dcs import ranges

DIFFERING = (
    "18-19 36 42 48 54-55 61 67 73 78 84 90-92 103 109 115 121 127-128 140 146 152 "
    "167-168 174 180 186 192 198-199 211 217 223-224 230 236 242 248 250-251 257"
)
"""Run 306458: off in the DCS-only file, cms_active true.
Source: ML4DQMDC-PixelAE omsapi/example.ipynb @af49037."""


def test_fields_of_a_resource(oms):
    """Each field is listed with type, unit and use."""
    rows = list(csv.DictReader(io.StringIO(oms("fields", "runs", "-f", "csv").out)))
    by_name = {row["field"]: row for row in rows}
    assert len(rows) == 43
    assert by_name["duration"]["unit"] == "s"
    assert by_name["components"]["type"] == "str[]"
    assert by_name["run_number"]["use"] == "where sort"


def test_fields_without_a_resource(oms):
    """Without a resource, the resources are listed."""
    names = [r["resource"] for r in json.loads(oms("fields", "-f", "json").out)]
    assert {"runs", "lumisections", "l1triggerrates"} <= set(names)


def test_fields_as_the_service_says(oms):
    """With an instance, the service is asked for its fields."""
    own = oms("fields", "runs", "-f", "csv").out
    asked = oms("fields", "runs", "-f", "csv", "--instance", "demo").out
    assert len(asked.splitlines()) >= len(own.splitlines())


def test_dcs_check_finds_the_known_difference(oms):
    """Run 306458 differs in the 43 lumisections that the notebook found."""
    ended = oms("dcs-check", 306458)
    assert ended.code == 1
    assert "43 differ" in ended.out
    assert DIFFERING in " ".join(ended.out.split())


def test_dcs_check_takes_a_file(oms, tmp_path):
    """A file that says the same gives 0 and says that they agree."""
    path = tmp_path / "dcs.json"
    path.write_text(json.dumps({"306458": [[1, 268]]}))
    ended = oms("dcs-check", 306458, "--dcs", path)
    assert ended.code == 0
    assert ended.out.endswith("they agree.\n")


def test_dcs_check_names_what_only_the_file_has(oms, tmp_path):
    """Lumisections that the file has and OMS has not are a difference."""
    path = tmp_path / "dcs.json"
    path.write_text(json.dumps({"306458": [[1, 268], [300, 301]]}))
    ended = oms("dcs-check", 306458, "--dcs", path)
    assert ended.code == 1
    assert "only in the mask: 300-301" in ended.out


def test_dcs_check_writes_rows(oms, tmp_path):
    """With a format the rows go to stdout alone, the verdict to stderr."""
    ended = oms("dcs-check", 306458, "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert len(rows) == 269
    assert rows[17]["in_mask"] == "false"
    assert "43 differ" in ended.err
    path = tmp_path / "check.csv"
    written = oms("dcs-check", 306458, "-o", path)
    assert "43 differ" in written.out
    assert len(path.read_text().splitlines()) == 270


def test_dcs_check_needs_a_file(oms):
    """A real service brings no certification file, so one must be named."""
    ended = oms("dcs-check", 306458, "--instance", "http://127.0.0.1:9")
    assert ended.code == 2
    assert "--dcs FILE" in ended.err


def test_dcs_check_of_a_bad_file(oms, tmp_path):
    """A file that is no mask is named."""
    ended = oms("dcs-check", 306458, "--dcs", tmp_path / "none.json")
    assert ended.code == 2
    assert "none.json" in ended.err


def test_ranges_of_nothing():
    """No numbers are no text."""
    assert ranges(()) == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("lumisections", 297053, "--fields", "pileup", "--flag", "cms_active"),
        ("pileup", 297053),
        ("l1-rates", 297053),
        ("hlt-rates", 297053, "-p", "HLT_ZeroBias_v*"),
        ("l1-algorithms", 297053, "--name", "L1_ZeroBias"),
        ("dcs", 306458),
    ],
    ids=lambda a: a[0],
)
def test_plots(oms, tmp_path, arguments):
    """Each kind of figure is written where it was asked to be."""
    path = tmp_path / "figure.png"
    ended = oms("plot", *arguments, "-o", path, "-q")
    assert (ended.code, ended.out) == (0, f"{path}\n")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_plot_names_its_file(oms, tmp_path, monkeypatch):
    """Without a name the figure is called after run and kind."""
    monkeypatch.chdir(tmp_path)
    assert oms("plot", "pileup", 297053, "-q").out == "297053_pileup.png\n"


def test_plot_refuses_odd_endings(oms, tmp_path):
    """An ending that matplotlib does not know is refused."""
    assert oms("plot", "pileup", 297053, "-q", "-o", tmp_path / "x.doc").code == 2


def test_story(oms, tmp_path):
    """The demo tells all its points, writes where it says, and names what is next."""
    ended = oms("demo", "--output-dir", tmp_path / "out", "--quiet")
    assert ended.code == 0
    assert all(f"\n{n}. " in ended.out for n in range(1, 9))
    assert "4655 rows" in ended.out
    assert "43 differ" in ended.out
    written = [line[6:] for line in ended.out.splitlines() if line.startswith("wrote ")]
    assert len(written) == 6
    assert f"report on fill 5839 is {tmp_path / 'out' / 'fill5839.html'}" in ended.out
    assert ended.out.endswith("oms dashboard --instance demo --open\n")
    assert sorted(written) == sorted(map(str, (tmp_path / "out").iterdir()))


def test_story_without_matplotlib(oms, tmp_path, monkeypatch):
    """After a plain installation the figures are skipped, with how to get them."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [n for n in sys.modules if n.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    ended = oms("demo", "--output-dir", tmp_path / "out", "--quiet")
    assert ended.code == 0
    (skipped,) = [
        line for line in ended.out.splitlines() if line.startswith("Skipped.")
    ]
    assert "To draw figures, omskit needs matplotlib" in skipped
    assert "pip install 'omskit[plot]'" in skipped
    assert not [*(tmp_path / "out").glob("*.png")]


def test_story_says_it_is_simulated(oms, tmp_path, monkeypatch):
    """The demo's first line says that it is simulated."""
    monkeypatch.setattr(story, "_drawings", lambda oms: {})
    ended = oms("demo", "-o", tmp_path, "-q")
    assert "simulated" in ended.out.splitlines()[0]


def test_serve(oms, monkeypatch):
    """``serve`` hands the demo to the server, on loopback by default."""
    given = []
    monkeypatch.setattr("omskit.server.serve", lambda _, served: given.append(served))
    assert oms("serve", "--demo", "--port", 0).code == 0
    assert [(served.host, served.port) for served in given] == [("127.0.0.1", 0)]
