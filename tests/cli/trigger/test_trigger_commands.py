"""The commands of ``oms trigger`` on the demo."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys

import pytest

from omskit import Client
from omskit.trigger import fit, hlt

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")


BEGIN = "2018-04-27T07:10:00"
"""Some lumisections of run 315270 are over then."""


def rows_of(ended):
    return list(csv.DictReader(io.StringIO(ended.out)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A fit of quiet runs, as a file."""
    path = tmp_path_factory.mktemp("fit") / "fit.json"
    paths = ["HLT_Mu50", "HLT_IsoMu27", "HLT_Photon200"]
    with Client("demo") as client:
        fit(hlt(client, [315264, 315267], paths=paths)).save(path)
    return path


def test_rates(oms):
    """One row per path and lumisection; what is missing is said on stderr."""
    ended = oms("trigger", "rates", 297050, "-p", "HLT_Mu50", "-f", "csv")
    rows = rows_of(ended)
    assert len(rows) == 793
    assert rows[0]["path_name"] == "HLT_Mu50_v6"
    assert rows[792]["counts"] == ""
    assert "no counts: 297050:787-793" in ended.err


def test_columns_and_kinds(oms):
    """Columns can be named, and L1, streams and datasets be counted."""
    ended = oms(
        "trigger", "rates", 297050, "-p", "L1_ZeroBias", "--kind", "l1",
        "--columns", "unprescaled_rate,pileup", "-f", "csv", "-q",
    )  # fmt: skip
    assert "pileup" in rows_of(ended)[0]
    assert ended.err == ""
    for kind, name in (("streams", "Physics"), ("datasets", "JetHT")):
        ended = oms("trigger", "rates", 297057, "-p", name, "--kind", kind, "-f", "csv")
        assert rows_of(ended)[0]["path"] == name
    ended = oms("trigger", "rates", 297050, "-p", "HLT_Mu50", "--columns", "rte")
    assert ended.code == 2
    assert "'rate'" in ended.err


def test_rates_of_a_mask(oms, tmp_path):
    """With a mask, its lumisections alone; with runs too, the part in them."""
    path = tmp_path / "mask.json"
    path.write_text('{"297050": [[10, 12]], "297057": [[1, 5]]}')
    ended = oms(
        "trigger", "rates", "297050", "--mask", path, "-p", "HLT_Mu50", "-f", "csv"
    )
    assert [r["lumisection_number"] for r in rows_of(ended)] == ["10", "11", "12"]
    both = oms("trigger", "rates", "--mask", path, "-p", "HLT_Mu50", "-f", "csv")
    assert len(rows_of(both)) == 8
    assert oms("trigger", "rates").code == 2


def test_prescales(oms):
    """What was the prescale of a path in a lumisection, and why."""
    ended = oms(
        "trigger", "prescales", 297050, "-p", "HLT_PFJet80", "--ls", 300, "-f", "json"
    )
    (row,) = json.loads(ended.out)
    assert row["prescale_name"] == "7.5e33"
    assert row["status"] == "assumed nested"
    assert "least prescaled" in row["why"]
    every = oms("trigger", "prescales", 297050, "-p", "HLT_PFJet80", "-f", "json")
    assert len(json.loads(every.out)) == 3
    upper = oms(
        "trigger", "prescales", 297050, "-p", "HLT_PFJet80", "--ls", 300,
        "--rule", "upper", "-f", "json",
    )  # fmt: skip
    assert json.loads(upper.out)[0]["prescale"] > row["prescale"]


def test_a_lumisection_that_there_is_not(oms):
    """Beyond the end of a run no column holds: the last one is not told on."""
    ended = oms("trigger", "prescales", 297050, "-p", "HLT_Mu50", "--ls", 794)
    assert (ended.code, ended.out) == (2, "")
    assert "no lumisection 794: its last is 793" in ended.err
    there = oms("trigger", "prescales", 297050, "-p", "HLT_Mu50", "--ls", 793)
    assert "6.0e33" in there.out


def test_paths_with_commas_and_narrow_views(oms):
    """Paths may stand in one text; the prescale itself is never a hidden column."""
    ended = oms("trigger", "prescales", 297050, "-p", "HLT_Mu50,HLT_ZeroBias")
    assert {"348318", "exact", "HLT_Mu50"} <= set(ended.out.split())
    assert "to see more: a wider terminal or --format csv" in ended.out
    ended = oms("trigger", "prescales", 999999)
    assert ended.err.count("\n") == 2
    assert "no prescale change of run 999999" in ended.err


def test_how_rates_are_corrected(oms):
    """The source of the live fraction and the rule for seeds can be chosen."""
    chosen = ["-p", "HLT_PFJet80", "--columns", "unprescaled_rate,live_fraction"]
    asked = ["trigger", "rates", 297050, *chosen, "-f", "csv", "-q"]
    plain, none, upper = (
        rows_of(oms(*asked, *more))[400]
        for more in ([], ["--live", "none"], ["--rule", "upper"])
    )
    assert none["live_fraction"] == "1"
    live = float(plain["live_fraction"])
    kept = float(plain["unprescaled_rate"]) * live
    assert float(none["unprescaled_rate"]) == pytest.approx(kept)
    assert float(upper["unprescaled_rate"]) > float(plain["unprescaled_rate"])
    for wrong in (["--live", "deadtme"], ["--kind", "streams", "--rule", "upper"]):
        ended = oms("trigger", "rates", 297050, *wrong)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
    ended = oms("trigger", "rates", 999999)
    assert "no lumisection of run 999999" in ended.err


def test_before_the_first_column(oms):
    """Where no column is known, the answer is an error, not column 0."""
    ended = oms("trigger", "prescales", 297051, "--ls", 1, "-f", "json")
    assert ended.code == 0
    ended = oms("trigger", "prescales", 297050, "-p", "HLT_Nothing")
    assert ended.code == 2
    assert "HLT_Nothing" in ended.err


def test_table(oms):
    """One row per path, also per run: counts, rates, luminosity, what is left out."""
    ended = oms(
        "trigger", "table", "297050,297057", "-p", "HLT_Ele27*", "-f", "json", "-q"
    )
    (row,) = json.loads(ended.out)
    assert row["off"].startswith("297050:1-11")
    assert row["without_counts"] == "297050:787-793; 297057:906-907"
    assert row["prescaled_lumisections"] < row["lumisections"]
    each = oms(
        "trigger", "table", "297050,297057", "-p", "HLT_Mu50", "--by-run", "-f", "csv"
    )
    assert [r["run_number"] for r in rows_of(each)] == ["297050", "297057"]


def test_fit(oms, tmp_path):
    """Fits are shown, saved, and paths without one named."""
    path = tmp_path / "fit.json"
    ended = oms(
        "trigger", "fit", 315264, "-p", "HLT_IsoMu27", "-p", "HLT_Ele27*",
        "--save", path, "-f", "csv",
    )  # fmt: skip
    (row,) = rows_of(ended)
    assert row["family"] in {"linear", "quadratic"}
    assert "HLT_Ele27_WPTight_Gsf: no fit" in ended.err
    assert json.loads(path.read_text())["made_of"]["runs"] == [315264]


def test_compare(oms, saved):
    """Alerts are rows and exit code 1; a quiet run has none and 0."""
    ended = oms("trigger", "compare", 315270, "--fit", saved, "-f", "csv")
    assert ended.code == 1
    kinds = {r["path"]: r["kind"] for r in rows_of(ended)}
    assert kinds == {
        "HLT_Mu50": "dead",
        "HLT_IsoMu27": "high",
        "HLT_Photon200": "stuck",
    }
    assert oms("trigger", "compare", 297057, "--fit", saved, "-f", "csv").code == 0
    ended = oms("trigger", "compare", 297057, "--reference", "297050", "-p", "HLT_Mu50")
    assert ended.code == 0
    for wrong in ([], ["--fit", saved, "--reference", "297050"]):
        ended = oms("trigger", "compare", 297057, *wrong)
        assert ended.code == 2
        assert "--reference RUNS" in ended.err


def test_check(oms):
    """A good run passes with 0, one with dead counters ends with 1."""
    good, bad = oms("trigger", "check", 297050), oms("trigger", "check", 315257)
    assert (good.code, bad.code) == (0, 1)
    assert "good" in good.out
    assert "91, 92, 93" in bad.out


def test_watch(oms, saved, tmp_path):
    """A run that is over is looked at once: an alert a line, also for a hook."""
    seen = tmp_path / "seen.txt"
    code = f"import sys; open({str(seen)!r}, 'a').write(sys.stdin.read() + chr(10))"
    hook = shlex.join([sys.executable, "-c", code])
    ended = oms("trigger", "watch", 315270, "--fit", saved, "--hook", hook)
    alerts = [json.loads(line) for line in ended.out.splitlines()]
    assert {a["path"] for a in alerts} == {"HLT_Mu50", "HLT_IsoMu27", "HLT_Photon200"}
    assert [json.loads(line) for line in seen.read_text().splitlines()] == alerts


def test_watch_by_the_clock(oms, saved):
    """A run of the demo that goes on is watched to its end; disturbed paths are told.

    Whatever is looked at at once: each alert comes once, and nothing is left out.
    """
    clock = ["--as-of", BEGIN, "--speed", 12_000, "--every", 0.05]
    ended = oms("trigger", "watch", 315270, "--fit", saved, *clock)
    alerts = [json.loads(line) for line in ended.out.splitlines()]
    told = {(a["path"], a["kind"]) for a in alerts}
    assert told == {
        ("HLT_Mu50", "dead"), ("HLT_IsoMu27", "high"), ("HLT_Photon200", "stuck"),
    }  # fmt: skip
    dead = next(a for a in alerts if a["kind"] == "dead")
    assert dead["first_lumisection_number"] == 301


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--speed", 10], "--speed needs --as-of"),
        (["--as-of", "2018-04-29", "--instance", "production"], "for the demo"),
        (["--as-of", "2018-04-29", "--speed", -1], "speed"),
        (["--as-of", "soon"], "--as-of"),
    ],
    ids=["speed", "production", "backwards", "soon"],
)
def test_clocks_that_are_none(oms, saved, given, said):
    """A clock is for the demo, needs its moment, and goes forwards."""
    ended = oms("trigger", "watch", 315270, "--fit", saved, "--looks", 1, *given)
    assert ended.code == 2
    assert said in ended.err


def test_a_hook_that_fails(oms, saved):
    """A hook that ends with an error is told; one that is none is refused at once."""
    failing = shlex.join([sys.executable, "-c", "raise SystemExit(3)"])
    ended = oms("trigger", "watch", 315270, "--fit", saved, "--hook", failing)
    assert ended.code == 0
    assert "ended with 3" in ended.err
    ended = oms("trigger", "watch", 315270, "--fit", saved, "--hook", "/no/such")
    assert (ended.code, "/no/such" in ended.err) == (2, True)
    ended = oms("trigger", "watch", 315270, "--fit", saved, "--hook", "'open")
    assert (ended.code, "no command" in ended.err) == (2, True)
    assert oms("trigger", "watch", 315270).code == 2


def test_export_ntuple(oms, tmp_path):
    """A ROOT file has one row per lumisection; another ending is refused."""
    import uproot

    path = tmp_path / "rates.root"
    ended = oms(
        "export", "ntuple", 297050, "-p", "HLT_Mu50", "--only", "hlt", "-o", path
    )
    assert "wrote 793 rows" in ended.err
    with uproot.open(path) as file:
        assert file["tree"].num_entries == 793
    quiet = oms(
        "export", "ntuple", 297050, "-p", "HLT_Mu50", "--only", "hlt", "-o", path, "-q"
    )
    assert quiet.err == ""


@pytest.mark.parametrize(
    ("given", "name", "said"),
    [
        ([297050], "rates.csv", "ends in .root"),
        ([297050], "none/rates.root", "there is no folder"),
        ([297050], "folder.root", "it is a folder"),
        ([297050, "--only", "gt"], "rates.root", "no part 'gt'"),
        ([297050, "-p", "HLT_Nope"], "rates.root", "no path like 'HLT_Nope'"),
        ([999999], "rates.root", "no lumisection of run 999999"),
        ([], "rates.root", "Which runs?"),
    ],
    ids=["ending", "no-folder", "folder", "part", "path", "run", "nothing"],
)
def test_no_ntuple(oms, tmp_path, given, name, said):
    """What cannot be written is one line, and the file that is there stays."""
    (tmp_path / "folder.root").mkdir()
    kept = tmp_path / "rates.root"
    kept.write_text("kept")
    ended = oms("export", "ntuple", *given, "-o", tmp_path / name, "-q")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert said in ended.err
    assert kept.read_text() == "kept"
    assert {f.name for f in tmp_path.iterdir()} == {"folder.root", "rates.root"}


def test_no_uproot(oms, tmp_path, monkeypatch):
    """Without uproot the line says what to install, before anything is asked for."""
    monkeypatch.setitem(sys.modules, "uproot", None)
    ended = oms("export", "ntuple", 297050, "-o", tmp_path / "rates.root")
    assert ended.code != 0
    assert "pip install 'omskit[root]'" in ended.err
    assert not list(tmp_path.iterdir())
