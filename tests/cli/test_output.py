"""Writing tables."""

from __future__ import annotations

import csv as stdlib_csv
import datetime as dt
import io
import json
import os
import subprocess

import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from tests.support.forked import bin_of

from omskit.cli.options import Format, Output
from omskit.cli.output import show, terminal_width, without_formulas, write
from omskit.errors import UsageError
from omskit.table import Table
from omskit.table.files import ENCODERS
from omskit.table.view import Line


def test_json_is_a_list_of_records(oms):
    """JSON is one list, times in UTC as OMS writes them, nulls as null."""
    ended = oms("runs", "297055-297056", "-f", "json")
    rows = json.loads(ended.out)
    assert rows[1]["start_time"] == "2017-06-17T04:55:36Z"
    assert rows[0]["l1_rate"] is None


def test_jsonl_has_a_record_a_line(oms):
    """Each line of JSON lines is a document of its own."""
    ended = oms("runs", "297050-297056", "-f", "jsonl")
    assert [json.loads(line)["run_number"] for line in ended.out.splitlines()] == list(
        range(297050, 297057)
    )


def csv_text(arrow):
    """A table as CSV."""
    stream = io.BytesIO()
    ENCODERS["csv"](Table(arrow), stream)
    return stream.getvalue().decode()


def test_csv_of_every_kind():
    """Lists are JSON, times end with Z, nulls are empty, quotes are doubled."""
    exact = dt.datetime(2017, 6, 16, 20, 50, 33, 250000, tzinfo=dt.UTC)
    whole = exact.replace(microsecond=0)
    times = pa.array([exact, whole], pa.timestamp("us", tz="UTC"))
    arrow = pa.table(
        {
            "list": [["DT", "CSC"], None],
            "time": times,
            'a "name"': ['say "x"', None],
            "nothing": pa.nulls(2),
        }
    )
    lines = csv_text(arrow).splitlines()
    assert lines[0] == 'list,time,"a ""name""",nothing'
    assert lines[1] == ('"[""DT"",""CSC""]","2017-06-16T20:50:33.250000Z","say ""x""",')
    assert lines[2] == ',"2017-06-16T20:50:33Z",,'


def test_csv_reads_back():
    """Numbers and text come back from CSV as they were."""
    arrow = pa.table({"n": [1, 2], "x": [0.1, 1e300], "s": ["a,b", "c\nd"]})
    options = csv.ParseOptions(newlines_in_values=True)
    back = csv.read_csv(io.BytesIO(csv_text(arrow).encode()), parse_options=options)
    assert back.equals(arrow)


def test_parquet_keeps_units_and_receipt(oms, tmp_path):
    """A Parquet file knows its units, and how its rows were obtained."""
    path = tmp_path / "runs.parquet"
    ended = oms("runs", "297050-297056", "-o", path)
    table = parquet.read_table(path)
    facts = json.loads(table.schema.metadata[b"omskit"])
    assert ended.out == ""
    assert ended.err == f"oms: wrote 7 rows x 43 columns to {path}\n"
    assert table.schema.field("energy").metadata[b"unit"] == b"GeV"
    assert (facts["complete"], facts["receipt"]["rows"]) == (True, 7)


def test_parquet_refuses_a_terminal(oms, on_terminal):
    """Binary data does not go to a terminal."""
    on_terminal()
    ended = oms("runs", 297050, "-f", "parquet")
    assert ended.code == 2
    assert "--output" in ended.err


@pytest.mark.parametrize(
    ("name", "start"),
    [("x.csv", "run_number"), ("x.json", "["), ("x.jsonl", "{"), ("x.txt", "run_")],
)
def test_ending_chooses_the_format(oms, tmp_path, name, start):
    """The ending of the file says what goes into it."""
    path = tmp_path / name
    assert oms("runs", 297050, "-q", "-o", path).code == 0
    assert path.read_text().startswith(start)


def test_format_wins_over_the_ending(oms, tmp_path):
    """An explicit format is taken for any name."""
    path = tmp_path / "x.data"
    oms("runs", 297050, "-o", path, "-f", "csv")
    assert path.read_text().startswith("run_number,")


def test_dash_is_stdout(oms):
    """``-`` as file means stdout."""
    assert oms("runs", 297050, "-o", "-", "-f", "csv").out.startswith("run_number,")
    assert oms("runs", 297050, "-o", "-").out.startswith("run_number")


def test_failed_write_leaves_nothing(oms, tmp_path, monkeypatch):
    """A file appears whole or not at all, and nothing else stays behind."""

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    ended = oms("runs", 297050, "-o", tmp_path / "x.parquet")
    assert ended.code == 2
    assert "No space left" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_file_has_the_usual_mode(oms, tmp_path):
    """Others may read the file as they may any other of the user's."""
    path = tmp_path / "x.csv"
    plain = tmp_path / "plain"
    plain.touch()
    oms("runs", 297050, "-o", path)
    assert path.stat().st_mode == plain.stat().st_mode


def test_long_table_on_a_terminal(oms, on_terminal, monkeypatch):
    """On a terminal a long table shows its ends, unless all rows are asked for."""
    monkeypatch.setenv("NO_COLOR", "1")
    fields = ("--fields", "lumisection_number")
    on_terminal()
    short = oms("lumisections", 297050, *fields).out
    on_terminal()
    whole = oms("lumisections", 297050, *fields, "--all-rows").out
    assert len(short.splitlines()) < 60  # with the header on each screen
    assert len(whole.splitlines()) > 793


def test_piped_table_is_whole(oms):
    """Into a pipe goes every row."""
    out = oms("lumisections", 297050, "--fields", "lumisection_number").out
    assert len(out.splitlines()) > 793


def test_colours_on_a_terminal(on_terminal, capsys, monkeypatch):
    """A terminal gets a bold header."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    on_terminal()
    show([Line("head", "head"), Line("row")])
    out = capsys.readouterr().out
    assert "\x1b[1mhead" in out
    assert out.endswith("row\n")


def test_ascii_stdout(monkeypatch):
    """A batch job without UTF-8 gets plain characters, not a crash."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    show([Line("\N{EN DASH} \N{HORIZONTAL ELLIPSIS} \N{MICRO SIGN}")])
    stream.seek(0)
    assert stream.read() == "- ~ ?\n"


def test_width_without_a_terminal(monkeypatch):
    """Where nobody says how wide the screen is, it is 80 columns."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("shutil.get_terminal_size", os.terminal_size)
    width = terminal_width()
    monkeypatch.undo()  # pytest asks, too.
    assert width == 80


def test_output_defaults():
    """Without options a table for humans goes to stdout."""
    assert Output() == Output(instance=None, format=None, output=None)


LISTS = [["DT", None, "CSC"], [], [""], None, ["a b", 'say "x"', "c,d", "\n"], [None]]


def test_lists_come_back_from_csv():
    """Nulls, empty lists and empty texts in lists are told apart, and read back."""
    arrow = pa.table({"components": pa.array(LISTS, pa.list_(pa.string()))})
    rows = list(stdlib_csv.reader(io.StringIO(csv_text(arrow), newline="")))[1:]
    back = [json.loads(row[0]) if row and row[0] else None for row in rows]
    assert back == LISTS
    numbers = pa.table({"n": [[1, None], [2**60]], "o": [{"a": 1}, None]})
    lines = csv_text(numbers).splitlines()
    assert lines[1:] == ['"[1,null]","{""a"":1}"', '"[1152921504606846976]",']


def test_empty_text_is_no_null_in_csv():
    """An empty text is a pair of quotes, a null is nothing."""
    assert csv_text(pa.table({"s": ["", None], "n": [1, 2]})) == 's,n\n"",1\n,2\n'


@pytest.mark.parametrize("values", [[None, 6, None], [None, "a"], [None, None]])
def test_no_row_of_one_column_is_lost_in_csv(values):
    """A null is no empty line, which readers skip."""
    found = csv_text(pa.table({"x": values}))
    rows = list(stdlib_csv.DictReader(io.StringIO(found)))
    assert [row["x"] for row in rows] == ["" if v is None else str(v) for v in values]


def test_one_column_with_nulls_and_empty_texts_is_no_csv():
    """Which is which could not be read back."""
    with pytest.raises(UsageError, match="x has both nulls and empty texts"):
        csv_text(pa.table({"x": [None, ""]}))


def test_formulas_in_csv(oms, tmp_path):
    """With --spreadsheet texts are never formulas, numbers stay numbers."""
    cells = ["=1+1", "+x", "-y", "@z", "\tq", "plain", None]
    arrow = pa.table({"=name": cells, "n": [-1.0] * 7})
    safe = without_formulas(Table(arrow)).arrow
    assert safe.column_names == ["'=name", "n"]
    assert safe.column(0).to_pylist() == [
        "'=1+1", "'+x", "'-y", "'@z", "'\tq", "plain", None
    ]  # fmt: skip
    assert safe.column(1).equals(arrow.column(1))
    path = tmp_path / "x.csv"
    assert oms("runs", 297050, "--spreadsheet", "-o", path).code == 0


ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"


def test_a_terminal_obeys_nothing(monkeypatch, capsys):
    """Escape sequences in cells, names and units are shown, not obeyed."""
    field = pa.field(f"x{ESCAPE}", pa.string(), metadata={"unit": f"u{ESCAPE}"})
    table = Table(pa.table([[f"a{ESCAPE}", "b"]], schema=pa.schema([field])))
    one = Table(table.arrow.slice(0, 1))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    for shown in (table, one):
        for how in ("table", "csv", "json", "jsonl"):
            write(shown, Output(format=Format(how)))
    text = capsys.readouterr().out
    assert "owned" in text
    assert not any(c in text for c in "\x07\u202e\x9b")
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text


def shell(command, folder):
    """What a shell makes of a command; ``oms`` is the one under test."""
    path = f"{bin_of()}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "OMSKIT_INSTANCE": "demo"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"]
)
def test_stdout_by_its_name(name, tmp_path):
    """In a pipe and redirected, the rows go behind what others have written."""
    (tmp_path / "link").symlink_to("/dev/stdout")
    ask = f"oms runs 297050 --fields run_number -f csv -q -o {name}"
    piped = shell(f"{ask} | cat", tmp_path)
    assert piped.stdout == "run_number\n297050\n"
    done = shell(f"{{ echo before; {ask}; echo after; }} > out.txt", tmp_path)
    assert done.stderr == ""
    text = (tmp_path / "out.txt").read_text()
    assert text == "before\nrun_number\n297050\nafter\n"


def test_a_pipe_in_the_file_system(tmp_path):
    """A FIFO is written to."""
    ask = "oms runs 297050 --fields run_number -f csv -q -o fifo"
    done = shell(f"mkfifo fifo; cat fifo > got & {ask}; wait; cat got", tmp_path)
    assert done.stdout == "run_number\n297050\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.xlsx", "names no format"),
        ("nodir/x.csv", "there is no folder nodir"),
        (".", "names no format"),
        ("folder.csv", "it is a folder"),
        ("loop.csv", "Cannot write"),
        ("x" * 300 + ".csv", "Cannot write"),
    ],
)
def test_a_bad_output_is_refused_before_anything_is_asked(
    oms, tmp_path, monkeypatch, name, words
):
    """The place is looked at first: no row is fetched in vain."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "loop.csv").symlink_to("loop2.csv")
    (tmp_path / "loop2.csv").symlink_to("loop.csv")
    asked = []
    monkeypatch.setattr(
        "omskit.client.Client.hlt_rates", lambda *_a, **_o: asked.append(1)
    )
    ended = oms("hlt-rates", 297050, "-o", name)
    assert ended.code == 2
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    if "loop" not in name:
        assert asked == []
