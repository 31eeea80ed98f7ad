"""The command line as a tired person uses it."""

from __future__ import annotations

import csv
import datetime as dt
import json

import pytest

from omskit.cli.anywhere import behind_the_command
from omskit.cli.exits import say
from omskit.cli.lines import facts, number, span, wrapped
from omskit.cli.now import as_table, told
from omskit.cli.output import with_heads
from omskit.cli.times import spoken
from omskit.cli.usage import in_plain_words
from omskit.table.view import Line

NOW = dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("-i demo runs 5", "runs -i demo 5"),
        ("--instance=demo -q runs", "runs --instance=demo -q"),
        ("--json -o a.json runs", "runs --json -o a.json"),
        ("-i demo mask show a.json", "mask show -i demo a.json"),
        ("-i", "-i"),
        ("-i demo", "-i demo"),
        ("-i demo --version", "-i demo --version"),
        ("--help", "--help"),
        ("runs 5 -i demo", "runs 5 -i demo"),
        ("", ""),
    ],
)
def test_options_move_behind_the_command(given, expected):
    """Shared options before the command go behind it; others stay."""
    assert " ".join(behind_the_command(given.split(), {"mask"})) == expected


def test_options_before_the_command_count(oms):
    """``oms -i demo --json runs`` is ``oms runs -i demo --json``."""
    ended = oms("-i", "demo", "--json", "runs", 297050, "--fields", "run_number")
    assert json.loads(ended.out) == [{"run_number": 297050}]
    assert oms("-i", "nowhere", "runs", 297050).code == 2


def test_json_is_short_for_a_format(oms):
    """--json is --format json, and contradicts other formats."""
    short = oms("runs", 297050, "--json").out
    assert short == oms("runs", 297050, "--format", "json").out
    assert oms("runs", 297050, "--json", "--format", "json").code == 0
    ended = oms("runs", 297050, "--json", "--format", "csv")
    assert ended.code == 2
    assert "contradict" in ended.err


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("now", "2017-06-16T20:50:33+00:00"),
        ("today", "2017-06-16"),
        ("Yesterday", "2017-06-15"),
        ("-8h", "2017-06-16T12:50:33+00:00"),
        ("-30min", "2017-06-16T20:20:33+00:00"),
        ("-30m", "2017-06-16T20:20:33+00:00"),
        ("- 2 d", "2017-06-14T20:50:33+00:00"),
        ("-1w", "2017-06-09T20:50:33+00:00"),
        ("8h", "8h"),
        ("2017-06-01", "2017-06-01"),
    ],
)
def test_times_are_said(said, written):
    """Yesterday and -8h are times; what is none is left for others to refuse."""
    assert spoken(said, NOW) == written


def test_times_reach_the_question(oms, monkeypatch):
    """--since and --until take what people say."""
    monkeypatch.setattr("omskit.cli.options.right_now", lambda: NOW)
    ended = oms("runs", "--since", "-1h", "--until", "now", "--json")
    starts = [row["start_time"] for row in json.loads(ended.out)]
    assert starts == ["2017-06-16T20:16:46Z", *starts[1:]]
    assert starts[-1] == "2017-06-16T20:50:33Z"
    day = oms("runs", "--since", "today", "--until", "today", "--json")
    assert {row["start_time"][:10] for row in json.loads(day.out)} == {"2017-06-16"}
    wrong = oms("runs", "--since", "yesteday")
    assert "is no time. Write yesterday, today, now, -8h" in wrong.err


def test_a_path_without_version_is_found(oms):
    """--path HLT_ZeroBias gives the rows of its version, and says which."""
    ended = oms("hlt-rates", 297050, "--path", "HLT_ZeroBias", "--limit", 2, "--json")
    assert {row["path_name"] for row in json.loads(ended.out)} == {"HLT_ZeroBias_v5"}
    assert "taken: HLT_ZeroBias_v5" in ended.err
    assert ended.code == 0


@pytest.mark.parametrize(
    ("command", "option", "name"),
    [
        ("hlt-rates", "--path", "HLT_ZeroBais"),
        ("hlt-rates", "--path", "HLT_ZeroBais_v*"),
        ("l1-algorithms", "--name", "L1_ZeroBais"),
    ],
)
def test_names_of_nothing_exit_with_one(oms, command, option, name):
    """Where nothing has the name the code is 1, and the nearest are named."""
    ended = oms(command, 297050, option, name)
    assert ended.code == 1
    assert name in ended.err
    assert "ZeroBias" in ended.err


def test_an_era_that_is_none_is_answered_with_eras(oms):
    """--era 2017 names the eras of that year."""
    assert "Eras: 2017A, 2017B" in oms("runs", "--era", "2017").err
    assert "There is no era xyz." in oms("runs", "--era", "xyz").err


def test_the_runs_of_a_fill_add_up(oms):
    """With --fill the columns that add up have a total, in the view only."""
    ended = oms(
        "runs", "--fill", 5840, "--fields", "run_number,duration,delivered_lumi"
    )
    total = next(line for line in ended.out.splitlines() if "total" in line)
    assert total.split() == ["total", "34503", "153.207"]
    assert "total" not in oms("runs", 297050, 297051).out
    assert "total," not in oms("runs", "--fill", 5840, "--format", "csv").out


def test_one_fill(oms):
    """Oms fill shows beams, luminosity, runs and their sums."""
    ended = oms("fill", 5840)
    assert ended.code == 0
    assert "Fill 5840 (PROTONS 2017B): 2017-06-17 02:11 UTC to" in ended.out
    assert "153.2 /pb delivered, 145 /pb recorded (94.6 %)" in ended.out
    assert "total" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    rows = json.loads(oms("fill", 5840, "--json").out)
    assert [row["run_number"] for row in rows] == [*range(297052, 297058)]


def test_a_fill_without_runs_and_one_that_is_none(oms):
    """The newest fill of the demo has no run; fill 3 is none."""
    ended = oms("fill", "-q")
    assert "CMS has no run in this fill." in ended.out
    assert "stable beams  none" in ended.out
    none = oms("fill", 3)
    assert none.code == 2
    assert "There is no fill 3" in none.err


def test_fills_that_go_on_are_marked():
    """A fill without an end is ongoing, before and in stable beams."""
    from omskit.cli.fill import _body, _head

    nothing = dict.fromkeys(
        ("era", "end_time", "end_stable_beam", "start_stable_beam", "recorded_lumi",
         "delivered_lumi", "peak_lumi", "bunches_colliding", "start_time"),
    )  # fmt: skip
    fill = {**nothing, "fill_number": 1, "fill_type_runtime": "PROTONS"}
    assert _head(fill) == "Fill 1 (PROTONS) has no start."
    fill |= {"start_time": NOW}
    assert _head(fill).endswith("20:50 UTC, ONGOING.")
    assert dict(_body(fill)) == {"stable beams": "not yet"}
    fill |= {"start_stable_beam": NOW, "delivered_lumi": 0.0}
    told = dict(_body(fill))
    assert told["stable beams"] == "since 2017-06-16 20:50:33 UTC"
    assert told["luminosity"].startswith("0 /pb delivered")
    fill |= {"bunches_colliding": 5, "injection_scheme": None}
    assert dict(_body(fill))["bunches"] == "5 colliding, scheme not known"


def test_is_a_run_on(oms):
    """Oms now says so of the newest run, without a warning."""
    ended = oms("now")
    assert ended.code == 0
    assert ended.err == ""
    assert ended.out.startswith("No run is on. The last, 386694, fill 10210, ended")
    assert "638.5 /pb delivered, 594.8 /pb recorded (93.1 %)" in ended.out
    (row,) = json.loads(oms("now", "--json").out)
    assert (row["run_number"], row["ongoing"]) == (386694, False)


def test_watching_looks_again(oms, monkeypatch):
    """--watch looks until it is interrupted."""
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("omskit.cli.now.time.sleep", sleep)
    ended = oms("now", "--watch", "--every", 5)
    assert ended.code == 130
    assert looks == [5.0, 5.0]
    assert ended.out.count("No run is on") == 2


ONGOING = {
    "run_number": 5, "fill_number": 6, "start_time": NOW, "end_time": None,
    "ongoing": True, "lumisection_number": 7, "cms_active": True, "beams_stable": True,
    "off": ["bpix", "hf"], "components_out": ["CASTOR"], "delivered_lumi": 2.0,
    "recorded_lumi": 1.0, "pileup": 30.25, "init_lumi": 15000.0, "l1_rate": 9e4,
    "l1_rate_now": None, "hlt_physics_rate": 1500.0, "prescale_name": "2e34",
    "sequence": "GLOBAL-RUN", "era": None,
}  # fmt: skip


def test_an_ongoing_run_is_told_with_what_is_off():
    """What matters comes first: the run, whether CMS is active, what is off."""
    lines = told(ONGOING, 80)
    assert lines[0] == (
        "Run 5 is on since 2017-06-16 20:50:33 UTC, fill 6, lumisection 7."
    )
    body = {line[2:18].strip(): line[18:] for line in lines[1:]}
    assert body["CMS"] == "active"
    assert body["off"] == "bpix, hf"
    assert body["luminosity"] == "2 /pb delivered, 1 /pb recorded (50.0 %)"
    assert body["pileup"] == "30.25, at 15000 10^30 cm^-2 s^-1"
    assert body["not in the run"] == "CASTOR"
    assert body["prescales"] == "2e34"
    assert as_table(ONGOING).units["delivered_lumi"] == "/pb"
    bare = {**ONGOING, "fill_number": None, "delivered_lumi": None, "pileup": None,
            "cms_active": None, "components_out": [],
            "lumisection_number": None}  # fmt: skip
    text = "\n".join(told(bare, 60))
    assert "no fill." in text
    assert "none yet" in text
    assert "not known" in text
    part = {**ONGOING, "recorded_lumi": None}
    assert "/pb recorded" in "\n".join(told(part, 80))


def test_there_is_no_newest_run_where_there_is_none(oms):
    """A service without runs is an error."""
    from types import SimpleNamespace

    from omskit.cli.now import look
    from omskit.errors import NoRowError

    empty = SimpleNamespace(instance=SimpleNamespace(name="here"), runs=lambda **_: [])
    with pytest.raises(NoRowError, match="here has no run"):
        look(empty)


def test_following_for_people(oms):
    """--last takes the newest run; people get columns with a header now and then."""
    ended = oms("follow", "--last", "--from-start", "--format", "table")
    lines = ended.out.splitlines()
    assert lines[0] == "Run 386694"
    assert lines[1].split()[:2] == ["LS", "news"]
    assert lines[22] == lines[1]
    assert lines[2].split()[0] == "1"
    assert json.loads(oms("follow", 306458, "--json").out.splitlines()[0])
    for wrong in (("follow",), ("follow", 5, "--last"),
                  ("follow", 5, "--json", "--format", "table")):  # fmt: skip
        assert oms(*wrong).code == 2


def test_several_runs_in_one_figure(oms, tmp_path, monkeypatch):
    """Plot takes what other commands take for runs."""
    monkeypatch.chdir(tmp_path)
    assert oms("plot", "pileup", "297047-297050", "-q").code == 0
    assert (tmp_path / "297047-297050_pileup.png").exists()
    assert oms("plot", "pileup", 297047, 297050, "-q").code == 0
    assert (tmp_path / "297047_297050_pileup.png").exists()


def test_reasons_as_rows(oms, tmp_path):
    """Oms why writes rows where a format is asked for."""
    (row,) = json.loads(oms("why", 306458, 42, "--json").out)
    assert row["verdict"] == "bad"
    assert row["off"] == ["bpix_ready", "fpix_ready"]
    assert row["not_in"] == ["DCS-only", "golden"]
    path = tmp_path / "why.csv"
    assert oms("why", 306458, "--output", path, "-q").code == 0
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert (rows[0]["first_lumisection_number"], len(rows)) == ("18", 34)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("runs", "abc"),
            "Write 297050, 315190-315290, 315190-, 297050,297056, today,",
        ),
        (("runs", "297056-297050"), "'297056-297050' does not select any run_number"),
        (
            ("trigger", "check", "abc"),
            "Invalid value for RUN: it is a whole number.",
        ),
        (("follow", 5, "--every", "x"), "it is a number, such as 2.5"),
        (("plot", "what", "1"), "Invalid value for WHAT: 'what' is not one of"),
        (("hlt-rates",), "Give RUNS, --fill, --era, --since or --last."),
        (("l1-algorithms", 297050, "--bit", 700), "0 to 511"),
    ],
)
def test_messages_are_in_the_words_of_a_shell(oms, arguments, said):
    """No tuple, no keyword and no word of a validator reaches the terminal."""
    ended = oms(*arguments)
    assert ended.code == 2
    assert said in ended.err
    assert "parse string" not in ended.err
    assert "(315190" not in ended.err


def test_plain_messages_stay():
    """What has nothing of Python in it is said as it is."""
    assert in_plain_words("No row matches.") == "No row matches."


def test_the_header_comes_again_on_each_screen():
    """A table of several screens repeats its header; a short one does not."""
    head = [Line("run", "head"), Line("---", "rule")]
    rows = [Line(str(n)) for n in range(40)]
    note = [Line("40 rows.", "note")]
    shown = with_heads([*head, *rows, *note], 12)
    assert [i for i, line in enumerate(shown) if line.kind == "head"] == [
        0, 10, 20, 30, 40,
    ]  # fmt: skip
    assert [line.text for line in shown if line.kind == "row"] == [r.text for r in rows]
    assert with_heads([*head, *rows[:3], *note], 12) == [*head, *rows[:3], *note]
    assert with_heads(rows, 12) == rows
    tall = with_heads([*head, *rows[:16], *note], 12)
    assert tall[-1].kind == "note"
    assert sum(line.kind == "head" for line in tall) == 2


def test_lines_of_facts():
    """Facts line up, long ones are folded, nothing is a dash."""
    assert facts({}, 80) == []
    lines = facts({"a": "word " * 30, "long name": ""}, 40)
    assert lines[0].startswith("  a          word")
    assert lines[-1].split() == ["long", "name", "\N{EN DASH}"]
    assert max(map(len, lines)) <= 40
    assert wrapped("a-b " * 10, 20)[0] == "a-b a-b a-b a-b a-b"
    assert (number(None), number(1234.5), number(0.5)) == ("\N{EN DASH}", "1234", "0.5")
    assert span(dt.timedelta(hours=30)) == "30 h 00 min"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("now 5", "There is no place for '5' here."),
        ("now --fromat json", "Did you mean --format?"),
        ("fill abc", "Invalid value for FILL: it is a whole number."),
        ("mask diff a.json", "MASK is missing."),
        ("plot 297050", "Say before 297050 what to draw: 'lumisections', 'pileup'"),
        ("l1-rates 297050 --fields rate", "With 'rate' in them: l1a_total_rate, "),
        ("follow 5", "no run 5"),
        ("sync runs --since yesteday --store x", "is no time. Write yesterday"),
        ("mask overlaps a.json", "It takes 2 different masks, and 1 came"),
    ],
)
def test_wrong_input_is_answered_in_words_of_a_shell(oms, words, said):
    """What is wrong is named, with what would do; no row of anything is said."""
    ended = oms(*words.split())
    assert ended.code == 2
    assert said in ended.err
    assert not ended.out


def test_messages_on_a_terminal_break_between_words(monkeypatch, capsys):
    """A message longer than the terminal goes on below itself; elsewhere it is one."""
    monkeypatch.setenv("COLUMNS", "40")
    say("There is no path of that name among 278 of them.")
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    say("There is no path of that name among 278 of them.")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["oms: There is no path of that name among", "     278 of them."]
    monkeypatch.delenv("COLUMNS")
    say("Without a known width it is 80 columns, so this message is one line here.")
    assert capsys.readouterr().err.count("\n") == 1


def test_sync_takes_spoken_times(oms, tmp_path, monkeypatch):
    """``oms sync --since -1h`` is what ``oms runs --since -1h`` is."""
    monkeypatch.setattr("omskit.cli.options.right_now", lambda: NOW)
    store = tmp_path / "store"
    told = oms("sync", "runs", "--since", "-1h", "--until", "now", "--store", store)
    assert told.out.startswith("runs: fetched 297047-297050 (4 rows, ")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("drop table runs", "One query is answered, SELECT or FROM; this is: DROP."),
        ("select * from rnus", "Did you mean 'runs'? It has: runs."),
        ("select l1_rat from runs", 'Candidate bindings: "l1_rate"'),
    ],
)
def test_sql_is_answered_in_words_of_a_shell(oms, tmp_path, query, said):
    """No message of ``oms sql`` speaks Python."""
    store = tmp_path / "store"
    assert oms("sync", "runs", 297050, "--store", store).out.endswith(
        " (1 row, 1 request)\n"
    )
    ended = oms("sql", query, "--store", store)
    assert ended.code == 2
    assert said in ended.err
    assert "store.sql" not in ended.err


LONG = "Cert_Collisions2022_355100_362760_Golden.json"


def test_long_names_of_masks_are_letters(oms, tmp_path):
    """Masks with long names are letters on a screen, and a legend says which."""
    a, b = tmp_path / LONG, tmp_path / "mine.json"
    a.write_text('{"355100": [[1, 9]]}')
    b.write_text('{"355100": [[1, 5]]}')
    told = oms("mask", "diff", a, b)
    assert told.out.splitlines() == [
        f"A = {LONG}",
        "B = mine.json",
        "5 lumisections in both, 4 only in A, 0 only in B.",
        "1 of 1 runs differs:",
        "  355100: only in A 6-9",
    ]
    ended = oms("mask", "overlaps", a, b)
    assert ended.err.splitlines()[:2] == [f"A = {LONG}", "B = mine.json"]
    assert "2  A, B" in ended.out
    assert LONG in oms("mask", "overlaps", a, b, "--json").out


def test_masks_without_overlap_say_so(oms, tmp_path):
    """Masks that share nothing are one sentence and exit 1."""
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    a.write_text('{"355100": [[1, 9]]}')
    b.write_text('{"355101": [[1, 5]]}')
    ended = oms("mask", "overlaps", a, b)
    assert (ended.code, ended.out) == (1, "")
    assert "No lumisection is in 2 or more of the 2 masks." in ended.err
    assert oms("mask", "overlaps", a, b, "--json").out == "[]\n"


def test_the_ledger_fits_a_narrow_terminal(oms, monkeypatch):
    """Lines of ``oms lost`` go on below their words."""
    monkeypatch.setenv("COLUMNS", "60")
    lines = oms("lost", "--fill", 5839).out.splitlines()
    assert max(map(len, lines)) <= 60
    assert " " * 27 + "recorded (deadtime)" in lines


def test_follow_shows_people_the_last_rows(oms):
    """Of a run that was there before, people see ten rows, and how many came before."""
    ended = oms("follow", 297050, "--format", "table", "--every", "0.05")
    assert ended.out.startswith("Run 297050; 783 lumisections before these: ")
    whole = oms("follow", 297050, "-f", "table", "--from-start", "--every", "0.05")
    assert len(whole.out.splitlines()) > 793


def test_lines_for_people_break_on_a_terminal_only(oms, tmp_path, monkeypatch):
    """A long line of a comparison goes on further in; in a pipe it stays one."""
    monkeypatch.setenv("COLUMNS", "40")
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    a.write_text('{"355100": [[1, 9], [20, 29], [40, 49], [60, 69]]}')
    b.write_text('{"355100": [[1, 5]]}')
    piped = oms("mask", "diff", a, b).out.splitlines()
    assert piped[-1] == "  355100: only in a.json 6-9, 20-29, 40-49, 60-69"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    lines = oms("mask", "diff", a, b).out.splitlines()
    assert lines[-2:] == ["  355100: only in a.json 6-9, 20-29,", "    40-49, 60-69"]


def test_follow_refuses_fields_before_it_asks(oms):
    """A field that lumisections have not is named at once."""
    ended = oms("follow", 297050, "--fields", "lumisection_number,pielup")
    assert (ended.code, ended.out) == (2, "")
    assert "Did you mean 'pileup'?" in ended.err
