"""The commands that ask for rows."""

from __future__ import annotations

import csv
import io
import json

import pytest

from omskit.query import OPERATORS


def records(ended):
    """The rows of a CSV answer."""
    return list(csv.DictReader(io.StringIO(ended.out)))


def test_one_run_is_turned(oms):
    """One run is shown with a line for each of its 43 columns."""
    ended = oms("runs", 297050)
    assert ended.code == 0
    assert (
        len({line.split()[0] for line in ended.out.splitlines() if line[0] != " "})
        == 43
    )
    assert "l1_rate                    49130.85 Hz" in ended.out


def test_range_of_runs(oms):
    """A range on the command line has both ends."""
    ended = oms("runs", "297050-297056", "-f", "csv")
    assert [int(r["run_number"]) for r in records(ended)] == list(range(297050, 297057))


def test_several_selectors(oms):
    """Several positional selectors add up."""
    ended = oms("runs", "297050", "297052,297054", "-f", "csv")
    found = [r["run_number"] for r in records(ended)]
    assert found == ["297050", "297052", "297054"]


def test_where_is_repeatable(oms):
    """Conditions given one after another must all hold."""
    ended = oms(
        "runs", "297050-297056", "-f", "csv",
        "--where", "l1_rate > 1000", "--where", "l1_rate < 50000",
    )  # fmt: skip
    assert [r["run_number"] for r in records(ended)] == ["297050", "297051"]


def test_null_can_be_asked_for(oms):
    """``= null`` finds the run without a rate."""
    ended = oms("runs", "297050-297056", "-f", "csv", "--where", "l1_rate = null")
    assert [r["run_number"] for r in records(ended)] == ["297055"]


def test_fields_sort_and_limit(oms):
    """Columns come in the order asked for, rows sorted, no more than wanted."""
    ended = oms(
        "runs", "297050-297056", "--fields", "l1_rate,run_number",
        "--sort", "-l1_rate", "--limit", 2, "-f", "csv",
    )  # fmt: skip
    lines = ended.out.splitlines()
    assert lines == ["l1_rate,run_number", "60997.938,297056", "49130.85,297050"]


def test_lumisections_are_whole(oms):
    """All lumisections of a run come, not the first page of them."""
    ended = oms("lumisections", 297050, "--fields", "lumisection_number", "-f", "csv")
    assert len(ended.out.splitlines()) == 794


def test_fills(oms):
    """Positional numbers of ``fills`` are fills."""
    ended = oms("fills", 5839, "-f", "json")
    assert json.loads(ended.out)[0]["fill_number"] == 5839


def test_fill_selector(oms):
    """``--fill`` on runs means the runs that took data in the fill."""
    ended = oms("runs", "--fill", 5839, "-f", "csv")
    assert "297050" in {r["run_number"] for r in records(ended)}


@pytest.mark.parametrize(
    "selector",
    [
        ("--era", "2017B", "--limit", "2"),
        ("--since", "2017-06-17", "--until", "2017-06-18"),
        ("--last", "2"),
    ],
)
def test_other_selectors(oms, selector):
    """Era, times and the newest runs select rows."""
    ended = oms("runs", *selector, "-f", "csv")
    assert ended.code == 0
    assert records(ended)


def test_l1_rates(oms):
    """Level-1 rates have a row per lumisection, or per run where that is asked."""
    lumis = oms("l1-rates", 297050, "-f", "csv", "--fields", "l1a_physics_rate")
    whole = oms("l1-rates", 297050, "-f", "csv", "--granularity", "run")
    assert len(records(lumis)) > 700
    assert len(records(whole)) == 1


def test_hlt_rates(oms):
    """A path pattern finds the path of that run, whatever its version."""
    ended = oms("hlt-rates", 297050, "-p", "HLT_ZeroBias_v*", "-f", "csv")
    assert {r["path_name"] for r in records(ended)} == {"HLT_ZeroBias_v5"}


def test_l1_algorithms(oms):
    """Algorithms are found by name and by bit."""
    named = oms("l1-algorithms", 297050, "--name", "L1_ZeroBias", "-f", "csv")
    bit = records(named)[0]["bit"]
    numbered = oms("l1-algorithms", 297050, "--bit", bit, "-f", "csv")
    assert {r["name"] for r in records(numbered)} == {"L1_ZeroBias"}


def test_get_any_resource(oms):
    """``get`` asks any resource that the service has."""
    ended = oms("get", "hltpathinfo", 297050, "--sort", "path_name", "-f", "csv")
    assert len(records(ended)) == 278


def test_get_counts(oms):
    """``--count`` prints the number alone."""
    assert oms("get", "runs", "297050-297056", "--count").out == "7\n"


def test_get_counts_fills(oms):
    """``get fills`` takes fill numbers."""
    assert oms("get", "fills", "5839-5840", "--count").out == "2\n"


def test_get_explains(oms):
    """``--explain`` shows what would be asked, and asks for no rows."""
    ended = oms("get", "runs", "--fill", 5839, "--explain")
    assert "filter[run_number][GE]=" in ended.out


def test_get_granularity(oms):
    """``get`` groups rate resources as asked."""
    ended = oms("get", "l1triggerrates", 297050, "--granularity", "run", "-f", "jsonl")
    assert len(ended.out.splitlines()) == 1


def test_get_unchecked(oms):
    """A name that omskit does not know is sent as it is where checks are off."""
    ended = oms("get", "runs", 297050, "--fields", "no_such", "--unchecked")
    assert ended.code == 4
    assert "no_such" in ended.err


@pytest.mark.parametrize(
    "asked",
    [
        ("runs", 1),
        ("fills", 1),
        ("l1-rates", 1),
        ("get", "runs", "--where", "run_number = 1"),
        ("lumisections", 297050, "--where", "pileup > 90"),
    ],
    ids=lambda asked: asked[0],
)
def test_no_match_is_a_no(oms, asked):
    """As with grep, that an answer is empty is told, once, and by the exit code."""
    ended = oms(*asked)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("oms: warning: No row of ")
    assert ended.err.count("\n") == 1
    assert " = 1." in ended.err or "pileup > 90" in ended.err


def test_no_match_is_told_where_warnings_are_not(oms):
    """With ``--quiet``, the table says it; a file and CSV are written as ever."""
    ended = oms("runs", 1, "--quiet")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out == "No row of runs matches.\n"


def test_counting_none_is_a_no(oms):
    """As with grep -c, zero is written and told by the exit code."""
    ended = oms("get", "runs", 1, "--count")
    assert (ended.code, ended.out) == (1, "0\n")


def test_a_run_of_a_list_that_is_not_there_is_named(oms):
    """The others are an answer."""
    ended = oms("runs", "297050,1", "--fields", "run_number")
    assert ended.code == 0
    assert ended.err == "oms: warning: No row matches run_number = 1.\n"


@pytest.mark.parametrize(
    "asked",
    [("lumisections",), ("l1-rates",), ("get", "deadtimes")],
    ids=lambda asked: asked[-1],
)
def test_all_lumisections_are_not_read_by_mistake(oms, asked):
    """Without runs, a limit, a condition or --all, one line says what to give."""
    ended = oms(*asked)
    assert ended.code == 2
    assert "--limit; --all fetches them all" in ended.err
    assert oms(*asked, "--limit", 1).code == 0


def test_all_is_all(oms):
    """What was asked for in so many words is answered; runs are few as they are."""
    ended = oms("lumisections", "--all", "--fields", "run_number", "--format", "csv")
    assert len(ended.out.splitlines()) == 9271
    assert oms("l1-rates", "--granularity", "run").code == 0


def test_quiet_hides_warnings(oms):
    """``--quiet`` leaves stderr empty."""
    assert oms("runs", 1, "--quiet").err == ""


def test_warnings_leave_stdout_clean(oms):
    """An empty answer in a machine format is still that format."""
    assert json.loads(oms("runs", 1, "-f", "json").out) == []
    header = oms("runs", 1, "-f", "csv", "--fields", "run_number,era").out
    assert header == "run_number,era\n"


def test_incomplete_rows_exit_5(oms, monkeypatch):
    """What could only be had in part is written where that was allowed; exit code 5."""
    from omskit.client import Client
    from omskit.table import Table

    def partly(self, runs=None, **options):
        assert self._settings.allow_partial
        rows = {"run_number": [297050]}
        import pyarrow as pa

        return Table(pa.table(rows), resource="runs", complete=False)

    monkeypatch.setattr(Client, "runs", partly)
    ended = oms("runs", 297050, "--allow-partial")
    assert ended.code == 5
    assert "INCOMPLETE" in ended.out


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=lambda o: o.word)
def test_every_operator_is_in_the_help(oms, operator):
    """The help of ``--where`` names every operator of the one table."""
    help_text = " ".join(oms("runs", "--help").out.split())
    wheres = help_text[help_text.index("--where") : help_text.rindex("--fields")]
    assert f" {operator.symbol} " in wheres.replace(";", " ")
