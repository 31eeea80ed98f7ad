from __future__ import annotations

import pytest
from tests.support.bothways import both, refused
from tests.support.smallservice import BASE, SmallService, lumis

from omskit.errors import SelectorError, UsageError
from omskit.flow.select import _Both
from omskit.lumi import LumiMask

# Run 1 spans fills 10 and 11, run 2 is of fill 11, run 3 of 12; run 4 has no
# lumisection. A run's fill_number is the fill in which it began.
RUNS = [
    {
        "run_number": 1,
        "fill_number": 10,
        "era": "A",
        "start_time": "2017-06-01T00:00:00Z",
    },
    {
        "run_number": 2,
        "fill_number": 11,
        "era": "A",
        "start_time": "2017-06-02T00:00:00Z",
    },
    {
        "run_number": 3,
        "fill_number": 12,
        "era": "B",
        "start_time": "2017-06-03T00:00:00Z",
    },
    {
        "run_number": 4,
        "fill_number": 12,
        "era": "B",
        "start_time": "2017-06-04T00:00:00Z",
    },
]
LUMIS = [
    *lumis(1, 3, fill=10),
    *[{**row, "fill_number": 11} for row in lumis(1, 5)[3:]],
    *lumis(2, 2, fill=11),
    *lumis(3, 4, fill=12),
]
RATES = [
    {
        "run_number": row["run_number"],
        "path_name": name,
        "first_lumisection_number": row["lumisection_number"],
        "last_lumisection_number": row["lumisection_number"],
        "counter": 1,
    }
    for row in LUMIS
    for name in ("HLT_A_v1", "HLT_B_v2", "HLT_B2_v1")
]
PATHS = [
    {"run_number": run, "path_name": name}
    for run in (1, 2, 3)
    for name in ("HLT_A_v1", "HLT_B_v2", "HLT_B2_v1")
]
FILLS = [
    {"fill_number": n, "era": era, "start_time": f"2017-06-0{n - 9}T00:00:00Z"}
    for n, era in ((10, "A"), (11, "A"), (12, "B"))
]
ERAS = [
    {"name": "A", "start_fill": 10, "end_fill": 11},
    {"name": "B", "start_fill": 12, "end_fill": None},
    {"name": "C", "start_fill": None, "end_fill": None},
]


def service(**options):
    rows = {
        "runs": RUNS,
        "lumisections": LUMIS,
        "hltpathrates": RATES,
        "hltpathinfo": PATHS,
        "fills": FILLS,
        "eras": ERAS,
    }
    return SmallService(rows, **options)


def numbers(table, *columns):
    rows = table.to_records()
    return sorted({tuple(row[c] for c in columns) for row in rows})


def runs(table):
    return [run for (run,) in numbers(table, "run_number")]


def pairs(table, column="lumisection_number"):
    return numbers(table, "run_number", column)


def ask(face, **selectors):
    options = {"audit": False}
    return both(service, lambda oms: getattr(oms, face)(**selectors), **options)


def test_the_runs_of_a_fill_have_a_lumisection_in_it():
    """fill= on runs finds those that began in another fill too, by lumisection."""
    outcome = ask("runs", fill=11)
    assert runs(outcome.value) == [1, 2]
    assert outcome.log[0].startswith(
        "lumisections?fields=run_number,lumisection_number,fill_number&filter[fill_number][EQ]=11&"
    )


def test_lumisections_of_a_fill_are_asked_directly():
    """Lumisections know their fill: no look-up is needed."""
    outcome = ask("lumisections", fill=11)
    assert pairs(outcome.value) == [(1, 4), (1, 5), (2, 1), (2, 2)]
    assert len(outcome.log) == 1


def test_rates_of_a_fill_stop_at_its_lumisections():
    """A run that spans fills gives the rates of the fill's lumisections alone."""
    outcome = ask("hlt_rates", fill=11, paths="HLT_A_v1")
    found = pairs(outcome.value, "first_lumisection_number")
    assert found == [(1, 4), (1, 5), (2, 1), (2, 2)]


def test_several_fills_are_a_range():
    """fill=(first, last) includes both ends."""
    assert runs(ask("runs", fill=(10, 11)).value) == [1, 2]
    assert runs(ask("lumisections", fill=(11, 12)).value) == [1, 2, 3]
    assert [
        n for (n,) in numbers(ask("fills", fill=(11, 12)).value, "fill_number")
    ] == [
        11,
        12,
    ]


def test_an_era_is_a_column_where_there_is_one():
    """Runs and fills know their era; no look-up is needed."""
    for face, key in (("runs", "run_number"), ("fills", "fill_number")):
        outcome = ask(face, era="A")
        assert len(numbers(outcome.value, key)) == 2
        assert len(outcome.log) == 1
    assert ask("eras", era="B").value["start_fill"].to_pylist() == [12]


def test_an_era_is_its_fills_elsewhere():
    """Lumisections of an era are those of its fills; an open era ends now."""
    outcome = ask("lumisections", era="A")
    assert runs(outcome.value) == [1, 2]
    assert outcome.log[0].startswith("eras?filter[name][EQ]=A&")
    assert "filter[fill_number][GE]=10&filter[fill_number][LE]=11" in outcome.log[1]
    outcome = ask("lumisections", era="B")
    assert runs(outcome.value) == [3]
    assert "LE" not in outcome.log[1]


def test_rates_of_an_era_go_through_fills_and_lumisections():
    """An era of rates costs two look-ups: its fills, and their lumisections."""
    outcome = ask("hlt_rates", era="B", paths="HLT_A_v1")
    assert pairs(outcome.value, "first_lumisection_number") == [
        (3, n) for n in range(1, 5)
    ]
    assert [entry.split("?")[0] for entry in outcome.log] == [
        "eras",
        "lumisections",
        "hltpathrates",
    ]


@pytest.mark.parametrize(
    ("era", "said"),
    [("X", "OMS knows no era 'X'"), ("C", "in which fill era 'C' begins")],
)
def test_an_era_without_fills_is_an_error(era, said):
    """An era that OMS does not know, or knows no fill of, selects nothing."""
    outcome = refused(service, lambda oms: oms.lumisections(era=era))
    assert type(outcome.error) is SelectorError
    assert said in str(outcome.error)


def test_times_are_start_times():
    """since= and until= bound the start, ends included, where there is one."""
    since = "2017-06-02"
    assert runs(ask("runs", since=since).value) == [2, 3, 4]
    assert runs(ask("runs", until="2017-06-02T00:00:00Z").value) == [1, 2]
    assert runs(ask("runs", since=since, until=since).value) == [2]
    fills = ask("fills", since="2017-06-03").value
    assert numbers(fills, "fill_number") == [(12,)]


def test_times_elsewhere_are_those_of_the_runs():
    """What has no start time is asked for the runs that began in that time."""
    options = {"since": "2017-06-02", "until": "2017-06-03"}
    outcome = ask("hlt_paths", **options)
    assert runs(outcome.value) == [2, 3]
    assert outcome.log[0].startswith(
        "runs?fields=run_number,start_time&filter[start_time][GE]="
    )


def test_the_newest_are_the_highest_numbers():
    """last=n takes the newest fills of fills, and else the newest runs."""
    assert runs(ask("runs", last=2).value) == [3, 4]
    assert numbers(ask("fills", last=2).value, "fill_number") == [(11,), (12,)]
    assert runs(ask("lumisections", last=2).value) == [3]
    assert runs(ask("hlt_paths", last=3).value) == [2, 3]


def test_the_newest_of_a_selection():
    """last=n counts among what else was selected."""
    assert runs(ask("runs", last=1, era="A").value) == [2]
    assert runs(ask("runs", last=1, fill=11).value) == [2]
    assert runs(ask("lumisections", last=1, fill=11).value) == [2]
    assert runs(ask("lumisections", last=1, era="A").value) == [2]
    assert runs(ask("lumisections", last=1, runs=(1, 2)).value) == [2]
    assert runs(ask("hlt_paths", last=1, until="2017-06-02").value) == [2]


def test_a_mask_selects_lumisections():
    """A mask restricts runs, and lumisections where rows belong to one."""
    mask = LumiMask.from_json({"1": [[2, 4]], "3": [[1, 1], [9, 9]]})
    chosen = [(1, 2), (1, 3), (1, 4), (3, 1)]
    assert pairs(ask("lumisections", runs=mask).value) == chosen
    rates = ask("hlt_rates", runs=mask, paths="HLT_A_v1").value
    assert pairs(rates, "first_lumisection_number") == chosen
    assert runs(ask("runs", mask=mask).value) == [1, 3]


def test_a_mask_and_a_fill_select_what_is_in_both():
    """Selectors that give lumisections each are ANDed."""
    mask = LumiMask.from_json({"1": [[2, 4]], "3": [[1, 1]]})
    assert pairs(ask("lumisections", mask=mask, fill=11).value) == [(1, 4)]
    rates = ask("hlt_rates", mask=mask, fill=11, paths="HLT_A_v1").value
    assert pairs(rates, "first_lumisection_number") == [(1, 4)]


@pytest.mark.parametrize(
    ("face", "selectors", "reason"),
    [
        ("runs", {"fill": 99}, "no lumisection lies in fill 99"),
        ("runs", {"fill": (98, 99)}, "no lumisection lies in fills 98 to 99"),
        ("hlt_paths", {"since": "2030-01-01"}, "no run started in that time"),
        ("lumisections", {"last": 3, "fill": 99}, "there are no such runs"),
        ("fills", {"last": 3, "era": "X"}, "there are no such fills"),
    ],
)
def test_a_selection_of_nothing_is_an_empty_table_with_the_reason(
    face, selectors, reason
):
    """Where a look-up finds nothing the table is empty and says why."""
    outcome = ask(face, **selectors)
    assert len(outcome.value) == 0
    assert outcome.value.columns
    assert reason in outcome.warnings[-1]


@pytest.mark.parametrize(
    ("resource", "options", "said"),
    [
        ("eras", {"fill": 5}, "fill= or era="),
        ("eras", {"since": "2017-01-01"}, "since= or until="),
        ("eras", {"last": 2}, "last="),
        ("fills", {"mask": LumiMask.from_json({"1": [[1, 2]]})}, "a mask"),
    ],
)
def test_selectors_that_do_not_fit_say_so(resource, options, said):
    """What has no run, fill or time cannot be selected by them."""
    outcome = refused(service, lambda oms: oms.query(resource, **options).fetch())
    assert type(outcome.error) is SelectorError
    assert f"cannot be selected by {said}" in str(outcome.error)
    assert outcome.log == []


def test_two_masks_are_one_mask():
    """What is in both of two masks has the runs of the first, at most."""
    one = LumiMask.from_json({"1": [[2, 4]], "3": [[1, 1]]})
    two = LumiMask.from_json({"1": [[4, 9]], "2": [[1, 1]]})
    both_masks = _Both((one, two))
    assert both_masks.runs == [1, 3]
    assert both_masks.contains([1, 1, 3, 2], [3, 4, 1, 1]).tolist() == [
        False,
        True,
        False,
        False,
    ]


def test_an_empty_mask_is_no_question():
    """A mask without a run selects nothing, which is an error, not everything."""
    outcome = refused(service, lambda oms: oms.lumisections(LumiMask.from_json({})))
    assert type(outcome.error) is SelectorError


def test_two_masks_are_one_too_many():
    """A mask as runs and another as mask= is not guessed at."""
    mask = LumiMask.from_json({"1": [[2, 4]]})
    outcome = refused(service, lambda oms: oms.lumisections(mask, mask=mask))
    assert "combine them first" in str(outcome.error)
    assert isinstance(outcome.error, UsageError)


def test_explain_tells_the_look_ups():
    """explain() says which runs and fills a selector stands for."""
    text = both(service, lambda oms: oms.query("hltpathrates", era="B").explain()).value
    assert "era B = fills 12 to now (eras)" in text
    assert "fills 12 to now = 1 runs (lumisections)" in text
    assert "applied here: the lumisection mask" in text
    last = both(service, lambda oms: oms.query("runs", last=2).explain()).value
    assert "last 2 = 2 runs" in last


def test_the_url_of_a_selection_is_its_first_look_up():
    """Url gives the first request, also where that is a look-up, and sends nothing."""
    outcome = both(service, lambda oms: oms.query("runs", fill=11).url)
    assert outcome.value.startswith(f"{BASE}/lumisections?fields=run_number,lumisec")
    assert outcome.log == []


def test_pages_of_a_selection_look_up_once():
    """Streaming a selection costs its look-ups once."""

    def query(oms):
        return oms.query("hltpathrates", era="A")

    whole = both(service, lambda oms: query(oms).fetch(), audit=False)
    parts = both(service, lambda oms: list(query(oms).pages()), page_size=2)
    assert sum(len(t) for t in parts.value) == len(whole.value) == 21
    assert sum(entry.startswith("eras") for entry in parts.log) == 1
