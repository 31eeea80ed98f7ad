"""Rows from files: typed, checked, and equal when they are fetched back."""

from __future__ import annotations

import csv
import gzip
import json

import pytest

from omskit import Client, Store
from omskit.cli.app import run
from omskit.errors import StoreError
from omskit.server import running

pytestmark = pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")

ROWS = [
    {"run_number": 5, "l1_rate": 1.5, "stable_beam": True, "era": "2024A"},
    {"run_number": 7, "l1_rate": None, "stable_beam": False, "era": None},
]
NAMES = ["run_number", "l1_rate", "stable_beam", "era"]


def fetched(store, name="runs", which=(5, 7), fields=NAMES):
    with Client(f"store:{store.path}", audit=False) as oms:
        return oms.query(name, which, fields=fields).fetch().to_records()


def write(path, text):
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


CSV = "run_number,l1_rate,stable_beam,era\n5,1.5,True,2024A\n7,,False,\n"
FORMS = {
    "rows.csv": CSV,
    "rows.csv.gz": CSV,
    "rows.json": json.dumps(ROWS),
    "columns.json": json.dumps({n: [row[n] for row in ROWS] for n in NAMES}),
    "page.json": json.dumps({"data": [{"id": "1", "attributes": r} for r in ROWS]}),
    "rows.jsonl": "\n".join(map(json.dumps, ROWS)) + "\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_files_of_every_form_are_read(store, tmp_path, name):
    """The same rows come back, whatever form the file had."""
    made = store.import_file("runs", write(tmp_path / name, FORMS[name]))
    assert (made.rows, made.keys, made.refused) == (2, 2, [])
    assert fetched(store, which=[5, 7]) == ROWS
    assert store.verify() == []


def test_what_omskit_wrote_is_read_back(store, tmp_path, oms):
    """A Parquet file of omskit is imported with its types and units."""
    source = Store(tmp_path / "source", fsync=False)
    source.sync(oms, "lumisections", (297050, 297051))
    path = tmp_path / "rows.parquet"
    command = ["store", "export", "lumisections", "297050-297051", "-o", str(path)]
    assert run([*command, "--store", str(source.path)]) == 0
    store.import_file("lumisections", path, simulated=True)
    with (
        Client(f"store:{source.path}", audit=False) as one,
        Client(f"store:{store.path}", audit=False) as other,
    ):
        runs = (297050, 297051)
        names = one.lumisections(runs).columns
        names.remove("end_lumi")
        assert one.lumisections(runs, fields=names) == other.lumisections(
            [297050, 297051], fields=names
        )


def test_columns_are_named_and_units_converted(store, tmp_path):
    """Their names are mapped, a unit column is obeyed, others are left out and told."""
    text = "run,lumi,recorded_lumi_unit,mood\n5,3000,nb^{-1},good\n"
    path = write(tmp_path / "mine.csv", text)
    columns = {"run": "run_number", "lumi": "recorded_lumi"}
    made = store.import_file("runs", path, columns=columns)
    assert made.left_out == ["mood"]
    assert "left out: mood" in str(made)
    found = store.sql('select recorded_lumi, "recorded_lumi@unit" from runs')
    assert found.to_records() == [
        {"recorded_lumi": 3.0, "recorded_lumi@unit": "nb^{-1}"}
    ]
    assert fetched(store, which=5, fields=["recorded_lumi"])[0]["recorded_lumi"] == 3.0


def test_rows_that_make_no_sense_are_refused_and_told(store, tmp_path):
    """Each refused row is named with its value; the others are kept."""
    text = (
        "run_number,l1_rate,start_time,stable_beam\n"
        "5,1,2024-01-01T00:00:00,1\n6.5,1,,\n7,x,,\n8,1,soon,\n9,1,,maybe\n,1,,\n5,2,,\n"
    )
    made = store.import_file("runs", write(tmp_path / "bad.csv", text))
    assert made.rows == 1
    assert [number for number, _ in made.refused] == [2, 3, 4, 5, 6, 7]
    said = str(made)
    assert "row 2 refused: run_number is '6.5', no int" in said
    assert "row 6 refused: it has no run_number" in said
    assert "row 7 refused: run_number 5 was in row 1 already" in said


def test_values_of_json_keep_their_types(store, tmp_path):
    """Whole floats are integers, true is no number, 3 is no text, lists are lists."""
    rows = [
        {"run_number": 5.0, "components": ["DAQ", None]},
        {"run_number": 6, "l1_rate": True},
        {"run_number": 7.5},
        {"run_number": 8, "era": 3},
    ]
    path = write(tmp_path / "rows.json", json.dumps(rows))
    made = store.import_file("runs", path)
    assert [number for number, _ in made.refused] == [2, 3, 4]
    assert fetched(store, which=5, fields=["components"])[0]["components"] == [
        "DAQ",
        None,
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "x", "the ending says"),
        ("a.csv", "", "name each column"),
        ("a.csv", "a,a\n1,2\n", "name each column"),
        ("a.csv", "run_number\n1,2\n", "line 2: 2 values"),
        ("a.csv", '"a', "no CSV"),
        ("a.json", "{", "no JSON"),
        ("a.json", '{"a": [1], "b": [1, 2]}', "no rows"),
        ("a.json", "3", "no rows"),
        ("a.csv", "run_no\n1\n", "Did you mean 'run_no'"),
        ("a.csv", "run_number\nx\n", "no row that can be kept"),
        ("a.csv.gz", None, "Cannot read"),
        ("a.parquet", "x", "Cannot read"),
    ],
)
def test_files_without_rows_are_refused(store, tmp_path, name, text, said):
    """What has no rows of the resource is one line, and nothing is written."""
    path = tmp_path / name
    path.write_text("no gzip" if text is None else text)
    with pytest.raises(StoreError, match=said):
        store.import_file("runs", path)
    assert not store.path.exists()


def test_a_mapping_is_checked(store, tmp_path):
    """A column that is not there, or two with one name, are told."""
    path = write(tmp_path / "a.csv", "run,run_number\n1,2\n")
    with pytest.raises(StoreError, match="Did you mean 'run'"):
        store.import_file("runs", path, columns={"rum": "run_number"})
    with pytest.raises(StoreError, match="two columns would be 'run_number'"):
        store.import_file("runs", path, columns={"run": "run_number"})
    with pytest.raises(StoreError, match="do not say which run"):
        store.import_file("hltprescalesets", path)


def test_the_command_imports_and_exports(tmp_path, capsys):
    """``oms store import`` tells what was refused; export writes any format."""
    path = write(tmp_path / "a.csv", "run,l1_rate\n5,2\nx,3\n")
    where = ["--store", str(tmp_path / "s")]
    command = ["store", "import", "runs", str(path), *where]
    assert run([*command, "--column", "run=run_number"]) == 5
    assert "row 2 refused" in capsys.readouterr().out
    assert run([*command, "--column", "run"]) == 2
    out = tmp_path / "out.csv"
    assert run(["store", "export", "runs", "5", "-o", str(out), *where]) == 0
    assert next(csv.DictReader(out.read_text().splitlines()))["run_number"] == "5"


def test_root_files_hold_rows_and_units(tmp_path, capsys):
    """A TTree has the numbers, NaN for nulls, and the units beside it."""
    uproot = pytest.importorskip("uproot")
    text = "run_number,l1_rate,recorded_lumi,start_time,era,stable_beam\n"
    text += "5,2,1.5,1970-01-01T00:00:09,2024A,True\n6,,,,,\n"
    path = write(tmp_path / "a.csv", text)
    store = Store(tmp_path / "s", fsync=False)
    store.import_file("runs", path)
    out = tmp_path / "out.root"
    command = ["store", "export", "runs", "5-6", "-o", str(out)]
    assert run([*command, "--store", str(store.path)]) == 0
    with uproot.open(out) as file:
        found = file["oms"].arrays(library="np")
        assert found["run_number"].tolist() == [5, 6]
        assert str(found["l1_rate"].tolist()) == "[2.0, nan]"
        assert found["start_time"][0] == 9
        assert found["era"].tolist() == ["2024A", ""]
        assert json.loads(str(file["units"]))["recorded_lumi"] == "/pb"
    out = path / "out.root"
    assert run([*command[:-1], str(out), "--store", str(store.path)]) == 6


RUN = 386694


def test_recorded_lumisections_come_back_equal(store, recorded):
    """Run 386694 has 1354 lumisections and 1337 rate rows, values and gaps as recorded.

    Source: pixelae studies/pixel_clusters_2024/omsdata @ff5e1a2.
    """
    path = recorded / "per_ls" / "run_386694_perls.csv"
    made = store.import_file("lumisections", path)
    assert (made.rows, made.keys, made.refused) == (1354, 1, [])
    with path.open() as stream:
        there = list(csv.DictReader(stream))
    names = ["lumisection_number", "recorded_lumi_per_lumisection", "cms_active"]
    expected = [
        {
            "lumisection_number": int(row["lumisection_number"]),
            "recorded_lumi_per_lumisection": float(row[names[1]]),
            "cms_active": row["cms_active"] == "True",
        }
        for row in there
    ]
    assert fetched(store, "lumisections", RUN, names) == expected
    with running(store.engine()) as url, Client(url, audit=False) as oms:
        assert oms.lumisections(RUN, fields=names).to_records() == expected


def test_recorded_rates_come_back_equal(store, recorded, tmp_path):
    """The HLT rates of run 386694, 1337 rows a path, are served as recorded."""
    source = recorded / "per_ls" / "hltrate_Run2024I-v2.json.gz"
    paths = json.loads(gzip.decompress(source.read_bytes()))[str(RUN)]
    rows = {
        "run_number": [],
        "path_name": [],
        "first_lumisection_number": [],
        "rate": [],
    }
    for path, columns in paths.items():
        count = len(columns["rate"])
        rows["path_name"] += [path] * count
        for name in ("run_number", "first_lumisection_number", "rate"):
            rows[name] += columns[name]
    made = store.import_file(
        "hltpathrates", write(tmp_path / "rates.json", json.dumps(rows))
    )
    path = next(name for name in paths if name.startswith("HLT_ZeroBias"))
    assert len(paths[path]["rate"]) == 1337
    assert made.refused == []
    names = ["first_lumisection_number", "rate"]
    found = fetched(store, "hltpathrates", RUN, ["path_name", *names])
    mine = [row for row in found if row["path_name"] == path]
    order = sorted(zip(*(paths[path][n] for n in names), strict=True))
    assert [(r[names[0]], r["rate"]) for r in mine] == order
